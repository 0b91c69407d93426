"""`catdog evaluate`: how good a model is."""

import warnings
from argparse import Namespace
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from catdog._utils import checks
from catdog.cli.open import is_pretrained, open_model
from catdog.cli.output import out, out_json, progress_on_stderr
from catdog.data.datasets import Datasets
from catdog.data.load import load_datasets
from catdog.evaluation.baseline import baseline_accuracy, majority_class
from catdog.evaluation.evaluate import evaluate
from catdog.evaluation.result import Evaluation
from catdog.matching import record_split
from catdog.models.metadata import SplitRecord, get_metadata
from catdog.typing import SPLITS, Verbose

ALL = "all"


def run(options: Namespace) -> int:
    """Judge a model on the images that its own training kept for it."""
    model = open_model(options.model)
    card = get_metadata(model)
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
            f"--split {ALL} is for images that a model was not trained on, but "
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
    """Judge a model on one set, or on all images as one test set."""
    splits = SPLITS if split == ALL else (checks.check_split(split),)
    parts = [evaluate(model, data, split=each, verbose=verbose) for each in splits]
    result = replace(parts[-1], test_evaluations=None)  # those of this process alone say nothing
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
    if is_pretrained(model):
        if options.folder == "cats_and_dogs_filtered" and options.split in ("validation", "test"):
            return None
        return (
            f"{model} was trained on most of Kaggle's Dogs vs. Cats, the training images of "
            "cats_and_dogs_filtered among them. If some of those judged here are of that "
            "collection, the figures are too good."
        )
    if trained is None:
        return (
            f"{model} does not know which images it was trained on. If some of those judged here "
            "are among them, the figures are too good."
        )
    return (
        f"{model} was trained on another division of images than this: {_counts(trained)}"
        f" there, {_counts(here)} here. It may have been trained on images that it is judged by "
        "here; then the figures are too good. If these are the images of its training, pass what "
        "it was trained with: --split-file, --skip-bad."
    )


def _counts(split: SplitRecord) -> str:
    """Return the number of images of the three sets, such as `1000 + 400 + 400`."""
    return " + ".join(str(split.counts[name]) for name in SPLITS)
