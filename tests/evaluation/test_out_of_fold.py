import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from catdog.data.split import stratified_split
from catdog.evaluation.label_issues import rank
from catdog.evaluation.out_of_fold import log_posteriors, squared_distances

SIZE = (16, 16)
layers = keras.layers


def folds_of(labels: NDArray[np.int32], seed: int = 0) -> tuple[NDArray[np.intp], ...]:
    return stratified_split(labels, [0.2] * 5, contents=range(len(labels)), seed=seed)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**31 - 1), st.integers(2, 4), st.integers(1, 12))
def test_flipped_labels_come_first(seed: int, classes: int, flips: int) -> None:
    rng = np.random.default_rng(seed)
    true = np.repeat(np.arange(classes), 200 // classes).astype(np.int32)
    vectors = (8 * np.eye(classes, 20)[true] + rng.normal(size=(len(true), 20))).astype(np.float32)
    labels = true.copy()
    flipped = rng.permutation(len(true))[:flips]
    labels[flipped] = (true[flipped] + rng.integers(1, classes, flips)) % classes
    squares = squared_distances(vectors - vectors.mean(axis=0), labels, folds_of(labels))
    probabilities = np.exp(log_posteriors(squares, labels, 20))
    given_label = probabilities[np.arange(len(labels)), labels]
    order, _ = rank(given_label, squares.min(axis=1))
    assert set(flipped) <= set(order[: 2 * flips])
    assert set(np.argsort(given_label)[:flips]) == set(flipped)
    assert np.array_equal(probabilities[flipped].argmax(axis=1), true[flipped])


def test_distances_by_hand() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 20).astype(np.int32)
    vectors = rng.normal(size=(40, 3)).astype(np.float32)
    folds = folds_of(labels)
    squares = squared_distances(vectors, labels, folds)
    is_training = np.ones(40, bool)
    is_training[folds[1]] = False
    means = np.stack([vectors[is_training & (labels == label)].mean(axis=0) for label in (0, 1)])
    rest = vectors[is_training] - means[labels[is_training]]
    covariance = rest.T @ rest / len(rest)
    shrunk = 0.9 * covariance + 0.1 * np.trace(covariance) / 3 * np.eye(3)
    gaps = vectors[folds[1], np.newaxis] - means
    expected = np.einsum("ncf,fg,ncg->nc", gaps, np.linalg.inv(shrunk), gaps)
    assert squares[folds[1]] == pytest.approx(expected, rel=1e-3)


def test_fewer_images_than_features_and_features_that_are_all_equal() -> None:
    labels = np.repeat([0, 1], 10).astype(np.int32)
    for vectors in (np.random.default_rng(0).normal(size=(20, 50)), np.zeros((20, 50))):
        squares = squared_distances(vectors.astype(np.float32), labels, folds_of(labels))
        assert np.isfinite(squares).all()
        assert np.isfinite(log_posteriors(squares, labels, 50)).all()


@pytest.mark.parametrize("folds", [2, 5])
def test_features_that_are_nearly_equal(folds: int) -> None:
    """The covariance is the difference of large numbers, and must stay positive definite."""
    rng = np.random.default_rng(0)
    vectors = (1e4 + rng.normal(0, 1e-3, (40, 8))).astype(np.float32)
    labels = np.arange(40, dtype=np.int32) % 2
    squares = squared_distances(vectors, labels, np.array_split(np.arange(40), folds))
    assert np.isfinite(squares).all()
    assert (squares >= 0).all()
