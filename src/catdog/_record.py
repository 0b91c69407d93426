"""What a model remembers of its training: the classes, the picture size, which pictures."""

import hashlib
from importlib.metadata import version

import keras

from catdog._card import ModelCard, SplitRecord, give_card, recipe_of
from catdog._types import SPLITS
from catdog.data import Datasets
from catdog.data._datasets import content_hashes, serve_to


def remember(model: keras.Model, data: Datasets) -> None:
    """Let a model know what it is trained on; an earlier calibration is forgotten.

    Training functions call it when all is checked and before the first step, so that a run that
    is broken off, or whose callbacks save the model, has it too.
    """
    give_card(
        model,
        ModelCard(
            class_names=data.class_names,
            image_size=serve_to(model, data).image_size,
            recipe=recipe_of(model),
            split=record_split(data),
            versions={package: version(package) for package in ("catdog", "keras")},
        ),
    )


def record_split(data: Datasets) -> SplitRecord:
    """Return which picture is in which set, in short."""
    lines = [
        f"{split} {label} {content}\n"
        for split in SPLITS
        for label, content in zip(data.labels(split), content_hashes(data, split), strict=True)
    ]
    digest = hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()
    counts = {split: len(data.paths(split)) for split in SPLITS}
    return SplitRecord(data.seed, counts, digest)
