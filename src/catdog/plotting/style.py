"""Parts that all figures share: colours, axes, grids, shortened names."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from numpy.typing import NDArray

from catdog._utils import late
from catdog._utils.text import printable

# From the palette of Okabe and Ito: distinct for colour-blind readers and in greyscale print.
BLUE, ORANGE = "#0072B2", "#D55E00"
MAX_IMAGES = 100  # in one figure; more would be too small to see, and fill the memory


def axes_or_new(
    ax: "late.axes.Axes | None", figsize: tuple[float, float] = (6.4, 4.8)
) -> "late.axes.Axes":
    """Return `ax`, or the axes of a new figure."""
    if ax is not None:
        return ax
    from matplotlib import pyplot as plt

    return plt.subplots(figsize=figsize, layout="constrained")[1]


def grid(rows: int, columns: int, height: float = 2.4) -> "tuple[late.figure.Figure, NDArray[Any]]":
    """Return a figure and its grid of axes without frames, shape `(rows, columns)`.

    Args:
        rows: Number of rows.
        columns: Number of columns.
        height: Height of a row in inches.
    """
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(
        rows, columns, figsize=(2.2 * columns, height * rows), squeeze=False, layout="constrained"
    )
    for axis in axes.flat:
        axis.axis("off")
    return figure, axes


def image_grid(
    images: Sequence[NDArray[Any]],
    titles: Iterable[str],
    *,
    height: float,
    fontsize: str | None = None,
) -> "late.figure.Figure":
    """Return a figure of images with titles, in about as many rows as columns.

    Args:
        images: Pixels, each of shape `(height, width, 3)`.
        titles: A title for each image.
        height: Height of a row in inches.
        fontsize: Font size of the titles; that of Matplotlib if `None`.
    """
    columns = math.ceil(math.sqrt(len(images)))
    figure, axes = grid(math.ceil(len(images) / columns), columns, height=height)
    for axis, image, title in zip(axes.flat, images, titles, strict=False):
        axis.imshow(image)
        axis.set_title(title, fontsize=fontsize)
    return figure


def plain(name: object, max_letters: int = 22) -> str:
    """Return a name in one line, with its middle left out if it is longer than `max_letters`.

    Dollar signs are escaped, because Matplotlib typesets text between them as a formula.
    """
    text = printable(name)
    if len(text) > max_letters:  # in the middle, because many names differ only at their end
        text = f"{text[: max_letters // 2]}…{text[-((max_letters - 1) // 2) :]}"
    return text.replace("$", r"\$")
