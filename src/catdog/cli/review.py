"""`catdog review`: decide about doubtful images on a page in the browser."""

from __future__ import annotations

import shlex
import warnings
import webbrowser
from argparse import ArgumentParser, Namespace
from contextlib import suppress
from dataclasses import replace
from threading import Thread

import keras

from catdog._utils import checks
from catdog._utils.errors import UsageWarning
from catdog._utils.text import counted, printable
from catdog.cli.data import load_data
from catdog.cli.open import open_backbone
from catdog.cli.options.shared import add_split
from catdog.cli.output import out, progress_on_stderr
from catdog.cli.wording import option_words, renamed
from catdog.data.datasets import Datasets, content_hashes
from catdog.data.quality import measure_images
from catdog.data.report import ScanReport, usable_images
from catdog.data.scan import scan_images
from catdog.data.source import find_source
from catdog.evaluation.label_issues import LabelIssues, find_label_issues
from catdog.models.metadata import get_metadata
from catdog.models.registry import build_model, list_models, model_spec
from catdog.reporting.review.corrections_file import CorrectionsFile
from catdog.reporting.review.server import ReviewServer
from catdog.reporting.review.subjects import collect_subjects
from catdog.typing import SPLITS

MAX_FOLDS = 5  # as many as `find_label_issues` has by default


def run(options: Namespace) -> int:
    """Show doubtful images on a page, until Ctrl-C; each decision is written at once."""
    find_source("source", options.folder)  # as the next line does, fails before Keras is loaded
    split_options = _split_options(options)
    if split_options and not options.model:
        checks.check_no_effect([split_options[0].partition("=")[0]], "there is no --model")
    trained = open_backbone(options.model) if options.model else None
    report, data = _read(options, trained)
    with renamed("out", "--out"), renamed("path", "--out"):
        file = CorrectionsFile(options.out, report)
    issues = _find_issues(trained, options.model, data) if data else None
    subjects = collect_subjects(report, issues)
    if not subjects.items:
        out("Nothing is doubtful.")
        return 0
    with renamed("port", "--port"):
        server = ReviewServer(subjects, file, port=options.port)
    doubts = counted(len(subjects.items), "doubt")
    message = (
        f"{doubts} in {printable(options.folder)}, on a page for this machine only:\n"
        f"  {server.address}\n"
        f"Press Ctrl-C to stop. Each decision is written to {printable(options.out)} at once."
    )
    _serve(server, message, open_browser=not options.no_browser)
    out(f"{printable(options.out)}: {counted(len(file.decisions), 'decision')}")
    if file.decisions:
        out(f"Train with them: {next_command(options, report, trained)}")
    return 0


def _read(options: Namespace, trained: keras.Model | None) -> tuple[ScanReport, Datasets | None]:
    """Return the findings about the folder, and with a model its images too, in its split."""
    if options.model is None:
        return scan_images(options.folder, labels=options.labels, quality=True), None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UsageWarning)  # nearly all are on the page
        metadata = get_metadata(trained) if trained else None
        seed = metadata.split.seed if metadata and metadata.split else None
        data = load_data(options, seed=None if options.split_file else seed, skip_bad=True)
    report = data.report
    quality = measure_images(usable_images(report), report.class_names, report.folder)
    return replace(report, quality=quality), data


def _find_issues(trained: keras.Model | None, name: str, data: Datasets) -> LabelIssues:
    """Return the images ranked by label issues, those of the test set too."""
    model = trained or build_model(name, num_classes=len(data.class_names), seed=0)
    with progress_on_stderr() as is_terminal:
        return find_label_issues(
            model, data, splits=SPLITS, folds=_folds(data), verbose=1 if is_terminal else 0
        )


def _folds(data: Datasets) -> int:
    """Return the number of folds: no more than the smallest class has different images."""
    contents: dict[int, set[str]] = {}
    for split in SPLITS:
        for label, content in zip(data.labels(split), content_hashes(data, split), strict=True):
            contents.setdefault(int(label), set()).add(content)
    return max(2, min(MAX_FOLDS, *map(len, contents.values())))


def _serve(server: ReviewServer, message: str, *, open_browser: bool) -> None:
    """Answer requests until Ctrl-C."""
    with warnings.catch_warnings(), server, suppress(KeyboardInterrupt):
        warnings.filterwarnings("ignore", module="PIL")  # they do not name the file
        out(message)
        if open_browser:  # in a thread: a browser in the terminal runs until it is closed
            Thread(target=webbrowser.open, args=(server.address,), daemon=True).start()
        server.serve_forever()


def next_command(options: Namespace, report: ScanReport, trained: keras.Model | None) -> str:
    """Return the command that trains with the decisions, and compares with the model of before."""
    command = ["catdog", "train", *option_words("--corrections", options.out)]
    if options.labels:
        command += option_words("--labels", options.labels)
    command += _split_options(options)
    if report.bad:
        command += ["--skip-bad"]
    if trained:
        command += [*_same_architecture(trained), *option_words("--compare", options.model)]
    command += ["--out", "corrected.keras", *(["--"] if options.folder.startswith("-") else [])]
    return printable(shlex.join([*command, options.folder]))


def _split_options(options: Namespace) -> list[str]:
    """Return the options that say how the images are split, where they are not the defaults."""
    parser = ArgumentParser()
    add_split(parser)
    words = []
    for name, default in vars(parser.parse_args([])).items():
        value = getattr(options, name)
        if value != default:
            words += option_words(f"--{name.replace('_', '-')}", str(value))
    return words


def _same_architecture(trained: keras.Model) -> list[str]:
    """Return the options that build a model of the zoo again, where they are not the defaults."""
    metadata = get_metadata(trained)
    if metadata is None or metadata.model_name not in list_models():
        return []
    size = metadata.image_size
    if size in (None, model_spec(metadata.model_name).image_size):
        return ["--model", metadata.model_name]
    return ["--model", metadata.model_name, "--image-size", "x".join(map(str, size))]
