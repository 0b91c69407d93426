"""Rows of scores whose right classes are known, for the probes of losses and metrics."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from catdog.typing import Floats

# Possible as probabilities and as logits. Sums of powers of 2 are exact in any order.
HIGH_SCORE, LOW_SCORE = 0.75, 0.25


def scores_of(labels: Any, classes: int, high: float) -> Any:
    """Return scores that are `high` for the right classes, and low for the others."""
    scores = np.full((len(labels), classes), LOW_SCORE, np.float32)
    scores[np.arange(len(labels)), labels] = high
    return scores


def as_array(value: Any) -> Floats:
    """Return a tensor as a `float64` array."""
    return np.asarray(keras.ops.convert_to_numpy(value), np.float64)
