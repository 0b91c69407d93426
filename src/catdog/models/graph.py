"""Split a model into augmentation, backbone and head; rebuild its graph layer by layer."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import keras

from catdog._utils.errors import InvalidValueError
from catdog._utils.keras_internals import all_layers, run_graph, seed_states
from catdog.models.own_code import random_own_layers
from catdog.models.training_state import layers_changed_by_training


@dataclass(frozen=True, eq=False)
class ModelParts:
    """A model split into three models, which share its layers.

    Attributes:
        augmentation: From images to images: the layers that change images at random in training,
            and all layers before them; `None` if the model has no such layers.
        backbone: From images to features: frozen layers, with weights. Nothing in it trains.
        head: From features to logits. All layers that train are in it.
    """

    augmentation: keras.Model | None
    backbone: keras.Model
    head: keras.Model


def split_model(model: keras.Model) -> ModelParts:
    """Split a model into augmentation, backbone and head, with the largest possible backbone.

    The backbone is the frozen part at the beginning of the model. Its features are the same in
    every epoch, so that they can be extracted once. It ends before the first layer that trains, at
    a single tensor, and contains no random layer behind its first weights. Random layers within a
    frozen model, such as the dropout of EfficientNet, stay in it, and do not act.

    Args:
        model: A Sequential or functional model of one input and one output.

    Returns:
        The parts. Applied one after the other, they compute what the model computes.

    Raises:
        ValueError: If the model does not begin with a backbone, or has no weights that train.
    """
    if not model.trainable_weights:
        raise InvalidValueError(
            "has no weights that train",
            argument="model",
            hint="Set trainable = True on the layers behind its backbone, and compile it again.",
        )
    graph = _trace(model)
    changed, own_random = layers_changed_by_training(model), random_own_layers(model)
    fixed_layers = takewhile(
        lambda layer: not (_is_trained(layer) or changed.intersection(all_layers(layer))),
        graph.outputs,
    )
    for features in reversed([graph.outputs[layer] for layer in fixed_layers]):
        extractor = _model_between(graph.images, features)
        head = _model_between(features, graph.logits)
        if extractor and head and _is_extractor(extractor, own_random):
            augmented = graph.outputs.get(_last_augmentation(extractor, own_random))
            if augmented is None:
                return ModelParts(None, extractor, head)
            backbone = _model_between(augmented, features)
            if backbone:
                return ModelParts(_model_between(graph.images, augmented), backbone, head)
    raise _no_backbone_error(changed)


def _no_backbone_error(changed: set[keras.Layer]) -> InvalidValueError:
    """Return the error about a model without a backbone.

    Args:
        changed: Frozen layers that training changes.
    """
    if changed:
        names = ", ".join(sorted({repr(layer.name) for layer in changed}))
        return InvalidValueError(
            f"does not begin with a backbone, which could be run once: training changes {names}, "
            "though frozen",
            argument="model",
            hint="Call catdog.train(model, data) instead.",
        )
    return InvalidValueError(
        "does not begin with a backbone, which could be run once: its first layers "
        "train themselves, or what trains takes more than one tensor from the frozen layers",
        argument="model",
        hint=(
            "Call catdog.train(model, data) instead, or set trainable = False on its first layers "
            "and compile it again."
        ),
    )


@dataclass(frozen=True, eq=False)
class _Graph:
    """The symbolic tensors of a model.

    Attributes:
        images: The input.
        outputs: The output of each layer, in the order of the calls.
        logits: The output.
    """

    images: keras.KerasTensor
    outputs: dict[keras.Layer, keras.KerasTensor]
    logits: keras.KerasTensor


def _trace(model: keras.Model) -> _Graph:
    """Return the graph of a model on new tensors: a layer may also be part of other models."""
    from catdog.models.sharing import is_shared  # late: see there

    outputs: dict[keras.Layer, keras.KerasTensor] = {}

    def call(layer: Any, *arguments: Any, **options: Any) -> Any:
        result = layer(*arguments, **options)
        if is_shared(layer) and isinstance(result, keras.KerasTensor):
            outputs[layer.operation] = result
        return result

    images, logits = rebuild(model, call)
    return _Graph(images, outputs, logits)


def rebuild(
    model: keras.Model, call: Callable[..., Any]
) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Call every layer of a model again, on new symbolic tensors.

    Args:
        model: A Sequential or functional model of one input and one output.
        call: Is called as `call(share(layer), *arguments, **options)` instead of each layer.

    Returns:
        The new input and the new output.
    """
    from catdog.models.sharing import share

    shared: dict[Any, Any] = {}  # one for each layer, since names must be unique

    def call_shared(operation: Any, *arguments: Any, **options: Any) -> Any:
        if operation not in shared:
            shared[operation] = share(operation)
        return call(shared[operation], *arguments, **options)

    if isinstance(model, keras.Sequential):
        images = outputs = keras.Input(batch_shape=model.input_shape, dtype=model.inputs[0].dtype)
        for layer in model.layers:
            outputs = call_shared(layer, outputs)
        return images, outputs
    # Not by `clone_model`: it would compile the copy, which fails for a loss of the user.
    inputs = keras.tree.map_structure(
        lambda each: keras.Input(batch_shape=each.shape, dtype=each.dtype, name=each.name),
        model.input,
    )
    (images,), (outputs,) = map(keras.tree.flatten, (inputs, run_graph(model, inputs, call_shared)))
    return images, outputs


def run_layers(model: keras.Model, inputs: Any, call: Callable[..., Any]) -> Any:
    """Run a model layer by layer, on tensors with values.

    Args:
        model: A Sequential or functional model of one input and one output.
        inputs: The input.
        call: Is called as `call(layer, *arguments, **options)` instead of each layer.

    Returns:
        The output.
    """
    if not isinstance(model, keras.Sequential):
        (outputs,) = keras.tree.flatten(run_graph(model, inputs, call))
        return outputs
    for layer in model.layers:
        inputs = call(layer, inputs)
    return inputs


def _model_between(start: keras.KerasTensor, end: keras.KerasTensor) -> keras.Model | None:
    """Return the model from one tensor to another; `None` if the second needs other tensors."""
    with suppress(ValueError):
        return keras.Model(start, end)
    return None


def shared_layers(part: keras.Model) -> list[keras.Layer]:
    """Return the layers of a model that was built from `rebuild`, in order."""
    from catdog.models.sharing import is_shared

    return [layer.operation for layer in part.layers if is_shared(layer)]


def _is_extractor(part: keras.Model, own_random: Collection[keras.Layer]) -> bool:
    """Return whether a part has frozen weights, and no random layer behind the first of them."""
    layers = shared_layers(part)
    weighted = [number for number, layer in enumerate(layers) if _has_network_weights(layer)]
    if not weighted or any(_is_trained(layer) for layer in layers):
        return False
    behind = [layer for layer in layers[weighted[0] :] if not layer.weights]
    return not any(layer in own_random or seed_states(layer) for layer in behind)


def _last_augmentation(
    part: keras.Model, own_random: Collection[keras.Layer]
) -> keras.Layer | None:
    """Return the last random layer before the first layer with weights, if there is one."""
    before = [*takewhile(lambda layer: not _has_network_weights(layer), shared_layers(part))]
    is_random = (layer for layer in reversed(before) if layer in own_random or seed_states(layer))
    return next(is_random, None)


def _has_network_weights(layer: keras.Layer) -> bool:
    """Return whether a layer has weights other than those of input normalization."""
    return bool(layer.weights) and not isinstance(layer, keras.layers.Normalization)


def _is_trained(layer: keras.Layer) -> bool:
    """Return whether training changes a layer: its weights, or the statistics it collects."""
    return bool(layer.trainable_weights) or any(
        isinstance(inner, keras.layers.BatchNormalization) and inner.trainable
        for inner in all_layers(layer)
    )
