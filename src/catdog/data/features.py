"""`Features`, the result of `extract_features`: what a backbone computed, and of which images."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catdog._utils.errors import InvalidValueError, UsageWarning
from catdog._utils.public import public
from catdog._utils.tables import escape
from catdog._utils.text import count_line, counted, printable, with_lines
from catdog.typing import SPLITS, ImageSize, Labels, Split

DEFAULT_BATCH_SIZE = 32  # as that of `load_datasets`


@public
@dataclass(frozen=True, eq=False, repr=False)
class Features:
    """Features of images, which a frozen backbone computed, with labels, paths and hashes.

    Made by [`extract_features`][catdog.extract_features] and
    [`load_features`][catdog.load_features]. Arrays and tuples have one entry per image, in the
    same order. `print` shows the counts.

    Attributes:
        values: The features, `float32`, shape `(n, features)`; of a backbone that ends before its
            pooling layer, `(n, height, width, channels)`.
        paths: Path of each image file, or its name if it came as bytes.
        sha256: SHA-256 hash of the content of each file, 64 hexadecimal digits.
        labels: Label of each image, `int32`, shape `(n,)`; `None` if the classes are not known.
        class_names: Names of the classes, sorted; empty if they are not known.
        splits: The set of each image; `None` for an image that is in no set. `None` if the images
            are not split yet: see `split`.
        errors: The images that could not be read, and why; by path.
        backbone: Hash of the layers and weights of the backbone.
        image_size: Height and width in pixels of the images that the backbone got: RGB, in
            `[0, 255]`, decoded and resized as by `load_datasets`.
        seed: Seed of the split, and of the order of the training images.
        batch_size: Number of images in a batch of `train_head`.
        versions: The versions of catdog and Keras that computed the features.
    """

    values: NDArray[np.float32]
    paths: tuple[str, ...]
    sha256: tuple[str, ...]
    labels: Labels | None
    class_names: tuple[str, ...]
    splits: tuple[Split | None, ...] | None
    errors: Mapping[str, str]
    backbone: str
    image_size: ImageSize
    seed: int = 0
    batch_size: int = DEFAULT_BATCH_SIZE
    versions: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.paths)

    def split(
        self,
        *,
        seed: int = 0,
        validation_fraction: float | None = None,
        test_fraction: float | None = None,
    ) -> Features:
        """Return the same features, split into training, validation and test images.

        The sets are those of `load_datasets(folder, near_duplicates="ignore")` with the same seed
        and fractions, for a folder of class folders: stratified by class, with duplicates in one
        set. Near duplicates are not known here; to keep these or groups together, pass what
        `load_datasets` returns to `extract_features`.

        Args:
            seed: From 0 to 2**31 - 1.
            validation_fraction: Share of the images for validation, between 0 and 1; 0.2 if `None`.
            test_fraction: Share of the images for the test, between 0 and 1; 0.2 if `None`.

        Returns:
            The features, ordered by class and name. An image that is in several classes, which
            `load_datasets` refuses, is in no set; a warning lists these.

        Raises:
            ValueError: If the images have no labels, a class has too few images, or an argument is
                out of its range.
        """
        from catdog.data.split_features import split_features

        fractions = {"validation_fraction": validation_fraction, "test_fraction": test_fraction}
        found = split_features(self, seed, fractions)
        if out := [
            path
            for path, split in zip(found.paths, found.splits or (), strict=True)
            if split is None
        ]:
            sentence = f"{counted(len(out), 'file')} with one image in several classes, in no set"
            lines = [printable(path) for path in out]
            warnings.warn(UsageWarning(with_lines(sentence, lines)), stacklevel=2)
        return found

    def save(self, path: str | PathLike[str]) -> None:
        """Save the features to a file, which `load_features` reads and verifies.

        The file is written completely or not at all. An older file is replaced.

        Args:
            path: The file to write: `.npz`, or `.parquet`, which needs `pip install ".[ray]"`, in a
                copy of the source. Parquet has the columns `path`, `sha256`, `label`, `split`,
                `features` and `error`; other programs can read it.

        Raises:
            FileNotFoundError: If the folder of the file does not exist.
            ImportError: If the package for Parquet is missing.
            TypeError: If `path` is not a path.
            ValueError: If it ends in another suffix.
        """
        from catdog.data.features_file import save_features

        save_features(self, path)

    def to_dict(self) -> dict[str, Any]:
        """Return a summary for `json.dump`: counts, classes and the backbone, no features."""
        return {
            "images": len(self),
            "shape": list(self.values.shape[1:]),
            "class_names": list(self.class_names),
            "splits": _split_counts(self),
            "errors": dict(self.errors),
            "backbone": self.backbone,
            "image_size": list(self.image_size),
            "seed": self.seed,
            "versions": dict(self.versions),
        }

    def __repr__(self) -> str:
        return f"<Features: {_headline(self)}>"

    def __str__(self) -> str:
        return "\n".join([_headline(self), *(f"  {line.strip()}" for line in _lines(self))])

    def _repr_html_(self) -> str:
        """Return the counts, for notebooks."""
        lines = "".join(f"<li>{escape(line)}</li>" for line in _lines(self))
        return f"<p><b>{escape(_headline(self))}</b></p>\n<ul>{lines}</ul>"


def check_labelled(features: Features) -> Labels:
    """Return the labels of features; raise if they have none, or fewer than two classes."""
    if features.labels is None or len(features.class_names) < 2:
        raise InvalidValueError(
            "have no labels of at least two classes",
            argument="features",
            hint="Extract them from a folder of class folders, or from what load_datasets returns.",
        )
    return features.labels


def rows_of(features: Features, split: Split) -> NDArray[np.intp]:
    """Return the positions of the images of a split; without a split, all are training images."""
    if features.splits is None:
        return np.arange(len(features) if split == "train" else 0)
    return np.flatnonzero([given == split for given in features.splits])


def take(features: Features, rows: Sequence[int]) -> Features:
    """Return the features of the images at these positions, in this order."""
    labels, splits = features.labels, features.splits
    return replace(
        features,
        values=features.values[list(rows)],
        paths=tuple(features.paths[row] for row in rows),
        sha256=tuple(features.sha256[row] for row in rows),
        labels=None if labels is None else labels[list(rows)],
        splits=None if splits is None else tuple(splits[row] for row in rows),
    )


def _split_counts(features: Features) -> dict[str, int] | None:
    """Return how many images each split has; `None` without a split."""
    if features.splits is None:
        return None
    return {split: features.splits.count(split) for split in SPLITS}


def _headline(features: Features) -> str:
    """Return the number of images, and of their features."""
    height, width = features.image_size
    shape = " x ".join(f"{side:,}" for side in features.values.shape[1:])
    images = counted(len(features), "image")
    return f"{images} of {height} x {width} pixels, {shape} features each"


def _lines(features: Features) -> list[str]:
    """Return lines about labels, splits and images that could not be read."""
    lines = []
    if features.labels is None:
        lines.append("no labels")
    elif features.splits is None:
        lines += [_count_line(features, None), "not split: features.split(seed=0)"]
    else:
        lines += [_count_line(features, split) for split in SPLITS]
    if features.errors:
        lines.append(f"{counted(len(features.errors), 'image')} cannot be read: features.errors")
    return lines


def _count_line(features: Features, split: Split | None) -> str:
    """Return the counts of the classes in a split, or in all images."""
    labels = check_labelled(features)
    if split is not None:
        labels = labels[rows_of(features, split)]
    counts = np.bincount(labels, minlength=len(features.class_names)).tolist()
    names = dict(zip(features.class_names, counts, strict=True))
    return count_line(split or "images", names)
