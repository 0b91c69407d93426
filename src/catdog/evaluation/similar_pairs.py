"""All pairs of similar vectors, in bounded memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catdog._utils.components import connect
from catdog.evaluation.clusters import Vectors, unit_vectors

BLOCK_ROWS = 256  # with 20,000 images, a block of similarities takes 20 MB
MAX_PAIRS = 100_000  # that are listed; 100 frames of one video have 4,950

Positions = NDArray[np.intp]
Pairs = tuple[Positions, Positions, NDArray[np.float32]]
"""The first items of pairs, the second items, and the similarities."""


@dataclass(frozen=True, eq=False)
class SimilarPairs:
    """Pairs of similar items; an item is the position of an image.

    Attributes:
        first: One item of each pair.
        second: The other item, which is larger.
        similarity: Cosine similarity of each pair.
        count: Number of pairs. At most `MAX_PAIRS` of them are listed.
        different: For each kind of key, the number of pairs whose keys differ.
        clusters: The items that are connected by pairs, sorted.
    """

    first: Positions
    second: Positions
    similarity: NDArray[np.float32]
    count: int
    different: list[int]
    clusters: list[list[int]]


def find_similar_pairs(
    vectors: Vectors, similarity: float, keys: Sequence[NDArray[np.integer]]
) -> SimilarPairs:
    """Find all pairs of vectors of at least a cosine similarity.

    Pairs and clusters with different keys, such as two classes, come first; then the most similar
    pairs, and the largest clusters.

    Args:
        vectors: Shape `(n, features)`.
        similarity: Least similarity.
        keys: Of each kind, the key of each item, shape `(n,)`.
    """
    table = np.stack(keys)
    kept: Pairs = (np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0, np.float32))
    count, different = 0, np.zeros(len(keys), np.int64)
    component = np.arange(len(vectors))
    for found in _blocks(unit_vectors(vectors), similarity):
        first, second, _ = found
        count += len(first)
        different += (table[:, first] != table[:, second]).sum(axis=1)
        _connect(component, first, second)
        kept = _best(kept, found, table)
    return SimilarPairs(*kept, count, different.tolist(), _clusters(component, table))


def _blocks(vectors: Vectors, similarity: float) -> Iterator[Pairs]:
    """Yield similar pairs and their similarities, for one block of first items after the other."""
    for begin in range(0, len(vectors), BLOCK_ROWS):
        products = vectors[begin : begin + BLOCK_ROWS] @ vectors[begin:].T
        rows, columns = np.nonzero(np.triu(products >= similarity, 1))
        yield rows + begin, columns + begin, products[rows, columns]


def _connect(component: Positions, first: Positions, second: Positions) -> None:
    """Give the items of similar pairs the same component; `first` is sorted."""
    items, begins, counts = np.unique(first, return_index=True, return_counts=True)
    for item, begin, count in zip(items, begins, counts, strict=True):
        connect(component, np.append(second[begin : begin + count], item))


def _best(kept: Pairs, found: Pairs, table: NDArray[np.integer]) -> Pairs:
    """Return the first `MAX_PAIRS` of two lists of pairs, those with different keys first."""
    first = np.concatenate([kept[0], found[0]])
    second = np.concatenate([kept[1], found[1]])
    similarity = np.concatenate([kept[2], found[2]])
    is_same = (table[:, first] == table[:, second]).all(axis=0)
    ranks = 4 * is_same - similarity
    if len(ranks) > MAX_PAIRS:  # sorting all would take most of the time
        good = np.flatnonzero(ranks <= np.partition(ranks, MAX_PAIRS - 1)[MAX_PAIRS - 1])
        first, second, similarity, is_same = (
            each[good] for each in (first, second, similarity, is_same)
        )
    order = np.lexsort((second, first, -similarity, is_same))[:MAX_PAIRS]
    return first[order], second[order], similarity[order]


def _clusters(component: Positions, table: NDArray[np.integer]) -> list[list[int]]:
    """Return the components of several items, those with different keys first."""
    order = np.argsort(component, kind="stable")
    begins = np.flatnonzero(np.diff(component[order])) + 1
    several = [part for part in np.split(order, begins) if len(part) > 1]

    def is_same(part: Positions) -> bool:
        return bool((table[:, part] == table[:, part[:1]]).all())

    return [part.tolist() for part in sorted(several, key=lambda part: (is_same(part), -len(part)))]
