import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import PredefinedSplit, cross_val_predict

from catdog.evaluation import linear_probe
from catdog.evaluation.linear_probe import cross_validated_predictions
from catdog.typing import Labels

FOLDS = [np.arange(start, 300, 3) for start in range(3)]


def drawn(seed: int = 0) -> tuple[NDArray[np.float32], Labels]:
    """Return 300 vectors of three classes, which overlap a little."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(3, size=300).astype(np.int32)
    vectors = rng.normal(size=(300, 12)) + 2 * np.eye(3, 12)[labels]
    return vectors.astype(np.float32), labels


def test_it_is_as_accurate_as_sklearn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear_probe, "EPOCHS", 200)  # sklearn trains until nothing changes
    vectors, labels = drawn()
    fold_of = np.arange(300) % 3
    expected = cross_val_predict(LogisticRegression(), vectors, labels, cv=PredefinedSplit(fold_of))
    found = cross_validated_predictions(vectors, labels, FOLDS, seed=0)
    assert np.mean(expected == labels) > 0.75
    assert np.mean(found == expected) > 0.95


def test_labels_of_a_fold_do_not_change_its_predictions() -> None:
    vectors, labels = drawn()
    before = cross_validated_predictions(vectors, labels, FOLDS, seed=0)
    other = labels.copy()
    other[FOLDS[0]] = (labels[FOLDS[0]] + 1) % 3
    after = cross_validated_predictions(vectors, other, FOLDS, seed=0)
    assert np.array_equal(after[FOLDS[0]], before[FOLDS[0]])
    assert not np.array_equal(after, before)


def test_the_seed_and_the_scale_of_the_features() -> None:
    vectors, labels = drawn()
    first = cross_validated_predictions(vectors, labels, FOLDS, seed=0)
    assert np.array_equal(cross_validated_predictions(vectors, labels, FOLDS, seed=0), first)
    assert np.array_equal(cross_validated_predictions(1024 * vectors, labels, FOLDS, seed=0), first)
    assert not np.array_equal(cross_validated_predictions(vectors, labels, FOLDS, seed=1), first)


def test_features_of_zeros_give_one_class() -> None:
    _, labels = drawn()
    zeros = np.zeros((300, 12), np.float32)
    assert len(set(cross_validated_predictions(zeros, labels, FOLDS, seed=0)[FOLDS[0]])) == 1
