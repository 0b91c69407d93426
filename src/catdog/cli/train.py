"""`catdog train`: train a model on a folder of images, and save it."""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

import keras

from catdog._utils import checks
from catdog._utils.errors import FileAccessError, InvalidValueError
from catdog._utils.text import printable
from catdog.cli.data import load_data
from catdog.cli.output import out, progress_on_stderr
from catdog.cli.report import check_target, write
from catdog.cli.target import check_new_file, free_path
from catdog.cli.train_compare import check_same_split, comparison, open_earlier, split_seed
from catdog.cli.wording import option_words, renamed, worded
from catdog.data.datasets import Datasets, summary
from catdog.evaluation.evaluate import evaluate
from catdog.matching import resize_to_model
from catdog.models.graph import split_model
from catdog.models.registry import build_model, model_spec
from catdog.models.saving import model_target, save_model
from catdog.training.train import train
from catdog.training.train_head import train_head
from catdog.typing import ClassWeight


def run(options: Namespace) -> int:
    """Train and save a model, and evaluate it on the validation images."""
    target = _check_target(options)
    if options.report:
        check_target(options.report, "--report", overwrite=options.overwrite)
    model_spec(options.model)  # as the next two lines do, fails before the images are read
    checks.check_positive_int("epochs", options.epochs)
    checks.check_positive_int("patience", options.patience, at_least=0)
    class_weight = _class_weight(options.class_weight)
    earlier = open_earlier(options)
    data = load_data(
        options,
        seed=split_seed(earlier, options),
        skip_bad=options.skip_bad,
        cache_dir=options.cache_dir,
        cache_mib=options.cache_mib,
        batch_size=options.batch_size,
    )
    if earlier:
        check_same_split(earlier, data, options)
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
        history = _train(model, data, class_weight, options)
    except KeyboardInterrupt:
        if int(model.optimizer.iterations):  # else there is nothing to lose
            _save(model, target, options)
        raise
    saved_as = _save(model, target, options)
    with progress_on_stderr():
        result = evaluate(model, data, split="validation", verbose=0)
    out(f"{result}\nEvaluate it on the test images: {next_command(options, saved_as)}")
    if earlier:
        out(comparison(earlier, model, data, names=(options.compare, saved_as)))
    if options.report:
        write(model, data, options.report, options, history=history)
    return 0


def _check_target(options: Namespace) -> Path:
    """Return the path to save the model at, checked before the training by writing there.

    Raises:
        OSError: If no file can be written there, or one exists already.
        ValueError: If a model cannot be saved there.
    """
    with renamed("path", "--out"):
        target = model_target(options.out)
    check_new_file(options.out, "--out", overwrite=options.overwrite)
    if options.save_split and checks.expand_home(options.save_split).resolve() == target:
        raise InvalidValueError(
            "and --save-split are one file",
            argument="--out",
            value=options.out,
            hint="Choose two names.",
        )
    return target


def _has_backbone(model: keras.Model) -> bool:
    """Return whether a model has a backbone, whose features are extracted once."""
    try:
        split_model(model)
    except ValueError:
        return False
    return True


def _class_weight(given: Sequence[str | tuple[str, float]] | None) -> ClassWeight | None:
    """Return the class weights as `train` takes them.

    Args:
        given: Each `--class-weight`: `"balanced"`, or the name of a class and its weight.
    """
    if not given:
        return None
    weights = dict(each for each in given if isinstance(each, tuple))
    if len(weights) == len(given):
        return weights
    if len(given) > 1:
        raise InvalidValueError(
            "must be `balanced`, or one weight for each class, and no class twice",
            argument="--class-weight",
        )
    return "balanced"


def _train(
    model: keras.Model, data: Datasets, class_weight: ClassWeight | None, options: Namespace
) -> keras.callbacks.History:
    """Train the head of a model with a backbone, or all layers of another model."""
    has_backbone = _has_backbone(model)
    if options.views != 1 and not has_backbone:
        checks.check_no_effect(["--views"], f"{options.model} has no backbone")
    patience = options.patience or None
    with progress_on_stderr():
        if has_backbone:
            return train_head(
                model,
                data,
                epochs=options.epochs,
                views=options.views,
                class_weight=class_weight,
                patience=patience,
                checkpoint_dir=options.checkpoint_dir,
                cache_dir=options.cache_dir,
            )
        return train(
            model,
            data,
            epochs=options.epochs,
            class_weight=class_weight,
            patience=patience,
            checkpoint_dir=options.checkpoint_dir,
        )


def _save(model: keras.Model, target: Path, options: Namespace) -> str:
    """Save a model, under another name if the file was created meanwhile; return the name."""
    name: str = options.out
    if not options.overwrite:
        target = free_path(target)
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


def next_command(options: Namespace, model: str) -> str:
    """Return the command that evaluates the model on the test images of the same split."""
    command = ["catdog", "evaluate", *option_words("--model", model)]
    for name in ("labels", "corrections"):
        if value := getattr(options, name):
            command += option_words(f"--{name}", value)
    if split_file := options.save_split or options.split_file:
        command += option_words("--split-file", split_file)
        if options.new_files == "train" and not options.save_split:
            command += ["--new-files", "train"]
    else:
        for name in ("validation", "test"):
            if (fraction := getattr(options, f"{name}_fraction")) is not None:
                command += [f"--{name}-fraction", f"{fraction}"]
        if options.group_by:
            command += option_words("--group-by", options.group_by)
        if options.near_duplicates == "ignore":
            command += ["--near-duplicates", "ignore"]
    if options.skip_bad:
        command += ["--skip-bad"]
    if options.folder.startswith("-"):
        command += ["--"]
    return printable(shlex.join([*command, options.folder]))
