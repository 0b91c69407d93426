from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from numpy.typing import NDArray

from catdog import (
    leaderboard,
    plot_calibration,
    plot_confusion,
    plot_coverage,
    plot_leaderboard,
)
from catdog.evaluation.metrics import wilson_interval
from tests.evaluations import answering, make_evaluation, with_confidences


def points_of(axes: Axes) -> NDArray[Any]:
    """Return where the round marks of a figure are."""
    line = next(line for line in axes.lines if line.get_marker() == "o")
    return np.asarray(line.get_xydata())


def segments_of(axes: Axes) -> list[NDArray[Any]]:
    """Return x and y of both ends of the lines of each collection, shape `(lines, 2, 2)`."""
    return [
        np.array(lines.get_segments())
        for lines in axes.collections
        if isinstance(lines, LineCollection)
    ]


def test_confusion() -> None:
    result = make_evaluation([0] * 10 + [1] * 4, np.eye(2)[[0] * 7 + [1] * 3 + [1] * 4])
    axes = plot_confusion(result)
    assert [label.get_text() for label in axes.get_xticklabels()] == ["class 0", "class 1"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted class", "true class")
    shares = np.array([[0.7, 0.3], [0, 1]])
    np.testing.assert_allclose(np.asarray(axes.images[0].get_array()), shares)
    assert axes.images[0].get_clim() == (0, 1)
    cells = {
        text.get_position(): (text.get_text(), text.get_color()) for text in axes.texts
    }  # an empty cell holds no text
    assert cells == {
        (0, 0): ("7\n70%", "white"),
        (1, 0): ("3\n30%", "black"),
        (1, 1): ("4\n100%", "white"),
    }
    assert axes.get_title() == "validation set, 78.6% of 14 right"


@pytest.mark.parametrize("classes", [2, 10, 20, 120])
def test_confusion_of_any_number_of_classes_is_readable(classes: int) -> None:
    axes = plot_confusion(make_evaluation(range(classes), np.eye(classes)))
    figure = axes.figure
    assert isinstance(figure, Figure)
    figure.canvas.draw()
    assert max(figure.get_size_inches()) < 16
    cell = axes.get_window_extent().height / classes
    names = axes.get_yticklabels()
    assert len(names) == classes
    assert all(name.get_window_extent().height < 1.3 * cell for name in names)
    assert all(text.get_window_extent().height < cell for text in axes.texts)
    assert len(axes.texts) == (classes if classes <= 20 else 0)


LONG = tuple(f"golden retrievers with long hair, {number}" for number in range(6))


@pytest.mark.parametrize("names", [LONG[:2], LONG, ("a\nb", "x" * 300), ("$x^2$", "y")])
def test_confusion_of_classes_of_any_name_is_readable(names: tuple[str, ...]) -> None:
    axes = plot_confusion(make_evaluation(range(len(names)), np.eye(len(names)), class_names=names))
    axes.figure.canvas.draw()
    written = [*axes.get_xticklabels(), *axes.get_yticklabels()]
    assert len({name.get_text() for name in written}) == len(names)
    for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
        boxes = [label.get_window_extent() for label in labels]
        assert not any(a.overlaps(b) for a, b in pairwise(boxes))
    figure_box = axes.figure.bbox
    assert all(figure_box.contains(*corner) for name in written for corner in corners(name))
    cell = axes.get_window_extent().height / len(names)
    assert all(text.get_window_extent().height < cell for text in axes.texts)


def corners(text: Text) -> NDArray[Any]:
    return text.get_window_extent().corners()


def test_calibration() -> None:
    # Two classes: four images at 0.8, of which three are right, and one at 0.5.
    logits = [[np.log(4), 0]] * 4 + [[0, 0]]
    figure = plot_calibration(make_evaluation([0, 0, 0, 1, 1], logits))
    above, below = figure.axes
    np.testing.assert_allclose(points_of(above), np.array([(0.5, 0), (0.8, 0.75)]))
    (bars,) = segments_of(above)
    intervals = np.array([wilson_interval(0, 1), wilson_interval(3, 4)])
    np.testing.assert_allclose(bars[..., 1], intervals, atol=1e-12)
    bins = [bar for bar in below.patches if isinstance(bar, Rectangle) and bar.get_height()]
    assert [(round(bar.get_x(), 3), bar.get_height()) for bar in bins] == [(0.467, 1), (0.733, 4)]
    assert [text.get_text() for text in below.texts if text.get_text()] == ["1", "4"]
    assert above.get_title() == "validation set, expected calibration error 14.0%"
    assert below.get_xlim() == pytest.approx((7 / 15, 1.02))


@pytest.mark.parametrize("classes", [3, 120])
def test_calibration_shows_the_lowest_possible_confidence(classes: int) -> None:
    figure = plot_calibration(make_evaluation([0], np.zeros((1, classes))))
    assert figure.axes[1].get_xlim()[0] <= 1 / classes


def test_leaderboard() -> None:
    evaluations = {
        "poor": answering([0] * 10, [1] * 8 + [0] * 2),
        "$good^$": answering([0] * 10, [0] * 10),
    }
    axes = plot_leaderboard(leaderboard(evaluations))
    axes.figure.canvas.draw()
    assert [label.get_text() for label in axes.get_yticklabels()] == [r"\$good^\$", "poor"]
    assert axes.yaxis_inverted()  # the best is at the top
    np.testing.assert_allclose(points_of(axes), np.array([(1, 0), (0.2, 1)]))
    bars, baselines = segments_of(axes)
    intervals = np.array([wilson_interval(10, 10), wilson_interval(2, 10)])
    np.testing.assert_allclose(bars[..., 0], intervals)
    assert (baselines[..., 0] == 0.5).all()
    assert axes.get_xlabel() == "accuracy on 10 images of the validation set"


def test_leaderboard_of_models_named_by_numbers() -> None:
    evaluation = answering([0, 1], [0, 1])
    axes = plot_leaderboard(leaderboard({16: evaluation, 32: evaluation}))  # type: ignore[dict-item]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["16", "32"]


def test_plot_coverage() -> None:
    evaluation = with_confidences(
        [0.97] * 50 + [0.75] * 30 + [0.55] * 20, [True] * 70 + [False] * 30
    )
    _, given_axes = plt.subplots()
    axes = plot_coverage(evaluation, ax=given_axes)
    assert axes is given_axes
    assert len(plt.get_fignums()) == 1
    (curve,) = [line for line in axes.get_lines() if line.get_label() == "accuracy of the answers"]
    assert np.asarray(curve.get_xdata()).tolist() == [1.0, 0.8, 0.5]
    assert np.asarray(curve.get_ydata()).tolist() == [0.7, 0.875, 1.0]
    assert "60%" in [text.get_text() for text in axes.texts]
    assert "answered" in axes.get_xlabel()
    assert axes.get_xlim()[0] < 0 < 1 < axes.get_xlim()[1]
    assert plot_coverage(evaluation) is not given_axes


def test_labels_of_a_coverage_curve_do_not_overlap() -> None:
    axes = plot_coverage(with_confidences([0.999] * 96 + [0.97] * 2 + [0.75, 0.55], [True] * 100))
    axes.figure.canvas.draw()
    boxes = [text.get_window_extent() for text in axes.texts]
    assert boxes
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))
