"""Probabilities that can be taken at their word, and what it buys to answer only when sure."""

import math
import warnings
from dataclasses import dataclass, replace

import keras
import numpy as np

from catdog._card import MAX_TEMPERATURE, ModelCard, card_of, check_same_classes, give_card
from catdog._evaluation import Evaluation, check_evaluation, right_answers
from catdog._logits import check_logits
from catdog._statistics import (
    Counts,
    expected_calibration_error,
    log_softmax,
    reliability,
    wilson_interval,
)
from catdog._tables import Table, text_lines
from catdog._text import counted
from catdog._types import Floats, Labels, Split, Verbose
from catdog.data import Datasets
from catdog.data._datasets import in_order, naming_broken_pictures, serve_to

HALVINGS = 60  # of the interval that holds the temperature: beyond what a float can tell apart
PRINTED_THRESHOLDS = (0.0, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)


@dataclass(frozen=True)
class Calibration:
    """What calibrating a model has changed. Print it for a readable block.

    Attributes:
        temperature: What the logits are divided by from now on. Above 1, the model was too sure;
            below 1, not sure enough.
        n: Number of pictures it was fitted to.
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
                f"  fitted to    {counted(self.n, 'validation picture')}",
                f"  loss         {loss:.4f} -> {new_loss:.4f}",
                f"  calibration  {error:.1%} -> {new_error:.1%}"
                "  (gap between probability and accuracy)",
            ]
        )


def calibrate(model: keras.Model, data: Datasets, *, verbose: Verbose = "auto") -> Calibration:
    """Make a model's probabilities mean what they say: of those at 90 %, nine in ten are right.

    Networks are often too sure of themselves. One number, the temperature, by which all logits are
    divided, mends most of it: it is the one at which the loss on the validation pictures is least.
    The model keeps it, in its file too; `predict` and `evaluate` use it. No label changes, as the
    likeliest class stays the same. The training pictures would not do, as the model is surer of
    them than of new ones; nor the test pictures, which could no longer judge it. Training with
    catdog forgets the temperature; after Keras' own `fit`, calibrate again.

    Args:
        model: A trained model.
        data: The pictures.
        verbose: Progress as Keras shows it.

    Returns:
        The temperature, and what it has changed. If the model is right on all the pictures, nothing
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
    served = serve_to(model, data)
    check_same_classes(model, data.class_names, "Calibrate it on pictures of its own classes.")
    card = card_of(model) or ModelCard(data.class_names, served.image_size)
    with naming_broken_pictures(served):
        logits = np.asarray(
            model.predict(in_order(served, "validation"), verbose=verbose), np.float64
        )
    check_logits(logits)
    labels = data.labels("validation")
    temperature = fit_temperature(logits, labels)
    if (logits.argmax(axis=1) == labels).all():
        temperature = 1.0
        warnings.warn(
            f"The model is right on all {len(labels)} validation pictures, so they do not tell how "
            "often it is wrong: its probabilities stay as they are. Calibrate on more pictures.",
            stacklevel=2,
        )
    elif temperature == MAX_TEMPERATURE:
        warnings.warn(
            "How sure the model is of a validation picture does not tell whether it is right: its "
            "probabilities are nearly the same for all classes now. Train it first.",
            stacklevel=2,
        )
    give_card(model, replace(card, temperature=temperature))
    loss, error = _judge(logits, labels)
    new_loss, new_error = _judge(logits / temperature, labels)
    return Calibration(temperature, len(labels), (loss, new_loss), (error, new_error))


def fit_temperature(logits: Floats, labels: Labels) -> float:
    """Return the temperature at which the cross-entropy of logits is least.

    In `1 / temperature` the loss is convex, so its slope, the mean over the pictures of (expected
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


@dataclass(frozen=True, eq=False, repr=False)
class CoverageCurve:
    """How often a model answers, and how often it is right, if it answers only when sure enough.

    Arrays have one entry a threshold, from low to high. Print it for a readable table.

    Attributes:
        thresholds: Every probability of a predicted class that occurs: values for `unsure_below`.
            By rounding, one may just miss its own picture.
        answered: Number of pictures whose probability is not below the threshold.
        right: How many of these the model gets right.
        n: Number of pictures.
        split: The set they are of.
    """

    thresholds: Floats
    answered: Counts
    right: Counts
    n: int
    split: Split

    @property
    def coverage(self) -> Floats:
        """Share of the pictures that are answered, from 0 to 1."""
        coverage: Floats = self.answered / self.n
        return coverage

    @property
    def accuracy(self) -> Floats:
        """Share of the answers that are right, from 0 to 1."""
        accuracy: Floats = self.right / self.answered
        return accuracy

    def __repr__(self) -> str:
        return f"<CoverageCurve: {counted(self.n, 'picture')} of the {self.split} set>"

    def __str__(self) -> str:
        positions = np.searchsorted(self.thresholds, PRINTED_THRESHOLDS)
        rows = [
            self._row(threshold, position)
            for threshold, position in zip(PRINTED_THRESHOLDS, positions, strict=True)
            if position < len(self.thresholds)
        ]
        table = Table(("unsure below", "answered", "", "of these right", "95 % interval"), rows)
        return "\n".join(
            [f"{counted(self.n, 'picture')} of the {self.split} set", *text_lines(table)]
        )

    def _row(self, threshold: float, position: int) -> tuple[str, ...]:
        low, high = wilson_interval(int(self.right[position]), int(self.answered[position]))
        return (
            f"{threshold:.0%}",
            f"{self.answered[position]}",
            f"{self.coverage[position]:.1%}",
            f"{self.accuracy[position]:.1%}",
            f"{low:.1%} to {high:.1%}",
        )


def coverage_curve(evaluation: Evaluation) -> CoverageCurve:
    """Return what it buys to answer only when sure: fewer answers, more of them right.

    Choose `unsure_below` of `predict` by the validation pictures, after `calibrate`. How good the
    choice is, the test pictures tell.

    Args:
        evaluation: What `evaluate` returned.

    Example:
        ```python
        from catdog import build_model, coverage_curve, evaluate, load_datasets, train

        data = load_datasets("synthetic")
        model = build_model("cnn", image_size=(32, 32))
        train(model, data, epochs=3)
        print(coverage_curve(evaluate(model, data, split="validation")))
        ```
    """
    check_evaluation(evaluation)
    confidences = evaluation.probabilities.max(axis=1)
    right = right_answers(evaluation)
    thresholds, where = np.unique(confidences, return_inverse=True)
    return CoverageCurve(
        thresholds=thresholds,
        answered=_and_above(np.bincount(where)),
        right=_and_above(np.bincount(where[right], minlength=len(thresholds))),
        n=evaluation.n,
        split=evaluation.split,
    )


def _and_above(counts: Counts) -> Counts:
    """Return for each entry the sum of it and all after it."""
    return counts[::-1].cumsum()[::-1]
