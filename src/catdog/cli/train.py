"""`catdog train`: from a folder of images to a model in a file."""

import os
import re
import shlex
from argparse import Namespace
from itertools import chain, count
from pathlib import Path
from tempfile import TemporaryDirectory

import keras

from catdog._utils import checks
from catdog._utils.text import printable
from catdog.cli.output import in_options, out, progress_on_stderr
from catdog.data.datasets import Datasets
from catdog.data.load import load_datasets
from catdog.evaluation.evaluate import evaluate
from catdog.matching import resize_to_model
from catdog.models.graph import split_model
from catdog.models.registry import build_model, model_spec
from catdog.models.saving import model_target, save_model
from catdog.training.feature_cache import check_folder
from catdog.training.train import train
from catdog.training.train_head import train_head
from catdog.typing import Verbose


def run(options: Namespace) -> int:
    """Train, save, and judge on the validation images; the test set is for `catdog evaluate`."""
    target = _check_target(options)
    model_spec(options.model)  # what is wrong is told before the images are looked at
    checks.check_positive_int("epochs", options.epochs)
    if options.cache_dir:
        check_folder(options.cache_dir)
    data = load_datasets(
        options.folder,
        seed=options.seed,
        split_file=options.split_file,
        on_bad_image="skip" if options.skip_bad else "raise",
    )
    model = build_model(
        options.model,
        backbone=options.backbone,
        image_size=options.image_size,
        num_classes=len(data.class_names),
        seed=data.seed,
    )
    frozen = _has_backbone(model, options)
    if options.save_split:
        data.save_split(options.save_split)
    out(in_options(resize_to_model(model, data)))
    _train(model, data, options, frozen=frozen)
    _save(model, target, options)
    with progress_on_stderr():
        result = evaluate(model, data, split="validation", verbose=0)
    out(f"{result}\nJudge it on the test images: {next_command(options)}")
    return 0


def _check_target(options: Namespace) -> Path:
    """Return where the model goes, after a try: it would be a pity to learn it after the training.

    Raises:
        OSError: If no file can be made there, or one is there already.
        ValueError: If a model cannot be saved there.
    """
    told = f"--out={options.out!r}"
    try:
        target = model_target(options.out)
    except (OSError, ValueError) as error:
        raise ValueError(re.sub("^path", "--out", str(error))) from error
    if os.path.lexists(checks.expand_home(options.out)) and not options.overwrite:
        raise FileExistsError(f"{told} exists. Choose another name, or pass --overwrite.")
    if options.save_split and checks.expand_home(options.save_split).resolve() == target:
        raise ValueError(f"{told} and --save-split are one file. Choose two names.")
    try:
        with TemporaryDirectory(dir=target.parent, prefix=".") as scratch:
            (Path(scratch) / target.name).touch()
    except OSError as error:
        raise OSError(f"{told} cannot be written: {error.strerror}.") from error
    return target


def _has_backbone(model: keras.Model, options: Namespace) -> bool:
    """Tell whether a model has a frozen part, which is to be run once.

    Raises:
        ValueError: If it has none whose features could be kept.
    """
    try:
        split_model(model)
    except ValueError:
        if options.cache_dir:
            raise ValueError(
                f"--cache-dir would have no effect: {options.model} has no frozen part. Leave it "
                "out."
            ) from None
        return False
    return True


def _train(model: keras.Model, data: Datasets, options: Namespace, *, frozen: bool) -> None:
    with progress_on_stderr() as watched:
        verbose: Verbose = 1 if watched else 2  # bars, or a line an epoch
        if frozen:
            train_head(
                model, data, epochs=options.epochs, cache_dir=options.cache_dir, verbose=verbose
            )
        else:
            train(model, data, epochs=options.epochs, verbose=verbose)


def _save(model: keras.Model, target: Path, options: Namespace) -> None:
    """Save a model, under another name if a file has come there meanwhile, and say where."""
    if not options.overwrite:
        target = _not_taken(target)
        options.out = str(Path(options.out).with_name(target.name))
    try:
        save_model(model, target)
    except (OSError, ValueError) as error:
        raise OSError(f"--out={options.out!r} cannot be written: {error}") from error
    out(f"wrote {printable(options.out)}")


def _not_taken(target: Path) -> Path:
    """Return the path, or with a number in its name if there is a file already."""
    numbered = (target.with_stem(f"{target.stem}-{number}") for number in count(2))
    return next(path for path in chain([target], numbered) if not os.path.lexists(path))


def next_command(options: Namespace) -> str:
    """Return the command that judges the model on the test images of this very split."""
    command = ["catdog", "evaluate", *_option("--model", options.out)]
    if split_file := options.split_file or options.save_split:
        command += _option("--split-file", split_file)
    if options.skip_bad:
        command += ["--skip-bad"]
    if options.folder.startswith("-"):
        command += ["--"]
    return printable(shlex.join([*command, options.folder]))


def _option(name: str, value: str) -> list[str]:
    """Return an option and its value, in one word if they would be taken for two options."""
    return [f"{name}={value}"] if value.startswith("-") else [name, value]
