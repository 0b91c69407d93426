"""Dividing labelled pictures into parts: pure functions of the labels and a seed."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from catdog._types import Labels


def stratified_split(
    labels: Labels, shares: Sequence[float], *, seed: int
) -> tuple[NDArray[np.intp], ...]:
    """Divide positions `0 .. len(labels) - 1` into disjoint parts, class by class.

    Every part gets its share of every class to within one picture; where that would leave a part
    without a picture of the class, it gets one from the largest part.

    Args:
        labels: Class of each picture, shape `(n,)`, integers.
        shares: Share of each part; they add up to 1.
        seed: The same labels, shares and seed give the same parts.

    Returns:
        One sorted array of positions for each share; together they hold every position once.

    Raises:
        ValueError: If a class has fewer pictures than there are parts.
    """
    rng = np.random.default_rng(seed)
    parts: list[list[NDArray[np.intp]]] = [[] for _ in shares]
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        ends = np.cumsum(_part_sizes(len(members), shares))
        for part, chunk in zip(parts, np.split(members, ends[:-1]), strict=True):
            part.append(chunk)
    return tuple(np.sort(np.concatenate(part)) for part in parts)


def _part_sizes(count: int, shares: Sequence[float]) -> NDArray[np.intp]:
    """Share `count` pictures out by largest remainder, at least one to every part."""
    if count < len(shares):
        raise ValueError(f"{count} pictures cannot be divided into {len(shares)} parts")
    ideal = count * np.asarray(shares)
    sizes = np.floor(ideal + 1e-9).astype(np.intp)  # 0.29 * 100 is 28.999999999999996
    short = count - int(sizes.sum())
    sizes[np.argsort(sizes - ideal, kind="stable")[:short]] += 1
    while sizes.min() == 0:
        sizes[np.argmax(sizes)] -= 1
        sizes[np.argmin(sizes)] += 1
    return sizes
