"""`catdog train`: train a model on a folder of images, and save it."""

from __future__ import annotations

import os
import shlex
from argparse import Namespace
from itertools import chain, count
from pathlib import Path
from tempfile import TemporaryDirectory

import keras

from catdog._utils import checks
from catdog._utils.errors import ExistingFileError, FileAccessError, InvalidValueError
from catdog._utils.text import printable
from catdog.cli.data import load_data
from catdog.cli.output import out, progress_on_stderr
from catdog.cli.wording import renamed, worded
from catdog.data.datasets import Datasets, summary
from catdog.evaluation.evaluate import evaluate
from catdog.matching import resize_to_model
from catdog.models.graph import split_model
from catdog.models.registry import build_model, model_spec
from catdog.models.saving import model_target, save_model
from catdog.training.train import train
from catdog.training.train_head import train_head


def run(options: Namespace) -> int:
    """Train and save a model, and evaluate it on the validation images."""
    target = _check_target(options)
    model_spec(options.model)  # as the next two lines do, fails before the images are read
    checks.check_positive_int("epochs", options.epochs)
    checks.check_positive_int("patience", options.patience, at_least=0)
    data = load_data(
        options, seed=options.seed, skip_bad=options.skip_bad, cache_dir=options.cache_dir
    )
    model = build_model(
        options.model,
        backbone=options.backbone,
        image_size=options.image_size,
        num_classes=len(data.class_names),
        seed=data.seed,
    )
    if options.save_split:
        with renamed("path", "--save-split"):
            data.save_split(options.save_split)
    size = resize_to_model(model, data).image_size
    out(summary(data, report_hint="see catdog scan", model_size=size))
    try:
        _train(model, data, options)
    except KeyboardInterrupt:
        if int(model.optimizer.iterations):  # else there is nothing to lose
            _save(model, target, options)
        raise
    saved_as = _save(model, target, options)
    with progress_on_stderr():
        result = evaluate(model, data, split="validation", verbose=0)
    out(f"{result}\nEvaluate it on the test images: {next_command(options, saved_as)}")
    return 0


def _check_target(options: Namespace) -> Path:
    """Return the path to save the model at, checked before the training by writing there.

    Raises:
        OSError: If no file can be written there, or one exists already.
        ValueError: If a model cannot be saved there.
    """
    with renamed("path", "--out"):
        target = model_target(options.out)
    if os.path.lexists(checks.expand_home(options.out)) and not options.overwrite:
        raise ExistingFileError(
            "exists",
            argument="--out",
            value=options.out,
            hint="Choose another name, or pass --overwrite.",
        )
    if options.save_split and checks.expand_home(options.save_split).resolve() == target:
        raise InvalidValueError(
            "and --save-split are one file",
            argument="--out",
            value=options.out,
            hint="Choose two names.",
        )
    try:
        with TemporaryDirectory(dir=target.parent, prefix=".") as scratch:
            (Path(scratch) / target.name).touch()
    except OSError as error:
        raise FileAccessError(
            f"cannot be written: {error.strerror}", argument="--out", value=options.out
        ) from error
    return target


def _has_backbone(model: keras.Model) -> bool:
    """Return whether a model has a backbone, whose features are extracted once."""
    try:
        split_model(model)
    except ValueError:
        return False
    return True


def _train(model: keras.Model, data: Datasets, options: Namespace) -> None:
    """Train the head of a model with a backbone, or all layers of another model."""
    epochs, patience = options.epochs, options.patience or None
    with progress_on_stderr():
        if _has_backbone(model):
            train_head(model, data, epochs=epochs, patience=patience, cache_dir=options.cache_dir)
        else:
            train(model, data, epochs=epochs, patience=patience)


def _save(model: keras.Model, target: Path, options: Namespace) -> str:
    """Save a model, under another name if the file was created meanwhile; return the name."""
    name: str = options.out
    if not options.overwrite:
        target = _free_path(target)
        name = str(Path(name).with_name(target.name))
    try:
        save_model(model, target)
    except (OSError, ValueError) as error:
        raise FileAccessError(
            f"cannot be written: {worded(error).removesuffix('.')}",
            argument="--out",
            value=name,
        ) from error
    out(f"wrote {printable(name)}")
    return name


def _free_path(target: Path) -> Path:
    """Return the path, with a number in its name if the file exists."""
    numbered = (target.with_stem(f"{target.stem}-{number}") for number in count(2))
    return next(path for path in chain([target], numbered) if not os.path.lexists(path))


def next_command(options: Namespace, model: str) -> str:
    """Return the command that evaluates the model on the test images of the same split."""
    command = ["catdog", "evaluate", *_option("--model", model)]
    for name in ("labels", "corrections"):
        if value := getattr(options, name):
            command += _option(f"--{name}", value)
    if split_file := options.split_file or options.save_split:
        command += _option("--split-file", split_file)
    else:
        if options.group_by:
            command += _option("--group-by", options.group_by)
        if options.near_duplicates == "ignore":
            command += ["--near-duplicates", "ignore"]
    if options.skip_bad:
        command += ["--skip-bad"]
    if options.folder.startswith("-"):
        command += ["--"]
    return printable(shlex.join([*command, options.folder]))


def _option(name: str, value: str) -> list[str]:
    """Return an option and its value; one word if the value begins with a dash."""
    return [f"{name}={value}"] if value.startswith("-") else [name, value]
