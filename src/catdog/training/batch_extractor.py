"""Extract features in another program that runs many machines, such as Ray or Spark."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

import keras
import numpy as np

from catdog._utils import checks
from catdog._utils.errors import InvalidValueError
from catdog._utils.public import public
from catdog._utils.text import printable
from catdog.data.features import DEFAULT_BATCH_SIZE, Features
from catdog.data.features_file import NPZ, load_features
from catdog.data.tables import cell_name
from catdog.images.inputs import ImageSource
from catdog.inference.batch_columns import (
    ERROR,
    PATH,
    Columns,
    other_columns,
    read_sources,
    text_column,
)
from catdog.inference.litert import MIN_IMAGES_TO_COMPILE
from catdog.models.logits import check_classifier
from catdog.models.metadata import get_metadata, get_trained_size
from catdog.models.saving import load_model
from catdog.training.extract import features_of, with_labels
from catdog.training.frozen import backbone_hash, split_frozen
from catdog.training.run_backbone import Extracted, compute_features, run_backbone

LABEL = "label"


@public
class BatchFeatureExtractor:
    """Extracts the features of the images in batches of rows, as Ray Data and Spark pass them.

    Each process makes one of these, which opens the model and compiles its backbone, and calls it
    for each of its batches. It uses all cores of its machine. The features are those of
    [`extract_features`][catdog.extract_features], up to rounding.

    With `save_to`, each batch is written to a file of its own, completely or not at all. The name
    of the file is a hash of the backbone and of the path, length and time of each image of the
    batch, so a batch that is called again, after a restart or a killed process, is not computed
    again and not doubled. If its labels have changed, they are written again. Images without a
    path have the hash of their content as their name. [`load_features`][catdog.load_features] reads
    the whole folder.

    Args:
        model: A file that `save_model` wrote, which each process opens; or a model. It has a frozen
            backbone.
        save_to: Folder of the files; it is made if it does not exist. `None` returns the features
            and writes no file.

    Raises:
        FileNotFoundError: If the model's file does not exist.
        ValueError: If the model does not begin with a frozen backbone, or has a `call` of its own.

    Example:
        ```python
        from catdog import BatchFeatureExtractor, build_model, load_datasets, load_features

        data = load_datasets("synthetic")
        model = build_model("mobilenet_v2.linear", image_size=(96, 96), weights=None, seed=0)
        extractor = BatchFeatureExtractor(model, save_to="features")
        extractor({"path": data.paths("test")[:3]})
        print(load_features("features"))
        ```
    """

    def __init__(
        self,
        model: str | PathLike[str] | keras.Model,
        *,
        save_to: str | PathLike[str] | None = None,
    ) -> None:
        """Open the model, and compile its backbone."""
        opened = load_model(model) if isinstance(model, str | PathLike) else model
        size, _ = check_classifier(opened)
        self._size = size or get_trained_size(get_metadata(opened))
        self._parts = split_frozen(opened, "BatchFeatureExtractor")
        self._backbone = backbone_hash(self._parts)
        self._compute = compute_features(self._parts, self._size, MIN_IMAGES_TO_COMPILE)
        self._folder: Path | None = None
        if save_to is not None:
            self._folder = checks.check_path("save_to", save_to, example="features")
            self._folder.mkdir(parents=True, exist_ok=True)

    def __call__(self, batch: Any) -> Columns:
        """Extract the features of a batch of rows.

        Args:
            batch: Columns by name, or a data frame: `path`, of image files, or `bytes`, of their
                contents, or both; and perhaps `label`, of class names.

        Returns:
            The columns of the batch without `bytes`, and `sha256`; `error`, the reason why an image
            cannot be read, or an empty text; and without `save_to`, `features`: `float32`, shape
            `(n, ...)`, NaN if the image cannot be read. With `save_to`, `file`: the name of the
            file that the features are in; empty if none was written, because the disk or the
            network did not deliver an image of the batch, and may do so next time.

        Raises:
            OSError: If the file cannot be written.
            ValueError: If the batch has neither column, or one of the result, such as `error`, or
                two labels for an image.
        """
        sources = read_sources(batch)
        added = "features" if self._folder is None else "file"
        others = other_columns(batch, ("sha256", ERROR, added))
        if PATH not in batch:
            sources = [_named_by_content(source) for source in sources]
        if self._folder is None:
            rows = self._run(sources)
            found = features_of(rows, self._parts, self._size)
            nothing = np.full(self._parts.backbone.output_shape[1:], np.nan, np.float32)
            values = [nothing if row.values is None else row.values for row in rows]
            features = np.array(values, np.float32).reshape(-1, *nothing.shape)
            return {**others, **_described(sources, found), "features": features}
        path = self._folder / f"{self._key(sources)}{NPZ}"
        known = _load(path)
        is_written = True
        if known is None:
            rows = self._run(sources)
            known = _labelled(batch, rows, features_of(rows, self._parts, self._size))
            is_written = not any(map(_is_of_the_disk, rows))
            if is_written:
                known.save(path)
        elif not _same_labels(known, now := _labelled_again(batch, sources, known)):
            known = now
            known.save(path)
        file = path.name if is_written else None
        return {**others, **_described(sources, known), "file": text_column([file] * len(sources))}

    def _run(self, sources: list[ImageSource]) -> list[Extracted]:
        """Return a row for each image; warnings about single images have no use here."""
        batches = run_backbone(self._compute, sources, self._size, DEFAULT_BATCH_SIZE, notes=[])
        return [row for rows in batches for row in rows]

    def _key(self, sources: list[ImageSource]) -> str:
        """Return a hash of what determines the features of a batch; no image file is read."""
        parts = [self._backbone, *self._size, *(_identity(source) for source in sources)]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _identity(source: ImageSource) -> list[str | int]:
    """Return the path, length and time of a file, or the hash of bytes."""
    if isinstance(source.content, bytes):
        return [source.name, hashlib.sha256(source.content).hexdigest()]
    with suppress(OSError):  # a file that is missing now may be there after a restart
        found = Path(source.name).stat()
        return [source.name, found.st_size, found.st_mtime_ns]
    return [source.name]


def _named_by_content(source: ImageSource) -> ImageSource:
    """Return an image with its hash as the name: images of several batches must differ in it."""
    content = source.content if isinstance(source.content, bytes) else b""
    return ImageSource(content, hashlib.sha256(content).hexdigest())


def _labelled(
    batch: Any, images: Sequence[Extracted | ImageSource], features: Features
) -> Features:
    """Return the features of a batch with their labels, if it has a column of them."""
    if LABEL not in batch:
        return features
    class_of: dict[str, str | None] = {}
    for image, cell in zip(images, batch[LABEL], strict=True):
        label = cell if isinstance(cell, str) else cell_name(cell, argument="batch")
        if class_of.setdefault(image.name, label or None) != (label or None):
            raise InvalidValueError(
                f"has two labels for the image {printable(image.name)}",
                argument="batch",
                hint="Keep one of the rows.",
            )
    return with_labels(features, class_of)


def _labelled_again(batch: Any, sources: list[ImageSource], known: Features) -> Features:
    """Return features of a file with the labels that the batch has now, if it has any."""
    if LABEL not in batch:
        return known
    return _labelled(batch, sources, replace(known, labels=None, class_names=()))


def _same_labels(one: Features, other: Features) -> bool:
    if one.labels is None or other.labels is None:
        return one.labels is other.labels
    return one.class_names == other.class_names and np.array_equal(one.labels, other.labels)


def _is_of_the_disk(row: Extracted) -> bool:
    """Return whether the disk or the network did not deliver a file; next time it may.

    Errors of catdog, such as that a file does not exist, have no number.
    """
    return isinstance(row.error, OSError) and row.error.errno is not None


def _load(path: Path) -> Features | None:
    """Return the features of a file; `None` if it is missing or damaged."""
    with suppress(ValueError, FileNotFoundError):
        return load_features(path)
    return None


def _described(sources: list[ImageSource], found: Features) -> Columns:
    """Return columns with the hash of each image, or why it cannot be read."""
    hashes = dict(zip(found.paths, found.sha256, strict=True))
    return {
        "sha256": text_column([hashes.get(source.name) for source in sources]),
        ERROR: text_column([found.errors.get(source.name) for source in sources]),
    }
