import numpy as np
import pytest
from matplotlib.figure import Figure

from catdog import LeakReport, plot_similarity
from catdog.evaluation.leak_report import HeldOutLevel, SimilarityBin


@pytest.fixture
def report() -> LeakReport:
    bins = (SimilarityBin(-1.0, 0.4, 10, 8), SimilarityBin(0.8, 1.0, 30, 30))
    levels = (
        HeldOutLevel("files", None, 100, 100, 1, 95, 0.05, 100.0, 0, 0),
        HeldOutLevel("groups", None, 100, 20, 5, 90, 0.0, 20.0, 0, 0),
        HeldOutLevel("clusters", 0.8, 100, 18, 9, 88, -0.02, 15.0, 1, 0),
        HeldOutLevel("clusters", 0.7, 100, 4, 60),
    )
    return LeakReport("test", bins, levels, 100, 0.8)


def test_both_panels(report: LeakReport) -> None:
    figure = plot_similarity(report)
    assert isinstance(figure, Figure)
    left, right = figure.axes
    assert [label.get_text() for label in left.get_xticklabels()] == [
        "< 0.4\nn = 10",
        "≥ 0.8\nn = 30",
    ]
    assert left.get_title() == "test set, by similarity"
    assert [label.get_text() for label in right.get_xticklabels()] == [
        "files\n100",
        "groups\n20",
        "0.80\n18",
        "0.70\nleft out",
    ]
    drawn = [
        tuple(np.asarray(line.get_ydata()).tolist())
        for axes in (left, right)
        for line in axes.lines[::3]
    ]
    assert drawn == [(0.8, 1.0), (0.95,), (0.9,), (0.88,)]


def test_something_else() -> None:
    with pytest.raises(TypeError, match="report must be what check_leaks returns, not dict"):
        plot_similarity({})  # type: ignore[arg-type]
