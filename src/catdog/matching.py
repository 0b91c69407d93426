"""Match a model with data: image size, classes, and the metadata of the training."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from importlib.metadata import version

import keras

from catdog._utils import checks
from catdog._utils.errors import HintCode, InvalidValueError
from catdog._utils.text import list_names
from catdog.data.corrections import count_corrections
from catdog.data.datasets import Datasets, content_hashes
from catdog.models.logits import check_classifier
from catdog.models.metadata import (
    ModelMetadata,
    SplitRecord,
    attach_metadata,
    get_metadata,
    get_model_name,
)
from catdog.typing import SPLITS


def resize_to_model(model: keras.Model, data: Datasets) -> Datasets:
    """Return `data` at the model's input size, after checking that the model fits its classes.

    Raises:
        TypeError: If `data` is not a `Datasets`.
        ValueError: If the model does not take RGB images, or does not return logits for the
            classes of the data.
    """
    checks.check_made_by("data", data, Datasets, "load_datasets")
    size, count = check_classifier(model)
    if count != len(data.class_names):
        raise InvalidValueError(
            f"returns {count} logits, but the data has {len(data.class_names)} classes "
            f"({list_names(data.class_names)})",
            argument="model",
            hint_code=HintCode.MATCH_CLASS_COUNT,
            hint=(
                f"Build it with num_classes={len(data.class_names)}, or end it with "
                f"keras.layers.Dense({len(data.class_names)}), without activation."
            ),
        )
    return data.at(size) if size else data


def resize_as_predicted(model: keras.Model, data: Datasets) -> Datasets:
    """Return `data` at the size at which `predict` passes images to the model; checked as above.

    A model that takes any size gets the size that it was trained at, or that of `data` if this is
    not known.
    """
    resized = resize_to_model(model, data)
    size, _ = check_classifier(model)
    metadata = get_metadata(model)
    if size or metadata is None or metadata.image_size is None:
        return resized
    return data.at(metadata.image_size)


def record_training(model: keras.Model, data: Datasets) -> None:
    """Attach training metadata to a model; an earlier calibration is discarded.

    Training functions call it after all checks and before the first step. So a model has its
    metadata if the training is interrupted, or if a callback saves it.
    """
    attach_metadata(
        model,
        ModelMetadata(
            class_names=data.class_names,
            image_size=resize_to_model(model, data).image_size,
            model_name=get_model_name(model),
            split=record_split(data),
            train_sha256=hash_training_images(data),
            corrections=count_corrections(data.report),
            versions={package: version(package) for package in ("catdog", "keras")},
        ),
    )


def record_split(data: Datasets) -> SplitRecord:
    """Return a summary of the split: counts and a hash."""
    lines = [
        f"{split} {label} {content}\n"
        for split in SPLITS
        for label, content in zip(data.labels(split), content_hashes(data, split), strict=True)
    ]
    digest = hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()
    counts = {split: len(data.paths(split)) for split in SPLITS}
    return SplitRecord(data.seed, counts, digest)


def hash_training_images(data: Datasets) -> str:
    """Return a hash of the contents of the training images, whatever their order and classes."""
    return hash_contents(content_hashes(data, "train"))


def hash_contents(contents: Iterable[str]) -> str:
    """Return a hash of the hashes of images, whatever their order."""
    return hashlib.sha256("\n".join(sorted(contents)).encode()).hexdigest()
