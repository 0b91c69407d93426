"""Plot evaluations: confusion matrix, calibration, coverage, leaderboard."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catdog._utils import checks, late
from catdog._utils.public import public
from catdog.evaluation.coverage import PRINTED_THRESHOLDS, CoverageCurve, coverage_curve
from catdog.evaluation.leaderboard import Leaderboard
from catdog.evaluation.metrics import Reliability, wilson_interval
from catdog.evaluation.result import Evaluation, check_evaluation, reliability_bins
from catdog.plotting.style import BLUE, ORANGE, axes_or_new, plain

POINT_STYLE: dict[str, Any] = {"color": BLUE, "marker": "o", "ls": "none", "capsize": 3}
MAX_CLASSES_WITH_TEXT = 20
MAX_SIDE_INCHES = 14.0  # of the confusion matrix
MAX_AXIS_LETTERS = 30  # of a name beside an axis
LETTERS_PER_INCH = 10  # of the names of up to ten classes
PERCENT_LABEL_WIDTH = 0.07  # share of the width of an axis


@public
def plot_confusion(
    evaluation: Evaluation, *, ax: "late.axes.Axes | None" = None
) -> "late.axes.Axes":
    """Plot the confusion matrix: the count of each cell, shaded by its share of the true class.

    The shade grows with the square root of the share, so that small shares are visible. Empty cells
    have no number. With more than 20 classes no cell has a number.

    Args:
        evaluation: What `evaluate` returned.
        ax: Where to draw; a new figure if `None`.

    Returns:
        The axes drawn on.

    Raises:
        TypeError: If `evaluation` is not an `Evaluation`.
    """
    from matplotlib.colors import PowerNorm

    check_evaluation(evaluation)
    counts = evaluation.confusion_matrix
    names = [plain(name, MAX_AXIS_LETTERS) for name in evaluation.class_names]
    with_text = len(names) <= MAX_CLASSES_WITH_TEXT
    side = min(max(4.8, (0.6 if with_text else 0.3) * len(names)), MAX_SIDE_INCHES)
    name_length = max(map(len, names)) / LETTERS_PER_INCH  # inches
    is_level = name_length * len(names) < side
    height = side if is_level else side + name_length
    axes = axes_or_new(ax, figsize=(side + 1 + name_length, height))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", norm=PowerNorm(0.5, vmin=0, vmax=1))
    if with_text:
        _write_cells(axes, counts, shares)
    font_size = min(10, 50 * side / len(names))  # points; a little below the height of a cell
    axes.set_xticks(range(len(names)), names, rotation=0 if is_level else 90, size=font_size)
    axes.set_yticks(range(len(names)), names, size=font_size)
    axes.set(
        xlabel="predicted class",
        ylabel="true class",
        title=f"{evaluation.split} set, {evaluation.accuracy:.1%} of {evaluation.n} right",
    )
    return axes


@public
def plot_calibration(evaluation: Evaluation) -> "late.figure.Figure":
    """Plot the reliability diagram, and the number of images in each of its bins.

    The images are sorted into 15 bins by their confidence, the probability of the predicted class.
    The upper axes show the accuracy of each bin, with its 95 % Wilson score interval, against the
    mean confidence. On the diagonal the model is perfectly calibrated; below it the model is
    overconfident. The lower axes show the number of images in each bin.

    Args:
        evaluation: What `evaluate` returned.

    Returns:
        A figure. In a notebook, end the line with `;`, or the figure appears twice.

    Raises:
        TypeError: If `evaluation` is not an `Evaluation`.

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
    error = f"expected calibration error {evaluation.calibration_error:.1%}"
    above.set(title=f"{evaluation.split} set, {error}", ylabel="accuracy", ylim=(-0.02, 1.02))
    bars = below.bar(edges[:-1], bins.counts, width=edges[1], align="edge", color=BLUE, ec="white")
    below.bar_label(bars, [str(count or "") for count in bins.counts], fontsize="x-small")
    below.margins(y=0.2)
    lowest = edges[edges <= 1 / len(evaluation.class_names)].max()  # one class has at least this
    below.set(xlabel="probability of the predicted class", ylabel="images", xlim=(lowest, 1.02))
    return figure


def _draw_reliability(axes: "late.axes.Axes", bins: Reliability) -> None:
    """Draw the accuracy of each bin that is not empty, and the diagonal."""
    filled = bins.counts > 0
    counts, right = bins.counts[filled], bins.right[filled]
    intervals = np.array([wilson_interval(*pair) for pair in zip(right, counts, strict=True)])
    accuracies = right / counts
    axes.plot((0, 1), (0, 1), color="0.4", ls=":", label="perfectly calibrated")
    axes.errorbar(
        bins.confidence[filled] / counts,
        accuracies,
        yerr=np.abs(intervals.T - accuracies),
        label="accuracy, 95 % confidence interval",
        **POINT_STYLE,
    )
    axes.legend()


@public
def plot_coverage(
    evaluation: Evaluation, *, ax: "late.axes.Axes | None" = None
) -> "late.axes.Axes":
    """Plot accuracy against coverage for a model that abstains when it is unsure.

    The curve shows the accuracy of the answers if the model answers only the images that it is most
    confident of (selective prediction). The band is the 95 % confidence interval. The dots are at
    round values of `unsure_below`; those with enough room are labelled with the value.

    Args:
        evaluation: What `evaluate` returned.
        ax: Where to draw; a new figure if `None`.

    Returns:
        The axes drawn on. The coverage, the share of the images that are answered, increases from
        left to right.

    Raises:
        TypeError: If `evaluation` is not an `Evaluation`.
    """
    from matplotlib.ticker import PercentFormatter

    curve = coverage_curve(evaluation)
    axes = axes_or_new(ax)
    pairs = zip(curve.right, curve.answered, strict=True)
    low, high = np.transpose([wilson_interval(*pair) for pair in pairs])
    band = axes.fill_between(curve.coverage, low, high, color=BLUE, alpha=0.2, lw=0)
    band.set_label("95 % confidence interval")
    axes.plot(curve.coverage, curve.accuracy, color=BLUE, label="accuracy of the answers")
    axes.axhline(evaluation.baseline, color="0.4", ls=":", label="baseline")
    _mark_thresholds(axes, curve)
    axes.set_ylim(bottom=min(evaluation.baseline, curve.accuracy.min()) - 0.05)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1))
    axes.set_xlim(-0.02, 1.05)
    axes.set(xlabel="coverage: share of the images answered", ylabel="accuracy of the answers")
    axes.legend()
    return axes


def _mark_thresholds(axes: "late.axes.Axes", curve: CoverageCurve) -> None:
    """Draw a dot at each round threshold, and its value where there is room."""
    thresholds = [value for value in PRINTED_THRESHOLDS[1:] if value <= curve.thresholds[-1]]
    positions = np.searchsorted(curve.thresholds, thresholds)
    xs, ys = curve.coverage[positions], curve.accuracy[positions]
    axes.plot(xs, ys, color=ORANGE, marker="o", ls="none", label="unsure_below this")
    last = math.inf
    for threshold, x, y in zip(thresholds, xs, ys, strict=True):
        if last - x > PERCENT_LABEL_WIDTH:
            axes.annotate(
                f"{threshold:.0%}", (x, y), xytext=(0, 6), textcoords="offset points", ha="center"
            )
            last = x


@public
def plot_leaderboard(board: Leaderboard, *, ax: "late.axes.Axes | None" = None) -> "late.axes.Axes":
    """Plot the accuracy of several models, with 95 % confidence intervals and baselines.

    Overlapping intervals do not show that two models are equally good. `compare` compares them
    image by image, and detects smaller differences.

    Args:
        board: What `leaderboard` returned.
        ax: Where to draw; a new figure if `None`.

    Returns:
        The axes drawn on, the most accurate model at the top.

    Raises:
        TypeError: If `board` is not what `leaderboard` returns.
    """
    from matplotlib.ticker import PercentFormatter

    checks.check_made_by("board", board, Leaderboard, "leaderboard")
    rows = board.rows()
    places = np.arange(len(rows))
    accuracies = np.array([row["accuracy"] for row in rows])
    intervals = np.array([row["interval"] for row in rows])
    baselines = [row["baseline"] for row in rows]
    axes = axes_or_new(ax, figsize=(6.4, 1.4 + 0.4 * len(rows)))
    axes.errorbar(
        accuracies,
        places,
        xerr=np.abs(intervals.T - accuracies),
        label="accuracy, 95 % confidence interval",
        **POINT_STYLE,
    )
    axes.vlines(baselines, places - 0.5, places + 0.5, color=ORANGE, ls="--", label="baseline")
    axes.set_yticks(places, [plain(row["model"], MAX_AXIS_LETTERS) for row in rows])
    axes.invert_yaxis()
    best = next(iter(board.evaluations.values()))
    axes.set(xlabel=f"accuracy on {best.n} images of the {best.split} set")
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, frameon=False)
    return axes


def _write_cells(axes: "late.axes.Axes", counts: NDArray[np.int64], shares: NDArray[Any]) -> None:
    """Write count and share into each cell that is not empty, white on dark and black on light."""
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
