"""Clusters of similar images: cosine similarity of features, and average linkage."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
"""One row for each image."""


class Merge(NamedTuple):
    """Two clusters that average linkage merges, each named by the position of one of its images.

    Attributes:
        first: An image of one cluster.
        second: An image of the other.
        similarity: Mean similarity of the pairs of an image of each.
    """

    first: int
    second: int
    similarity: float


def unit_vectors(vectors: Vectors) -> Vectors:
    """Return vectors of length 1: their products are cosine similarities. Zeros stay zeros."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    units: Vectors = vectors / np.maximum(lengths, np.finfo(np.float32).tiny)
    return units


def average_linkage(similarities: NDArray[np.float32], lowest: float) -> list[Merge]:
    """Cluster by average linkage (UPGMA), down to a similarity.

    The nearest-neighbour chain finds the merges that the usual algorithm finds, in another order:
    each cluster points to the one most similar to it, and where two point to each other, they
    merge. It takes `O(n ** 2)` steps and two matrices of `(n, n)`.

    Args:
        similarities: Shape `(n, n)`, symmetric up to rounding.
        lowest: Clusters of a lower mean similarity are not merged.

    Returns:
        The merges, for `cut`.

    Source: F. Murtagh, "A Survey of Recent Advances in Hierarchical Clustering Algorithms", The
    Computer Journal 26 (1983), for the chain; as scipy.cluster.hierarchy.linkage(method="average").
    """
    left = np.minimum(similarities, similarities.T)  # exactly symmetric, or the chain could cycle
    np.fill_diagonal(left, -np.inf)
    sizes = np.ones(len(left), np.float32)
    merges: list[Merge] = []
    for start in range(len(left)):
        chain = [start]
        while chain:
            top = chain[-1]
            nearest = int(left[top].argmax())
            similarity = float(left[top, nearest])
            if similarity < lowest:  # also where the cluster was merged into another
                break
            if len(chain) > 1 and left[top, chain[-2]] == similarity:  # of ties, the one before
                kept = chain[-2]
                merges.append(Merge(top, kept, similarity))
                _merge(left, sizes, top, kept)
                chain = chain[:-2] or [kept]
            else:
                chain.append(nearest)
    return merges


def _merge(left: NDArray[np.float32], sizes: NDArray[np.float32], gone: int, kept: int) -> None:
    """Merge a cluster into another: the new similarities are means, weighted by size."""
    total = sizes[gone] + sizes[kept]
    row = (sizes[gone] * left[gone] + sizes[kept] * left[kept]) / total
    left[kept] = left[:, kept] = row
    left[gone] = left[:, gone] = -np.inf
    sizes[kept] = total


def cut(count: int, merges: Iterable[Merge], similarity: float) -> NDArray[np.intp]:
    """Return the cluster of each image, numbered from 0, with the merges from a similarity on."""
    return connected(count, [merge[:2] for merge in merges if merge.similarity >= similarity])


def connected(count: int, pairs: Sequence[tuple[int, int]]) -> NDArray[np.intp]:
    """Return the connected component of each of `count` items, numbered from 0.

    Args:
        count: Number of items.
        pairs: Items that are connected.
    """
    parent = list(range(count))

    def root(item: int) -> int:
        while (above := parent[item]) != item:
            parent[item] = item = parent[above]
        return item

    for first, second in pairs:
        parent[root(first)] = root(second)
    return np.unique([root(item) for item in range(count)], return_inverse=True)[1]
