import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catdog import Datasets, evaluate, load_datasets
from catdog.evaluation.coverage import coverage_curve
from catdog.inference.predict import predict
from catdog.matching import record_training
from tests.conftest import MakeFolder, make_colour_model
from tests.evaluations import with_confidences

SIZE = (8, 8)


@pytest.fixture
def data(make_folder: MakeFolder) -> Datasets:
    # Two kinds that can hardly be separated by their brightness: tints 0 and 50.
    return load_datasets(make_folder(cats=40, dogs=40), image_size=SIZE, validation_fraction=0.4)


def by_brightness(slope: float, middle: float = 75.0) -> keras.Model:
    """Logits of -slope and slope for each step of brightness above the middle."""
    weights = np.tile([-slope / 3, slope / 3], (3, 1))
    return make_colour_model(weights, middle * np.array([slope, -slope]), image_size=SIZE)


def test_coverage() -> None:
    curve = coverage_curve(with_confidences([0.9, 0.6, 0.9, 0.7], [True, False, True, False]))
    assert curve.thresholds.tolist() == [0.6, 0.7, 0.9]
    assert curve.answered.tolist() == [4, 3, 2]
    assert curve.right.tolist() == [2, 2, 2]
    assert curve.coverage.tolist() == [1, 0.75, 0.5]
    assert curve.accuracy.tolist() == [0.5, 2 / 3, 1]
    assert curve.n == 4
    assert curve.split == "validation"


@given(st.lists(st.tuples(st.floats(0.5, 1), st.booleans()), min_size=1, max_size=40))
def test_coverage_agrees_with_counting(pairs: list[tuple[float, bool]]) -> None:
    confidences, right = (list(column) for column in zip(*pairs, strict=True))
    curve = coverage_curve(with_confidences(np.clip(confidences, 0, 1 - 1e-9).tolist(), right))
    assert curve.coverage[0] == 1
    for threshold, answered, correct in zip(
        curve.thresholds, curve.answered, curve.right, strict=True
    ):
        kept = np.clip(confidences, 0, 1 - 1e-9) >= threshold
        assert answered == kept.sum()
        assert correct == (kept & np.array(right)).sum()


def test_the_curve_agrees_with_unsure_below(data: Datasets) -> None:
    model = by_brightness(0.02, middle=50)
    record_training(model, data)
    evaluation = evaluate(model, data, split="validation", verbose=0)
    curve = coverage_curve(evaluation)
    threshold = float(curve.thresholds[5]) - 1e-6
    answers = predict(model, evaluation.paths, unsure_below=threshold)
    assert sum(answer.label is not None for answer in answers) == curve.answered[5]


def test_printed_curve() -> None:
    curve = coverage_curve(
        with_confidences([0.97] * 50 + [0.75] * 30 + [0.55] * 20, [True] * 70 + [False] * 30)
    )
    assert str(curve).splitlines() == [
        "100 images of the validation set, 95 % confidence intervals",
        "  unsure below  answered  coverage  accuracy         interval",
        "  0%                 100    100.0%     70.0%   60.4% to 78.1%",
        "  60%                 80     80.0%     87.5%   78.5% to 93.1%",
        "  70%                 80     80.0%     87.5%   78.5% to 93.1%",
        "  80%                 50     50.0%    100.0%  92.9% to 100.0%",
        "  90%                 50     50.0%    100.0%  92.9% to 100.0%",
        "  95%                 50     50.0%    100.0%  92.9% to 100.0%",
    ]
    assert repr(curve) == "<CoverageCurve: 100 images of the validation set>"
