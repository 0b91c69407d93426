"""Detect bursts: images that follow each other by name and look alike, such as video frames."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catdog.data.findings import FOLDER, Bursts, ImageFile, relative_name
from catdog.data.groups import read_group_by
from catdog.data.layout import Layout
from catdog.data.near_duplicates import Directions
from catdog.typing import Floats, Split

# By chance, neighbours are more similar than other pairs half of the time. If each burst has two
# images, it is three quarters, and more if it has more.
MIN_SHARE = 0.7
# Of one class alone: there are many classes, and images that were made in one session resemble
# each other a little (150 hand signs of different persons in their order: up to 0.71).
MIN_CLASS_SHARE = 0.75
MIN_NEIGHBOURS = 30  # with them, 0.7 is more than three standard errors above a half
PAIRS_COMPARED = 2_000  # of a class, drawn at random, that neighbours are compared with
BLOCK_PAIRS = 64  # compared at a time; their vectors fit into the cache of a processor core
MIN_GROUPS = 5  # of each class: with fewer, no set can have a fifth of them

# Arguments of `group_by`, the one that makes the largest groups first: the folder below the class
# folder, the name up to its first number, and without its last number.
CANDIDATES = (FOLDER, r"([^/\d]*\d+)[^/]*$", r"([^/]*\D)\d+\.[^./]+$", r"(.*\D)\d+\.[^./]+$")
# The same with the path before it: in split folders, names and numbers often begin again.
SPLIT_CANDIDATES = (r"(.+)/", r"(.*/[^/\d]*\d+)[^/]*$", r"(.*\D)\d+\.[^./]+$")


@dataclass(frozen=True)
class _Neighbours:
    """Pairs of images that follow each other by name, in one class and split folder.

    Attributes:
        pairs: Positions of the images, shape `(n, 2)`.
        shares: Share of the pairs of the class drawn at random that are less similar than each,
            from 0 to 1.
    """

    pairs: NDArray[np.intp]
    shares: Floats


def find_bursts(
    images: Sequence[ImageFile],
    vectors: Directions,
    layout: Layout,
) -> Bursts | None:
    """Return how alike neighbours by name are, and the groups that hold bursts together.

    Each class of each split folder is looked at alone if it has enough neighbours, so that bursts
    of one class do not disappear among the images of the others.

    Args:
        images: The images.
        vectors: What is left of their thumbnails without what all share, as `directions` returns
            it.
        layout: The layout of the folder that the images are in.

    Returns:
        `None` if neighbours are hardly more alike than other images of their class.
    """
    kinds = _compare_neighbours(images, vectors)
    large = {kind: own for kind, own in kinds.items() if len(own.pairs) >= MIN_NEIGHBOURS}
    found = {kind: own for kind, own in large.items() if own.shares.mean() >= MIN_SHARE}
    if not _are_bursts([*large.values()], _joined([*kinds.values()])):
        return None
    neighbours = _joined([*(found or kinds).values()])
    share = float(neighbours.shares.mean())
    labels = {label for label, _ in found}
    classes = tuple(layout.class_names[label] for label in sorted(labels))
    if labels == {label for label, _ in large}:
        classes = ()
    group_by, n_groups = _find_groups(images, neighbours, layout)
    return Bursts(share, group_by, n_groups, classes)


def _are_bursts(classes: Sequence[_Neighbours], together: _Neighbours) -> bool:
    """Return whether neighbours are alike in a class, or in all classes together."""
    if any(own.shares.mean() >= MIN_CLASS_SHARE for own in classes):
        return True
    return len(together.pairs) >= MIN_NEIGHBOURS and bool(together.shares.mean() >= MIN_SHARE)


def _find_groups(
    images: Sequence[ImageFile], neighbours: _Neighbours, layout: Layout
) -> tuple[str, int] | tuple[None, None]:
    """Return the argument of `group_by` that holds bursts together, and its number of groups."""
    names = [relative_name(image.path, layout.root) for image in images]
    for group_by in SPLIT_CANDIDATES if layout.splits else CANDIDATES:
        group_of = read_group_by(group_by, layout)
        groups = [
            group_of(name, layout.class_names, image.split)
            for name, image in zip(names, images, strict=True)
        ]
        if _fit(groups, images, neighbours):
            return group_by, len(set(groups))
    return None, None


_Kind = tuple[int, Split | None]  # class and split folder


def _compare_neighbours(
    images: Sequence[ImageFile], vectors: Directions
) -> dict[_Kind, _Neighbours]:
    """Compare neighbours by name with random pairs of their class and split folder.

    Of duplicates, only the first one counts.
    """
    if len(images) <= MIN_NEIGHBOURS:
        return {}
    visible = np.flatnonzero(vectors.any(axis=1)).tolist()
    order = sorted(visible, key=lambda position: _sort_key(images[position]))
    members: dict[_Kind, list[int]] = {}
    contents: set[str] = set()
    for position in order:
        image = images[position]
        if image.sha256 not in contents:
            contents.add(image.sha256)
            members.setdefault((image.label, image.split), []).append(position)
    rng = np.random.default_rng(0)
    return {
        kind: _compare(np.array(inside), vectors, rng)
        for kind, inside in members.items()
        if len(inside) > 2
    }


def _compare(
    inside: NDArray[np.intp], vectors: Directions, rng: np.random.Generator
) -> _Neighbours:
    """Compare each image with the next one, and these similarities with those of random pairs."""
    pairs = np.stack([inside[:-1], inside[1:]], axis=1)
    drawn = rng.choice(inside, (min(PAIRS_COMPARED, len(inside) ** 2), 2))
    others = np.sort(_similarities(vectors, drawn[drawn[:, 0] != drawn[:, 1]]))
    own = _similarities(vectors, pairs)
    less = np.searchsorted(others, own, "left") + np.searchsorted(others, own, "right")
    return _Neighbours(pairs, less / (2 * max(1, len(others))))


def _joined(parts: Sequence[_Neighbours]) -> _Neighbours:
    """Return the neighbours of all parts."""
    if not parts:
        return _Neighbours(np.empty((0, 2), np.intp), np.empty(0))
    return _Neighbours(
        np.concatenate([part.pairs for part in parts]),
        np.concatenate([part.shares for part in parts]),
    )


def _sort_key(image: ImageFile) -> list[tuple[int, int, str]]:
    """Return a key that orders images by class and name; numbers by their value."""
    parts = re.split(r"(\d+)", str(image.path))
    split = str(image.split)
    numbered = [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts]
    return [(0, image.label, split), *numbered]


def _similarities(vectors: Directions, pairs: NDArray[np.intp]) -> Floats:
    """Return the correlation of the images of each pair."""
    similarities = np.empty(len(pairs))
    for start in range(0, len(pairs), BLOCK_PAIRS):
        first, second = pairs[start : start + BLOCK_PAIRS].T
        products = np.einsum("ij,ij->i", vectors[first], vectors[second])
        similarities[start : start + BLOCK_PAIRS] = products
    return similarities


def _fit(
    groups: Sequence[str | None], images: Sequence[ImageFile], neighbours: _Neighbours
) -> bool:
    """Return whether neighbours are alike inside of groups, and not where a group ends.

    Each class must have enough groups, and none may be in two split folders.
    """
    if None in groups:
        return False
    places = {(group, image.split) for group, image in zip(groups, images, strict=True)}
    if len(places) > len(set(groups)):
        return False
    for label in {image.label for image in images}:
        of_class = {
            group for group, image in zip(groups, images, strict=True) if image.label == label
        }
        if len(of_class) < MIN_GROUPS:
            return False
    together = np.array([groups[first] == groups[second] for first, second in neighbours.pairs])
    if not together.any() or together.all():
        return False
    inside, across = neighbours.shares[together].mean(), neighbours.shares[~together].mean()
    return bool(inside >= MIN_SHARE > across)
