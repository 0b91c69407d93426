"""Detect bursts: images that follow each other by name and look alike, such as video frames."""

import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catdog.data.findings import Bursts, ImageFile, relative_name
from catdog.data.groups import FOLDER, read_group_by
from catdog.data.layout import Layout
from catdog.data.near_duplicates import Directions
from catdog.typing import Floats

# By chance, neighbours are more similar than other pairs half of the time. If each burst has two
# images, it is three quarters, and more if it has more.
MIN_SHARE = 0.7
MIN_NEIGHBOURS = 30  # with them, 0.7 is more than three standard errors above a half
PAIRS_COMPARED = 2_000  # drawn at random, that neighbours are compared with
MIN_GROUPS = 3  # of each class, one for each of the three sets

# Arguments of `group_by`, the one that makes the largest groups first: the folder below the class
# folder, the name up to its first number, and without its last number.
CANDIDATES = (FOLDER, r"([^/\d]*\d+)[^/]*$", r"([^/]*\D)\d+\.[^./]+$", r"(.*\D)\d+\.[^./]+$")


@dataclass(frozen=True)
class _Neighbours:
    """Pairs of images that follow each other by name, in one class and split folder.

    Attributes:
        pairs: Positions of the images, shape `(n, 2)`.
        shares: Share of the pairs drawn at random that are less similar than each, from 0 to 1.
    """

    pairs: NDArray[np.intp]
    shares: Floats


def find_bursts(
    images: Sequence[ImageFile],
    vectors: Directions,
    layout: Layout,
) -> Bursts | None:
    """Return how alike neighbours by name are, and the groups that hold bursts together.

    Args:
        images: The images.
        vectors: What is left of their thumbnails without what all share, as `directions` returns
            it.
        layout: The layout of the folder that the images are in.

    Returns:
        `None` if neighbours are hardly more alike than other images of their class.
    """
    neighbours = _compare_neighbours(images, vectors)
    if neighbours is None or neighbours.shares.mean() < MIN_SHARE:
        return None
    share = float(neighbours.shares.mean())
    for group_by in CANDIDATES:
        group_of = read_group_by(group_by, has_table=layout.has_table)
        names = [relative_name(image.path, layout.root) for image in images]
        groups = [
            group_of(name, layout.class_names, image.split)
            for name, image in zip(names, images, strict=True)
        ]
        if _fit(groups, images, neighbours):
            return Bursts(share, group_by, len(set(groups)))
    return Bursts(share, None, None)


def _compare_neighbours(images: Sequence[ImageFile], vectors: Directions) -> _Neighbours | None:
    """Compare neighbours by name with random pairs; `None` if there are too few of them."""
    if len(images) <= MIN_NEIGHBOURS:
        return None
    visible = np.flatnonzero(vectors.any(axis=1)).tolist()
    kinds = [(image.label, image.split) for image in images]
    order = sorted(visible, key=lambda position: _sort_key(images[position]))
    pairs = np.array(
        [pair for pair in itertools.pairwise(order) if kinds[pair[0]] == kinds[pair[1]]]
    )
    if len(pairs) < MIN_NEIGHBOURS:
        return None
    random_pairs = _draw_pairs(np.unique(pairs), kinds)
    others = np.sort(_similarities(vectors, random_pairs))
    own = _similarities(vectors, pairs)
    less = np.searchsorted(others, own, "left") + np.searchsorted(others, own, "right")
    return _Neighbours(pairs, less / (2 * len(others)))


def _sort_key(image: ImageFile) -> list[tuple[int, int, str]]:
    """Return a key that orders images by class and name; numbers by their value."""
    parts = re.split(r"(\d+)", str(image.path))
    split = str(image.split)
    numbered = [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts]
    return [(0, image.label, split), *numbered]


def _draw_pairs(positions: NDArray[np.intp], kinds: Sequence[object]) -> NDArray[np.intp]:
    """Draw pairs of images of one class and split folder; the same ones every time."""
    rng = np.random.default_rng(0)
    members: dict[object, list[int]] = {}
    for position in positions.tolist():
        members.setdefault(kinds[position], []).append(position)
    pairs = [
        rng.choice(inside, (math.ceil(PAIRS_COMPARED * len(inside) / len(positions)), 2))
        for inside in members.values()
    ]
    drawn = np.concatenate(pairs)
    different: NDArray[np.intp] = drawn[drawn[:, 0] != drawn[:, 1]]
    return different


def _similarities(vectors: Directions, pairs: NDArray[np.intp]) -> Floats:
    """Return the correlation of the images of each pair."""
    products: Directions = vectors[pairs[:, 0]] * vectors[pairs[:, 1]]
    similarities: Floats = products.sum(axis=1, dtype=np.float64)
    return similarities


def _fit(
    groups: Sequence[str | None], images: Sequence[ImageFile], neighbours: _Neighbours
) -> bool:
    """Return whether neighbours are alike inside of groups, and not where a group ends."""
    if None in groups:
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
