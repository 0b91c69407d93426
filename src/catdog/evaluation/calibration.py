"""Probabilities that can be taken at their word, and what it buys to answer only when sure."""

import math
import warnings
from dataclasses import dataclass, replace

import keras
import numpy as np

from catdog._utils.public import public
from catdog._utils.text import counted
from catdog.data.datasets import Datasets
from catdog.evaluation.metrics import (
    expected_calibration_error,
    reliability,
)
from catdog.inference.forward import split_logits
from catdog.matching import resize_to_model
from catdog.models.logits import log_softmax
from catdog.models.metadata import (
    MAX_TEMPERATURE,
    ModelMetadata,
    attach_metadata,
    check_same_classes,
    get_metadata,
)
from catdog.typing import Floats, Labels, Verbose

HALVINGS = 60  # of the interval that holds the temperature: beyond what a float can tell apart


@public
@dataclass(frozen=True)
class Calibration:
    """What calibrating a model has changed. Print it for a readable block.

    Attributes:
        temperature: What the logits are divided by from now on. Above 1, the model was too sure;
            below 1, not sure enough.
        n: Number of images it was fitted to.
        loss: Mean cross-entropy of these in nats, before (at a temperature of 1) and after.
        calibration_error: How far probabilities and accuracy are apart, before and after, from 0
            to 1; as in [`Evaluation`][catdog.Evaluation].
    """

    temperature: float
    n: int
    loss: tuple[float, float]
    calibration_error: tuple[float, float]

    def __str__(self) -> str:
        verdict = "less" if self.temperature > 1 else "more"
        effect = "nothing changes" if self.temperature == 1 else f"{verdict} sure than before"
        (loss, new_loss), (error, new_error) = self.loss, self.calibration_error
        return "\n".join(
            [
                f"temperature {self.temperature:.3f}: {effect}",
                f"  fitted to    {counted(self.n, 'validation image')}",
                f"  loss         {loss:.4f} -> {new_loss:.4f}",
                f"  calibration  {error:.1%} -> {new_error:.1%}"
                "  (gap between probability and accuracy)",
            ]
        )


@public
def calibrate(model: keras.Model, data: Datasets, *, verbose: Verbose = "auto") -> Calibration:
    """Make a model's probabilities mean what they say: of those at 90 %, nine in ten are right.

    Networks are often too sure of themselves. One number, the temperature, by which all logits are
    divided, mends most of it: it is the one at which the loss on the validation images is least.
    The model keeps it, in its file too; `predict` and `evaluate` use it. No label changes, as the
    likeliest class stays the same. The training images would not do, as the model is surer of
    them than of new ones; nor the test images, which could no longer judge it. Training with
    catdog forgets the temperature; after Keras' own `fit`, calibrate again.

    Args:
        model: A trained model.
        data: The images.
        verbose: Progress as Keras shows it.

    Returns:
        The temperature, and what it has changed. If the model is right on all the images, nothing
        tells how sure it may be: a warning says so, and the temperature is 1.

    Raises:
        ValueError: If the model knows other classes than the data's, and where `evaluate` raises.

    Example:
        ```python
        from catdog import build_model, calibrate, load_datasets, train

        data = load_datasets("synthetic")
        model = build_model("cnn", image_size=(32, 32))
        train(model, data, epochs=3)
        print(calibrate(model, data))
        ```

    Source: C. Guo and others, "On Calibration of Modern Neural Networks", ICML 2017, section 4.2.
    """
    resized = resize_to_model(model, data)
    check_same_classes(model, data.class_names, "Calibrate it on images of its own classes.")
    card = get_metadata(model) or ModelMetadata(data.class_names, resized.image_size)
    logits = split_logits(model, resized, "validation", verbose=verbose)
    labels = data.labels("validation")
    temperature = fit_temperature(logits, labels)
    if (logits.argmax(axis=1) == labels).all():
        temperature = 1.0
        warnings.warn(
            f"The model is right on all {len(labels)} validation images, so they do not tell how "
            "often it is wrong: its probabilities stay as they are. Calibrate on more images.",
            stacklevel=2,
        )
    elif temperature == MAX_TEMPERATURE:
        warnings.warn(
            "How sure the model is of a validation image does not tell whether it is right: its "
            "probabilities are nearly the same for all classes now. Train it first.",
            stacklevel=2,
        )
    attach_metadata(model, replace(card, temperature=temperature))
    loss, error = _judge(logits, labels)
    new_loss, new_error = _judge(logits / temperature, labels)
    return Calibration(temperature, len(labels), (loss, new_loss), (error, new_error))


def fit_temperature(logits: Floats, labels: Labels) -> float:
    """Return the temperature at which the cross-entropy of logits is least.

    In `1 / temperature` the loss is convex, so its slope, the mean over the images of (expected
    logit less logit of the true class), changes its sign once at most. That is where halving the
    interval, on a logarithmic scale, ends.

    Args:
        logits: Shape `(n, classes)`, finite.
        labels: True classes, shape `(n,)`.

    Returns:
        From 0.01 to 100: one of the ends if the loss falls all the way there, as it does for logits
        that tell nothing; 1 if it is the same everywhere.
    """
    true = logits[np.arange(len(labels)), labels]

    def slope(temperature: float) -> float:
        probabilities = np.exp(log_softmax(logits / temperature))
        return float(np.mean((probabilities * logits).sum(axis=1) - true))

    low, high = 1 / MAX_TEMPERATURE, MAX_TEMPERATURE
    if slope(1.0) == 0:
        return 1.0
    if slope(low) < 0:
        return low
    if slope(high) > 0:
        return high
    for _ in range(HALVINGS):
        middle = math.sqrt(low * high)
        if slope(middle) > 0:  # too sure
            low = middle
        else:
            high = middle
    return middle


def _judge(logits: Floats, labels: Labels) -> tuple[float, float]:
    """Return mean cross-entropy and calibration error."""
    log_probabilities = log_softmax(logits)
    bins = reliability(np.exp(log_probabilities).max(axis=1), logits.argmax(axis=1) == labels)
    loss = -np.mean(log_probabilities[np.arange(len(labels)), labels])
    return float(loss), expected_calibration_error(bins)
