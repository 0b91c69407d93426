"""`catdog evaluate`: how good a model is."""

import warnings
from argparse import Namespace
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from catdog import _checks
from catdog._card import SplitRecord, card_of
from catdog._evaluation import Evaluation
from catdog._record import record_split
from catdog._types import SPLITS, Verbose
from catdog.baseline import baseline_accuracy, majority_class
from catdog.cli._open import comes_trained, open_model
from catdog.cli._output import out, out_json, progress_on_stderr
from catdog.data import Datasets, load_datasets
from catdog.evaluation import evaluate

ALL = "all"


def run(options: Namespace) -> int:
    """Judge a model on the pictures that its own training kept for it."""
    model = open_model(options.model)
    card = card_of(model)
    trained = card.split if card else None
    data = load_datasets(
        options.folder,
        seed=trained.seed if trained and not options.split_file else None,
        split_file=options.split_file,
        on_bad_image="skip" if options.skip_bad else "raise",
    )
    here = record_split(data)
    same = trained and trained.sha256 == here.sha256
    if same and options.split == ALL:
        raise ValueError(
            f"--split {ALL} is for pictures that a model was not trained on, but "
            f"{options.model} was trained on some of these. Leave it out."
        )
    with progress_on_stderr() as watched:
        result = _judge(model, data, options.split, verbose=1 if watched else 0)
    if not same and (doubt := _doubt(trained, here, options)):
        warnings.warn(doubt, stacklevel=1)
    if options.json:
        out_json(
            {
                "model": options.model,
                "data": options.folder,
                "seed": data.seed,
                "same_split_as_trained": same,
                **result.to_dict(),
            }
        )
    else:
        out(str(result))
    return 0


def _judge(model: keras.Model, data: Datasets, split: str, *, verbose: Verbose) -> Evaluation:
    """Judge a model on one set, or on all pictures as one test set."""
    splits = SPLITS if split == ALL else (_checks.check_split(split),)
    parts = [evaluate(model, data, split=each, verbose=verbose) for each in splits]
    result = replace(parts[-1], looks=None)  # those of this process alone say nothing
    if len(parts) == 1:
        return result
    arrays = ("labels", "predictions", "probabilities", "losses")
    whole: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts]) for name in arrays
    }
    return replace(
        result,
        paths=tuple(path for part in parts for path in part.paths),
        baseline=baseline_accuracy(whole["labels"]),
        majority=data.class_names[majority_class(whole["labels"])],
        **whole,
    )


def _doubt(trained: SplitRecord | None, here: SplitRecord, options: Namespace) -> str | None:
    """Return why the figures may be too good, if they may."""
    model = options.model
    if comes_trained(model):
        if options.folder == "cats_and_dogs_filtered" and options.split in ("validation", "test"):
            return None
        return (
            f"{model} was trained on most of Kaggle's Dogs vs. Cats, the training pictures of "
            "cats_and_dogs_filtered among them. If some of those judged here are of that "
            "collection, the figures are too good."
        )
    if trained is None:
        return (
            f"{model} does not know which pictures it was trained on. If some of those judged here "
            "are among them, the figures are too good."
        )
    return (
        f"{model} was trained on another division of pictures than this: {_counts(trained)}"
        f" there, {_counts(here)} here. It may have been trained on pictures that it is judged by "
        "here; then the figures are too good. If these are the pictures of its training, pass what "
        "it was trained with: --split-file, --skip-bad."
    )


def _counts(split: SplitRecord) -> str:
    """Return the number of pictures of the three sets, such as `1000 + 400 + 400`."""
    return " + ".join(str(split.counts[name]) for name in SPLITS)
