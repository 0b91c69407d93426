"""The learning rate of fine-tuning: it rises at first, and then falls as a cosine does."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from catdog.training.kept_weights import Logs

WARM_UP_SHARE = 0.1  # of all steps


def sets_learning_rate(callbacks: Sequence[keras.callbacks.Callback]) -> bool:
    """Return whether one of the callbacks of the user sets the learning rate."""
    kinds = (keras.callbacks.LearningRateScheduler, keras.callbacks.ReduceLROnPlateau)
    return any(isinstance(callback, kinds) for callback in callbacks)


def warm_up_and_decay(rate: float) -> keras.callbacks.Callback:
    """Return a callback that sets the learning rate of each step.

    It rises from near 0 to `rate` in the first tenth of all steps, and falls to near 0 in the last.
    `fine_tune` sets it to `rate` at the end. A schedule in the optimizer would leave the model with
    a learning rate of 0, which no callback could set.

    Source: P. Goyal et al., "Accurate, Large Minibatch SGD" (2017), for the rise; I. Loshchilov and
    F. Hutter, "SGDR" (2017), for the cosine.
    """

    class WarmUpAndDecay(keras.callbacks.Callback):  # type: ignore[misc]  # to load Keras late
        def on_train_begin(self, logs: Logs = None) -> None:
            steps = self.params["steps"] * self.params["epochs"]
            rise = max(1, round(WARM_UP_SHARE * steps))
            self._schedule = keras.optimizers.schedules.CosineDecay(
                0.0, steps - rise + 1, warmup_target=rate, warmup_steps=rise
            )

        def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
            self._step = epoch * self.params["steps"]

        def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
            step = self._step + batch + 1  # at step 0, the rate is 0
            self.model.optimizer.learning_rate.assign(self._schedule(step))

    return WarmUpAndDecay()
