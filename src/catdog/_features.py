"""The frozen part of a model: found, run once, and cut off from the head that trains behind it."""

from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from os import PathLike
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from catdog._feature_cache import cache_key, cached, check_folder, models_hash
from catdog._litert import WORTH_IT, Compute, compile_for_cpu, is_close
from catdog._progress import progress
from catdog._types import Split
from catdog.data import Datasets
from catdog.data._datasets import content_hashes, in_order

_SEED_STATE = "seed_generator_state"  # as Keras names what random numbers are drawn from


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
    still = takewhile(lambda layer: not _trains(layer), graph.outputs)
    for tensor in reversed([graph.outputs[layer] for layer in still]):
        front = _between(graph.begin, tensor)
        head = _between(tensor, graph.end)
        if front and head and _is_front(front):
            changed = graph.outputs.get(_last_augmentation(front))
            if changed is None:
                return Parts(None, front, head)
            frozen = _between(changed, tensor)
            if frozen:
                return Parts(_between(graph.begin, changed), frozen, head)
    raise ValueError(
        "model does not begin with a frozen part, which could be run once: its first layers train "
        "themselves, or what trains takes more than one tensor from the front. Call "
        "catdog.train(model, data) instead, or set trainable = False on its front and compile it "
        "again."
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
            if not augmented_views:
                return self._run(split)[np.newaxis]
            return np.stack([self._run(split, view=view) for view in range(augmented_views)])

        if self.cache_dir is None:
            return compute()
        contents = content_hashes(self.data, split)
        data = self.data
        drawn = [data.seed, data.batch_size, augmented_views] if augmented_views else []
        key = cache_key(self._models_hash, contents, data.image_size, views=drawn)

        def holds(kept: NDArray[np.float32]) -> bool:
            if not any(map(_is_code, self._models)):
                return True
            first = self._first_seen(split, 0 if augmented_views else None)
            return is_close(kept[0, :1], np.asarray(self.parts.frozen(first, training=False)))

        return cached(check_folder(self.cache_dir), key, (views, len(contents)), compute, holds)

    def _run(self, split: Split, *, view: int | None = None) -> NDArray[np.float32]:
        """Return the features of a split; of an augmented view, if it has a number."""
        features: list[NDArray[np.float32]] = []
        doing = f"Frozen part, {split} pictures{'' if view is None else ', augmented'}"
        total = len(self.data.paths(split))
        with (
            closing(self._seen(split, view)) as batches,
            progress(doing, total, shown=self.verbose) as advance,
        ):
            for seen in batches:
                features.append(self._compute(seen).astype(np.float32))  # bfloat16 elsewhere
                advance(len(seen))
        return np.concatenate(features)

    def _seen(self, split: Split, view: int | None) -> Generator[Any, None, None]:
        """Yield batches of pictures as the frozen part gets them."""
        before = self.parts.augmentation
        with _drawn_from(before, [self.data.seed, view or 0]) if before else nullcontext():
            for images, _ in in_order(self.data, split):
                yield before(images, training=view is not None) if before else images

    def _first_seen(self, split: Split, view: int | None = None) -> NDArray[np.generic]:
        """Return a batch of the first picture alone, as the frozen part gets it."""
        with closing(self._seen(split, view)) as batches:
            return np.asarray(next(batches)[:1])

    @property
    def _models(self) -> list[keras.Model]:
        return [part for part in (self.parts.augmentation, self.parts.frozen) if part]

    @cached_property
    def _models_hash(self) -> str:
        """What the features are computed by; it takes a while for large models."""
        return models_hash(self._models)

    @cached_property
    def _compute(self) -> Compute:
        """The fastest way to the features of a batch."""
        model, fast = self.parts.frozen, None
        if self.pictures >= WORTH_IT:
            fast = compile_for_cpu(model, self._first_seen("validation"))
        return fast or (lambda images: np.asarray(model.predict_on_batch(images)))


def _is_code(model: keras.Model) -> bool:
    """Tell whether a layer does what its configuration, of which the key is made, does not tell."""
    return any(
        isinstance(layer, keras.layers.Lambda) or not type(layer).__module__.startswith("keras.")
        for layer in with_inner(model)
    )


@contextmanager
def _drawn_from(augmentation: keras.Model, seed: list[int]) -> Iterator[None]:
    """Let an augmentation draw the same in every call, and go on afterwards as if it had not."""
    states = [variable for variable in augmentation.variables if variable.name == _SEED_STATE]
    before = [np.asarray(state) for state in states]
    rng = np.random.default_rng(seed)
    for state in states:
        state.assign(rng.integers(2**31, size=2))
    try:
        yield
    finally:
        for state, value in zip(states, before, strict=True):
            state.assign(value)


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
        if isinstance(layer, keras.Layer) and isinstance(result, keras.KerasTensor):
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
    """Tell whether a part holds frozen weights, and nothing that acts at random behind them."""
    weighted = [number for number, layer in enumerate(front.layers) if _is_network(layer)]
    if not weighted or any(_trains(layer) for layer in front.layers):
        return False
    return not any(_is_random(layer) for layer in front.layers[weighted[0] :] if not layer.weights)


def _last_augmentation(front: keras.Model) -> keras.Layer | None:
    """Return the last layer before the frozen network that acts at random in training."""
    first = takewhile(lambda layer: not _is_network(layer), front.layers)
    return next((layer for layer in reversed([*first]) if _is_random(layer)), None)


def _is_network(layer: keras.Layer) -> bool:
    """Tell what has weights from what only prepares the pixels."""
    return bool(layer.weights) and not isinstance(layer, keras.layers.Normalization)


def _trains(layer: keras.Layer) -> bool:
    """Tell whether training changes a layer: its weights, or the statistics it collects."""
    return bool(layer.trainable_weights) or any(
        isinstance(inner, keras.layers.BatchNormalization) and inner.trainable
        for inner in with_inner(layer)
    )


def _is_random(layer: keras.Layer) -> bool:
    """Tell whether a layer, or one inside it, draws random numbers in training."""
    return any(variable.name == _SEED_STATE for variable in layer.variables)


def with_inner(layer: keras.Layer) -> list[keras.Layer]:
    """Return a layer, and all layers inside it: also those that a layer of one's own holds."""
    return list(layer._flatten_layers())
