"""Run a model on the CPU with LiteRT, which is part of TensorFlow."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from catdog._utils.keras_internals import inner_layers

Compute = Callable[[Any], NDArray[np.float32]]

MIN_IMAGES_TO_COMPILE = 1000  # images; with fewer, compiling takes longer than it saves
# Of the largest value. LiteRT folds weights together, which rounds them again.
RELATIVE_TOLERANCE = 1e-3
MAX_THREADS = 32


def compile_with_litert(model: keras.Model, image: NDArray[np.generic]) -> Compute | None:
    """Compile a model with LiteRT: the outputs of `model.predict_on_batch`, up to rounding, faster.

    Each core has its own interpreter, which runs one image at a time. So the output of each layer
    is still in the core's cache when the next layer reads it.

    Args:
        model: Takes one batch of images and returns one tensor.
        image: A batch of one image, of the size of all later images. For it, the outputs of the
            function and of the model are compared.

    Returns:
        A function from a batch of images to outputs. `None` on a machine with a GPU, for a model of
        half precision, if LiteRT cannot run a layer, or if its outputs differ from the model's.
    """
    if tf.config.list_physical_devices("GPU") or not _computes_in_float32(model):
        return None
    try:
        return _Interpreters(model, image).compute
    except Exception:  # LiteRT's, TensorFlow's, or LiteRT is missing; the model itself still runs
        return None


def _computes_in_float32(model: keras.Model) -> bool:
    """Return whether all layers compute in float32.

    LiteRT has no kernels for many operations of half precision, and prints a list of them.
    """
    return all(layer.compute_dtype == "float32" for layer in inner_layers(model))


class _Interpreters:
    """A compiled model in several interpreters, one for each thread."""

    def __init__(self, model: keras.Model, image: NDArray[np.generic]) -> None:
        traced = tf.function(lambda images: model(images, training=False)).get_concrete_function(
            tf.TensorSpec(image.shape, model.inputs[0].dtype)
        )
        with _quiet():
            program = tf.lite.TFLiteConverter.from_concrete_functions([traced]).convert()
            count = min(_cores(), MAX_THREADS)
            self._interpreters = [
                tf.lite.Interpreter(model_content=program, num_threads=1) for _ in range(count)
            ]
        for interpreter in self._interpreters:
            interpreter.allocate_tensors()
        self._input = self._interpreters[0].get_input_details()[0]["index"]
        self._output = self._interpreters[0].get_output_details()[0]["index"]
        self._threads = ThreadPoolExecutor(count)
        if not is_close(self.compute(image), np.asarray(traced(tf.constant(image)))):
            raise ValueError("the outputs of LiteRT differ from the model's")

    def compute(self, images: Any) -> NDArray[np.float32]:
        """Return the outputs for a batch of images."""
        shares = np.array_split(np.asarray(images), len(self._interpreters))
        outputs = self._threads.map(self._compute_share, self._interpreters, shares)
        return np.concatenate([share for share in outputs if len(share)])

    def _compute_share(self, interpreter: Any, images: NDArray[Any]) -> NDArray[np.float32]:
        outputs = []
        for image in images:
            interpreter.set_tensor(self._input, image[np.newaxis])
            interpreter.invoke()
            outputs.append(interpreter.get_tensor(self._output)[0])
        return np.array(outputs)


def is_close(features: NDArray[np.float32], expected: NDArray[Any]) -> bool:
    """Return whether features equal the expected ones, within `RELATIVE_TOLERANCE`."""
    if features.shape != expected.shape:
        return False
    expected = expected.astype(np.float32)
    return np.allclose(features, expected, rtol=0, atol=RELATIVE_TOLERANCE * np.abs(expected).max())


@contextmanager
def _quiet() -> Iterator[None]:
    """Hide what TensorFlow 2.21 logs: LiteRT has a new package and another converter call."""
    log = logging.getLogger("absl")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)


def _cores() -> int:
    """Return how many cores this process may use, or how many there are if that is unknown."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
