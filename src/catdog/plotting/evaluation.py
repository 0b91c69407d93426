"""Images of data and results. Each function returns what it drew; none shows or saves it."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from catdog._utils import checks
from catdog._utils.public import public
from catdog.evaluation.coverage import PRINTED_THRESHOLDS, coverage_curve
from catdog.evaluation.leaderboard import Leaderboard
from catdog.evaluation.metrics import Reliability, wilson_interval
from catdog.evaluation.result import Evaluation, check_evaluation, reliability_bins
from catdog.plotting.style import BLUE, ORANGE, axes_or_new, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

POINTS: dict[str, Any] = {"color": BLUE, "marker": "o", "ls": "none", "capsize": 3}
MAX_CLASSES_WITH_TEXT = 20
MAX_SIDE = 14.0  # inches
AXIS_LETTERS = 30  # of a name beside an axis
LETTERS_AN_INCH = 10  # of the names of up to ten classes
WIDTH_OF_PERCENT = 0.07  # of an axis


@public
def plot_confusion(evaluation: Evaluation, *, ax: "Axes | None" = None) -> "Axes":
    """Draw the confusion matrix: each cell's count, shaded by its share of the true class.

    Small shares are shaded more than in proportion, so that they are seen. Empty cells hold no
    number. With more than 20 classes the cells are shaded only.

    Args:
        evaluation: What `evaluate` returned.
        ax: Where to draw; a new figure if `None`.

    Returns:
        The axes drawn on.
    """
    from matplotlib.colors import PowerNorm

    check_evaluation(evaluation)
    counts = evaluation.confusion_matrix
    names = [plain(name, AXIS_LETTERS) for name in evaluation.class_names]
    with_text = len(names) <= MAX_CLASSES_WITH_TEXT
    side = min(max(4.8, (0.6 if with_text else 0.3) * len(names)), MAX_SIDE)
    room = max(map(len, names)) / LETTERS_AN_INCH  # inches
    level = room * len(names) < side
    axes = axes_or_new(ax, figsize=(side + 1 + room, side if level else side + room))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", norm=PowerNorm(0.5, vmin=0, vmax=1))
    if with_text:
        _write_cells(axes, counts, shares)
    points = min(10, 50 * side / len(names))  # a little less than a cell is high
    axes.set_xticks(range(len(names)), names, rotation=0 if level else 90, size=points)
    axes.set_yticks(range(len(names)), names, size=points)
    axes.set(
        xlabel="predicted class",
        ylabel="true class",
        title=f"{evaluation.split} set, {evaluation.accuracy:.1%} of {evaluation.n} right",
    )
    return axes


@public
def plot_calibration(evaluation: Evaluation) -> "Figure":
    """Draw how far the probabilities can be trusted: a reliability diagram.

    The images are sorted into 15 bins by the probability of their predicted class. Above, the
    share that is right in each bin, with its Wilson 95 % interval, against that probability: on the
    diagonal it means what it says, below it the model is too sure of itself. Below, the number of
    images in each bin.

    Args:
        evaluation: What `evaluate` returned.

    Returns:
        A figure. In a notebook, a `;` at the end of the line prevents a second display.

    Source: C. Guo and others, "On Calibration of Modern Neural Networks", ICML 2017, figure 1.
    """
    from matplotlib import pyplot as plt

    check_evaluation(evaluation)
    bins = reliability_bins(evaluation)
    edges = np.linspace(0, 1, len(bins.counts) + 1)
    figure, (above, below) = plt.subplots(
        2, 1, sharex=True, figsize=(4.8, 6), height_ratios=(3, 1), layout="constrained"
    )
    _draw_reliability(above, bins)
    title = f"{evaluation.split} set, calibration error {evaluation.calibration_error:.1%}"
    above.set(title=title, ylabel="share that is right", ylim=(-0.02, 1.02))
    bars = below.bar(edges[:-1], bins.counts, width=edges[1], align="edge", color=BLUE, ec="white")
    below.bar_label(bars, [str(count or "") for count in bins.counts], fontsize="x-small")
    below.margins(y=0.2)
    lowest = edges[edges <= 1 / len(evaluation.class_names)].max()  # one class has at least this
    below.set(xlabel="probability of the predicted class", ylabel="images", xlim=(lowest, 1.02))
    return figure


def _draw_reliability(axes: "Axes", bins: Reliability) -> None:
    """Draw the share that is right in each bin that is not empty, beside the ideal."""
    filled = bins.counts > 0
    counts, right = bins.counts[filled], bins.right[filled]
    ends = np.array([wilson_interval(*one) for one in zip(right, counts, strict=True)])
    shares = right / counts
    axes.plot((0, 1), (0, 1), color="0.4", ls=":", label="perfectly calibrated")
    axes.errorbar(
        bins.confidence[filled] / counts,
        shares,
        yerr=np.abs(ends.T - shares),
        label="share right, 95 % interval",
        **POINTS,
    )
    axes.legend()


@public
def plot_coverage(evaluation: Evaluation, *, ax: "Axes | None" = None) -> "Axes":
    """Plot how often the model is right if it answers only the images it is surest of.

    Args:
        evaluation: What `evaluate` returned.
        ax: Where to draw; a new figure if `None`.

    Returns:
        The axes drawn on: from left to right, more of the images are answered. The band is the
        95 % interval; the dots are where `unsure_below` is a round number, written above those that
        do not crowd.
    """
    from matplotlib.ticker import PercentFormatter

    curve = coverage_curve(evaluation)
    axes = axes_or_new(ax)
    ends = [wilson_interval(*each) for each in zip(curve.right, curve.answered, strict=True)]
    low, high = np.transpose(ends)
    axes.fill_between(curve.coverage, low, high, color=BLUE, alpha=0.2, lw=0, label="95 % interval")
    axes.plot(curve.coverage, curve.accuracy, color=BLUE, label="accuracy of the answers")
    axes.axhline(evaluation.baseline, color="0.4", ls=":", label="baseline")
    marked = [each for each in PRINTED_THRESHOLDS[1:] if each <= curve.thresholds[-1]]
    at = np.searchsorted(curve.thresholds, marked)
    xs, ys = curve.coverage[at], curve.accuracy[at]
    axes.plot(xs, ys, color=ORANGE, marker="o", ls="none", label="unsure_below this")
    last = math.inf
    for threshold, x, y in zip(marked, xs, ys, strict=True):
        if last - x > WIDTH_OF_PERCENT:
            axes.annotate(
                f"{threshold:.0%}", (x, y), xytext=(0, 6), textcoords="offset points", ha="center"
            )
            last = x
    axes.set_ylim(bottom=min(evaluation.baseline, curve.accuracy.min()) - 0.05)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1))
    axes.set_xlim(-0.02, 1.05)
    axes.set(xlabel="share of the images answered", ylabel="share of the answers right")
    axes.legend()
    return axes


@public
def plot_leaderboard(board: Leaderboard, *, ax: "Axes | None" = None) -> "Axes":
    """Draw the accuracy of several models, each with its 95 % interval and baseline.

    Whether two models differ is not to be read from whether their intervals overlap: `compare` asks
    image by image, and finds smaller differences.

    Args:
        board: What `leaderboard` returned.
        ax: Where to draw; a new figure if `None`.

    Returns:
        The axes drawn on, the most accurate model at the top.
    """
    from matplotlib.ticker import PercentFormatter

    checks.check_made_by("board", board, Leaderboard, "leaderboard")
    rows = board.rows()
    places = np.arange(len(rows))
    accuracies = np.array([row["accuracy"] for row in rows])
    ends = np.array([row["interval"] for row in rows])
    baselines = [row["baseline"] for row in rows]
    axes = axes_or_new(ax, figsize=(6.4, 1.4 + 0.4 * len(rows)))
    axes.errorbar(
        accuracies,
        places,
        xerr=np.abs(ends.T - accuracies),
        label="accuracy, 95 % interval",
        **POINTS,
    )
    axes.vlines(baselines, places - 0.5, places + 0.5, color=ORANGE, ls="--", label="baseline")
    axes.set_yticks(places, [plain(row["model"], AXIS_LETTERS) for row in rows])
    axes.invert_yaxis()
    first = next(iter(board.evaluations.values()))
    axes.set(xlabel=f"accuracy on {first.n} images of the {first.split} set")
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, frameon=False)
    return axes


def _write_cells(axes: "Axes", counts: NDArray[np.int64], shares: NDArray[Any]) -> None:
    """Write count and share into each cell that is not empty, light on dark and dark on light."""
    for row, column in np.argwhere(counts):
        share = shares[row, column]
        axes.text(
            column,
            row,
            f"{counts[row, column]}\n{share:.0%}",
            ha="center",
            va="center",
            size=10 if len(counts) <= 5 else 8,
            color="white" if share > 0.4 else "black",
        )
