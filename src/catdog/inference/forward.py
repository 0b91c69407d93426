"""The forward pass: from images to checked logits, and from logits to probabilities."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from catdog._utils import checks
from catdog._utils.batch_bar import batch_bar
from catdog._utils.errors import InvalidValueError
from catdog._utils.keras_internals import seed_states
from catdog._utils.progress import keras_verbose
from catdog._utils.quiet import quiet_tracing
from catdog.data.datasets import Datasets, ordered_batches
from catdog.data.session import raise_read_errors
from catdog.models.logits import (
    check_finite,
    check_returns_logits,
    log_softmax,
)
from catdog.models.own_inference import inference_function
from catdog.models.randomness import warns_if_random
from catdog.typing import Floats, ImageSize, Split, Verbose

# Images; to trace a model again takes as long as to run it on more than that (MobileNetV2: 100).
MAX_IMAGES_TO_FILL = 32


def split_logits(
    model: keras.Model, resized: Datasets, split: Split, *, verbose: Verbose
) -> Floats:
    """Return the checked logits of a split, shape `(n, classes)`, in the order of its paths.

    Args:
        model: The model.
        resized: The data, at the model's input size.
        split: The split whose images are run.
        verbose: Which progress Keras shows.
    """
    checks.check_verbose(verbose)
    fitting = _for_devices(model, resized, split)
    batches = math.ceil(len(fitting.paths(split)) / fitting.batch_size)
    with (
        batch_bar("Evaluating", batches, verbose) as callbacks,
        raise_read_errors() as errors,
        quiet_tracing(),
        warns_if_random(seed_states(model)),
    ):
        outputs = model.predict(
            ordered_batches(fitting, split, errors),
            callbacks=callbacks,
            verbose=keras_verbose(verbose),
        )
    return checked_logits(model, outputs, resized.image_size)


def even_batch_size(count: int | None, batch_size: int) -> int:
    """Return the size of batches of about equal size, so that `batch_function` fills few images.

    Args:
        count: Number of images; `None` if it is unknown.
        batch_size: The largest size of a batch.
    """
    return math.ceil(count / math.ceil(count / batch_size)) if count else batch_size


def batch_function(model: keras.Model) -> Callable[[Any], NDArray[Any]]:
    """Return a function with the answers of `model.predict`, which does not trace a model twice.

    Keras 3.15 traces a model again when a batch has another size, such as the last one of a folder.
    So a smaller batch is filled with copies of its last image, whose outputs are left out.

    Args:
        model: The model.

    Returns:
        A function from images, shape `(n, height, width, 3)`, to outputs, shape `(n, ...)`.
    """
    largest, run, seeds = 0, inference_function(model), seed_states(model)

    def compute(images: Any) -> NDArray[Any]:
        nonlocal largest
        count = len(images)
        largest = max(largest, count)
        if 0 < largest - count <= MAX_IMAGES_TO_FILL:
            pixels = np.asarray(images)
            images = np.concatenate([pixels, np.repeat(pixels[-1:], largest - count, axis=0)])
        with quiet_tracing(), warns_if_random(seeds):
            outputs = np.atleast_1d(run(images))[:count]
        if len(outputs) != count:
            raise InvalidValueError(
                f"predicts values of shape {outputs.shape} for {count} images",
                argument="model",
                hint="Let the methods of its class that predict return one row for each image.",
            )
        return outputs

    return compute


def count_replicas(model: keras.Model) -> int:
    """Return the number of devices that `tf.distribute` runs a model on; 1 without it."""
    strategy = getattr(model, "distribute_strategy", None)  # of the TensorFlow backend
    return 1 if strategy is None else int(strategy.num_replicas_in_sync)


def is_batch_size_for(count: int, batch_size: int, replicas: int) -> bool:
    """Return whether each device gets an image of the last of the batches of `count` images."""
    last = count % batch_size
    return last == 0 or last >= replicas


def _for_devices(model: keras.Model, data: Datasets, split: Split) -> Datasets:
    """Return the data in batches of which each device of a distributed model gets an image."""
    count, replicas = len(data.paths(split)), count_replicas(model)
    for size in range(data.batch_size, 0, -1):
        if is_batch_size_for(count, size, replicas):
            return data if size == data.batch_size else replace(data, batch_size=size)
    return data


def checked_logits(model: keras.Model, outputs: Any, image_size: ImageSize) -> Floats:
    """Return a model's outputs as `float64` logits, shape `(n, classes)`.

    Args:
        model: The model.
        outputs: What it returned for images, shape `(n, classes)`.
        image_size: Height and width of the images.

    Raises:
        ValueError: If the outputs are of another shape than the logits, or not finite, or if the
            model returns probabilities.
    """
    logits = np.asarray(outputs, np.float64)
    if logits.shape[1:] != model.output_shape[1:]:  # its class may define how it predicts
        raise InvalidValueError(
            f"predicts values of shape {logits.shape} for {len(logits)} images, but its logits "
            f"are {model.output_shape[1]} for each",
            argument="model",
            hint="Let the methods of its class that predict return logits.",
        )
    check_finite(logits)
    if logits.min() >= 0:  # as probabilities are
        check_returns_logits(model, image_size)
    return logits


def log_probabilities(logits: Floats, temperature: float) -> Floats:
    """Return the logarithm of each probability after temperature scaling.

    Args:
        logits: What `checked_logits` returned, shape `(n, classes)`.
        temperature: What logits are divided by; above 0, and 1 without calibration.

    Returns:
        `float64`, shape `(n, classes)`.
    """
    return log_softmax(logits / temperature)
