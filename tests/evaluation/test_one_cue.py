"""Predicting the class from one cue, by cross-validation."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.neighbors import KNeighborsClassifier

from catdog.data.split import stratified_split
from catdog.evaluation import one_cue
from catdog.evaluation.one_cue import predict_from_categories, predict_from_neighbours
from catdog.typing import Labels


def make_folds(labels: Labels, count: int = 5) -> tuple[NDArray[np.intp], ...]:
    return stratified_split(labels, [1 / count] * count, contents=range(len(labels)), seed=0)


def tossed(n: int, classes: int, seed: int = 0) -> Labels:
    return np.random.default_rng(seed).integers(0, classes, n).astype(np.int32)


@pytest.mark.parametrize("d", [1, 3])
def test_neighbours_are_those_of_scikit_learn(d: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_cue, "ROWS_AT_ONCE", 7)
    labels = tossed(100, 2)
    numbers = np.random.default_rng(1).normal(labels[:, np.newaxis], [1.0, 10.0, 0.1][:d], (100, d))
    folds = make_folds(labels, 4)
    expected = np.empty_like(labels)
    for fold in folds:
        others = np.setdiff1d(np.arange(100), fold)
        k = int(np.ceil(np.sqrt(len(others) / 2)))
        assert k % 2 == 1  # no ties between classes
        scaled = numbers / numbers.std(axis=0)
        expected[fold] = (
            KNeighborsClassifier(k).fit(scaled[others], labels[others]).predict(scaled[fold])
        )
    assert predict_from_neighbours(numbers, labels, folds).tolist() == expected.tolist()


def test_equal_numbers_vote_together_in_any_order() -> None:
    """Sorted by class, the first k of equally near images would be of one class."""
    labels = np.repeat([0, 1], [40, 60]).astype(np.int32)
    numbers = np.tile([[1.0], [2.0]], (50, 1))  # each class has as many of both
    predicted = predict_from_neighbours(numbers, labels, make_folds(labels))
    assert predicted.tolist() == [1] * 100  # the more common class
    order = np.random.default_rng(0).permutation(100)
    folds = make_folds(labels[order])
    assert predict_from_neighbours(numbers[order], labels[order], folds).tolist() == [1] * 100


def test_numbers_with_no_order_of_classes_are_learned() -> None:
    """The middle sizes are of one class: no threshold separates them."""
    numbers = np.random.default_rng(0).uniform(0, 3, (300, 1))
    labels = ((numbers[:, 0] > 1) & (numbers[:, 0] < 2)).astype(np.int32)
    predicted = predict_from_neighbours(numbers, labels, make_folds(labels))
    assert np.mean(predicted == labels) > 0.95


def test_categories_predict_their_most_common_class_in_the_other_folds() -> None:
    categories = ["a"] * 10 + ["b"] * 10 + ["only one"]
    labels = np.array([0] * 8 + [1] * 2 + [1] * 9 + [0] + [0], np.int32)
    predicted = predict_from_categories(categories, labels, make_folds(labels, 2))
    assert predicted[:20].tolist() == [0] * 10 + [1] * 10
    assert predicted[20] in (0, 1)  # unknown there: the majority class of the other fold


def test_a_category_of_one_image_predicts_the_majority_class() -> None:
    """Each name is unique: nothing but the share of the classes can be learned."""
    labels = np.repeat([0, 1, 2], [10, 50, 10]).astype(np.int32)
    names = [f"image {number}" for number in range(70)]
    assert set(predict_from_categories(names, labels, make_folds(labels))) == {1}


@pytest.mark.parametrize("counts", [(1000, 20), (500, 10), (300, 300, 60), (12, 8)])
def test_a_perfect_number_of_a_rare_class_is_learned(counts: tuple[int, ...]) -> None:
    labels = np.repeat(np.arange(len(counts)), counts).astype(np.int32)
    predicted = predict_from_neighbours(
        labels[:, np.newaxis].astype(np.float64), labels, make_folds(labels)
    )
    assert predicted.tolist() == labels.tolist()


def test_a_class_that_does_not_matter_leaves_the_number_of_neighbours() -> None:
    """Two images more or less among 800: a shortcut is found without them."""
    assert one_cue._neighbour_count(np.array([400.0, 400.0])) == 20
    assert one_cue._neighbour_count(np.array([400.0, 400.0, 2.0])) == 17
    assert one_cue._neighbour_count(np.array([400.0, 9.0])) == 9
    assert one_cue._neighbour_count(np.array([1.0, 0.0])) == 1
