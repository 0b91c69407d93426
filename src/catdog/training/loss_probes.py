"""Probe a loss: where it is lowest, which classes it ignores, and whether it is a mean.

Each is computed for a few rows of known labels, so that functions of the user are probed as well.
"""

from __future__ import annotations

import keras
import numpy as np
from numpy.typing import NDArray

from catdog._utils.errors import UsageWarning
from catdog.typing import Labels

ROWS = 10
# So many of the rows are of one class. The softmax cross-entropy is lowest at a softmax of 0.6 and
# 0.9; with a label smoothing of 0.1, of two classes, at 0.59 and 0.86.
RIGHT = (6, 9)
TOLERANCE = 0.07
MARGINS = np.arange(0.0, 6.0, 0.2)  # scores of the first class minus those of the second
MAX_CLASSES = 50  # that are tried one after the other
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


def check_every_class(model: keras.Model, name: str, classes: int) -> UsageWarning | None:
    """Return a warning if a loss is the same whether the images of a class are right or wrong.

    `ignore_class` of Keras' losses has this effect. Of many classes, the first ones are tried.
    """
    ignored = []
    for label in range(min(classes, MAX_CLASSES)):
        labels = np.full(ROWS, label, np.int32)
        right, wrong = (
            _loss(model, labels, np.repeat([_row(*order, 1, classes)], ROWS, axis=0))
            for order in ((label, (label + 1) % classes), ((label + 1) % classes, label))
        )
        if right == wrong:
            ignored.append(label)
    model.reset_metrics()
    if not ignored:
        return None
    return UsageWarning(
        f"The model is compiled with {name}, which ignores the images of the classes with the "
        f"labels {', '.join(map(str, ignored))}. So it does not learn them.",
        hint="Leave the class out of the data, or take another loss.",
    )


def is_mean_of_rows(model: keras.Model, classes: int) -> bool:
    """Return whether a loss of a batch is the mean of the losses of its parts.

    A loss with `reduction="sum"` is not: it depends on the batch size.
    """
    rng = np.random.default_rng(0)
    labels = (np.arange(2 * ROWS) % classes).astype(np.int32)
    scores = rng.normal(size=(2 * ROWS, classes)).astype(np.float32)
    whole = _loss(model, labels, scores)
    parts = [_loss(model, labels[half], scores[half]) for half in (slice(ROWS), slice(ROWS, None))]
    model.reset_metrics()
    return bool(np.isclose(whole, np.mean(parts), rtol=1e-4))


def _mean_loss(model: keras.Model, right: int, margin: float, classes: int) -> float:
    """Return the mean loss of the same scores for `right` rows of one class, and other rows.

    It is computed for two classes in turn, so that the weight of a class makes no difference.
    """
    labels = (np.arange(ROWS) < right).astype(np.int32)
    rows = [_row(first, 1 - first, margin, classes) for first in (1, 0)]
    return _loss(model, np.concatenate([labels, 1 - labels]), np.repeat(rows, ROWS, axis=0))


def _loss(model: keras.Model, labels: Labels, scores: NDArray[np.float32]) -> float:
    """Return the mean of the loss that a model computes."""
    tensors = map(keras.ops.convert_to_tensor, (labels, scores))
    loss = keras.ops.convert_to_numpy(model.compute_loss(None, *tensors, None))
    return float(np.asarray(loss, np.float64).mean())


def _row(first: int, second: int, margin: float, classes: int) -> NDArray[np.float32]:
    """Return scores that are `margin` higher for one class than for another, and low for others."""
    row = np.full(classes, OTHER_SCORE, np.float32)
    row[second], row[first] = -margin / 2, margin / 2
    return row
