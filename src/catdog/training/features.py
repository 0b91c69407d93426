"""Feature extraction: run the backbone of a model once over a data set."""

from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from catdog._utils.keras_internals import all_layers, is_keras_layer, seed_states
from catdog._utils.progress import progress
from catdog.data.datasets import Datasets, content_hashes, ordered_batches
from catdog.data.session import raise_read_errors
from catdog.inference.litert import MIN_IMAGES_TO_COMPILE, Compute, compile_with_litert, is_close
from catdog.models.graph import ModelParts
from catdog.training.feature_cache import cache_key, cached, check_folder, models_hash
from catdog.typing import Split


@dataclass(frozen=True, eq=False)
class FeatureExtractor:
    """Runs the backbone of a model once over images.

    Attributes:
        parts: The model.
        data: The images, at the model's input size.
        images: How many will be run, which decides how.
        cache_dir: Where features are kept, if they are.
        verbose: Show a progress bar if it takes long.
    """

    parts: ModelParts
    data: Datasets
    images: int
    cache_dir: "str | PathLike[str] | None" = None
    verbose: bool = False

    def features(self, split: Split, *, augmented_views: int = 0) -> NDArray[np.float32]:
        """Return the features of every image of a split, shape `(views, n, ...)`, in order.

        Args:
            split: Which images.
            augmented_views: How many times to change them at random first, as in training; 0 means
                one view of the images as they are.
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
            return is_close(kept[0, :1], np.asarray(self.parts.backbone(first, training=False)))

        return cached(check_folder(self.cache_dir), key, (views, len(contents)), compute, holds)

    def _run(self, split: Split, *, view: int | None = None) -> NDArray[np.float32]:
        """Return the features of a split; of an augmented view, if it has a number."""
        features: list[NDArray[np.float32]] = []
        doing = f"Extracting features: {split}{'' if view is None else ', augmented'}"
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
        """Yield batches of images as the backbone gets them."""
        before = self.parts.augmentation
        drawn = _drawn_from(before, [self.data.seed, view or 0]) if before else nullcontext()
        with drawn, raise_read_errors() as errors:
            for images, _ in ordered_batches(self.data, split, errors):
                yield before(images, training=view is not None) if before else images

    def _first_seen(self, split: Split, view: int | None = None) -> NDArray[np.generic]:
        """Return a batch of the first image alone, as the backbone gets it."""
        with closing(self._seen(split, view)) as batches:
            return np.asarray(next(batches)[:1])

    @property
    def _models(self) -> list[keras.Model]:
        return [part for part in (self.parts.augmentation, self.parts.backbone) if part]

    @cached_property
    def _models_hash(self) -> str:
        """What the features are computed by; it takes a while for large models."""
        return models_hash(self._models)

    @cached_property
    def _compute(self) -> Compute:
        """The fastest way to the features of a batch."""
        model, fast = self.parts.backbone, None
        if self.images >= MIN_IMAGES_TO_COMPILE:
            fast = compile_with_litert(model, self._first_seen("validation"))
        return fast or (lambda images: np.asarray(model.predict_on_batch(images)))


def _is_code(model: keras.Model) -> bool:
    """Return whether a layer runs code that its configuration, and so the key, does not contain."""
    return any(
        isinstance(layer, keras.layers.Lambda) or not is_keras_layer(layer)
        for layer in all_layers(model)
    )


@contextmanager
def _drawn_from(augmentation: keras.Model, seed: list[int]) -> Iterator[None]:
    """Seed an augmentation for this block, and restore its random state afterwards."""
    states = seed_states(augmentation)
    before = [np.asarray(state) for state in states]
    rng = np.random.default_rng(seed)
    for state in states:
        state.assign(rng.integers(2**31, size=2))
    try:
        yield
    finally:
        for state, value in zip(states, before, strict=True):
            state.assign(value)
