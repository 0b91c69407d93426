"""Where in a picture a model finds what speaks for a class.

Gradients are taken in TensorFlow: Keras has no function for them that every backend knows.
"""

import math
from collections.abc import Iterable, Sequence
from itertools import islice
from os import PathLike
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from PIL import Image

from catdog import _checks
from catdog._card import card_of, trained_size
from catdog._figures import grid, plain
from catdog._logits import check_classifier, check_logits
from catdog._pictures import Pixels, Source, each_picture, read_pixels
from catdog._text import percent
from catdog._thumbnails import thumbnail, upright_size
from catdog._types import ImageSize
from catdog.prediction import predict

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HeatMap = NDArray[np.float32]
MAX_PICTURES = 48
PAIRS_IN_A_ROW = 3
COLOURS = "cividis"  # from dark blue to yellow: the same order to colour-blind eyes and in print


def gradcam(
    model: keras.Model,
    image: "str | PathLike[str] | bytes | Image.Image | NDArray[Any]",
    *,
    label: str | int | None = None,
) -> HeatMap:
    """Say where in a picture a model finds what speaks for a class: Grad-CAM.

    The last feature map of a convolutional network still has height and width. Each of its channels
    is weighted by how much the class's logit grows with it, and what speaks for the class is added
    up. The map is coarse (7 x 7 in MobileNetV2 at 224 pixels), and is drawn out to the picture's
    size. It shows what the model looked at, not whether that is a good reason. Nothing is
    augmented.

    What counts is the logit less the mean of all logits: that is what the probabilities depend on.
    All places count alike in a channel's weight. Behind global pooling that is what the network
    does; one that ends in `Flatten`, such as `"cnn"`, may pass over a place that is shown.

    Args:
        model: A Sequential or functional model that returns logits, as every model of the zoo does.
        image: One picture, in any form that [`predict`][catdog.predict] takes.
        label: The class, by its name or by its position in the logits; the predicted one if `None`.

    Returns:
        Shape `(height, width)` of the picture, `float32`, from 0 to 1, which is the place of the
        coarse map that speaks most for the class; 0 everywhere if nothing does.

    Raises:
        FileNotFoundError: If there is no such picture file.
        RuntimeError: If Keras' backend is not TensorFlow.
        ValueError: If the model has no feature map, the class is unknown, or the model or the
            picture is not what `predict` takes.

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
    sources = list(islice(each_picture(image, "image"), 2))
    if len(sources) != 1:
        raise ValueError(
            f"image must be one picture, not {'several' if sources else 'none'}. Pass them one by "
            "one, or to plot_gradcam."
        )
    (heat,) = _heat_maps(model, sources, label)
    return _drawn_out(heat, upright_size(sources[0]))


def plot_gradcam(
    model: keras.Model,
    images: "str | PathLike[str] | bytes | Image.Image | NDArray[Any] | Iterable[Any]",
    *,
    label: str | int | None = None,
    class_names: Sequence[str] | None = None,
) -> "Figure":
    """Show pictures with what the model says of each, and beside them where it sees that.

    At the right, the picture is grey below the heat map of [`gradcam`][catdog.gradcam]: the
    brighter and yellower, the more that place speaks for the class.

    Args:
        model: A Sequential or functional model that returns logits, as every model of the zoo does.
        images: A few pictures, at most 48, in any form that [`predict`][catdog.predict] takes.
        label: Show what speaks for this class, by its name or by its position in the logits; for
            the predicted class of each picture if `None`.
        class_names: Names of the classes, in the order of their labels. A model that catdog has
            trained, or opened, knows them.

    Returns:
        A figure. In a notebook, end the line with `;` lest it shows twice.

    Raises:
        FileNotFoundError: If a picture file does not exist.
        RuntimeError: If Keras' backend is not TensorFlow.
        ValueError: If there are no pictures or too many, and where `gradcam` and `predict` raise.
    """
    sources = list(islice(each_picture(images), MAX_PICTURES + 1))
    if not 1 <= len(sources) <= MAX_PICTURES:
        many = f"more than {MAX_PICTURES}" if sources else "none"
        raise ValueError(
            f"images must be 1 to {MAX_PICTURES} pictures, not {many}. "
            'Pass a few, such as data.paths("test")[:6].'
        )
    pictures = [thumbnail(source) for source in sources]
    contents = [source.content for source in sources]
    said = predict(model, contents, class_names=class_names, verbose=0)
    names = said[0].class_names
    heats = _heat_maps(model, sources, label, names)
    if label is not None:
        label = names[_position(label, names, len(names))]
    columns = min(len(sources), PAIRS_IN_A_ROW)
    figure, axes = grid(math.ceil(len(sources) / columns), 2 * columns)
    pairs = axes.reshape(-1, 2)
    for (left, right), picture, heat, one in zip(pairs, pictures, heats, said, strict=False):
        left.imshow(picture)
        left.set_title(f"{_short(one.label)}, {percent(one.probability)}", fontsize="small")
        _draw_heat(right, picture, _drawn_out(heat, picture.shape[:2]))
        right.set_title(f"for {_short(label or one.label)}", fontsize="small")
    return figure


def _heat_maps(
    model: keras.Model,
    sources: Sequence[Source],
    label: str | int | None,
    class_names: Sequence[str] | None = None,
) -> HeatMap:
    """Return the coarse heat map of each picture, shape `(n, rows, columns)`, from 0 to 1."""
    if (backend := keras.backend.backend()) != "tensorflow":
        raise RuntimeError(
            f"Grad-CAM runs in TensorFlow, but Keras' backend is {backend!r}. Set the environment "
            "variable KERAS_BACKEND=tensorflow before Python starts."
        )
    size, classes = check_classifier(model)
    card = card_of(model)
    if class_names is None and card:
        class_names = card.class_names
    position = None if label is None else _position(label, class_names, classes)
    watched = _watch(model)
    image_size = size or trained_size(card)
    images = [read_pixels(source, image_size).astype(np.float32) for source in sources]
    return _grad_cam(watched, np.stack(images), position)


def _position(label: Any, class_names: Sequence[str] | None, classes: int) -> int:
    """Return the position in the logits of a class that was given by its name, or by that."""
    if not isinstance(label, str):
        position = _checks.check_positive_int("label", label, at_least=0)
        if position >= classes:
            raise ValueError(f"label={position} is not known: the classes are 0 to {classes - 1}.")
        return position
    if class_names is None:
        raise ValueError(
            f"label={label!r} is a name, but model does not know what its {classes} classes are "
            "called: it was not trained by catdog, or was saved by Keras alone. Pass the position "
            "of the class in the logits, such as label=0."
        )
    return list(class_names).index(_checks.check_choice("label", label, class_names))


def _grad_cam(watched: keras.Model, images: NDArray[np.float32], position: int | None) -> HeatMap:
    """Return what speaks for a class in each picture, shape `(n, rows, columns)`, from 0 to 1.

    Args:
        watched: What `_watch` returned.
        images: Shape `(n, height, width, 3)`.
        position: The class; the predicted one of each picture if `None`.
    """
    pictures = tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(pictures)
        maps, logits = watched(pictures, training=False)
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
        raise ValueError(
            "model has no feature map to explain it by: no convolution in it has a result that "
            "still has height and width. Grad-CAM works for convolutional networks, such as those "
            "of catdog.list_models()."
        )
    return watched


class _Watch:
    """Calls every layer of a model once more, and looks at what it returns."""

    def __init__(self) -> None:
        self._convolved = False  # what comes before is the picture, perhaps scaled or flipped

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

        if isinstance(model, keras.Sequential):
            begin = end = keras.Input(batch_shape=model.input_shape, dtype=model.inputs[0].dtype)
            for layer in model.layers:
                end = call(layer, end)
            return keras.Model(begin, [*maps[-1:], end])
        same = keras.models.clone_model(
            model, clone_function=lambda layer: layer, call_function=call
        )
        return keras.Model(same.inputs, [*maps[-1:], same.outputs[0]])


def _is_transparent(layer: Any) -> bool:
    """Tell a model whose layers can be called one by one."""
    return isinstance(layer, keras.Sequential | keras.Function) and len(layer.outputs) == 1


def _is_map(tensor: Any) -> bool:
    """Tell a tensor `(batch, height, width, channels)` of more than one place."""
    shape = getattr(tensor, "shape", ())
    return len(shape) == 4 and tuple(shape[1:3]) != (1, 1)


def _drawn_out(heat: HeatMap, size: ImageSize) -> HeatMap:
    """Return a heat map at the size of a picture, bilinear."""
    height, width = size
    drawn = Image.fromarray(heat).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(drawn, np.float32)


def _draw_heat(axes: "Axes", picture: Pixels, heat: HeatMap) -> None:
    """Lay a heat map over a picture in grey."""
    axes.imshow(picture.mean(axis=-1), cmap="gray", vmin=0, vmax=255)
    axes.imshow(heat, cmap=COLOURS, vmin=0, vmax=1, alpha=0.6)


def _short(name: str | None) -> str:
    return plain(name or "")
