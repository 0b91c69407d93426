"""Where in an image a model finds what speaks for a class.

Gradients are taken in TensorFlow: Keras has no function for them that every backend knows.
"""

from collections.abc import Sequence
from itertools import islice
from os import PathLike
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from PIL import Image

from catdog._utils import checks
from catdog._utils.errors import BackendError, InvalidValueError
from catdog._utils.public import public
from catdog.images.inputs import ImageSource, iter_images, read_pixels
from catdog.images.thumbnails import upright_size
from catdog.models.graph import rebuild
from catdog.models.logits import check_classifier, check_logits
from catdog.models.metadata import get_metadata, get_trained_size
from catdog.typing import ImageSize

HeatMap = NDArray[np.float32]
MAX_IMAGES = 48


@public
def gradcam(
    model: keras.Model,
    image: "str | PathLike[str] | bytes | Image.Image | NDArray[Any]",
    *,
    label: str | int | None = None,
) -> HeatMap:
    """Say where in an image a model finds what speaks for a class: Grad-CAM.

    The last feature map of a convolutional network still has height and width. Each of its channels
    is weighted by how much the class's logit grows with it, and what speaks for the class is added
    up. The map is coarse (7 x 7 in MobileNetV2 at 224 pixels), and is drawn out to the image's
    size. It shows what the model looked at, not whether that is a good reason. Nothing is
    augmented.

    What counts is the logit minus the mean of all logits: that is what the probabilities depend on.
    All places count alike in a channel's weight. Behind global pooling that is what the network
    does; one that ends in `Flatten`, such as `"cnn"`, may pass over a place that is shown.

    Args:
        model: A Sequential or functional model that returns logits, as every model of the zoo does.
        image: One image, in any form that [`predict`][catdog.predict] takes.
        label: The class, by its name or by its position in the logits; the predicted one if `None`.

    Returns:
        Shape `(height, width)` of the image, `float32`, from 0 to 1, which is the place of the
        coarse map that speaks most for the class; 0 everywhere if nothing does.

    Raises:
        FileNotFoundError: If there is no such image file.
        RuntimeError: If Keras' backend is not TensorFlow.
        ValueError: If the model has no feature map, the class is unknown, or the model or the
            image is not what `predict` takes.

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
    (heat,) = heat_maps(model, sources, label)
    return upsample(heat, upright_size(sources[0]))


def heat_maps(
    model: keras.Model,
    sources: Sequence[ImageSource],
    label: str | int | None,
    class_names: Sequence[str] | None = None,
) -> HeatMap:
    """Return the coarse heat map of each image, shape `(n, rows, columns)`, from 0 to 1."""
    if (backend := keras.backend.backend()) != "tensorflow":
        raise BackendError(
            f"Grad-CAM runs in TensorFlow, but Keras' backend is {backend!r}",
            hint="Set the environment variable KERAS_BACKEND=tensorflow before Python starts.",
        )
    size, classes = check_classifier(model)
    metadata = get_metadata(model)
    if class_names is None and metadata:
        class_names = metadata.class_names
    position = None if label is None else class_position(label, class_names, classes)
    watched = _watch(model)
    image_size = size or get_trained_size(metadata)
    images = [read_pixels(source, image_size).astype(np.float32) for source in sources]
    return _grad_cam(watched, np.stack(images), position)


def class_position(label: Any, class_names: Sequence[str] | None, classes: int) -> int:
    """Return the position in the logits of a class that was given by its name, or by that."""
    if not isinstance(label, str):
        position = checks.check_positive_int("label", label, at_least=0)
        if position >= classes:
            raise InvalidValueError(
                f"label={position} is not known: the classes are 0 to {classes - 1}"
            )
        return position
    if class_names is None:
        raise InvalidValueError(
            f"is a name, but model does not know what its {classes} classes are called: it "
            "was not trained by catdog, or was saved by Keras alone",
            argument="label",
            value=label,
            hint="Pass the position of the class in the logits, such as label=0.",
        )
    return list(class_names).index(checks.check_choice("label", label, class_names))


def _grad_cam(watched: keras.Model, images: NDArray[np.float32], position: int | None) -> HeatMap:
    """Return what speaks for a class in each image, shape `(n, rows, columns)`, from 0 to 1.

    Args:
        watched: What `_watch` returned.
        images: Shape `(n, height, width, 3)`.
        position: The class; the predicted one of each image if `None`.
    """
    inputs = tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        maps, logits = watched(inputs, training=False)
        check_logits(np.asarray(logits, np.float64))
        chosen = tf.argmax(logits, axis=1) if position is None else [position] * len(images)
        centred = logits - tf.reduce_mean(logits, axis=1, keepdims=True)
        score = tf.reduce_sum(tf.gather(centred, chosen, axis=1, batch_dims=1))
    slopes = tape.gradient(score, maps, unconnected_gradients="zero")
    weights = np.asarray(slopes, np.float32).mean(axis=(1, 2), keepdims=True)
    heat = np.maximum((weights * np.asarray(maps, np.float32)).sum(axis=-1), 0)
    highest = heat.max(axis=(1, 2), keepdims=True)
    scaled: HeatMap = np.divide(heat, highest, out=np.zeros_like(heat), where=highest > 0)
    return scaled


def _watch(model: keras.Model) -> keras.Model:
    """Return a model that shares the other's layers and returns its last feature map as well.

    Raises:
        ValueError: If there is no feature map.
    """
    watched = _Watch().open(model)
    if len(watched.outputs) < 2:
        raise InvalidValueError(
            "has no feature map to explain it by: no convolution in it has a result that "
            "still has height and width",
            argument="model",
            hint=(
                "Grad-CAM works for convolutional networks, such as those of catdog.list_models()."
            ),
        )
    return watched


class _Watch:
    """Calls every layer of a model once more, and looks at what it returns."""

    def __init__(self) -> None:
        self._convolved = False  # what comes before is the image, perhaps scaled or flipped

    def open(self, model: keras.Model) -> keras.Model:
        """Return a model with the outputs `[last feature map, logits]`, or `[logits]`."""
        maps: list[keras.KerasTensor] = []

        def call(layer: Any, *arguments: Any, **options: Any) -> Any:
            if _is_transparent(layer):
                *inner, result = self.open(layer)(*arguments, **options)
                maps.extend(inner)
                return result
            result = layer(*arguments, **options)
            self._convolved |= any(len(one.shape) == 4 for one in getattr(layer, "weights", ()))
            if self._convolved and _is_map(result):
                maps.append(result)
            return result

        begin, end = rebuild(model, call)
        return keras.Model(begin, [*maps[-1:], end])


def _is_transparent(layer: Any) -> bool:
    """Tell a model whose layers can be called one by one."""
    return isinstance(layer, keras.Sequential | keras.Function) and len(layer.outputs) == 1


def _is_map(tensor: Any) -> bool:
    """Tell a tensor `(batch, height, width, channels)` of more than one place."""
    shape = getattr(tensor, "shape", ())
    return len(shape) == 4 and tuple(shape[1:3]) != (1, 1)


def upsample(heat: HeatMap, size: ImageSize) -> HeatMap:
    """Return a heat map at the size of an image, bilinear."""
    height, width = size
    drawn = Image.fromarray(heat).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(drawn, np.float32)
