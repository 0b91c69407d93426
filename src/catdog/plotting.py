"""Pictures of data and results. Each function returns what it drew; none shows or saves it."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from numpy.typing import ArrayLike, NDArray

from catdog import _checks
from catdog._evaluation import Evaluation, check_evaluation, reliability
from catdog._figures import BLUE, ORANGE, axes_or_new, contact_sheet, grid, plain
from catdog._pictures import Source
from catdog._statistics import Reliability, wilson_interval
from catdog._text import percent
from catdog._thumbnails import thumbnail
from catdog._types import ImageSize, Split
from catdog.calibration import PRINTED_THRESHOLDS, coverage_curve
from catdog.data import Datasets
from catdog.data._decode import decode_image
from catdog.prediction import UNSURE, Prediction
from catdog.ranking import Leaderboard

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

POINTS: dict[str, Any] = {"color": BLUE, "marker": "o", "ls": "none", "capsize": 3}
MAX_CLASSES_WITH_TEXT = 20
MAX_SIDE = 14.0  # inches
AXIS_LETTERS = 30  # of a name beside an axis
LETTERS_AN_INCH = 10  # of the names of up to ten classes
WIDTH_OF_PERCENT = 0.07  # of an axis


def plot_examples(
    data: Datasets, *, per_class: int = 3, split: Split = "train", seed: int = 0
) -> "Figure":
    """Show a row of pictures for each class.

    The pictures are drawn by class from the list of files, so no class is ever missing.

    Args:
        data: The pictures.
        per_class: Pictures in a row; fewer if a class holds fewer.
        split: The set they are drawn from.
        seed: Which pictures are drawn.

    Returns:
        A figure with one row a class. In a notebook, end the line with `;` lest it shows twice.
    """
    _checks.check_made_by("data", data, Datasets, "load_datasets")
    columns = _checks.check_positive_int("per_class", per_class)
    rng = np.random.default_rng(_checks.check_seed(seed))
    paths, labels = data.paths(split), data.labels(split)
    figure, axes = grid(len(data.class_names), columns)
    for label, row in enumerate(axes):
        members = np.flatnonzero(labels == label)
        chosen = rng.permutation(members)[:columns]
        for axis, position in zip(row, chosen, strict=False):
            axis.imshow(decode_image(paths[position], data.image_size))
            axis.set_title(plain(data.class_names[label]))
    return figure


def plot_augmentation(image: ArrayLike, augmentation: keras.Layer, *, copies: int = 3) -> "Figure":
    """Show a picture beside randomly augmented copies of itself.

    Args:
        image: Pixels, shape `(height, width, 3)`, in `[0, 255]`; or in `[-1, 1]`, if none is above
            1.
        augmentation: A Keras layer or model, such as `make_augmentation` returns.
        copies: Number of augmented copies.

    Returns:
        A figure with the original at the left. In a notebook, end the line with `;`.

    Raises:
        ValueError: If `image` is not one RGB picture of finite values, or `copies` is not at
            least 1.
    """
    copies = _checks.check_positive_int("copies", copies)
    original = _as_picture(image)
    batch = np.repeat(original[np.newaxis], copies, axis=0)
    augmented = keras.ops.convert_to_numpy(augmentation(batch, training=True))
    signed = bool(original.max() <= 1)
    figure, axes = grid(1, copies + 1)
    titles = ["original", *["augmented"] * copies]
    for axis, title, picture in zip(axes[0], titles, [original, *augmented], strict=True):
        axis.imshow(_displayable(picture, signed=signed))
        axis.set_title(title)
    return figure


def plot_history(
    history: keras.callbacks.History,
    *,
    metric: str = "accuracy",
    baseline: float | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Plot a metric over the epochs, on the training and the validation pictures.

    Args:
        history: What `train` or `model.fit` returned.
        metric: A key of `history.history`, such as `"accuracy"` or `"loss"`.
        baseline: Draws a line at this accuracy, from 0 to 1.
        ax: Where to draw; a new figure if `None`.

    Returns:
        The axes drawn on.

    Raises:
        TypeError: If `history` is something else, or empty.
        ValueError: If the history does not hold the metric.
    """
    values = getattr(history, "history", None)
    if not values:
        raise TypeError(
            "history must be what train or model.fit returned, after at least one epoch, not "
            f"{history!r}."
        )
    _checks.check_choice("metric", metric, [key for key in values if not key.startswith("val_")])
    axes = axes_or_new(ax)
    epochs = range(1, len(values[metric]) + 1)
    axes.plot(epochs, values[metric], color=BLUE, marker="o", markersize=3, label="training")
    if f"val_{metric}" in values:
        validation = values[f"val_{metric}"]
        axes.plot(
            epochs, validation, color=ORANGE, marker="s", markersize=3, ls="--", label="validation"
        )
    if baseline is not None:
        axes.axhline(baseline, color="0.4", ls=":", label="baseline")
    axes.set(xlabel="epoch", ylabel=metric)
    axes.locator_params(axis="x", integer=True)
    axes.legend()
    return axes


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


def plot_top_losses(evaluation: Evaluation, *, k: int = 9) -> "Figure":
    """Show the pictures that the model got most surely wrong.

    Look here for wrong labels, odd pictures, and what the wrong ones have in common. Each picture
    is shown at the size at which the model saw it, below its true class, the class it was taken for
    with that probability, and its loss.

    Args:
        evaluation: What `evaluate` returned.
        k: How many pictures, the largest loss first.

    Returns:
        A figure. In a notebook, end the line with `;` lest it shows twice.

    Raises:
        FileNotFoundError: If a picture has gone since the evaluation.
        ValueError: If a picture can no longer be read, or `k` is not at least 1.
    """
    check_evaluation(evaluation)
    judged = evaluation.top_losses(k)
    pictures = [_read_again(one.path, evaluation.image_size) for one in judged]
    titles = [
        f"is {plain(one.label)}\nsaid {plain(one.predicted)}, {percent(one.probability)}\n"
        f"loss {one.loss:.2f}"
        for one in judged
    ]
    return contact_sheet(pictures, titles, height=2.75, fontsize="small")


def plot_predictions(predictions: Sequence[Prediction], *, k: int = 12) -> "Figure":
    """Show pictures with what a model says about them.

    Args:
        predictions: What `predict` returned for files or folders. Those whose picture could not be
            read are left out.
        k: How many of them, the first ones first.

    Returns:
        A figure. In a notebook, end the line with `;` lest it shows twice.

    Raises:
        FileNotFoundError: If a picture has gone since.
        ValueError: If no prediction is of a picture file, a picture can no longer be read, or `k`
            is not at least 1.
    """
    shown = [one for one in predictions if one.path and not one.error]
    shown = shown[: _checks.check_positive_int("k", k)]
    if not shown:
        raise ValueError(
            "predictions holds none of a picture file, and pictures that were passed as arrays or "
            "bytes are not kept. Pass paths or a folder to predict."
        )
    pictures = [thumbnail(Source(one.path, str(one.path))) for one in shown if one.path]
    titles = [f"{plain(one.label or UNSURE)}, {percent(one.probability)}" for one in shown]
    return contact_sheet(pictures, titles, height=2.6)


def plot_calibration(evaluation: Evaluation) -> "Figure":
    """Draw how far the probabilities can be trusted: a reliability diagram.

    The pictures are sorted into 15 bins by the probability of their predicted class. Above, the
    share that is right in each bin, with its Wilson 95 % interval, against that probability: on the
    diagonal it means what it says, below it the model is too sure of itself. Below, the number of
    pictures in each bin.

    Args:
        evaluation: What `evaluate` returned.

    Returns:
        A figure. In a notebook, end the line with `;` lest it shows twice.

    Source: C. Guo and others, "On Calibration of Modern Neural Networks", ICML 2017, figure 1.
    """
    from matplotlib import pyplot as plt

    check_evaluation(evaluation)
    bins = reliability(evaluation)
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
    below.set(xlabel="probability of the predicted class", ylabel="pictures", xlim=(lowest, 1.02))
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


def plot_coverage(evaluation: Evaluation, *, ax: "Axes | None" = None) -> "Axes":
    """Plot how often the model is right if it answers only the pictures it is surest of.

    Args:
        evaluation: What `evaluate` returned.
        ax: Where to draw; a new figure if `None`.

    Returns:
        The axes drawn on: from left to right, more of the pictures are answered. The band is the
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
    axes.set(xlabel="share of the pictures answered", ylabel="share of the answers right")
    axes.legend()
    return axes


def plot_leaderboard(board: Leaderboard, *, ax: "Axes | None" = None) -> "Axes":
    """Draw the accuracy of several models, each with its 95 % interval and baseline.

    Whether two models differ is not to be read from whether their intervals overlap: `compare` asks
    picture by picture, and finds smaller differences.

    Args:
        board: What `leaderboard` returned.
        ax: Where to draw; a new figure if `None`.

    Returns:
        The axes drawn on, the most accurate model at the top.
    """
    from matplotlib.ticker import PercentFormatter

    _checks.check_made_by("board", board, Leaderboard, "leaderboard")
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
    axes.set(xlabel=f"accuracy on {first.n} pictures of the {first.split} set")
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


def _read_again(path: Path, image_size: ImageSize) -> NDArray[np.uint8]:
    """Decode a picture that was judged before; say so if it has gone."""
    if not path.exists():
        raise FileNotFoundError(
            f"{path} has gone since the evaluation. Put it back, or load the data again and judge "
            "the model on them."
        )
    return decode_image(path, image_size)


def _as_picture(image: ArrayLike) -> NDArray[np.float32]:
    """Return one RGB picture as `float32`."""
    picture = np.asarray(image, np.float32)
    if picture.ndim != 3 or picture.shape[-1] != 3 or not picture.size:
        raise ValueError(
            f"image must be one RGB picture, (height, width, 3), not shape {picture.shape}. "
            "Of a batch, pass one picture: images[0]."
        )
    if not np.isfinite(picture).all():
        raise ValueError("image must hold finite values, but some are NaN or infinite.")
    return picture


def _displayable(picture: NDArray[np.float32], *, signed: bool) -> NDArray[np.uint8]:
    """Return pixels of either range as `uint8`."""
    scaled = (picture + 1) * 127.5 if signed else picture
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)
