"""Folds of a cross-validation: images that belong together are in the same fold."""

from collections.abc import Iterable, Sequence
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from catdog._utils.errors import InvalidValueError
from catdog.data.datasets import Datasets, content_hashes, near_contents
from catdog.data.group_split import grouped_split
from catdog.data.split import stratified_split
from catdog.typing import Labels, Split


def units_and_folds(
    data: Datasets, splits: Sequence[Split], labels: Labels, counts: Iterable[int], seed: int
) -> tuple[list[str], Sequence[NDArray[np.intp]]]:
    """Return the group of each image, or else its cluster or content, and the folds of the images.

    If there are too few clusters of near duplicates for the folds, only duplicates stay together.

    Args:
        data: The images.
        splits: The splits that they are in.
        labels: Class of each image of these, shape `(n,)`.
        counts: Numbers of folds; the first for which the images suffice is used.
        seed: Seed of the folds.

    Raises:
        ValueError: If the images do not suffice for any of the numbers.
    """
    counts = list(counts)
    groups = [group for split in splits for group in data.groups(split) or ()]
    has_groups = len(groups) == len(labels)
    for find_contents in (near_contents, content_hashes):
        contents = [content for split in splits for content in find_contents(data, split)]
        for count in counts:
            with suppress(ValueError):  # too few for as many folds
                shares = [1 / count] * count
                if has_groups:
                    return groups, grouped_split(
                        labels, shares, groups=groups, contents=contents, seed=seed
                    )
                return contents, stratified_split(labels, shares, contents=contents, seed=seed)
    unit = "groups" if has_groups else "different images"
    raise InvalidValueError(
        f"needs {min(counts)} {unit} of each class in the {' and '.join(splits)} sets together",
        argument="data",
        hint="Add images, or leave the class out.",
    )
