"""`catdog evaluate`: evaluate a model on images that it was not trained on."""

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
from catdog.cli.open import is_pretrained, open_model
from catdog.cli.output import out, out_json, progress_on_stderr
from catdog.data.datasets import Datasets
from catdog.data.source import find_source
from catdog.evaluation.baseline import baseline_accuracy, majority_class
from catdog.evaluation.evaluate import evaluate
from catdog.evaluation.result import Evaluation
from catdog.matching import record_split
from catdog.models.metadata import SplitRecord, get_metadata
from catdog.typing import SPLITS, Verbose

ALL = "all"


def run(options: Namespace) -> int:
    """Evaluate a model on a split of its own training, or on images that are new to it."""
    find_source("source", options.folder)  # as load_datasets does, fails before Keras is loaded
    model = open_model(options.model)
    metadata = get_metadata(model)
    trained = metadata.split if metadata else None
    seed = trained.seed if trained and not options.split_file else None
    data = load_data(options, seed=seed, skip_bad=options.skip_bad, cache_dir=options.cache_dir)
    evaluated = record_split(data)
    is_same = trained and trained.sha256 == evaluated.sha256
    if is_same and options.split == ALL:
        raise InvalidValueError(
            "is for images that a model was not trained on, but "
            f"{options.model} was trained on some of these",
            argument="--split",
            value=ALL,
            hint="Leave it out.",
        )
    with progress_on_stderr() as is_terminal:
        result = _evaluate(model, data, options.split, verbose=1 if is_terminal else 0)
    if not is_same and (warning := _overlap_warning(trained, evaluated, options)):
        warnings.warn(warning, stacklevel=1)
    if options.json:
        out_json(
            {
                "model": options.model,
                "data": options.folder,
                "seed": data.seed,
                "same_split_as_trained": is_same,
                **result.to_dict(),
            }
        )
    else:
        out(str(result))
    return 0


def _evaluate(model: keras.Model, data: Datasets, split: str, *, verbose: Verbose) -> Evaluation:
    """Evaluate a model on one split, or on all images as one test set."""
    splits = SPLITS if split == ALL else (checks.check_split(split),)
    parts = [evaluate(model, data, split=name, verbose=verbose) for name in splits]
    # The count of test evaluations begins in this process, so it would always be 1.
    result = replace(parts[-1], test_evaluations=None)
    if len(parts) == 1:
        return result
    names = ("labels", "predictions", "probabilities", "losses")
    arrays: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts]) for name in names
    }
    return replace(
        result,
        paths=tuple(path for part in parts for path in part.paths),
        baseline=baseline_accuracy(arrays["labels"]),
        majority=data.class_names[majority_class(arrays["labels"])],
        near_training=np.zeros(len(arrays["labels"]), np.bool_),  # none of these is trained on
        **arrays,
    )


def _overlap_warning(
    trained: SplitRecord | None, evaluated: SplitRecord, options: Namespace
) -> UsageWarning | None:
    """Return a warning if the model may have been trained on images that it is evaluated on."""
    model = options.model
    if is_pretrained(model):
        if options.folder == "cats_and_dogs_filtered" and options.split in ("validation", "test"):
            return None
        return UsageWarning(
            f"{model} was trained on most of Kaggle's Dogs vs. Cats, which includes the training "
            "images of cats_and_dogs_filtered. If some of the images evaluated here are from that "
            "collection, the figures are too good."
        )
    if trained is None:
        return UsageWarning(
            f"{model} has no record of the images that it was trained on. If some of them are "
            "evaluated here, the figures are too good."
        )
    return UsageWarning(
        f"{model} was trained on another split of images than this: {_counts(trained)} there, "
        f"{_counts(evaluated)} here. If it was trained on some of the images evaluated here, the "
        "figures are too good.",
        hint="If these are the images of its training, pass the options of that training: "
        "--split-file, --group-by, --near-duplicates, --labels, --corrections, --skip-bad.",
    )


def _counts(split: SplitRecord) -> str:
    """Return the number of images of each split, such as `1000 + 400 + 400`."""
    return " + ".join(str(split.counts[name]) for name in SPLITS)
