import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import PredefinedSplit, cross_val_predict

from catdog.evaluation.linear_probe import cross_validated_predictions, principal_components
from catdog.typing import Labels

FOLDS = [np.arange(start, 300, 3) for start in range(3)]


def drawn(features: int = 12, images: int = 300) -> tuple[NDArray[np.float32], Labels]:
    """Return vectors of three classes, which overlap a little."""
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=images).astype(np.int32)
    vectors = rng.normal(size=(images, features)) + 2 * np.eye(3, features)[labels]
    return vectors.astype(np.float32), labels


def predicted(
    vectors: NDArray[np.float32], labels: Labels, folds: list[NDArray[np.intp]] = FOLDS
) -> Labels:
    return cross_validated_predictions(principal_components(vectors), labels, folds)


@pytest.mark.parametrize(("features", "images"), [(4, 60), (12, 300), (64, 120), (400, 150)])
def test_it_predicts_what_sklearn_does(features: int, images: int) -> None:
    """A few steps would not do: with few images, the first weights would still decide."""
    vectors, labels = drawn(features, images)
    fold_of = np.arange(images) % 3
    scaled = vectors - vectors.mean(axis=0)
    scaled /= np.sqrt(np.square(scaled).mean())
    expected = cross_val_predict(
        LogisticRegression(max_iter=1000), scaled, labels, cv=PredefinedSplit(fold_of)
    )
    found = predicted(vectors, labels, [np.flatnonzero(fold_of == fold) for fold in range(3)])
    assert np.mean(found == expected) >= 0.95
    assert np.mean(found == labels) == pytest.approx(np.mean(expected == labels), abs=0.015)


def test_labels_of_a_fold_do_not_change_its_predictions() -> None:
    vectors, labels = drawn()
    before = predicted(vectors, labels)
    other = labels.copy()
    other[FOLDS[0]] = (labels[FOLDS[0]] + 1) % 3
    after = predicted(vectors, other)
    assert np.mean(after[FOLDS[0]] == before[FOLDS[0]]) >= 0.99
    assert not np.array_equal(after, before)


def test_the_scale_of_the_features_has_no_influence() -> None:
    vectors, labels = drawn()
    first = predicted(vectors, labels)
    assert np.array_equal(predicted(vectors, labels), first)
    assert np.array_equal(predicted(1024 * vectors + 50, labels), first)


def test_features_of_zeros_give_the_majority_class() -> None:
    _, labels = drawn()
    found = predicted(np.zeros((300, 12), np.float32), labels)
    others = np.setdiff1d(np.arange(300), FOLDS[0])
    assert set(found[FOLDS[0]]) == {np.bincount(labels[others]).argmax()}
