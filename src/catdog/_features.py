"""The frozen part of a model: found, run once, and cut off from the head that trains behind it."""

from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile
from os import PathLike
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from catdog._feature_cache import cache_key, cached
from catdog._progress import progress
from catdog._types import Split
from catdog.data import Datasets
from catdog.data._datasets import content_hashes, in_order


@dataclass(frozen=True, eq=False)
class Parts:
    """A model cut into parts that share its layers, so that training the head trains the model.

    Attributes:
        augmentation: From pictures to pictures: what changes them at random in training, and all
            before it; `None` if there is nothing of the kind.
        frozen: From there to features. Nothing in it trains.
        head: From features to logits. All that trains is in it.
    """

    augmentation: keras.Model | None
    frozen: keras.Model
    head: keras.Model


def cut_model(model: keras.Model) -> Parts:
    """Cut a model behind its frozen part, as late as possible.

    Args:
        model: A Sequential or functional model of one input and one output.

    Raises:
        ValueError: If it does not begin with a frozen part, or nothing trains behind it.
    """
    if not model.trainable_weights:
        raise ValueError(
            "model has no weights that train. Set trainable = True on the layers behind its frozen "
            "part, and compile it again."
        )
    graph = _trace(model)
    still = takewhile(lambda layer: not layer.trainable_weights, graph.outputs)
    for tensor in reversed([graph.outputs[layer] for layer in still]):
        front = _between(graph.begin, tensor)
        head = _between(tensor, graph.end)
        if front and head and _is_front(front):
            last = _last_augmentation(front)
            changed = graph.outputs[last] if last else graph.begin
            frozen = _between(changed, tensor)
            if frozen:
                return Parts(_between(graph.begin, changed) if last else None, frozen, head)
    raise ValueError(
        "model does not begin with a frozen part, which could be run once: its first layers train "
        "themselves. Call catdog.train(model, data) instead, or set trainable = False on its front "
        "and compile it again."
    )


def frozen_features(
    parts: Parts,
    data: Datasets,
    split: Split,
    *,
    augmented_views: int = 0,
    cache_dir: "str | PathLike[str] | None",
    verbose: bool,
) -> NDArray[np.float32]:
    """Return the features of every picture of a split, shape `(views, n, ...)`.

    Args:
        parts: The model.
        data: The pictures, at the model's input size.
        split: Which of them.
        augmented_views: How many augmented views to compute; 0 means one plain view.
        cache_dir: Where features are kept, if they are.
        verbose: Show a progress bar if it takes long.
    """
    views = augmented_views or 1

    def compute() -> NDArray[np.float32]:
        augment = augmented_views > 0
        return np.stack(
            [run_frozen(parts, data, split, augment=augment, verbose=verbose) for _ in range(views)]
        )

    if cache_dir is None:
        return compute()
    models = [part for part in (parts.augmentation, parts.frozen) if part]
    contents = content_hashes(data, split)
    key = cache_key(models, contents, data.image_size, views=augmented_views)
    return cached(Path(cache_dir).expanduser(), key, (views, len(contents)), compute)


def run_frozen(
    parts: Parts, data: Datasets, split: Split, *, augment: bool, verbose: bool
) -> NDArray[np.float32]:
    """Return the features of every picture of a split, shape `(n, ...)`, in order.

    Args:
        parts: The model.
        data: The pictures, at the model's input size.
        split: Which of them.
        augment: Change the pictures at random first, as in training.
        verbose: Show a progress bar if it takes long.
    """
    features: list[NDArray[np.float32]] = []
    doing = f"Frozen part, {split} pictures{', augmented' if augment else ''}"
    with progress(doing, len(data.paths(split)), shown=verbose) as advance:
        for images, _ in in_order(data, split):
            before = parts.augmentation
            seen = before(images, training=augment) if before else images
            features.append(np.asarray(parts.frozen.predict_on_batch(seen)))
            advance(len(images))
    return np.concatenate(features)


@dataclass(frozen=True, eq=False)
class _Graph:
    """A model's layers as they follow one another, on symbolic tensors of its own."""

    begin: keras.KerasTensor
    outputs: dict[keras.Layer, keras.KerasTensor]
    end: keras.KerasTensor


def _trace(model: keras.Model) -> _Graph:
    """Call every layer of a model once more: a layer may have been part of other models before."""
    outputs: dict[keras.Layer, keras.KerasTensor] = {}

    def call(layer: keras.Layer, *arguments: Any, **options: Any) -> Any:
        result = layer(*arguments, **options)
        if isinstance(layer, keras.Layer):
            outputs[layer] = result
        return result

    if isinstance(model, keras.Sequential):
        begin = end = keras.Input(batch_shape=model.input_shape)
        for layer in model.layers:
            end = call(layer, end)
        return _Graph(begin, outputs, end)
    same = keras.models.clone_model(model, clone_function=lambda layer: layer, call_function=call)
    return _Graph(same.inputs[0], outputs, same.outputs[0])


def _between(begin: keras.KerasTensor, end: keras.KerasTensor) -> keras.Model | None:
    """Return what lies between two tensors of a graph, if nothing else leads to the second."""
    with suppress(ValueError):
        return keras.Model(begin, end)
    return None


def _is_front(front: keras.Model) -> bool:
    """Tell whether a part holds frozen weights, and nothing random behind the last of them."""
    weighted = [number for number, layer in enumerate(front.layers) if layer.weights]
    if not weighted or front.trainable_weights:
        return False
    return not any(_is_random(layer) for layer in front.layers[weighted[-1] :] if not layer.weights)


def _last_augmentation(front: keras.Model) -> keras.Layer | None:
    """Return the last layer before all weights that acts at random in training."""
    found = None
    for layer in front.layers:
        if layer.weights:
            break
        if _is_random(layer):
            found = layer
    return found


def _is_random(layer: keras.Layer) -> bool:
    """Tell whether a layer, or one inside it, draws random numbers in training."""
    return any(variable.name == "seed_generator_state" for variable in layer.variables)
