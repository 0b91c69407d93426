"""Plot predictions with their Grad-CAM heat maps."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import islice
from os import PathLike
from typing import Any

import keras
from numpy.typing import NDArray
from PIL import Image

from catdog._utils import late
from catdog._utils.errors import InvalidValueError
from catdog._utils.public import public
from catdog._utils.text import percent
from catdog.images.arrays import Pixels
from catdog.images.inputs import iter_images
from catdog.images.thumbnails import thumbnail
from catdog.inference.gradcam import MAX_IMAGES, HeatMap, class_position, heat_maps, upsample
from catdog.inference.predict import predict
from catdog.plotting.style import grid, plain

MAX_PAIRS_PER_ROW = 3
HEAT_MAP_COLOURS = "cividis"  # dark blue to yellow; for colour-blind readers and greyscale print


@public
def plot_gradcam(
    model: keras.Model,
    images: str | PathLike[str] | bytes | Image.Image | NDArray[Any] | Iterable[Any],
    *,
    label: str | int | None = None,
    class_names: Sequence[str] | None = None,
) -> late.figure.Figure:
    """Plot images with their predicted classes, each beside its Grad-CAM heat map.

    The right image of each pair is grey, below the heat map of [`gradcam`][catdog.gradcam]. The
    brighter and yellower a place, the more it contributes to the class.

    Args:
        model: A Sequential or functional model that returns logits, as every model of the zoo does.
        images: A few images, at most 48, in any form that [`predict`][catdog.predict] takes.
        label: Explain this class, by its name or by its position in the logits; the predicted class
            of each image if `None`.
        class_names: Names of the classes, in the order of their labels. Not needed for a model that
            catdog has trained or opened, because they are in its metadata.

    Returns:
        A figure. In a notebook, end the line with `;`, or the figure appears twice.

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
    predictions = predict(model, contents, class_names=class_names, verbose=0)
    names = predictions[0].class_names
    heats = heat_maps(model, sources, label, names)
    if label is not None:
        label = names[class_position(label, names, len(names))]
    columns = min(len(sources), MAX_PAIRS_PER_ROW)
    figure, axes = grid(math.ceil(len(sources) / columns), 2 * columns)
    rows = zip(axes.reshape(-1, 2), thumbnails, heats, predictions, strict=False)
    for (left, right), image, heat, prediction in rows:
        predicted = prediction.label or ""
        left.imshow(image)
        left.set_title(f"{plain(predicted)}, {percent(prediction.probability)}", fontsize="small")
        _draw_heat_map(right, image, upsample(heat, image.shape[:2]))
        right.set_title(f"for {plain(label or predicted)}", fontsize="small")
    return figure


def _draw_heat_map(axes: late.axes.Axes, image: Pixels, heat: HeatMap) -> None:
    """Draw a heat map over an image in grey."""
    axes.imshow(image.mean(axis=-1), cmap="gray", vmin=0, vmax=255)
    axes.imshow(heat, cmap=HEAT_MAP_COLOURS, vmin=0, vmax=1, alpha=0.6)
