"""The frozen part of a model: found, run once, and cut off from the head that trains behind it."""

from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from os import PathLike
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from catdog._feature_cache import cache_key, cached
from catdog._litert import WORTH_IT, Compute, compile_for_cpu
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


@dataclass(frozen=True, eq=False)
class FrozenPass:
    """Runs the frozen part of a model over pictures, once.

    Attributes:
        parts: The model.
        data: The pictures, at the model's input size.
        pictures: How many will be run, which decides how.
        cache_dir: Where features are kept, if they are.
        verbose: Show a progress bar if it takes long.
    """

    parts: Parts
    data: Datasets
    pictures: int
    cache_dir: "str | PathLike[str] | None" = None
    verbose: bool = False

    def features(self, split: Split, *, augmented_views: int = 0) -> NDArray[np.float32]:
        """Return the features of every picture of a split, shape `(views, n, ...)`, in order.

        Args:
            split: Which pictures.
            augmented_views: How many times to change them at random first, as in training; 0 means
                one view of the pictures as they are.
        """
        views = augmented_views or 1

        def compute() -> NDArray[np.float32]:
            return np.stack([self._run(split, augment=augmented_views > 0) for _ in range(views)])

        if self.cache_dir is None:
            return compute()
        models = [part for part in (self.parts.augmentation, self.parts.frozen) if part]
        contents = content_hashes(self.data, split)
        key = cache_key(models, contents, self.data.image_size, views=augmented_views)
        return cached(Path(self.cache_dir).expanduser(), key, (views, len(contents)), compute)

    def _run(self, split: Split, *, augment: bool) -> NDArray[np.float32]:
        before, features = self.parts.augmentation, []
        doing = f"Frozen part, {split} pictures{', augmented' if augment else ''}"
        with progress(doing, len(self.data.paths(split)), shown=self.verbose) as advance:
            for images, _ in in_order(self.data, split):
                seen = before(images, training=augment) if before else images
                features.append(self._compute(seen))
                advance(len(images))
        return np.concatenate(features)

    @cached_property
    def _compute(self) -> Compute:
        """The fastest way to the features of a batch."""
        model = self.parts.frozen
        fast = compile_for_cpu(model) if self.pictures >= WORTH_IT else None
        return fast or (lambda images: np.asarray(model.predict_on_batch(images)))


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
