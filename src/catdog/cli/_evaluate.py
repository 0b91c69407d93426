"""`catdog evaluate`: how good a model is."""

import warnings
from argparse import Namespace
from dataclasses import replace

from catdog._card import SplitRecord, card_of
from catdog._record import record_split
from catdog._types import SPLITS
from catdog.cli._open import open_model
from catdog.cli._output import out, out_json, progress_on_stderr
from catdog.data import load_datasets
from catdog.evaluation import evaluate
from catdog.saving import SUFFIX


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
    with progress_on_stderr() as watched:
        result = evaluate(model, data, split=options.split, verbose=1 if watched else 0)
    here = record_split(data)
    same = trained and trained.sha256 == here.sha256
    if not same:
        warnings.warn(_doubt(trained, here, options.model), stacklevel=1)
    result = replace(result, looks=None)  # those of this process alone say nothing
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


def _doubt(trained: SplitRecord | None, here: SplitRecord, model: str) -> str:
    """Return why the figures may be too good."""
    if not model.endswith(SUFFIX):
        return (
            f"{model} was trained on most of Kaggle's Dogs vs. Cats, but not on the validation and "
            "test pictures of cats_and_dogs_filtered. On other pictures of that collection its "
            "figures are too good."
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
