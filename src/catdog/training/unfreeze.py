"""Choose the layers that fine-tuning trains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from catdog._utils.errors import InvalidValueError
from catdog._utils.keras_internals import all_layers
from catdog._utils.text import list_names

ALL, LAST_BLOCK = "all", "last_block"


def find_first_layer(model: keras.Model, unfreeze: Any) -> int:
    """Return the position in `_chain(model)` of the first layer to unfreeze.

    Args:
        model: The model.
        unfreeze: `"all"`, `"last_block"` or the name of a layer, as in `fine_tune`.

    Raises:
        ValueError: If there is no such layer, or the last block cannot be found.
    """
    layers = _chain(model)
    if unfreeze == ALL:
        return 0
    if unfreeze == LAST_BLOCK:
        return _begin_of_last_block(layers)
    for layer in all_layers(model):
        if layer.name == unfreeze and layer is not model:
            inner = {id(each) for each in all_layers(layer)}
            return next(n for n, each in enumerate(layers) if id(each) in inner)
    names = [layer.name for layer in layers if layer.weights]
    raise InvalidValueError(
        f'must be "all", "last_block" or the name of a layer, not {unfreeze!r}',
        argument="unfreeze",
        hint=f"The last layers with weights are {list_names(names[-8:])}.",
    )


def unfreeze_from(model: keras.Model, first: int) -> None:
    """Unfreeze layers, and freeze batch normalisation.

    Batch normalisation in all layers keeps the statistics of the images that it was trained on:
    those of a few images would be worse. Layers that train already go on.

    Args:
        model: The model.
        first: What `find_first_layer` returned. Frozen layers before it stay frozen.
    """
    before = [layer for layer in _chain(model)[:first] if not layer.trainable]
    for layer in all_layers(model):  # outer layers first: they set their inner layers too
        if not layer.trainable:
            layer.trainable = True
    for layer in before:
        layer.trainable = False
    for layer in all_layers(model):
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False


def _chain(model: keras.Model) -> list[keras.Layer]:
    """Return the layers of a model and of the models in it, in the order of their calls."""
    chain: list[keras.Layer] = []
    for layer in model.layers:
        chain += _chain(layer) if isinstance(layer, keras.Model) else [layer]
    return chain


def _begin_of_last_block(layers: Sequence[keras.Layer]) -> int:
    """Return the position of the first layer whose output is as small as that of the last one.

    It begins after the last convolution or pooling with strides, so it holds the last block of
    layers of one size, which the papers on such networks call a stage, and all layers behind it.
    """
    sizes = [_height_and_width(layer) for layer in layers]
    known = [size for size in sizes if size and size != (1, 1)]
    if not known:
        raise InvalidValueError(
            "needs a model whose layers have images of known sizes as output",
            argument="unfreeze",
            value=LAST_BLOCK,
            hint="Pass the name of the first layer to unfreeze.",
        )
    return sizes.index(known[-1])


def _height_and_width(layer: keras.Layer) -> tuple[int, int] | None:
    """Return the size of a layer's output; `None` if it has none, or several."""
    try:
        shape = layer.output.shape
    except (AttributeError, ValueError):
        return None
    return (shape[1], shape[2]) if len(shape) == 4 and None not in shape[1:3] else None
