"""Calibrate probabilities by temperature scaling."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

from catdog._utils.errors import UsageWarning
from catdog._utils.public import public
from catdog._utils.text import counted
from catdog.data.datasets import Datasets
from catdog.evaluation.metrics import expected_calibration_error, reliability
from catdog.inference.forward import log_probabilities, split_logits
from catdog.matching import resize_as_predicted
from catdog.models.metadata import (
    MAX_TEMPERATURE,
    ModelMetadata,
    attach_metadata,
    check_same_classes,
    get_metadata,
    get_model_name,
)
from catdog.typing import Floats, Labels, Verbose

BISECTION_STEPS = 60  # after these, the ends of the interval are equal up to rounding

# The warning about a temperature at an end of the range, and its hint.
_LIMITS = {
    1 / MAX_TEMPERATURE: (
        "On the validation images, the model is right more often than its probabilities say, even "
        f"at the lowest temperature, {1 / MAX_TEMPERATURE:g}: its logits hardly differ between the "
        "classes.",
        "Train it longer, or with a higher learning rate.",
    ),
    MAX_TEMPERATURE: (
        "On the validation images, the model is not more often right where it is more confident. "
        "Its probabilities are now nearly the same for all classes.",
        "Train it first.",
    ),
}


@public
@dataclass(frozen=True)
class Calibration:
    """Result of temperature scaling. Print it for a readable block.

    Attributes:
        temperature: Logits are divided by it before the softmax. Above 1, the model was
            overconfident; below 1, it was underconfident.
        n: Number of images that the temperature was fitted to.
        loss: Mean cross-entropy of these images in nats, before (at a temperature of 1) and after.
        calibration_error: Expected calibration error of these images, before and after, from 0 to
            1; as in [`Evaluation`][catdog.Evaluation].
    """

    temperature: float
    n: int
    loss: tuple[float, float]
    calibration_error: tuple[float, float]

    def to_dict(self) -> dict[str, Any]:
        """Return every figure, ready for `json.dump`."""
        return {
            "temperature": self.temperature,
            "n": self.n,
            "loss": list(self.loss),
            "calibration_error": list(self.calibration_error),
        }

    def __str__(self) -> str:
        verdict = "less" if self.temperature > 1 else "more"
        effect = "nothing changes" if self.temperature == 1 else f"{verdict} confident than before"
        (loss, new_loss), (error, new_error) = self.loss, self.calibration_error
        return "\n".join(
            [
                f"temperature {self.temperature:.3f}: {effect}",
                f"  fitted to    {counted(self.n, 'validation image')}",
                f"  loss         {loss:.4f} -> {new_loss:.4f}",
                f"  calibration  {error:.1%} -> {new_error:.1%}  (expected calibration error)",
            ]
        )


@public
def calibrate(model: keras.Model, data: Datasets, *, verbose: Verbose = "auto") -> Calibration:
    """Calibrate a model's probabilities by temperature scaling on the validation images.

    Of the predictions with a probability of 90 %, about nine in ten should be right. Networks are
    often overconfident: fewer of them are right. Temperature scaling divides all logits by one
    number, the temperature. It is chosen so that the loss on the validation images is lowest. No
    predicted class changes.

    The temperature is stored with the model and in its file; `predict` and `evaluate` use it. It is
    not fitted to the training images, because the model is more confident on them than on new
    images. It is not fitted to the test images, because they must stay unseen. Training with
    catdog resets the temperature. After `fit` of Keras, calibrate again.

    Args:
        model: A trained model.
        data: The images.
        verbose: Progress: `"auto"` shows Keras' bar on a terminal; 0 shows nothing, 1 and 2 what
            Keras shows for them.

    Returns:
        The temperature, from 0.01 to 100, and the loss and calibration error before and after. If
        the model classifies all the images correctly, no temperature can be estimated: there is a
        warning, and the temperature is 1. There is a warning if it is one of the limits, too.

    Raises:
        ValueError: If the classes of the model differ from those of the data, and where `evaluate`
            raises.

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
    resized = resize_as_predicted(model, data)
    check_same_classes(model, data.class_names, "Calibrate it on images of its own classes.")
    metadata = get_metadata(model) or ModelMetadata(
        data.class_names, resized.image_size, model_name=get_model_name(model)
    )
    logits = split_logits(model, resized, "validation", verbose=verbose)
    labels = data.labels("validation")
    temperature = fit_temperature(logits, labels)
    warning = _LIMITS.get(temperature)
    if (logits.argmax(axis=1) == labels).all():
        temperature = 1.0
        warning = (
            f"The model classifies all {len(labels)} validation images correctly, so they do not "
            "show how often it is wrong. Its probabilities stay as they are.",
            "Calibrate on more images.",
        )
    if warning:
        text, hint = warning
        warnings.warn(UsageWarning(text, hint=hint), stacklevel=2)
    attach_metadata(model, replace(metadata, temperature=temperature))
    loss, error = _loss_and_calibration_error(logits, 1.0, labels)
    new_loss, new_error = _loss_and_calibration_error(logits, temperature, labels)
    return Calibration(temperature, len(labels), (loss, new_loss), (error, new_error))


def fit_temperature(logits: Floats, labels: Labels) -> float:
    """Return the temperature that minimises the cross-entropy of logits.

    The loss is a convex function of `1 / temperature`. Its slope is the mean over the images of
    (expected logit - logit of the true class), and changes its sign at most once. Bisection on a
    logarithmic scale finds that point.

    Args:
        logits: Shape `(n, classes)`, finite.
        labels: True classes, shape `(n,)`.

    Returns:
        From 0.01 to 100. The result is one of these ends if the loss decreases all the way to it,
        as it does if all predictions are right or all are wrong. It is 1 if the loss is the same at
        every temperature.
    """
    true = logits[np.arange(len(labels)), labels]

    def slope(temperature: float) -> float:
        probabilities = np.exp(log_probabilities(logits, temperature))
        return float(np.mean((probabilities * logits).sum(axis=1) - true))

    low, high = 1 / MAX_TEMPERATURE, MAX_TEMPERATURE
    if slope(1.0) == 0:
        return 1.0
    if slope(low) < 0:
        return low
    if slope(high) > 0:
        return high
    for _ in range(BISECTION_STEPS):
        middle = math.sqrt(low * high)
        if slope(middle) > 0:  # overconfident
            low = middle
        else:
            high = middle
    return middle


def _loss_and_calibration_error(
    logits: Floats, temperature: float, labels: Labels
) -> tuple[float, float]:
    """Return mean cross-entropy and expected calibration error at a temperature."""
    log_p = log_probabilities(logits, temperature)
    bins = reliability(np.exp(log_p).max(axis=1), logits.argmax(axis=1) == labels)
    loss = -np.mean(log_p[np.arange(len(labels)), labels])
    return float(loss), expected_calibration_error(bins)
