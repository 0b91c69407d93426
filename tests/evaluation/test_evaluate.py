import copy
import json
import pickle
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import given
from numpy.typing import ArrayLike
from sklearn import metrics

from catdog import Datasets, Evaluation, build_model, evaluate, load_datasets
from catdog.evaluation.metrics import wilson_interval
from catdog.models.metadata import ModelMetadata, attach_metadata
from catdog.typing import SPLITS, Split
from tests.conftest import make_colour_model
from tests.evaluations import answering, evaluations, make_evaluation

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


def test_printed_block(data: Datasets) -> None:
    result = evaluate(model_of(np.zeros((3, 2))), data, verbose=0)
    assert str(result).splitlines() == [
        "test set: 2 of 4 images right",
        "  accuracy      50.0%  (95 % confidence interval 15.0% to 85.0%)",
        "  baseline      50.0%  (majority class 'cats'): the interval is not above it",
        "  loss         0.6931",
        "  AUC          0.5000",
        "  calibration    0.0%  (expected calibration error)",
        "  class  precision  recall     F1  images",
        "  cats       50.0%  100.0%  66.7%       2",
        "  dogs        0.0%    0.0%   0.0%       2",
        "  true class  cats  dogs  (predicted)",
        "  cats           2     0",
        "  dogs           2     0",
        "  fewer than 10 images, too few for figures of a class: 'cats', 'dogs'",
        "  never predicted, so precision counts as 0: 'dogs'",
        "  test set evaluated 1 time",
    ]
    assert repr(result) == "<Evaluation: test set: 2 of 4 images right>"


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


@given(evaluations())
def test_metrics_of_any_predictions_agree_with_sklearn(result: Evaluation) -> None:
    labels, predictions = result.labels, result.predictions
    classes = range(len(result.class_names))
    expected = metrics.precision_recall_fscore_support(
        labels, predictions, labels=classes, zero_division=0
    )
    scores = np.array([list(asdict(score).values()) for score in result.per_class.values()])
    np.testing.assert_allclose(scores.T, expected)
    macro = metrics.f1_score(labels, predictions, labels=classes, average="macro", zero_division=0)
    assert result.macro_f1 == pytest.approx(macro)
    matrix = metrics.confusion_matrix(labels, predictions, labels=classes)
    assert np.array_equal(result.confusion_matrix, matrix)
    if len(classes) == 2 and len(set(labels)) == 2:
        first, second = np.maximum(result.probabilities, 1e-320).T
        area = metrics.roc_auc_score(labels, np.log(second) - np.log(first))
        assert result.auc == pytest.approx(area)
    else:
        assert result.auc is None


@given(evaluations())
def test_evaluation_as_a_dictionary(result: Evaluation) -> None:
    record = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    for name in ("accuracy", "baseline", "loss", "auc", "calibration_error", "macro_f1", "n"):
        assert record[name] == getattr(result, name)
    assert record["interval"] == list(result.interval)
    assert record["per_class"] == {name: asdict(one) for name, one in result.per_class.items()}
    assert record["confusion_matrix"] == result.confusion_matrix.tolist()


@given(evaluations())
def test_images_by_loss(result: Evaluation) -> None:
    images = result.top_losses(result.n + 1)
    assert [one.loss for one in images] == sorted(result.losses, reverse=True)
    assert sorted(one.path for one in images) == sorted(result.paths)
    for one in images:
        position = result.paths.index(one.path)
        assert one.label == result.class_names[result.labels[position]]
        assert one.predicted == result.class_names[result.predictions[position]]
        assert one.probability == result.probabilities[position].max()
        assert one.loss == result.losses[position]


def test_number_of_top_losses() -> None:
    result = make_evaluation([0] * 20, np.zeros((20, 2)))
    assert [one.path for one in result.top_losses()] == list(result.paths[:9])  # ties: as in paths
    with pytest.raises(ValueError, match="k must be a whole number of at least 1, not 0"):
        result.top_losses(0)


def test_most_confused() -> None:
    labels, predictions = [0, 0, 1, 2, 2, 2, 2], [1, 0, 2, 1, 1, 0, 2]
    result = make_evaluation(labels, np.eye(3)[predictions], class_names=("a", "b", "c"))
    assert result.most_confused() == [("c", "b", 2), ("a", "b", 1), ("b", "c", 1), ("c", "a", 1)]
    assert answering([0, 1], [0, 1]).most_confused() == []


@pytest.mark.parametrize(("right", "beats"), [(59, False), (60, True)])
def test_the_whole_interval_must_lie_above_the_baseline(right: int, beats: bool) -> None:
    result = answering([0] * 100, [0] * right + [1] * (100 - right))
    assert (result.interval[0] > 0.5) is result.beats_baseline is beats


def test_many_classes_do_not_fill_the_screen() -> None:
    logits = np.eye(120)[np.arange(119) // 2 * 2]  # every second one is predicted as its neighbour
    result = make_evaluation(range(119), logits, class_names=tuple(f"dog {i}" for i in range(120)))
    lines = str(result).splitlines()
    assert len(lines) < 35
    assert max(map(len, lines)) < 250
    assert "  10 of 120 classes, the lowest F1 first:" in lines
    assert "  dog 1        0.0%    0.0%  0.0%       1" in lines
    assert "  true class  predicted class  images" in lines
    assert "  dog 1                 dog 0       1" in lines
    assert lines[-2] == "  no images, so recall counts as 0: 'dog 119'"
    assert lines[-1].endswith("'dog 19', ... and 50 more")


def test_long_names_do_not_fill_the_screen() -> None:
    names = tuple(letter * 40 for letter in "abcdef")
    result = make_evaluation([0, 1], np.eye(6)[[0, 2]], class_names=names)
    assert max(map(len, str(result).splitlines()[:-2])) < 120


def test_a_notebook_shows_tables_of_escaped_names() -> None:
    names = ("<img src=x>", "a & b")
    html = make_evaluation(
        [0, 1], np.eye(2), class_names=names, test_evaluations=2, split="test"
    )._repr_html_()
    assert "<b>test set: 2 of 2 images right</b>" in html
    assert "<td>&lt;img src=x&gt;</td><td>100.0%</td>" in html
    assert "<th>a &amp; b</th>" in html
    assert "<p>test set evaluated 2 times</p>" in html
    assert "<img" not in html


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


def test_auc_of_probabilities_that_round_to_one() -> None:
    logits = np.array([[0, 40.0], [0, 41.0], [0, 42.0], [0, 43.0]])
    result = make_evaluation([0, 0, 1, 1], logits)
    assert (result.probabilities[:, 1] == 1).all()
    assert result.auc == 1
