"""Feature extraction: run the backbone of a model once over the images of a data set."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property, partial
from os import PathLike
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from catdog._utils.checks import check_cache_dir
from catdog._utils.keras_internals import (
    is_slow_untraced,
    seed_states,
)
from catdog._utils.progress import progress
from catdog.data.datasets import Datasets, content_hashes, ordered_batches
from catdog.data.session import raise_read_errors
from catdog.inference.forward import batch_function
from catdog.inference.litert import (
    MIN_IMAGES_TO_COMPILE,
    ProgramCache,
    compile_with_litert,
    converter_version,
    is_close,
)
from catdog.models.graph import ModelParts
from catdog.models.own_code import has_own_code
from catdog.training.feature_cache import (
    cache_key,
    cached,
    cached_program,
    models_hash,
    program_key,
)
from catdog.typing import Split

MIN_BATCHES_TO_TRACE = 10  # batches; with fewer, tracing a graph takes longer than it saves


@dataclass(frozen=True, eq=False)
class FeatureExtractor:
    """Computes the features of images: the outputs of a model's backbone.

    Attributes:
        parts: The model, split into augmentation, backbone and head.
        data: The data, at the model's input size.
        images: Number of images of all calls together. From `MIN_IMAGES_TO_COMPILE` images on, the
            backbone is compiled.
        cache_dir: Folder of the feature cache; `None` for no cache.
        verbose: Whether to show a progress bar if it takes long.
    """

    parts: ModelParts
    data: Datasets
    images: int
    cache_dir: str | PathLike[str] | None = None
    verbose: bool = False

    def features(self, split: Split, *, augmented_copies: int = 0) -> NDArray[np.float32]:
        """Return the features of every image of a split, in order.

        Args:
            split: The split whose images are run.
            augmented_copies: Number of augmented copies of each image; 0 for the images without
                augmentation.

        Returns:
            Shape `(copies, n, ...)`; one copy for the images without augmentation.
        """
        data = self.data

        def compute() -> NDArray[np.float32]:
            if not augmented_copies:
                return self._run(split)[np.newaxis]
            return np.stack([self._run(split, copy=copy) for copy in range(augmented_copies)])

        if self.cache_dir is None:
            return compute()
        contents = content_hashes(data, split)
        augmentation = [data.seed, data.batch_size, augmented_copies] if augmented_copies else []
        key = cache_key(self._models_hash, contents, data.image_size, augmentation=augmentation)

        def is_valid(from_cache: NDArray[np.float32]) -> bool:
            if not any(map(has_own_code, self._models)):
                return True
            first = self._first_inputs(split, 1, 0 if augmented_copies else None)
            expected = np.asarray(self.parts.backbone(first, training=False))
            return is_close(from_cache[0, :1], expected)

        shape = (augmented_copies or 1, len(contents))
        return cached(check_cache_dir(self.cache_dir), key, shape, compute, is_valid)

    def _run(self, split: Split, *, copy: int | None = None) -> NDArray[np.float32]:
        """Return the features of a split; of the augmented copy of this number, if there is one."""
        features: list[NDArray[np.float32]] = []
        title = f"Extracting features: {split}{'' if copy is None else ', augmented'}"
        total = len(self.data.paths(split))
        with (
            closing(self._backbone_inputs(split, copy)) as batches,
            progress(title, total, shown=self.verbose) as advance,
        ):
            for batch in batches:
                features.append(self._compute(batch).astype(np.float32))  # from bfloat16 too
                advance(len(batch))
        return np.concatenate(features)

    def _backbone_inputs(self, split: Split, copy: int | None) -> Generator[Any, None, None]:
        """Yield batches of images in the form that the backbone takes, augmented or not."""
        augmentation = self.parts.augmentation
        seeded = _seeded(augmentation, [self.data.seed, copy or 0]) if augmentation else None
        with seeded or nullcontext(), raise_read_errors() as errors:
            for images, _ in ordered_batches(self.data, split, errors):
                is_training = copy is not None
                yield augmentation(images, training=is_training) if augmentation else images

    def _first_inputs(
        self, split: Split, count: int, copy: int | None = None
    ) -> NDArray[np.generic]:
        """Return the first images of the first batch, in the form that the backbone takes."""
        with closing(self._backbone_inputs(split, copy)) as batches:
            return np.asarray(next(batches)[:count])

    @property
    def _models(self) -> list[keras.Model]:
        return [part for part in (self.parts.augmentation, self.parts.backbone) if part]

    @cached_property
    def _models_hash(self) -> str:
        """Hash of the models that compute the features; slow for large models."""
        return models_hash(self._models)

    @cached_property
    def _compute(self) -> Callable[[Any], NDArray[Any]]:
        """The fastest function from a batch of images to features."""
        model = self.parts.backbone
        is_small = self.images < MIN_BATCHES_TO_TRACE * self.data.batch_size
        if is_small and not is_slow_untraced(model):
            return lambda images: np.asarray(model(images, training=False))
        if self.images >= MIN_IMAGES_TO_COMPILE:
            images = self._first_inputs("validation", 2)
            if found := compile_with_litert(model, images, self._program_cache(images[:1])):
                return found.compute
        return batch_function(model)

    def _program_cache(self, image: NDArray[np.generic]) -> ProgramCache | None:
        """Return the cache of the backbone's program, for images of one shape."""
        if self.cache_dir is None:
            return None
        model_hash = models_hash([self.parts.backbone])
        key = program_key(model_hash, image.shape, converter_version())
        return partial(cached_program, check_cache_dir(self.cache_dir), key)


@contextmanager
def _seeded(augmentation: keras.Model, seed: list[int]) -> Iterator[None]:
    """Seed the augmentation within this block, and restore its random state afterwards."""
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
