import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from catdog.evaluation import similar_pairs
from catdog.evaluation.clusters import unit_vectors
from catdog.evaluation.similar_pairs import find_similar_pairs


@given(st.integers(1, 40), st.integers(0, 10**6), st.integers(1, 9), st.sampled_from([0.5, 0.9]))
def test_all_pairs_are_found_in_blocks(n: int, seed: int, block: int, least: float) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(n, 3)).astype(np.float32)
    keys = [rng.integers(2, size=n), rng.integers(3, size=n)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(similar_pairs, "BLOCK_ROWS", block)
        found = find_similar_pairs(vectors, least, keys)
    units = unit_vectors(vectors).astype(np.float64)
    products = units @ units.T
    first, second = np.nonzero(np.triu(products >= least, 1))
    pairs = set(zip(first.tolist(), second.tolist(), strict=True))
    assert set(zip(found.first.tolist(), found.second.tolist(), strict=True)) == pairs
    assert found.count == len(pairs)
    expected_similarity = products[found.first, found.second]
    assert found.similarity == pytest.approx(expected_similarity, abs=1e-5)
    assert found.different == [sum(key[a] != key[b] for a, b in pairs) for key in keys]
    graph = coo_array((np.ones(len(first)), (first, second)), shape=(n, n))
    number, component = connected_components(graph)
    expected = [np.flatnonzero(component == each).tolist() for each in range(number)]
    assert sorted(found.clusters) == sorted(each for each in expected if len(each) > 1)


def test_different_keys_come_first_then_the_most_similar() -> None:
    angles = np.array([0.0, 0.01, 1.0, 1.02, 1.03, 2.0, 2.2])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    classes, splits = np.array([0, 0, 0, 0, 0, 0, 1]), np.array([0, 0, 1, 1, 1, 0, 0])
    found = find_similar_pairs(vectors, 0.95, [classes, splits])
    assert found.clusters == [[5, 6], [2, 3, 4], [0, 1]]
    assert (found.first[0], found.second[0]) == (5, 6)  # the least similar, in two classes
    assert found.similarity[1:].tolist() == sorted(found.similarity[1:], reverse=True)
    assert found.different == [1, 0]


@pytest.mark.parametrize("angles", [0.0, 1.0])
def test_the_best_of_a_long_list(angles: float, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    vectors = np.stack([np.ones(60), angles * rng.normal(size=60)], axis=1).astype(np.float32)
    classes = rng.integers(2, size=60)
    every = find_similar_pairs(vectors, 0.5, [classes])
    monkeypatch.setattr(similar_pairs, "MAX_PAIRS", 40)
    monkeypatch.setattr(similar_pairs, "BLOCK_ROWS", 7)
    best = find_similar_pairs(vectors, 0.5, [classes])
    assert len(best.first) == 40
    assert np.array_equal(best.similarity, every.similarity[:40])
    assert np.array_equal(best.first, every.first[:40])
    assert np.array_equal(best.second, every.second[:40])


def test_images_that_are_all_alike_take_seconds() -> None:
    rng = np.random.default_rng(0)
    vectors = (1 + 0.05 * rng.normal(size=(2500, 16))).astype(np.float32)
    begin = time.process_time()
    found = find_similar_pairs(vectors, 0.8, [np.arange(2500) % 2])
    assert time.process_time() - begin < 3
    assert found.count == 2500 * 2499 // 2


def test_a_long_list_is_cut_but_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similar_pairs, "MAX_PAIRS", 10)
    monkeypatch.setattr(similar_pairs, "BLOCK_ROWS", 4)
    vectors = np.ones((30, 2), np.float32)
    classes = np.array([0] * 29 + [1])
    found = find_similar_pairs(vectors, 0.9, [classes])
    assert found.count == 30 * 29 // 2
    assert found.different == [29]
    assert len(found.first) == 10
    assert set(found.second.tolist()) == {29}
    assert found.clusters == [list(range(30))]
