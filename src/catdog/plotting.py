"""Pictures of data and results. Each function returns what it drew; none shows or saves it."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from numpy.typing import ArrayLike, NDArray

from catdog import _checks
from catdog._evaluation import Evaluation, reliability
from catdog._pictures import Source
from catdog._statistics import Reliability, wilson_interval
from catdog._thumbnails import thumbnail
from catdog._types import ImageSize, Split
from catdog.data import Datasets
from catdog.data._decode import decode_image
from catdog.prediction import UNSURE, Prediction
from catdog.ranking import Leaderboard

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colours, told apart by colour-blind eyes and in grey print.
BLUE, ORANGE = "#0072B2", "#D55E00"
POINTS: dict[str, Any] = {"color": BLUE, "marker": "o", "ls": "none", "capsize": 3}
MAX_CLASSES_WITH_TEXT = 20
MAX_SIDE = 14.0  # inches


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
    columns = _checks.check_positive_int("per_class", per_class)
    rng = np.random.default_rng(_checks.check_seed(seed))
    paths, labels = data.paths(split), data.labels(split)
    figure, axes = _grid(len(data.class_names), columns)
    for label, row in enumerate(axes):
        members = np.flatnonzero(labels == label)
        chosen = rng.permutation(members)[:columns]
        for axis, position in zip(row, chosen, strict=False):
            axis.imshow(decode_image(paths[position], data.image_size))
            axis.set_title(_plain(data.class_names[label]))
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
    figure, axes = _grid(1, copies + 1)
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
        ValueError: If the history does not hold the metric.
    """
    values = history.history
    _checks.check_choice("metric", metric, [key for key in values if not key.startswith("val_")])
    axes = _axes(ax)
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

    counts = evaluation.confusion_matrix
    names = [_plain(name) for name in evaluation.class_names]
    with_text = len(names) <= MAX_CLASSES_WITH_TEXT
    side = min(max(4.8, (0.6 if with_text else 0.3) * len(names)), MAX_SIDE)
    axes = _axes(ax, figsize=(side + 1.6, side))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", norm=PowerNorm(0.5, vmin=0, vmax=1))
    if with_text:
        _write_cells(axes, counts, shares)
    points = min(10, 50 * side / len(names))  # a little less than a cell is high
    axes.set_xticks(range(len(names)), names, rotation=90 if len(names) > 8 else 0, size=points)
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
    judged = evaluation.top_losses(k)
    pictures = [_read_again(one.path, evaluation.image_size) for one in judged]
    columns = math.ceil(math.sqrt(len(judged)))
    figure, axes = _grid(math.ceil(len(judged) / columns), columns, height=2.75)
    for axis, one, picture in zip(axes.flat, judged, pictures, strict=False):
        axis.imshow(picture)
        label, predicted = (_plain(_cut(name)) for name in (one.label, one.predicted))
        title = f"is {label}\nsaid {predicted}, {one.probability:.0%}\nloss {one.loss:.2f}"
        axis.set_title(title, fontsize="small")
    return figure


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
    columns = math.ceil(math.sqrt(len(shown)))
    figure, axes = _grid(math.ceil(len(shown) / columns), columns, height=2.6)
    for axis, one, picture in zip(axes.flat, shown, pictures, strict=False):
        axis.imshow(picture)
        axis.set_title(f"{_plain(_cut(one.label or UNSURE))}, {one.probability:.0%}")
    return figure


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
    axes.legend(loc="lower right")


def plot_leaderboard(board: Leaderboard) -> "Figure":
    """Draw the accuracy of several models, each with its 95 % interval and baseline.

    Whether two models differ is not to be read from whether their intervals overlap: `compare` asks
    picture by picture, and finds smaller differences.

    Args:
        board: What `leaderboard` returned.

    Returns:
        A figure, the most accurate model at the top. In a notebook, end the line with `;`.
    """
    from matplotlib import pyplot as plt
    from matplotlib.ticker import PercentFormatter

    rows = board.rows()
    places = np.arange(len(rows))
    accuracies = np.array([row["accuracy"] for row in rows])
    ends = np.array([row["interval"] for row in rows])
    baselines = [row["baseline"] for row in rows]
    figure, axes = plt.subplots(figsize=(6.4, 1.4 + 0.4 * len(rows)), layout="constrained")
    axes.errorbar(
        accuracies,
        places,
        xerr=np.abs(ends.T - accuracies),
        label="accuracy, 95 % interval",
        **POINTS,
    )
    axes.vlines(baselines, places - 0.5, places + 0.5, color=ORANGE, ls="--", label="baseline")
    axes.set_yticks(places, [_plain(row["model"]) for row in rows])
    axes.invert_yaxis()
    first = next(iter(board.evaluations.values()))
    axes.set(xlabel=f"accuracy on {first.n} pictures of the {first.split} set")
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    figure.legend(loc="outside upper center", ncols=2)
    return figure


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


def _plain(name: str) -> str:
    """Return a class name in which Matplotlib sees no formula."""
    return name.replace("$", r"\$")


def _cut(name: str, letters: int = 22) -> str:
    """Return a name that fits above a small picture."""
    return name if len(name) <= letters else f"{name[: letters - 1]}…"


def _read_again(path: Path, image_size: ImageSize) -> NDArray[np.uint8]:
    """Decode a picture that was judged before; say so if it has gone."""
    if not path.exists():
        raise FileNotFoundError(
            f"{path} has gone since the evaluation. Put it back, or load the data again and judge "
            "the model on them."
        )
    return decode_image(path, image_size)


def _axes(ax: "Axes | None", figsize: tuple[float, float] = (6.4, 4.8)) -> "Axes":
    """Return `ax`, or the axes of a new figure."""
    if ax is not None:
        return ax
    from matplotlib import pyplot as plt

    return plt.subplots(figsize=figsize, layout="constrained")[1]


def _grid(rows: int, columns: int, height: float = 2.4) -> "tuple[Figure, NDArray[Any]]":
    """Return a figure with a grid of bare axes, shape `(rows, columns)`, each `height` inches."""
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(
        rows, columns, figsize=(2.2 * columns, height * rows), squeeze=False, layout="constrained"
    )
    for axis in axes.flat:
        axis.axis("off")
    return figure, axes


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
