"""Pictures of data and results. Each function returns what it drew; none shows or saves it."""

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from numpy.typing import ArrayLike, NDArray

from catdog import _checks
from catdog._types import Split
from catdog.data import Datasets
from catdog.data._decode import decode_image
from catdog.evaluation import Evaluation

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colours, told apart by colour-blind eyes and in grey print.
BLUE, ORANGE = "#0072B2", "#D55E00"
MAX_CLASSES_WITH_TEXT = 20


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

    With more than 20 classes the cells are shaded only.

    Args:
        evaluation: What `evaluate` returned.
        ax: Where to draw; a new figure if `None`.

    Returns:
        The axes drawn on.
    """
    counts = evaluation.confusion_matrix
    names = [_plain(name) for name in evaluation.class_names]
    side = max(4.8, 0.3 * len(names))
    axes = _axes(ax, figsize=(1.33 * side, side))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if len(names) <= MAX_CLASSES_WITH_TEXT:
        _write_cells(axes, counts, shares)
    ticks = range(len(names))
    axes.set_xticks(ticks, names, rotation=90 if len(names) > 8 else 0)
    axes.set_yticks(ticks, names)
    axes.set(
        xlabel="predicted class",
        ylabel="true class",
        title=f"{evaluation.split} set, {evaluation.accuracy:.1%} of {evaluation.n} right",
    )
    return axes


def _write_cells(axes: "Axes", counts: NDArray[np.int64], shares: NDArray[Any]) -> None:
    """Write each cell's count and share, light on dark and dark on light."""
    for (row, column), count in np.ndenumerate(counts):
        share = shares[row, column]
        colour = "white" if share > 0.6 else "black"
        axes.text(column, row, f"{count}\n{share:.0%}", ha="center", va="center", color=colour)


def _plain(name: str) -> str:
    """Return a class name in which Matplotlib sees no formula."""
    return name.replace("$", r"\$")


def _axes(ax: "Axes | None", figsize: tuple[float, float] = (6.4, 4.8)) -> "Axes":
    """Return `ax`, or the axes of a new figure."""
    if ax is not None:
        return ax
    from matplotlib import pyplot as plt

    return plt.subplots(figsize=figsize, layout="constrained")[1]


def _grid(rows: int, columns: int) -> "tuple[Figure, NDArray[Any]]":
    """Return a figure with a grid of bare axes, shape `(rows, columns)`."""
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(
        rows, columns, figsize=(2.2 * columns, 2.4 * rows), squeeze=False, layout="constrained"
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
