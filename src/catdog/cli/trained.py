"""Trained models, and the images of a folder in the split that a model was trained on."""

from __future__ import annotations

import warnings
from argparse import Namespace
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from catdog._utils import checks
from catdog._utils.errors import InvalidValueError, UsageWarning
from catdog.cli.data import load_data
from catdog.cli.open import is_pretrained
from catdog.cli.output import progress_on_stderr
from catdog.data.datasets import Datasets
from catdog.evaluation.baseline import baseline_accuracy, majority_class
from catdog.evaluation.evaluate import evaluate
from catdog.evaluation.result import Evaluation
from catdog.matching import record_split
from catdog.models.metadata import SplitRecord, get_metadata
from catdog.typing import SPLITS, Verbose

ALL = "all"


def load_as_trained(model: keras.Model, options: Namespace) -> Datasets:
    """Return the images of a folder, split by the seed of the model's training.

    Args:
        model: Its metadata has the seed, if catdog has trained it.
        options: Has the folder, and what says how it is loaded.
    """
    trained = _trained_split(model)
    return load_data(
        options,
        seed=trained.seed if trained and not options.split_file else None,
        skip_bad=options.skip_bad,
        cache_dir=options.cache_dir,
        cache_mib=options.cache_mib,
    )


def is_trained_split(model: keras.Model, data: Datasets) -> bool | None:
    """Return whether a model was trained on this split of images; `None` without a record."""
    trained = _trained_split(model)
    return trained.sha256 == record_split(data).sha256 if trained else None


def evaluate_on(model: keras.Model, data: Datasets, split: str, *, name: str) -> Evaluation:
    """Evaluate a model on one split, or on all images as one test set.

    Args:
        model: The model.
        data: The images.
        split: Name of the split, or `"all"`.
        name: What the user calls the model.

    Raises:
        ValueError: If all images are to be evaluated on, but the model was trained on some of them,
            and where `evaluate` raises.
    """
    if split == ALL and is_trained_split(model, data):
        raise InvalidValueError(
            f"is for images that a model was not trained on, but {name} was trained on some of "
            "these",
            argument="--split",
            value=ALL,
            hint="Leave it out.",
        )
    splits = SPLITS if split == ALL else (checks.check_split(split),)
    with progress_on_stderr() as is_terminal:
        verbose: Verbose = 1 if is_terminal else 0
        parts = [evaluate(model, data, split=each, verbose=verbose) for each in splits]
    # The count of test evaluations begins in this process, so it would always be 1.
    result = replace(parts[-1], test_evaluations=None)
    return result if len(parts) == 1 else _as_one(parts, result, data)


def _as_one(parts: list[Evaluation], last: Evaluation, data: Datasets) -> Evaluation:
    """Return the evaluations on all splits as one on the test set."""
    names = ("labels", "predictions", "probabilities", "losses")
    arrays: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts]) for name in names
    }
    return replace(
        last,
        paths=tuple(path for part in parts for path in part.paths),
        baseline=baseline_accuracy(arrays["labels"]),
        majority=data.class_names[majority_class(arrays["labels"])],
        near_training=np.zeros(len(arrays["labels"]), np.bool_),  # none of these is trained on
        **arrays,
    )


def warn_if_trained_on(
    model: keras.Model, data: Datasets, name: str, *, folder: str, split: str
) -> None:
    """Warn if a model may have been trained on images that it is evaluated on.

    Args:
        model: The model.
        data: The images.
        name: What the user calls the model.
        folder: What the user calls the images.
        split: The split that it is evaluated on, or `"all"`.
    """
    # Those that the pretrained models were not trained on.
    held_out = folder == "cats_and_dogs_filtered" and split in ("validation", "test")
    if not (is_trained_split(model, data) or (is_pretrained(name) and held_out)):
        warnings.warn(_overlap(model, data, name), stacklevel=1)


def _overlap(model: keras.Model, data: Datasets, name: str) -> UsageWarning:
    """Return the warning about a model that was not trained on this split of images."""
    if is_pretrained(name):
        return UsageWarning(
            f"{name} was trained on most of Kaggle's Dogs vs. Cats, which includes the training "
            "images of cats_and_dogs_filtered. If some of the images evaluated here are from that "
            "collection, the figures are too good."
        )
    trained = _trained_split(model)
    if trained is None:
        return UsageWarning(
            f"{name} has no record of the images that it was trained on. If some of them are "
            "evaluated here, the figures are too good."
        )
    return UsageWarning(
        f"{name} was trained on another split of images than this: {_counts(trained)} there, "
        f"{_counts(record_split(data))} here. If it was trained on some of the images evaluated "
        "here, the figures are too good.",
        hint="If these are the images of its training, pass the options of that training: "
        "--split-file, --group-by, --near-duplicates, --labels, --corrections, --skip-bad, "
        "--validation-fraction, --test-fraction, --new-files.",
    )


def _trained_split(model: keras.Model) -> SplitRecord | None:
    metadata = get_metadata(model)
    return metadata.split if metadata else None


def _counts(split: SplitRecord) -> str:
    """Return the number of images of each split, such as `1000 + 400 + 400`."""
    return " + ".join(str(split.counts[name]) for name in SPLITS)
