"""The forward pass: from images to checked logits, and from logits to probabilities."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from catdog._utils import checks
from catdog.data.datasets import Datasets, ordered_batches
from catdog.data.session import raise_read_errors
from catdog.models.logits import (
    check_finite,
    check_returns_logits,
    log_softmax,
)
from catdog.typing import Floats, ImageSize, Split, Verbose


def split_logits(
    model: keras.Model, resized: Datasets, split: Split, *, verbose: Verbose
) -> Floats:
    """Return the checked logits of a split, shape `(n, classes)`, in the order of its paths.

    Args:
        model: The model.
        resized: The data, at the model's input size.
        split: The split whose images are run.
        verbose: Progress as Keras shows it.
    """
    with raise_read_errors() as errors:
        batches = ordered_batches(resized, split, errors)
        outputs = model.predict(batches, verbose=checks.check_verbose(verbose))
    return checked_logits(model, outputs, resized.image_size)


def checked_logits(model: keras.Model, outputs: Any, image_size: ImageSize) -> Floats:
    """Return a model's outputs as `float64` logits, shape `(n, classes)`.

    Args:
        model: The model.
        outputs: What it returned for images, shape `(n, classes)`.
        image_size: Height and width of the images.

    Raises:
        ValueError: If the outputs are not finite, or the model returns probabilities.
    """
    logits = np.asarray(outputs, np.float64)
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
