"""Figures of what a model answers, and where in an image it finds the reason."""

import math
from collections.abc import Iterable, Sequence
from itertools import islice
from os import PathLike
from typing import TYPE_CHECKING, Any

import keras
from numpy.typing import NDArray
from PIL import Image

from catdog._utils.errors import InvalidValueError
from catdog._utils.public import public
from catdog._utils.text import percent
from catdog.images.thumbnails import thumbnail
from catdog.plotting.style import grid, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

from catdog.images.inputs import Pixels, iter_images
from catdog.inference.gradcam import MAX_IMAGES, HeatMap, class_position, heat_maps, upsample
from catdog.inference.predict import predict

PAIRS_IN_A_ROW = 3
HEAT_COLOURS = "cividis"  # from dark blue to yellow: ordered for colour-blind eyes and in print


@public
def plot_gradcam(
    model: keras.Model,
    images: "str | PathLike[str] | bytes | Image.Image | NDArray[Any] | Iterable[Any]",
    *,
    label: str | int | None = None,
    class_names: Sequence[str] | None = None,
) -> "Figure":
    """Show images with what the model says of each, and beside them where it sees that.

    At the right, the image is grey below the heat map of [`gradcam`][catdog.gradcam]: the
    brighter and yellower, the more that place speaks for the class.

    Args:
        model: A Sequential or functional model that returns logits, as every model of the zoo does.
        images: A few images, at most 48, in any form that [`predict`][catdog.predict] takes.
        label: Show what speaks for this class, by its name or by its position in the logits; for
            the predicted class of each image if `None`.
        class_names: Names of the classes, in the order of their labels. A model that catdog has
            trained, or opened, knows them.

    Returns:
        A figure. In a notebook, a `;` at the end of the line prevents a second display.

    Raises:
        FileNotFoundError: If an image file does not exist.
        RuntimeError: If Keras' backend is not TensorFlow.
        ValueError: If there are no images or too many, and where `gradcam` and `predict` raise.
    """
    sources = list(islice(iter_images(images), MAX_IMAGES + 1))
    if not 1 <= len(sources) <= MAX_IMAGES:
        many = f"more than {MAX_IMAGES}" if sources else "none"
        raise InvalidValueError(
            f"must be 1 to {MAX_IMAGES} images, not {many}",
            argument="images",
            hint='Pass a few, such as data.paths("test")[:6].',
        )
    thumbnails = [thumbnail(source) for source in sources]
    contents = [source.content for source in sources]
    said = predict(model, contents, class_names=class_names, verbose=0)
    names = said[0].class_names
    heats = heat_maps(model, sources, label, names)
    if label is not None:
        label = names[class_position(label, names, len(names))]
    columns = min(len(sources), PAIRS_IN_A_ROW)
    figure, axes = grid(math.ceil(len(sources) / columns), 2 * columns)
    pairs = axes.reshape(-1, 2)
    for (left, right), image, heat, one in zip(pairs, thumbnails, heats, said, strict=False):
        left.imshow(image)
        left.set_title(f"{plain(one.label or '')}, {percent(one.probability)}", fontsize="small")
        _draw_heat(right, image, upsample(heat, image.shape[:2]))
        right.set_title(f"for {plain(label or one.label or '')}", fontsize="small")
    return figure


def _draw_heat(axes: "Axes", image: Pixels, heat: HeatMap) -> None:
    """Lay a heat map over an image in grey."""
    axes.imshow(image.mean(axis=-1), cmap="gray", vmin=0, vmax=255)
    axes.imshow(heat, cmap=HEAT_COLOURS, vmin=0, vmax=1, alpha=0.6)
