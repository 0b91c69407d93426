"""Choose the layers that fine-tuning trains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from catdog._utils.errors import InvalidValueError
from catdog._utils.keras_internals import all_layers, is_defined_by_keras, set_own_trainable
from catdog._utils.text import list_names

ALL, LAST_BLOCK = "all", "last_block"
_PIXEL = (1, 1)


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
    named = (layer for layer in called_layers(model)[1:] if layer.name == unfreeze)
    if found := next(named, None):
        own = {id(each) for each in all_layers(found)}
        return next(n for n, each in enumerate(layers) if own & {id(i) for i in all_layers(each)})
    names = [layer.name for layer in layers if layer.weights]
    raise InvalidValueError(
        f'must be "all", "last_block" or the name of a layer, not {unfreeze!r}',
        argument="unfreeze",
        hint=f"The last layers with weights are {list_names(names[-8:])}.",
    )


def unfreeze_from(model: keras.Model, first: int) -> None:
    """Unfreeze layers, and freeze batch normalisation.

    Batch normalisation in all layers keeps the statistics of the images that it was trained on:
    those of a few images would be worse. Layers that train already go on. What the model does not
    call stays as it is.

    Args:
        model: The model.
        first: What `find_first_layer` returned. Frozen layers before it stay frozen.
    """
    before = {id(inner) for layer in _chain(model)[:first] for inner in all_layers(layer)}
    for layer in called_layers(model):
        if isinstance(layer, keras.layers.BatchNormalization):
            set_own_trainable(layer, False)
        elif id(layer) not in before:
            set_own_trainable(layer, True)


def called_layers(model: keras.Model) -> list[keras.Layer]:
    """Return a model and all layers that it calls, outer ones first.

    A model may hold others that it does not call, such as the teacher of a distillation. If a class
    of the user defines `call`, it may call all layers that it holds.
    """
    is_graph = isinstance(model, keras.Function | keras.Sequential)
    if not (is_graph and is_defined_by_keras(model, "call")):
        return all_layers(model)
    layers = [model]
    for layer in model.layers:
        layers += called_layers(layer) if isinstance(layer, keras.Model) else all_layers(layer)
    return layers


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
    larger = [place for place, size in enumerate(sizes) if size not in (None, _PIXEL)]
    if not larger:
        raise InvalidValueError(
            "needs a model whose layers have images of known sizes as output",
            argument="unfreeze",
            value=LAST_BLOCK,
            hint="Pass the name of the first layer to unfreeze.",
        )
    behind = larger[-1] + 1
    # Gates, such as squeeze-and-excitation, and heads have outputs of one pixel too, but kernels
    # of one pixel.
    ends_in_a_pixel = any(
        size == _PIXEL and max(getattr(layer, "kernel_size", _PIXEL)) > 1
        for layer, size in zip(layers[behind:], sizes[behind:], strict=True)
    )
    return behind if ends_in_a_pixel else sizes.index(sizes[larger[-1]])


def _height_and_width(layer: keras.Layer) -> tuple[int, int] | None:
    """Return the size of a layer's output; `None` if it has none or several, or only pads."""
    if isinstance(layer, keras.layers.ZeroPadding2D):  # before the strides that make it smaller
        return None
    try:
        shape = layer.output.shape
    except (AttributeError, ValueError):
        return None
    return (shape[1], shape[2]) if len(shape) == 4 and None not in shape[1:3] else None
