"""Plot a training run: a metric over the epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from catdog._utils import checks, late
from catdog._utils.errors import InvalidTypeError, InvalidValueError
from catdog._utils.public import public
from catdog.plotting.style import BLUE, ORANGE, axes_or_new


@public
def plot_history(
    history: keras.callbacks.History,
    *,
    metric: str = "accuracy",
    baseline: float | None = None,
    ax: late.axes.Axes | None = None,
) -> late.axes.Axes:
    """Plot the learning curves of a metric on the training and the validation images.

    Args:
        history: What `train` or `model.fit` returned.
        metric: A key of `history.history`, such as `"accuracy"` or `"loss"`.
        baseline: Accuracy of the majority-class baseline, from 0 to 1, drawn as a line.
        ax: Where to draw; a new figure if `None`.

    Returns:
        The axes drawn on.

    Raises:
        TypeError: If `history` is not a history, or holds no epoch.
        ValueError: If the history does not hold the metric, or not every metric of every epoch.
    """
    values = check_history(history)
    checks.check_choice("metric", metric, [key for key in values if not key.startswith("val_")])
    axes = axes_or_new(ax)
    epochs = range(1, len(values[metric]) + 1)
    axes.plot(epochs, values[metric], color=BLUE, marker="o", markersize=3, label="training")
    if f"val_{metric}" in values:
        validation = values[f"val_{metric}"]
        axes.plot(
            epochs, validation, color=ORANGE, marker="s", markersize=3, ls="--", label="validation"
        )
    if baseline is not None:
        axes.axhline(baseline, color="0.4", ls=":", label="baseline")
    axes.set(xlabel="epoch", ylabel=metric)
    axes.locator_params(axis="x", integer=True)
    axes.legend()
    return axes


def check_history(history: Any) -> Mapping[str, Sequence[float]]:
    """Return the values of each epoch by the name of the metric.

    Raises:
        TypeError: If `history` is not a history, or holds no epoch.
        ValueError: If a metric is not there for every epoch.
    """
    values: Mapping[str, Sequence[float]] | None = getattr(history, "history", None)
    if not values:
        raise InvalidTypeError(
            f"must be what train or model.fit returned, after at least one epoch, not {history!r}",
            argument="history",
        )
    if len({len(by_epoch) for by_epoch in values.values()}) > 1:
        raise InvalidValueError(
            "has more epochs of some metrics than of others, so it is not known which these are",
            argument="history",
            hint="Call model.fit with validation_freq=1.",
        )
    return values
