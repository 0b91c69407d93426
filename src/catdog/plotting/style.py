"""What every figure is made of: colours, axes, grids, names that fit."""

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from catdog._utils.text import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colours, told apart by colour-blind eyes and in grey print.
BLUE, ORANGE = "#0072B2", "#D55E00"


def axes_or_new(ax: "Axes | None", figsize: tuple[float, float] = (6.4, 4.8)) -> "Axes":
    """Return `ax`, or the axes of a new figure."""
    if ax is not None:
        return ax
    from matplotlib import pyplot as plt

    return plt.subplots(figsize=figsize, layout="constrained")[1]


def grid(rows: int, columns: int, height: float = 2.4) -> "tuple[Figure, NDArray[Any]]":
    """Return a figure with a grid of bare axes, shape `(rows, columns)`, each `height` inches."""
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(
        rows, columns, figsize=(2.2 * columns, height * rows), squeeze=False, layout="constrained"
    )
    for axis in axes.flat:
        axis.axis("off")
    return figure, axes


def contact_sheet(
    images: Sequence[NDArray[Any]],
    titles: Iterable[str],
    *,
    height: float,
    fontsize: str | None = None,
) -> "Figure":
    """Return a figure of images below their titles, in about as many rows as columns."""
    columns = math.ceil(math.sqrt(len(images)))
    figure, axes = grid(math.ceil(len(images) / columns), columns, height=height)
    for axis, image, title in zip(axes.flat, images, titles, strict=False):
        axis.imshow(image)
        axis.set_title(title, fontsize=fontsize)
    return figure


def plain(name: object, letters: int = 22) -> str:
    """Return a name that fits above a small image, in one line; Matplotlib sees no formula."""
    shown = printable(name)
    if len(shown) > letters:  # many names differ at their end alone
        shown = f"{shown[: letters // 2]}…{shown[-((letters - 1) // 2) :]}"
    return shown.replace("$", r"\$")
