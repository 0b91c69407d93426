from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import ArrayLike
from scipy import special, stats
from sklearn import metrics

from catdog import Datasets, Evaluation, build_model, evaluate, load_datasets
from catdog._types import SPLITS, Split
from catdog.evaluation import _log_softmax, confusion_matrix, wilson_interval

SIZE = (24, 24)


@pytest.fixture
def data(image_folder: Path) -> Datasets:
    return load_datasets(image_folder, image_size=SIZE, batch_size=3)


def model_of(weights: ArrayLike, bias: ArrayLike = (0.0, 0.0)) -> keras.Model:
    """A model that looks at nothing but the mean of each colour."""
    layers = [keras.Input((*SIZE, 3)), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2)]
    model = keras.Sequential(layers)
    model.layers[-1].set_weights([np.array(weights), np.array(bias)])
    return model


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_interval_agrees_with_scipy(right_of_n: tuple[int, int]) -> None:
    right, n = right_of_n
    expected = stats.binomtest(right, n).proportion_ci(0.95, method="wilson")
    assert wilson_interval(right, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


@pytest.mark.parametrize("n", [1, 7, 192, 1000])
def test_interval_at_the_ends(n: int) -> None:
    low, high = wilson_interval(0, n)
    assert low == 0 < high < 1
    low, high = wilson_interval(n, n)
    assert 0 < low < 1 == high


def test_interval_of_the_posts_figure() -> None:
    low, high = wilson_interval(188, 192)
    assert (round(low, 3), round(high, 3)) == (0.948, 0.992)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60))
def test_confusion_matrix_agrees_with_sklearn(pairs: list[tuple[int, int]]) -> None:
    labels, predictions = np.array(pairs, np.int32).T
    expected = metrics.confusion_matrix(labels, predictions, labels=range(4))
    assert np.array_equal(confusion_matrix(labels, predictions, 4), expected)


@given(st.lists(st.lists(st.floats(-1e4, 1e4), min_size=3, max_size=3), min_size=1, max_size=9))
def test_log_softmax_agrees_with_scipy(rows: list[list[float]]) -> None:
    logits = np.array(rows)
    np.testing.assert_allclose(_log_softmax(logits), special.log_softmax(logits, axis=1), atol=1e-9)


@pytest.mark.parametrize("split", SPLITS)
def test_figures_agree_with_keras_and_sklearn(data: Datasets, split: Split) -> None:
    model = build_model("cnn", image_size=SIZE, seed=0)
    result = evaluate(model, data, split=split, verbose=0)
    assert isinstance(result, Evaluation)
    loss, accuracy = model.evaluate(getattr(data, split), verbose=0)
    assert result.accuracy == pytest.approx(accuracy)
    assert result.loss == pytest.approx(loss, rel=1e-4)
    assert result.n == len(data.paths(split)) == len(result.predictions)
    assert result.paths == data.paths(split)
    assert np.array_equal(result.labels, data.labels(split))
    assert result.predictions.dtype == np.int32
    np.testing.assert_allclose(result.probabilities.sum(axis=1), 1)
    assert np.array_equal(result.predictions, result.probabilities.argmax(axis=1))
    matrix = metrics.confusion_matrix(result.labels, result.predictions, labels=[0, 1])
    assert np.array_equal(result.confusion_matrix, matrix)
    assert result.interval == wilson_interval(matrix.trace(), result.n)
    assert result.baseline == 0.5
    assert result.majority == "cats"


def test_each_answer_belongs_to_its_path(data: Datasets) -> None:
    # Dogs are drawn brighter than cats (tint 50 and 0): brightness tells them apart.
    model = model_of([[-1.0, 1.0]] * 3, bias=(225.0, -225.0))
    result = evaluate(model, data, split="train", verbose=0)
    assert result.accuracy == 1
    for path, label in zip(result.paths, result.predictions, strict=True):
        assert path.parent.name == result.class_names[label]


def test_two_evaluations_are_equal_and_the_model_is_unchanged(data: Datasets) -> None:
    model = build_model("cnn_augmented", image_size=SIZE, seed=0)
    before = model.get_weights()
    first, second = (evaluate(model, data, verbose=0) for _ in range(2))
    assert np.array_equal(first.probabilities, second.probabilities)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_pictures_are_served_at_the_models_size(data: Datasets) -> None:
    assert evaluate(build_model("cnn", image_size=(40, 32)), data, verbose=0).n == 4


def test_a_model_that_is_not_compiled_is_judged_too(data: Datasets) -> None:
    assert evaluate(model_of(np.zeros((3, 2))), data, verbose=0).loss == pytest.approx(np.log(2))


def test_printed_block(data: Datasets) -> None:
    result = evaluate(model_of(np.zeros((3, 2))), data, verbose=0)
    assert str(result).splitlines() == [
        "test set: 2 of 4 pictures right",
        "  accuracy   50.0%  (95 % interval 15.0% to 85.0%)",
        "  baseline   50.0%  (always 'cats')",
        "  loss      0.6931",
        "  true class  cats  dogs  (predicted)",
        "  cats           2     0",
        "  dogs           2     0",
    ]


def test_weights_that_blew_up(data: Datasets) -> None:
    with pytest.raises(ValueError, match="not finite.*smaller learning rate"):
        evaluate(model_of(np.full((3, 2), np.nan)), data, verbose=0)


def test_unknown_split(data: Datasets) -> None:
    with pytest.raises(ValueError, match="split='valid' is not known. Did you mean 'validation'"):
        evaluate(model_of(np.zeros((3, 2))), data, split="valid")  # type: ignore[arg-type]


def test_number_of_classes(data: Datasets) -> None:
    with pytest.raises(ValueError, match="Build it with num_classes=2, or end it with"):
        evaluate(build_model("cnn", image_size=SIZE, num_classes=3), data)


def test_a_model_that_returns_probabilities_is_refused(data: Datasets) -> None:
    model = keras.Sequential([model_of(np.eye(3, 2)), keras.layers.Softmax()])
    with pytest.raises(ValueError, match="returns probabilities, but catdog needs logits. Take"):
        evaluate(model, data, verbose=0)
