"""Split labelled images into parts: stratified by class, with duplicates in one part."""

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from catdog.data.duplicates import group_by_content
from catdog.typing import Labels


def stratified_split(
    labels: Labels, shares: Sequence[float], *, contents: Sequence[Hashable], seed: int
) -> tuple[NDArray[np.intp], ...]:
    """Split the positions `0 .. len(labels) - 1` into disjoint parts, stratified by class.

    Every part gets its share of every class to within one image. A part that would get no image of
    a class gets one from the largest part.

    Duplicates of one class stay together. Each group of duplicates goes to a random part; the
    probability of a part is proportional to the room left in it. Then the images without duplicates
    fill up all parts. If there are too few of these, the size of a part can differ from its share
    by more than one image.

    Args:
        labels: Class of each image, shape `(n,)`, integers.
        shares: Share of each part; they add up to 1.
        contents: Content of each image, such as a hash; images of equal content are duplicates.
        seed: The same labels, shares, contents and seed give the same parts.

    Returns:
        One sorted array of positions for each share; together they hold every position once.

    Raises:
        ValueError: If a class has fewer different images than there are parts.
    """
    rng = np.random.default_rng(seed)
    parts: list[list[NDArray[np.intp]]] = [[] for _ in shares]
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        for part, chunk in zip(parts, _split_class(members, shares, contents, rng), strict=True):
            part.append(chunk)
    return tuple(np.sort(np.concatenate(part)) for part in parts)


def _split_class(
    members: NDArray[np.intp],
    shares: Sequence[float],
    contents: Sequence[Hashable],
    rng: np.random.Generator,
) -> list[NDArray[np.intp]]:
    """Split the shuffled members of one class; duplicates go to one part."""
    groups = group_by_content(members.tolist(), contents.__getitem__)
    if len(groups) < len(shares):
        raise ValueError(f"{len(groups)} images cannot be split into {len(shares)} parts")
    chunks: list[list[int]] = [[] for _ in shares]
    rooms = _part_sizes(len(members), shares)
    duplicates = sorted((group for group in groups if len(group) > 1), key=len, reverse=True)
    singles = [group[0] for group in groups if len(group) == 1]
    for assigned, group in enumerate(duplicates):
        part = _draw_part(chunks, rooms, len(group), len(groups) - assigned, rng)
        chunks[part] += group
        rooms[part] -= len(group)
    rooms = _shrink(rooms, chunks, len(singles))
    for chunk, single in zip(chunks, np.split(singles, np.cumsum(rooms)[:-1]), strict=True):
        chunk += single.tolist()
    return [np.array(chunk, np.intp) for chunk in chunks]


def _draw_part(
    chunks: Sequence[Sequence[int]],
    rooms: NDArray[np.intp],
    size: int,
    groups_left: int,
    rng: np.random.Generator,
) -> int:
    """Draw a part for a group of duplicates, by the room left.

    If the group fits into no part, the part with the most room is taken.
    """
    empty = [part for part, chunk in enumerate(chunks) if not chunk]
    choice = empty if groups_left <= len(empty) else list(range(len(chunks)))  # each needs a group
    fitting = [part for part in choice if rooms[part] >= size]
    if not fitting:
        return max(choice, key=lambda part: int(rooms[part]))
    weights = rooms[fitting] / rooms[fitting].sum()
    return int(rng.choice(fitting, p=weights))


def _shrink(
    rooms: NDArray[np.intp], chunks: Sequence[Sequence[int]], singles: int
) -> NDArray[np.intp]:
    """Reduce the room left until it equals the number of single images.

    Duplicates may have taken more than the room of their part, so that the other parts get fewer.
    """
    least = np.array([0 if chunk else 1 for chunk in chunks])
    rooms = np.maximum(rooms, least)
    while rooms.sum() > singles:
        rooms[np.argmax(rooms - least)] -= 1
    return rooms


def _part_sizes(count: int, shares: Sequence[float]) -> NDArray[np.intp]:
    """Compute the size of each part by largest remainder; every part gets at least one image."""
    ideal = count * np.asarray(shares)
    sizes = np.floor(ideal + 1e-9).astype(np.intp)  # 0.29 * 100 is 28.999999999999996
    short = count - int(sizes.sum())
    sizes[np.argsort(sizes - ideal, kind="stable")[:short]] += 1
    while sizes.min() == 0:
        sizes[np.argmax(sizes)] -= 1
        sizes[np.argmin(sizes)] += 1
    return sizes
