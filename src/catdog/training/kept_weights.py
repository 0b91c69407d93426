"""The weights that a model has after a training: of the best epoch, or those that were finite."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from catdog._utils import checks
from catdog._utils.errors import NotFiniteError

MONITORED = "val_loss"
Logs = Mapping[str, Any] | None
"""What Keras passes to callbacks: loss and metrics by name."""
_CAUSES = (
    "a learning rate that is too large; a loss that does not fit logits; a layer that divides by "
    "zero or takes the logarithm of it; pixels that are scaled twice, or class weights that are "
    "very large"
)


def check_patience(patience: Any) -> int | None:
    """Return `patience` as an `int`, or `None`; else raise a `ValueError`."""
    return None if patience is None else checks.check_positive_int("patience", patience)


def stop_without_progress(patience: int | None) -> list[keras.callbacks.Callback]:
    """Return the callback that ends a training after epochs without a lower validation loss."""
    if patience is None:
        return []
    return [keras.callbacks.EarlyStopping(MONITORED, mode="min", patience=patience)]


def best_weights(
    trained: keras.Model, *, of_epochs: bool, start_loss: float | None = None
) -> keras.callbacks.Callback:
    """Return a callback that keeps the weights with the lowest validation loss.

    Keras' `EarlyStopping` would copy those of a frozen backbone too, after every epoch.

    Args:
        trained: The model, or its head if only that is trained.
        of_epochs: Whether the weights of the best epoch are kept, or only those from before the
            training, for the case that the last epoch is worse.
        start_loss: The validation loss before the training; `None` if it does not matter.

    Returns:
        Its `epoch` is the number of the best epoch, from 1, or 0 if none is better than the start;
        `loss` is its validation loss; `restore()` gives its weights to `trained`.
    """

    class BestWeights(keras.callbacks.Callback):  # type: ignore[misc]  # here, to load Keras late
        def __init__(self) -> None:
            super().__init__()
            self.epoch, self.loss, self.last_loss = 0, np.inf, np.inf
            self.weights: list[Any] = []
            self.evaluated: list[Any] = []

        def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
            if start_loss is not None and np.isfinite(start_loss) and not self.weights:
                self.loss, self.weights = start_loss, trained.get_weights()

        def on_test_begin(self, logs: Logs = None) -> None:
            # `SwapEMAWeights` gives the model other weights for the validation only.
            self.evaluated = trained.get_weights() if of_epochs else []

        def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
            self.last_loss = float((logs or {}).get(MONITORED, np.inf))
            if of_epochs and self.last_loss < self.loss:
                self.epoch, self.loss = epoch + 1, self.last_loss
                self.weights = self.evaluated
            self.evaluated = []

        def restore(self) -> bool:
            """Return whether the weights are now those that were kept."""
            is_best = bool(self.weights) and (of_epochs or self.loss < self.last_loss)
            if is_best:
                trained.set_weights(self.weights)
            return is_best

    return BestWeights()


def stop_if_not_finite(trained: keras.Model, *, every_batch: bool) -> keras.callbacks.Callback:
    """Return a callback that raises if a loss is NaN or infinite.

    Args:
        trained: The model, or its head if only that is trained.
        every_batch: Whether to check the training loss after each batch, or after each epoch only.

    Returns:
        Its `restore()` gives `trained` the weights of the last epoch whose losses are finite, or
        those from before the training. It raises a `FloatingPointError`.
    """

    class StopIfNotFinite(keras.callbacks.Callback):  # type: ignore[misc]  # as above
        def __init__(self) -> None:
            super().__init__()
            self.epoch = self.good_epoch = 0

        def on_train_begin(self, logs: Logs = None) -> None:
            self.good_weights = trained.get_weights()

        def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
            self.epoch, self.good_epoch = epoch + 1, epoch

        def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
            for name in ("loss", MONITORED):
                self.check(name, logs)
            self.good_weights = trained.get_weights()

        def check(self, name: str, logs: Logs) -> None:
            value = (logs or {}).get(name)
            if value is not None and not np.isfinite(value).all():
                raise _not_finite(name, value, self.epoch, self.good_epoch)

        def restore(self) -> None:
            trained.set_weights(self.good_weights)

    class StopAtOnce(StopIfNotFinite):
        async_safe = True  # Keras need not wait for it: it only reads its arguments

        def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
            self.check("loss", logs)

    return StopAtOnce() if every_batch else StopIfNotFinite()


def _not_finite(name: str, value: Any, epoch: int, good_epoch: int) -> NotFiniteError:
    """Return the error about a loss that is not finite, in an epoch counted from 1."""
    what = "validation loss" if name == MONITORED else "training loss"
    weights = f"of epoch {good_epoch}" if good_epoch else "with which the training began"
    return NotFiniteError(
        f"The {what} is {value} in epoch {epoch}, so the training was stopped. The model has the "
        f"weights {weights}",
        hint=f"Likely causes: {_CAUSES}.",
    )
