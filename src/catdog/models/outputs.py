"""What values a model can return: any logits, logarithms of probabilities, or limited ones."""

from __future__ import annotations

from typing import NamedTuple

import keras
import numpy as np

from catdog.models.activation import final_activation, last_tensor
from catdog.models.logits import log_softmax, noise_outputs
from catdog.models.random_features import random_outputs
from catdog.typing import Floats, ImageSize

UNLIMITED = ("linear", "log_softmax", "leaky_relu")  # activations that can give any probability
HIGH_PROBABILITY = 0.99  # that large logits give
TOLERANCE = 1e-3


class OutputKind(NamedTuple):
    """What is known of the values that a model returns.

    Attributes:
        are_log_probabilities: They are logarithms of probabilities, as log-softmax returns.
        limit: What limits them, so that no probability is near 1; `None` if nothing is known to.
    """

    are_log_probabilities: bool
    limit: str | None


def find_output_kind(model: keras.Model, image_size: ImageSize) -> OutputKind:
    """Find out what values a model can return, by its graph, else by running its last part.

    Args:
        model: A model that `check_classifier` accepts.
        image_size: Height and width of noise images, which are run if no part of it can be.
    """
    activation = final_activation(model)
    if activation is not None:
        limit = None if activation in UNLIMITED else activation
        return OutputKind(activation == "log_softmax", limit)
    last = last_tensor(model)
    parts = list(random_outputs(*last)) if last else []
    found = [rows for rows, _ in parts] or [noise_outputs(model, image_size)]
    are_log = any(np.allclose(log_softmax(rows), rows, atol=TOLERANCE) for rows in found)
    # Numbers of any size in the place of images do not show what limits logits of images.
    of_features = [rows for rows, is_whole in parts if not (is_whole and last and last[0] is model)]
    is_limited = not are_log and any(map(_is_limited, of_features))
    return OutputKind(are_log, "an operation" if is_limited else None)


def _is_limited(rows: Floats) -> bool:
    """Return whether no row of large random features gives a high probability.

    Rows that are all equal do not tell: the last weights are 0.
    """
    return bool(np.ptp(rows) > TOLERANCE and np.exp(log_softmax(rows)).max() < HIGH_PROBABILITY)
