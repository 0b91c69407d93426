"""Split extracted features into sets, and use them as data, without reading any image."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from catdog._utils import checks
from catdog._utils.errors import InvalidTypeError, InvalidValueError
from catdog.data.datasets import Datasets
from catdog.data.features import Features, check_labelled, rows_of, take
from catdog.data.findings import ImageFile
from catdog.data.layout import Layout
from catdog.data.report import ScanReport
from catdog.data.sets import Plan, plan_sets, split_images
from catdog.typing import SPLITS, Labels, Split


def split_features(
    features: Features, seed: int, fractions: Mapping[str, float | None]
) -> Features:
    """Return features with their sets, ordered by class and name; see `Features.split`."""
    given = checks.check_fractions(fractions)
    seed = checks.check_seed(seed)
    labels = check_labelled(features)
    plan = plan_sets(Layout(Path(), features.class_names, (), (), ()), given)
    names = [Path(path).parts for path in features.paths]
    order = sorted(range(len(features)), key=lambda row: (labels[row], names[row]))
    ordered = take(features, order)
    return replace(ordered, splits=_split(ordered, plan, seed), seed=seed)


def _split(features: Features, plan: Plan, seed: int) -> tuple[Split | None, ...]:
    """Return the set of each image; `None` for images that are in several classes."""
    labels = check_labelled(features)
    conflicting = _conflicting(features, labels)
    images = {
        row: _image_file(features, row, labels)
        for row, content in enumerate(features.sha256)
        if content not in conflicting
    }
    row_of = {id(image): row for row, image in images.items()}
    sets = split_images(
        list(images.values()), plan, features.class_names, seed, near_together=False
    )
    splits: list[Split | None] = [None] * len(features)
    for split, members in sets.items():
        for image in members:
            splits[row_of[id(image)]] = split
    return tuple(splits)


def _conflicting(features: Features, labels: Labels) -> set[str]:
    """Return the hashes of images that are in several classes."""
    pairs = set(zip(features.sha256, labels.tolist(), strict=True))
    counts = Counter(content for content, _ in pairs)
    return {content for content, count in counts.items() if count > 1}


def given_data(data: Datasets | Features, *, split_needed: bool = True) -> Datasets:
    """Return the data that a function got: itself, or that of features.

    Args:
        data: What was passed.
        split_needed: Whether features must be split. Otherwise all images of features without a
            split count as training images.

    Raises:
        TypeError: If it is neither.
        ValueError: If the features have no labels, or are not split.
    """
    if not isinstance(data, Features):
        if not isinstance(data, Datasets):
            raise InvalidTypeError(
                "must be what load_datasets, extract_features or load_features returns, not "
                f"{type(data).__name__}",
                argument="data",
            )
        return data
    if data.splits is None and split_needed:
        raise InvalidValueError(
            "is not split into training, validation and test images",
            argument="data",
            hint="Pass features.split(seed=0).",
        )
    return features_as_data(data)


def features_as_data(features: Features) -> Datasets:
    """Return the images of features as a `Datasets`, which cannot be iterated: it has no pixels.

    Images in no set are left out; if the images are not split, all are training images.
    """
    labels = check_labelled(features)
    sets = {
        split: [_image_file(features, int(row), labels) for row in rows_of(features, split)]
        for split in SPLITS
    }
    images = tuple(image for split in SPLITS for image in sets[split])
    folder = _common_folder(features.paths)
    report = ScanReport(folder, features.class_names, (), len(images), (), images)
    return Datasets(
        class_names=features.class_names,
        image_size=features.image_size,
        batch_size=features.batch_size,
        seed=features.seed,
        cache_mib=0,
        cache_dir=None,
        report=report,
        _images=sets,
    )


def _image_file(features: Features, row: int, labels: Labels) -> ImageFile:
    """Return an image as a scan would, without what only a decoded file says."""
    path = Path(features.paths[row])
    return ImageFile(path, int(labels[row]), None, size=0, sha256=features.sha256[row])


def _common_folder(paths: Sequence[str]) -> Path:
    """Return the folder that all paths are in."""
    try:
        return Path(os.path.commonpath([str(Path(path).parent) for path in paths]))
    except ValueError:  # there is none
        return Path()
