"""A model as a graph of layers: split into backbone and head, or rebuilt layer by layer."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import keras

from catdog._utils.errors import InvalidValueError
from catdog._utils.keras_internals import all_layers, seed_states


@dataclass(frozen=True, eq=False)
class ModelParts:
    """A model split into augmentation, backbone and head, which share its layers.

    Attributes:
        augmentation: From images to images: what changes them at random in training, and all
            before it; `None` if there is nothing of the kind.
        backbone: From there to features. Nothing in it trains.
        head: From features to logits. All that trains is in it.
    """

    augmentation: keras.Model | None
    backbone: keras.Model
    head: keras.Model


def split_model(model: keras.Model) -> ModelParts:
    """Split a model into augmentation, backbone and head, as late as possible.

    Args:
        model: A Sequential or functional model of one input and one output.

    Raises:
        ValueError: If it does not begin with a backbone, or nothing trains behind it.
    """
    if not model.trainable_weights:
        raise InvalidValueError(
            "has no weights that train",
            argument="model",
            hint=("Set trainable = True on the layers behind its backbone, and compile it again."),
        )
    graph = _trace(model)
    still = takewhile(lambda layer: not _trains(layer), graph.outputs)
    for tensor in reversed([graph.outputs[layer] for layer in still]):
        front = _between(graph.begin, tensor)
        head = _between(tensor, graph.end)
        if front and head and _is_backbone(front):
            changed = graph.outputs.get(_last_augmentation(front))
            if changed is None:
                return ModelParts(None, front, head)
            frozen = _between(changed, tensor)
            if frozen:
                return ModelParts(_between(graph.begin, changed), frozen, head)
    raise InvalidValueError(
        "does not begin with a backbone, which could be run once: its first layers "
        "train themselves, or what trains takes more than one tensor from the front",
        argument="model",
        hint=(
            "Call catdog.train(model, data) instead, or set trainable = False on its front and "
            "compile it again."
        ),
    )


@dataclass(frozen=True, eq=False)
class _Graph:
    """A model's layers as they follow one another, on symbolic tensors of its own."""

    begin: keras.KerasTensor
    outputs: dict[keras.Layer, keras.KerasTensor]
    end: keras.KerasTensor


def _trace(model: keras.Model) -> _Graph:
    """Call every layer of a model on new tensors: a layer may have been part of other models."""
    outputs: dict[keras.Layer, keras.KerasTensor] = {}

    def call(layer: Any, *arguments: Any, **options: Any) -> Any:
        result = layer(*arguments, **options)
        if isinstance(layer, keras.Layer) and isinstance(result, keras.KerasTensor):
            outputs[layer] = result
        return result

    begin, end = rebuild(model, call)
    return _Graph(begin, outputs, end)


def rebuild(
    model: keras.Model, call: Callable[..., Any]
) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Call every layer of a model again, on symbolic tensors of its own.

    Args:
        model: A Sequential or functional model of one input and one output.
        call: Is called as `call(layer, *arguments, **options)` instead of each layer.

    Returns:
        The new input and the new output.
    """
    if isinstance(model, keras.Sequential):
        begin = end = keras.Input(batch_shape=model.input_shape, dtype=model.inputs[0].dtype)
        for layer in model.layers:
            end = call(layer, end)
        return begin, end
    same = keras.models.clone_model(model, clone_function=lambda layer: layer, call_function=call)
    return same.inputs[0], same.outputs[0]


def _between(begin: keras.KerasTensor, end: keras.KerasTensor) -> keras.Model | None:
    """Return what lies between two tensors of a graph, if nothing else leads to the second."""
    with suppress(ValueError):
        return keras.Model(begin, end)
    return None


def _is_backbone(front: keras.Model) -> bool:
    """Return whether a part holds frozen weights, and nothing that acts at random behind them."""
    weighted = [number for number, layer in enumerate(front.layers) if _is_network(layer)]
    if not weighted or any(_trains(layer) for layer in front.layers):
        return False
    return not any(_is_random(layer) for layer in front.layers[weighted[0] :] if not layer.weights)


def _last_augmentation(front: keras.Model) -> keras.Layer | None:
    """Return the last layer before the frozen network that acts at random in training."""
    first = takewhile(lambda layer: not _is_network(layer), front.layers)
    return next((layer for layer in reversed([*first]) if _is_random(layer)), None)


def _is_network(layer: keras.Layer) -> bool:
    """Return whether a layer has weights other than those of input normalization."""
    return bool(layer.weights) and not isinstance(layer, keras.layers.Normalization)


def _trains(layer: keras.Layer) -> bool:
    """Return whether training changes a layer: its weights, or the statistics it collects."""
    return bool(layer.trainable_weights) or any(
        isinstance(inner, keras.layers.BatchNormalization) and inner.trainable
        for inner in all_layers(layer)
    )


def _is_random(layer: keras.Layer) -> bool:
    """Return whether a layer, or one inside it, draws random numbers in training."""
    return bool(seed_states(layer))
