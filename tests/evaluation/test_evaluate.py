import copy
import pickle
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from numpy.typing import ArrayLike
from sklearn import metrics

from catdog import Datasets, Evaluation, build_model, evaluate, load_datasets
from catdog.evaluation.metrics import wilson_interval
from catdog.models.metadata import ModelMetadata, attach_metadata
from catdog.typing import SPLITS, Split
from tests.conftest import make_colour_model

SIZE = (24, 24)


@pytest.fixture
def data(image_folder: Path) -> Datasets:
    return load_datasets(image_folder, image_size=SIZE, batch_size=3)


def model_of(weights: ArrayLike, bias: ArrayLike = (0.0, 0.0)) -> keras.Model:
    """Return a model of the mean of each colour."""
    return make_colour_model(weights, bias, image_size=SIZE)


@pytest.mark.parametrize("split", SPLITS)
def test_metrics_agree_with_keras_and_sklearn(data: Datasets, split: Split) -> None:
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
    np.testing.assert_allclose(result.losses.mean(), result.loss)
    assert np.array_equal(result.predictions, result.probabilities.argmax(axis=1))
    matrix = metrics.confusion_matrix(result.labels, result.predictions, labels=[0, 1])
    assert np.array_equal(result.confusion_matrix, matrix)
    assert result.interval == wilson_interval(matrix.trace(), result.n)
    assert result.baseline == 0.5
    assert result.majority == "cats"


def test_a_model_of_other_classes_is_refused(data: Datasets) -> None:
    model = model_of([[-1.0, 1.0]] * 3)
    attach_metadata(model, ModelMetadata(("roses", "tulips"), SIZE))
    with pytest.raises(ValueError, match="on the classes roses, tulips, but the data has cats"):
        evaluate(model, data, verbose=0)


def test_each_prediction_belongs_to_its_path(data: Datasets) -> None:
    # Dogs are drawn brighter than cats (tint 50 and 0): brightness separates them.
    model = model_of([[-1.0, 1.0]] * 3, bias=(225.0, -225.0))
    result = evaluate(model, data, split="train", verbose=0)
    assert result.accuracy == 1
    for path, label in zip(result.paths, result.predictions, strict=True):
        assert path.parent.name == result.class_names[label]


def test_a_perfect_and_confident_model(data: Datasets) -> None:
    model = model_of([[-1e3, 1e3]] * 3, bias=(225e3, -225e3))
    result = evaluate(model, data, split="train", verbose=0)
    assert (result.accuracy, result.loss, result.auc, result.calibration_error) == (1, 0, 1, 0)
    assert "  loss         0.0000" in str(result).splitlines()  # and not -0.0000


def test_two_evaluations_are_equal_and_the_model_is_unchanged(data: Datasets) -> None:
    model = build_model("cnn_augmented", image_size=SIZE, seed=0)
    before = model.get_weights()
    first, second = (evaluate(model, data, verbose=0) for _ in range(2))
    assert np.array_equal(first.probabilities, second.probabilities)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_images_are_resized_to_the_model(data: Datasets) -> None:
    result = evaluate(build_model("cnn", image_size=(40, 32)), data, verbose=0)
    assert (result.n, result.image_size) == (4, (40, 32))


def test_a_model_that_is_not_compiled(data: Datasets) -> None:
    assert evaluate(model_of(np.zeros((3, 2))), data, verbose=0).loss == pytest.approx(np.log(2))


def test_weights_that_are_not_finite(data: Datasets) -> None:
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
    with pytest.raises(ValueError, match="ends in softmax, but catdog needs logits. Take"):
        evaluate(model, data, verbose=0)
    hidden = keras.Sequential([model_of(np.eye(3, 2)), keras.layers.Lambda(keras.ops.softmax)])
    with pytest.raises(ValueError, match="returns probabilities, but catdog needs logits"):
        evaluate(hidden, data, verbose=0)  # of 4 images


def test_test_evaluations_are_counted(data: Datasets) -> None:
    model, small = model_of(np.zeros((3, 2))), build_model("cnn", image_size=(30, 30))
    assert data.test_evaluations == 0
    first, second = (evaluate(each, data, verbose=0) for each in (model, small))
    assert (first.test_evaluations, second.test_evaluations) == (1, 2)
    assert evaluate(model, data, split="validation", verbose=0).test_evaluations is None
    assert evaluate(model, data, split="train", verbose=0).test_evaluations is None
    assert evaluate(model, data.at((40, 40)), verbose=0).test_evaluations == 3
    assert data.test_evaluations == data.at((50, 50)).test_evaluations == 3
    assert first.test_evaluations == 1  # a record does not change


def test_a_failed_test_evaluation_is_not_counted(data: Datasets) -> None:
    with pytest.raises(ValueError, match="not finite"):
        evaluate(model_of(np.full((3, 2), np.nan)), data, verbose=0)
    assert data.test_evaluations == 0


@pytest.mark.parametrize("copy_of", [copy.deepcopy, lambda data: pickle.loads(pickle.dumps(data))])
def test_a_copy_keeps_the_number_of_test_evaluations(
    data: Datasets, copy_of: Callable[[Datasets], Datasets]
) -> None:
    model = model_of(np.zeros((3, 2)))
    data.at((30, 30))
    evaluate(model, data, verbose=0)
    again = copy_of(data)
    assert (
        evaluate(model, again, verbose=0).test_evaluations
        == again.at((30, 30)).test_evaluations
        == 2
    )
    assert data.test_evaluations == 1


def test_an_evaluation_can_be_pickled(data: Datasets) -> None:
    result = evaluate(model_of(np.zeros((3, 2))), data, verbose=0)
    assert str(pickle.loads(pickle.dumps(result))) == str(result)
