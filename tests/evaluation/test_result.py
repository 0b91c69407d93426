import json
from dataclasses import asdict
from functools import cached_property

import numpy as np
import pytest
from hypothesis import given
from sklearn import metrics

from catdog import Evaluation
from tests.evaluations import answering, evaluations, make_evaluation


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


def test_auc_of_probabilities_that_round_to_one() -> None:
    logits = np.array([[0, 40.0], [0, 41.0], [0, 42.0], [0, 43.0]])
    result = make_evaluation([0, 0, 1, 1], logits)
    assert (result.probabilities[:, 1] == 1).all()
    assert result.auc == 1


def test_the_dictionary_has_every_metric() -> None:
    metrics_of_images = {
        name
        for name, value in vars(Evaluation).items()
        if isinstance(value, property | cached_property) and name != "correct"  # of each image
    }
    missing = metrics_of_images - set(answering([0], [0]).to_dict())
    assert not missing, f"add {missing} to Evaluation.to_dict"
