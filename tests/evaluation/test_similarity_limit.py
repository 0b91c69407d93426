"""The similarity from which on two images are near duplicates."""

import numpy as np
import pytest
from numpy.typing import NDArray

from catdog.evaluation import similarity_limit
from catdog.evaluation.similar_pairs import find_similar_pairs
from catdog.evaluation.similarity_limit import near_duplicate_limit

Vectors = NDArray[np.float32]


def tossed(n: int) -> NDArray[np.int32]:
    labels: NDArray[np.int32] = (np.arange(n) % 2).astype(np.int32)
    return labels


def bursts(scenes: int, frames: int, features: int = 64) -> Vectors:
    """Return frames of scenes, most pairs of one scene with a similarity of 0.85 to 0.95."""
    rng = np.random.default_rng(0)
    still = np.repeat(rng.normal(size=(scenes, features)), frames, axis=0)
    vectors = still + 0.3 * rng.normal(size=still.shape)
    centred: Vectors = (vectors - vectors.mean(axis=0)).astype(np.float32)
    return centred


@pytest.mark.parametrize("features", [4, 8, 16, 64, 512])
@pytest.mark.parametrize("n", [60, 300])
def test_images_on_their_own_have_hardly_any_partner(features: int, n: int) -> None:
    pairs = 0
    for seed in range(5):
        vectors = np.random.default_rng(seed).normal(size=(n, features)).astype(np.float32)
        vectors -= vectors.mean(axis=0)
        limit = near_duplicate_limit(vectors, tossed(n))
        pairs += find_similar_pairs(vectors, limit, [tossed(n)]).count
        assert limit == 0.8 or features <= 16
    assert pairs <= 5 * (0.02 * n + 1)


def test_classes_in_few_directions() -> None:
    """Features of a network trained for these two classes: the class is most of them."""
    rng = np.random.default_rng(0)
    labels = tossed(400)
    vectors = 0.15 * rng.normal(size=(400, 40)) * rng.exponential(size=40)
    vectors[:, 0] += 2.0 * labels - 1
    vectors = (vectors - vectors.mean(axis=0)).astype(np.float32)
    limit = near_duplicate_limit(vectors, labels)
    assert find_similar_pairs(vectors, 0.8, [labels]).count > 100
    assert find_similar_pairs(vectors, limit, [labels]).count <= 0.03 * 400


@pytest.mark.parametrize(("scenes", "frames"), [(6, 8), (10, 20), (60, 8), (60, 20)])
def test_bursts_do_not_raise_it(scenes: int, frames: int) -> None:
    vectors = bursts(scenes, frames)
    labels = np.repeat(tossed(scenes), frames)
    assert near_duplicate_limit(vectors, labels) <= 0.85


def test_a_large_folder_is_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similarity_limit, "MAX_SAMPLE", 200)
    vectors = np.random.default_rng(0).normal(size=(2000, 8)).astype(np.float32)
    assert 0.9 < near_duplicate_limit(vectors, tossed(2000)) < 0.995


def test_images_without_another_of_their_class() -> None:
    vectors = np.random.default_rng(0).normal(size=(2, 3)).astype(np.float32)
    assert near_duplicate_limit(vectors, tossed(2)) == 0.8


def test_features_that_are_all_the_same_but_one() -> None:
    vectors = np.zeros((20, 5), np.float32)
    vectors[0] = 1
    assert near_duplicate_limit(vectors - vectors.mean(axis=0), tossed(20)) == 0.999
