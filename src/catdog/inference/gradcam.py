"""Grad-CAM heat maps: which regions of an image increase the logit of a class."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from os import PathLike
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from catdog._utils import checks
from catdog._utils.errors import InvalidValueError
from catdog._utils.keras_internals import seed_states
from catdog._utils.public import public
from catdog._utils.text import composed
from catdog.images.inputs import ImageSource, iter_images, read_pixels
from catdog.images.notes import Note, warn_of_notes
from catdog.images.thumbnails import upright_size
from catdog.inference.areas import Area, channels_axis
from catdog.inference.map_gradient import Mark, last_map_gradient
from catdog.inference.margins import shown
from catdog.inference.marked_model import MarkedModel
from catdog.models.logits import check_classifier, check_finite, check_returns_logits
from catdog.models.metadata import get_metadata, get_trained_size
from catdog.models.own_inference import INFERENCE, check_layers_answer
from catdog.models.randomness import warns_if_random
from catdog.typing import Floats, ImageSize

HeatMap = NDArray[np.float32]
MAX_IMAGES = 48


@public
def gradcam(
    model: keras.Model,
    image: str | PathLike[str] | bytes | Image.Image | NDArray[Any],
    *,
    label: str | int | None = None,
) -> HeatMap:
    """Compute a Grad-CAM heat map for one image.

    The map shows which regions of the image increase the logit of a class. The last feature map of
    a convolutional network still has height and width. Each channel is weighted by the mean
    gradient of the class's logit with respect to it. The heat map is the positive part of the
    weighted sum of the channels. It is coarse (7 x 7 in MobileNetV2 at 224 pixels), and is resized
    to the size of the image. It does not show whether a region is a good reason. Nothing is
    augmented.

    The gradient is that of the logit minus the mean of all logits, because the probabilities depend
    on that difference only. A channel's weight is the same at all positions. That is exact for
    global average pooling. For a network that ends in `Flatten`, such as `"cnn"`, the map is an
    approximation, and may mark a region that does not change the logit.

    Args:
        model: A Sequential or functional model that returns logits, as every model of the zoo does.
        image: One image, in any form that [`predict`][catdog.predict] takes.
        label: The class, by its name or by its position in the logits; the predicted class if
            `None`.

    Returns:
        The heat map, shape `(height, width)` of the image, `float32`, from 0 to 1. The largest
        value of the coarse map is 1. All values are 0 if no region increases the logit.

    Raises:
        FileNotFoundError: If the image file does not exist.
        RuntimeError: If Keras' backend computes no gradients: it is neither TensorFlow nor JAX nor
            PyTorch.
        ValueError: If the model has no feature map or a `predict_step` or `call` of its own, moves
            parts of the image, such as by a flip, so that the map would lie on another part, the
            class is unknown, or `predict` does not accept the model or the image.

    Example:
        ```python
        from catdog import build_model, gradcam, load_datasets, train

        data = load_datasets("synthetic")
        model = build_model("cnn", image_size=(32, 32), seed=0)
        train(model, data, epochs=1, verbose=0)
        heat = gradcam(model, data.paths("validation")[0], label="cats")
        ```

    Source: R. R. Selvaraju and others, "Grad-CAM: Visual Explanations from Deep Networks via
    Gradient-based Localization", ICCV 2017, equations 1 and 2. On `Flatten`: R. L. Draelos and
    L. Carin, "Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional neural
    networks", arXiv:2011.08891 (2020).
    """
    sources = list(islice(iter_images(image, "image"), 2))
    if len(sources) != 1:
        raise InvalidValueError(
            f"must be one image, not {('several' if sources else 'none')}",
            argument="image",
            hint="Pass them one by one, or to plot_gradcam.",
        )
    notes: list[Note] = []
    (heat,) = heat_maps(model, sources, label, notes=notes)
    warn_of_notes(notes, stacklevel=2)
    return upsample(heat, upright_size(sources[0]))


def heat_maps(
    model: keras.Model,
    sources: Sequence[ImageSource],
    label: str | int | None,
    class_names: Sequence[str] | None = None,
    notes: list[Note] | None = None,
) -> HeatMap:
    """Compute the coarse heat map of each image, shape `(n, rows, columns)`, from 0 to 1."""
    size, classes = check_classifier(model)
    metadata = get_metadata(model)
    if class_names is None and metadata:
        class_names = metadata.class_names
    position = None if label is None else class_position(label, class_names, classes)
    image_size = size or get_trained_size(metadata)
    check_layers_answer(model, "Grad-CAM", ("call", *INFERENCE))
    check_returns_logits(model, image_size)
    images = [read_pixels(source, image_size, notes).astype(np.float32) for source in sources]
    return _grad_cam(model, np.stack(images), position)


def class_position(label: Any, class_names: Sequence[str] | None, classes: int) -> int:
    """Return the position in the logits of a class, which is given by its name or position."""
    if not isinstance(label, str):
        position = checks.check_positive_int("label", label, at_least=0)
        if position >= classes:
            raise InvalidValueError(
                f"is not known: the classes are 0 to {classes - 1}",
                argument="label",
                value=position,
            )
        return position
    if class_names is None:
        raise InvalidValueError(
            f"is a name, but model has no names for its {classes} classes: it was not trained "
            "by catdog, or was saved by Keras alone",
            argument="label",
            value=label,
            hint="Pass the position of the class in the logits, such as label=0.",
        )
    return list(class_names).index(checks.check_choice("label", composed(label), class_names))


def _grad_cam(model: keras.Model, images: NDArray[np.float32], position: int | None) -> HeatMap:
    """Compute the coarse heat map of each image, shape `(n, rows, columns)`, from 0 to 1.

    Args:
        model: Returns logits.
        images: Shape `(n, height, width, 3)`.
        position: Position of the class in the logits; the predicted class of each image if `None`.
    """
    outputs = []
    runs: list[MarkedModel] = []

    def compute_score(mark: Mark) -> Any:
        runs.append(MarkedModel(model, mark, runs[0].marked if runs else None))
        logits = runs[-1](keras.ops.convert_to_tensor(images), training=False)
        logits = keras.ops.cast(logits, "float32")
        outputs.append(logits)
        classes = keras.ops.argmax(logits, axis=1) if position is None else [position] * len(images)
        centred = logits - keras.ops.mean(logits, axis=1, keepdims=True)
        return keras.ops.sum(keras.ops.one_hot(classes, logits.shape[1]) * centred)

    with warns_if_random(seed_states(model)):
        found = last_map_gradient(compute_score)
    if found is None:
        raise InvalidValueError(
            "has no feature map to explain it by: none of its convolutions has an output with "
            "height and width, or they are inside layers of your own",
            argument="model",
            hint=(
                "Grad-CAM works for Sequential and functional networks with convolutions, such as "
                "those of catdog.list_models()."
            ),
        )
    check_finite(keras.ops.convert_to_numpy(outputs[0]).astype(np.float64))
    area = runs[0].last_area()
    order = (0, *(area.axes or ()), channels_axis(area))
    feature_map, gradient = (np.transpose(each, order) for each in found)
    weights = gradient.mean(axis=(1, 2), keepdims=True)
    heat = np.maximum((weights * feature_map).sum(axis=-1), 0)
    highest = heat.max(axis=(1, 2), keepdims=True)
    scaled = np.divide(heat, highest, out=np.zeros_like(heat), where=highest > 0)
    return _on_image(np.asarray(scaled, np.float32), area, images.shape[1:3])


def _on_image(heat: HeatMap, area: Area, size: ImageSize) -> HeatMap:
    """Return heat maps that cover the whole image, by bilinear interpolation.

    Args:
        heat: Shape `(n, rows, columns)`.
        area: Where the image is in them.
        size: Height and width of the image, for maps that do not cover it as they are.
    """
    margins = shown(area.margins, area.lost, np.array(heat.shape[1:], float))
    if np.allclose(margins, 0):
        return heat
    rows, columns = (
        _interpolation(count, before, behind, pixels)
        for count, (before, behind), pixels in zip(heat.shape[1:], margins, size, strict=True)
    )
    return np.asarray(rows @ heat @ columns.T, np.float32)


def _interpolation(count: int, before: float, behind: float, pixels: int) -> Floats:
    """Return the weight of each position of a map in each pixel, shape `(pixels, count)`.

    Args:
        count: How many positions the map has.
        before: How many of them lie in front of the image; negative where it is cut off.
        behind: How many lie behind it.
        pixels: How many pixels the image has.
    """
    step = (count - before - behind) / pixels
    places = before + (np.arange(pixels) + 0.5) * step - 0.5
    distances = np.abs(np.clip(places, 0, count - 1)[:, np.newaxis] - np.arange(count))
    weights: Floats = np.maximum(1 - distances, 0)
    weights[(places < -0.5) | (places > count - 0.5)] = 0  # cut off
    return weights


def upsample(heat: HeatMap, size: ImageSize) -> HeatMap:
    """Return a heat map at the size of an image, by bilinear interpolation."""
    height, width = size
    resized = Image.fromarray(heat).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(resized, np.float32)
