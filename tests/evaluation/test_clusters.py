"""Average linkage agrees with SciPy's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import pdist
from sklearn.metrics import adjusted_rand_score

from catdog.evaluation.clusters import average_linkage, connected, cut, unit_vectors


def drawn(n: int, seed: int, spread: float) -> NDArray[np.float32]:
    """Return unit vectors around a few centres."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(max(n // 4, 1), 6))
    noise = spread * rng.normal(size=(n, 6))
    return unit_vectors((centres[rng.integers(len(centres), size=n)] + noise).astype(np.float32))


@given(st.integers(2, 60), st.integers(0, 10**6), st.sampled_from([0.1, 0.5, 2.0]))
def test_clusters_are_those_of_scipy(n: int, seed: int, spread: float) -> None:
    vectors = drawn(n, seed, spread)
    expected = linkage(pdist(vectors.astype(np.float64), "cosine"), "average")
    merges = average_linkage(vectors @ vectors.T, -0.2)
    above = expected[expected[:, 2] <= 1.2, 2]
    found = sorted(1 - merge.similarity for merge in merges)
    assert found == pytest.approx(sorted(above), abs=1e-4)
    for similarity in (0.9, 0.65, 0.3, 0.0):
        if np.abs(expected[:, 2] - (1 - similarity)).min() > 1e-4:  # no tie of the rounding
            clusters = cut(n, merges, similarity)
            same = fcluster(expected, 1 - similarity, "distance")
            assert adjusted_rand_score(clusters, same) == pytest.approx(1)


def test_equal_images_and_ties() -> None:
    vectors = unit_vectors(np.repeat(np.eye(3, dtype=np.float32), 5, axis=0))
    merges = average_linkage(vectors @ vectors.T, 0.5)
    assert len(merges) == 12
    assert cut(15, merges, 0.9).tolist() == [0] * 5 + [1] * 5 + [2] * 5


def test_similarities_that_rounding_made_unsymmetric_end() -> None:
    rng = np.random.default_rng(0)
    vectors = drawn(40, 0, 0.1)
    similarities = vectors @ vectors.T + rng.normal(0, 1e-7, (40, 40)).astype(np.float32)
    assert len(average_linkage(similarities, -1.1)) == 39


def test_vectors_of_zeros_have_no_similarity() -> None:
    units = unit_vectors(np.array([[0, 0], [3, 4]], np.float32))
    assert units.tolist() == [[0, 0], pytest.approx([0.6, 0.8])]


def test_connected_components() -> None:
    assert connected(5, [(0, 3), (3, 4)]).tolist().count(connected(5, [(0, 3), (3, 4)])[0]) == 3
    assert len(set(connected(5, []).tolist())) == 5
