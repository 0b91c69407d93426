"""Plot a leak report: accuracy by similarity, and by what is held out."""

import numpy as np

from catdog._utils import checks, late
from catdog._utils.public import public
from catdog.evaluation.leak_report import LeakReport
from catdog.evaluation.leak_sentences import level_name
from catdog.plotting.style import BLUE, ORANGE

COLORS = {"files": "0.4", "near duplicates": BLUE, "groups": BLUE, "clusters": ORANGE}


@public
def plot_similarity(report: LeakReport) -> "late.figure.Figure":
    """Plot a leak report: the accuracy by similarity, and by what is held out.

    The left axes show the accuracy of the evaluated images by the similarity to the nearest
    training image, with the number of images in each bin. The right axes show the cross-validated
    accuracy if files, groups, or clusters of less and less similar images are held out. Where
    nothing leaks, the right points are level. Error bars are 95 % Wilson score intervals. They
    count every image, so they are too short where images come in bursts.

    Args:
        report: What `check_leaks` returned.

    Returns:
        A figure. In a notebook, end the line with `;`, or the figure appears twice.

    Raises:
        TypeError: If `report` is not what `check_leaks` returns.
    """
    from matplotlib import pyplot as plt
    from matplotlib.ticker import PercentFormatter

    checks.check_made_by("report", report, LeakReport, "check_leaks")
    figure, axes = plt.subplots(1, 2, sharey=True, figsize=(10, 4.2), layout="constrained")
    _draw_bins(axes[0], report)
    _draw_levels(axes[1], report)
    axes[0].set(ylabel="accuracy")
    axes[0].yaxis.set_major_formatter(PercentFormatter(1))
    for axis in axes:
        axis.grid(axis="y", alpha=0.3)
        axis.set_xlim(-0.5, len(axis.get_xticks()) - 0.5)
    return figure


def _draw_bins(axes: "late.axes.Axes", report: LeakReport) -> None:
    """Draw the accuracy of each bin, and below it the number of its images."""
    bins = report.bins
    _draw_points(
        axes,
        list(range(len(bins))),
        [each.accuracy for each in bins],
        [each.interval for each in bins],
        BLUE,
    )
    names = [f"< {each.high:g}" if each.low < 0 else f"≥ {each.low:g}" for each in bins]
    labels = [f"{name}\nn = {each.n}" for name, each in zip(names, bins, strict=True)]
    axes.set_xticks(range(len(bins)), labels, size="small")
    axes.set(
        title=f"{report.split} set, by similarity",
        xlabel="similarity to the nearest training image",
    )


def _draw_levels(axes: "late.axes.Axes", report: LeakReport) -> None:
    """Draw the accuracy at each level; those that were left out have a place without a point."""
    levels = report.levels
    for held_out, color in COLORS.items():
        drawn = [
            (place, level.accuracy, level.interval)
            for place, level in enumerate(levels)
            if level.held_out == held_out and level.accuracy is not None and level.interval
        ]
        if drawn:
            places, accuracies, intervals = map(list, zip(*drawn, strict=True))
            _draw_points(axes, places, accuracies, intervals, color)
    labels = [
        f"{level_name(level)}\n{level.clusters if level.right is not None else 'left out'}"
        for level in levels
    ]
    axes.set_xticks(range(len(levels)), labels, size="small")
    axes.set(
        title="cross-validated, by what is held out",
        xlabel="held out: files, groups, or clusters of this similarity",
    )


def _draw_points(
    axes: "late.axes.Axes",
    places: list[int],
    accuracies: list[float],
    intervals: list[tuple[float, float]],
    color: str,
) -> None:
    """Draw points with error bars."""
    errors = np.abs(np.transpose(intervals) - np.array(accuracies))
    axes.errorbar(places, accuracies, yerr=errors, color=color, marker="o", ls="none", capsize=3)
