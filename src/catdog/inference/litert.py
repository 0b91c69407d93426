"""Compile a model for the CPU with LiteRT; its converter is part of TensorFlow."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from catdog._utils.keras_internals import inner_layers, is_slow_untraced
from catdog.inference.interpreter import Interpreters
from catdog.models.own_inference import own_inference

# Of a function that converts a model, and one that says whether a program computes what it does.
ProgramCache = Callable[[Callable[[], bytes], Callable[[bytes], bool]], bytes]

MIN_IMAGES_TO_COMPILE = 1000  # images; with fewer, compiling takes longer than it saves
# Of the largest value. LiteRT folds weights together, which rounds them again.
RELATIVE_TOLERANCE = 1e-3


def compile_with_litert(
    model: keras.Model, images: NDArray[np.generic], cache: ProgramCache | None = None
) -> Interpreters | None:
    """Compile a model with LiteRT: the outputs of `model.predict`, up to rounding, faster.

    Args:
        model: Takes one batch of images and returns one tensor.
        images: A batch of two different images, of the size of all later images. For it, the
            outputs of the program and of the model are compared. One image does not show whether
            the outputs of an image depend on the others in its batch; a program runs it alone.
        cache: Returns the program from a cache if it is there and right, else from the converter.

    Returns:
        What computes outputs from images. `None` on a machine with a GPU, for a model of half
        precision or with a `predict_step` of its own, if LiteRT cannot run a layer, or if its
        outputs differ from the model's.
    """
    if tf.config.list_physical_devices("GPU") or not _computes_in_float32(model):
        return None
    if own_inference(model):  # which a program of the layers does not use
        return None
    try:
        return _compile(model, images, cache or _convert_always)
    except Exception:  # LiteRT's, TensorFlow's, or LiteRT is missing; the model itself still runs
        return None


def converter_version() -> str:
    """Return the version of the converter, on which a program depends."""
    return str(tf.__version__)


def _compile(model: keras.Model, images: NDArray[np.generic], cache: ProgramCache) -> Interpreters:
    """Return the interpreters of a model's program; raise if its outputs are not the model's."""
    run = model.predict_on_batch if is_slow_untraced(model) else partial(model, training=False)
    expected = np.asarray(run(images))

    def is_right(program: bytes) -> bool:
        return is_close(Interpreters(program).compute(images), expected)

    program = cache(partial(_convert, model, images[:1]), is_right)
    interpreters = Interpreters(program)
    if not is_close(interpreters.compute(images), expected):
        raise ValueError("the outputs of LiteRT differ from the model's")
    return interpreters


def _convert_always(convert: Callable[[], bytes], _: Callable[[bytes], bool]) -> bytes:
    return convert()


def _computes_in_float32(model: keras.Model) -> bool:
    """Return whether all layers compute in float32.

    LiteRT has no kernels for many operations of half precision, and prints a list of them.
    """
    return all(layer.compute_dtype == "float32" for layer in inner_layers(model))


def _convert(model: keras.Model, image: NDArray[np.generic]) -> bytes:
    """Return the LiteRT program of a model, for one image at a time."""
    traced = tf.function(lambda images: model(images, training=False)).get_concrete_function(
        tf.TensorSpec(image.shape, model.inputs[0].dtype)
    )
    with _quiet():
        program: bytes = tf.lite.TFLiteConverter.from_concrete_functions([traced]).convert()
    return program


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
