"""Put together the features of several files."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from catdog._utils.errors import InvalidValueError, UsageWarning
from catdog._utils.text import counted, printable, shorten, with_lines
from catdog.data.features import Features, take
from catdog.typing import Labels, Split


def merge_features(parts: Sequence[tuple[str, Features]]) -> Features:
    """Return the features of several files as one, each image once, ordered by path.

    An image that could be read for one of the files, and not for another, counts as read. If only
    some files are split, or an image is in several sets or classes by them, the result is not
    split, and a warning says why.

    Args:
        parts: The features of each file, with its name.

    Raises:
        ValueError: If they come from different backbones or image sizes, or from two versions of
            an image; or only some have labels.
    """
    first = parts[0]
    for part in parts:
        _check_same_source(first, part)
    filled = [(name, features) for name, features in parts if len(features)] or [first]
    features = [each for _, each in filled]
    values = np.concatenate([each.values for each in features])
    names, labels = _join_labels(filled)
    is_split = all(each.splits is not None for each in features)
    joined = replace(
        features[0],
        values=values,
        paths=tuple(path for each in features for path in each.paths),
        sha256=tuple(content for each in features for content in each.sha256),
        labels=labels,
        class_names=names,
        splits=tuple(s for each in features for s in each.splits or ()) if is_split else None,
    )
    once = take(joined, _each_once(joined))
    if doubt := _doubt_about_splits(once, filled):
        warnings.warn(doubt, stacklevel=3)
        once = replace(once, splits=None)
    read = set(once.paths)
    errors = {path: why for _, each in parts for path, why in each.errors.items()}
    return replace(
        once, errors={path: why for path, why in sorted(errors.items()) if path not in read}
    )


def _doubt_about_splits(
    once: Features, parts: Sequence[tuple[str, Features]]
) -> UsageWarning | None:
    """Return why the splits of the files cannot be used together; `None` if they can."""
    hint = "The features are not split: call features.split(seed=0)."
    if once.splits is None:
        having = [printable(name) for name, features in parts if features.splits is not None]
        if not having:
            return None
        why = f"Only some of the files are split ({', '.join(shorten(having, 3))})."
        return UsageWarning(why, hint=hint)
    labels = [None] * len(once) if once.labels is None else once.labels.tolist()
    uses: dict[str, set[tuple[Split, int | None]]] = {}
    for content, split, label in zip(once.sha256, once.splits, labels, strict=True):
        if split is not None:
            uses.setdefault(content, set()).add((split, label))
    several = [
        path
        for path, content in zip(once.paths, once.sha256, strict=True)
        if len(uses.get(content, ())) > 1
    ]
    if not several:
        return None
    why = f"{counted(len(several), 'file')} with an image that is in several sets or classes"
    return UsageWarning(with_lines(why, [printable(path) for path in several]) + "\n", hint=hint)


def _check_same_source(first: tuple[str, Features], other: tuple[str, Features]) -> None:
    """Raise if two files come from different backbones, or from images of different sizes."""
    (name, one), (other_name, two) = first, other
    same = (one.backbone, one.image_size, one.values.shape[1:])
    if (two.backbone, two.image_size, two.values.shape[1:]) != same:
        raise InvalidValueError(
            f"The files {printable(name)} and {printable(other_name)} come from different "
            "backbones or image sizes",
            hint="Keep the features of each backbone in a folder of their own.",
        )


def _join_labels(parts: Sequence[tuple[str, Features]]) -> tuple[tuple[str, ...], Labels | None]:
    """Return the class names of all files, sorted, and the labels of all images."""
    without = [name for name, features in parts if features.labels is None]
    if len(without) == len(parts):
        return (), None
    if without:
        raise InvalidValueError(
            f"The file {printable(without[0])} has no labels, but others have",
            hint="Extract its features again, with labels.",
        )
    names = tuple(sorted({name for _, features in parts for name in features.class_names}))
    joined: list[NDArray[np.int32]] = []
    for _, features in parts:
        new = np.array([names.index(name) for name in features.class_names], np.int32)
        joined.append(new[features.labels])
    return names, np.concatenate(joined)


def _each_once(features: Features) -> list[int]:
    """Return the positions of the images, each path once, ordered by path.

    Raises:
        ValueError: If there are two versions of an image.
    """
    rows: dict[str, int] = {}
    for row, path in enumerate(features.paths):
        known = rows.setdefault(path, row)
        if features.sha256[known] != features.sha256[row]:
            raise InvalidValueError(
                f"There are features of two versions of the image {printable(path)}",
                hint="It was changed in between. Delete the older file, or extract all again.",
            )
        for kind, values in (("labels", features.labels), ("splits", features.splits)):
            if values is not None and values[known] != values[row]:
                raise InvalidValueError(
                    f"The files have two {kind} of the image {printable(path)}",
                    hint="Delete the older file, or extract all again.",
                )
    return [rows[path] for path in sorted(rows)]
