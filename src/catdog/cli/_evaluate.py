"""`catdog evaluate`: how good a model is."""

import warnings
from argparse import Namespace
from dataclasses import replace

import keras

from catdog._card import SplitRecord, card_of
from catdog._record import record_split
from catdog._text import printable
from catdog._types import SPLITS
from catdog.cli._open import open_model
from catdog.cli._output import out, out_json, progress_on_stderr
from catdog.data import Datasets, load_datasets
from catdog.evaluation import evaluate


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
    _check_classes(model, data, options)
    here = record_split(data)
    same = trained and trained.sha256 == here.sha256
    if not same:
        warnings.warn(_doubt(trained, here, options), stacklevel=1)
    with progress_on_stderr() as watched:
        result = evaluate(model, data, split=options.split, verbose=1 if watched else 0)
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


def _check_classes(model: keras.Model, data: Datasets, options: Namespace) -> None:
    """Refuse to judge a model by classes that it does not know.

    Raises:
        ValueError: If they differ.
    """
    card = card_of(model)
    if card and card.class_names != data.class_names:
        raise ValueError(
            f"--model={options.model!r} knows the classes {_listed(card.class_names)}, but "
            f"{options.folder} holds {_listed(data.class_names)}. Name the class folders as at the "
            "training."
        )


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(map(printable, names))


def _doubt(trained: SplitRecord | None, here: SplitRecord, options: Namespace) -> str:
    """Return why the figures may be too good."""
    if trained is None:
        return (
            f"{options.model} does not know which pictures it was trained on. If some of those "
            "judged here are among them, the figures are too good."
        )
    return (
        f"{options.model} was trained on another division of pictures than this: {_counts(trained)}"
        f" there, {_counts(here)} here. It may have been trained on pictures that it is judged by "
        "here; then the figures are too good. If these are the pictures of its training, pass what "
        "it was trained with: --split-file, --skip-bad."
    )


def _counts(split: SplitRecord) -> str:
    """Return the number of pictures of the three sets, such as `1000 + 400 + 400`."""
    return " + ".join(str(split.counts[name]) for name in SPLITS)
