"""Check that the scores at which a loss is lowest are logits, whose softmax are probabilities."""

from __future__ import annotations

import keras
import numpy as np
from numpy.typing import NDArray

from catdog._utils.errors import UsageWarning
from catdog.typing import Floats

ROWS = 10
# So many of the rows are of one class. The softmax cross-entropy is lowest at a softmax of 0.6 and
# 0.9; with a label smoothing of 0.1, of two classes, at 0.59 and 0.86.
RIGHT = (6, 9)
TOLERANCE = 0.07
MARGINS = np.arange(0.0, 6.0, 0.1)  # scores of the first class minus those of the second
OTHER_SCORE = -30.0  # of the other classes, whose probability is about 0


def check_minimum(model: keras.Model, name: str, classes: int) -> UsageWarning | None:
    """Return a warning if the softmax of the best scores for a loss is not the right probability.

    For images 90 % of which are of one class, the softmax cross-entropy is lowest if the softmax is
    0.9. Other losses may have their minimum elsewhere: the squared error at scores of 0.9 and 0.1,
    whose softmax is 0.69. But `catdog.predict` returns the softmax of the scores.

    Args:
        model: Computes the loss.
        name: What the loss is called, for the warning.
        classes: Number of classes.

    Returns:
        The warning; `None` if the probability is about right.
    """
    for right in RIGHT:
        losses = [_mean_loss(model, right, margin, classes) for margin in MARGINS]
        model.reset_metrics()
        if not np.isfinite(losses).all():
            return None
        found = 1 / (1 + np.exp(-MARGINS[int(np.argmin(losses))]))
        if abs(found - right / ROWS) > TOLERANCE:
            return UsageWarning(
                f"The model is compiled with {name}. Where the right probability is "
                f"{right / ROWS:.0%}, this loss is lowest at scores whose softmax is {found:.0%}. "
                "So the probabilities of catdog.predict will not be right.",
                hint="Call catdog.calibrate after the training, or compile the model with "
                "loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True).",
            )
    return None


def _mean_loss(model: keras.Model, right: int, margin: float, classes: int) -> float:
    """Return the mean loss of the same scores for `right` rows of one class, and other rows.

    It is computed for two classes in turn, so that the weight of a class makes no difference.
    """
    labels = (np.arange(ROWS) < right).astype(np.int32)
    scores = [_scores(first, margin, classes) for first in (1, 0)]
    loss: Floats = np.asarray(
        keras.ops.convert_to_numpy(
            model.compute_loss(
                None,
                keras.ops.convert_to_tensor(np.concatenate([labels, 1 - labels])),
                keras.ops.convert_to_tensor(np.concatenate(scores)),
                None,
            )
        ),
        np.float64,
    )
    return float(loss.mean())


def _scores(first: int, margin: float, classes: int) -> NDArray[np.float32]:
    """Return the same scores for all rows, `margin` higher for class `first` than for the other."""
    row = np.full(classes, OTHER_SCORE, np.float32)
    row[first], row[1 - first] = margin / 2, -margin / 2
    return np.tile(row, (ROWS, 1))
