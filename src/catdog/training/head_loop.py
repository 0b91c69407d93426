"""The training loop of a head on extracted features.

The per-step overhead of `fit` exceeds the step itself. So each epoch runs as one compiled loop,
unless callbacks act on batches. On another backend than TensorFlow, and on several devices, Keras'
own functions take each step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from catdog._utils.keras_internals import (
    accumulated_metrics,
    initial_epoch,
    is_slow_untraced,
    own_strategy,
    reset_initial_epoch,
)
from catdog.training.loss_state import keeping_loss_state

MIN_STEPS_TO_TRACE = 50  # steps of a run; with fewer, tracing a graph takes longer than it saves
# What Keras calls in `fit` of a model, and what the loop of its head does not call.
WHOLE_MODEL_METHODS = (
    *("__call__", "call", "fit", "evaluate", "make_train_function", "make_test_function"),
    *("train_step", "test_step", "compute_loss", "compute_metrics"),
    *("get_metrics_result", "reset_metrics"),
)
Rows = Sequence[NDArray[np.generic]]
"""Features, labels, and perhaps weights: arrays with one row for each image."""
Logs = dict[str, Any]
"""Loss and metrics of an epoch by name: numbers, or arrays for a metric of several values."""


def fit_head(
    head: keras.Model,
    train_rows: Rows,
    validation_rows: Rows,
    *,
    order_of: Callable[[int], NDArray[np.int64]],
    batch_size: int,
    validation_batch_size: int,
    epochs: int,
    callbacks: keras.callbacks.CallbackList,
) -> None:
    """Train a compiled head on features as `fit` would.

    Args:
        head: Takes features, returns logits.
        train_rows: Features, labels, and perhaps weights of the training images.
        validation_rows: Features and labels of the validation images.
        order_of: Returns the positions in `train_rows` to train on in an epoch, counted from 0.
        batch_size: Rows in a step; the last step of an epoch may have fewer.
        validation_batch_size: Rows in a batch of the validation, unless a callback acts on batches.
        epochs: Number of epochs.
        callbacks: Are called as by `fit`. If one acts on batches, such as a schedule of the
            learning rate, each batch is one call; otherwise, each epoch is one call. They may stop
            their model, or let it begin at a later epoch.
    """
    model = callbacks.model
    _make_variables(head, model, [rows[:batch_size] for rows in validation_rows])
    sizes = (batch_size, validation_batch_size)
    train, validate = _passes(head, train_rows, validation_rows, sizes, callbacks)
    all_validation_rows = np.arange(len(validation_rows[0]))
    n_steps = epochs * (len(order_of(0)) + len(all_validation_rows)) / batch_size
    is_long = n_steps >= MIN_STEPS_TO_TRACE or is_slow_untraced(head)
    if is_long and not head.run_eagerly and _is_on_one_device(head):
        train, validate = train.traced(), validate.traced()
    logs: Logs = {}
    model.stop_training = False
    reset_initial_epoch(model)  # a callback may set it in on_train_begin
    callbacks.on_train_begin()
    for epoch in range(initial_epoch(model), epochs):
        callbacks.on_epoch_begin(epoch)
        logs = train.run(order_of(epoch))
        model.stop_evaluating = False
        callbacks.on_test_begin()
        validation_logs = validate.run(all_validation_rows)
        callbacks.on_test_end(validation_logs)
        logs |= {f"val_{name}": value for name, value in validation_logs.items()}
        callbacks.on_epoch_end(epoch, logs)
        if model.stop_training:
            break
    head.optimizer.finalize_variable_values(head.trainable_variables)
    callbacks.on_train_end(logs)


BATCH_HOOKS = [
    f"on_{kind}batch_{end}" for kind in ("", "train_", "test_") for end in ("begin", "end")
]


def _acts_on_batches(callback: keras.callbacks.Callback) -> bool:
    """Return whether a callback has a method for batches; the progress bar needs no calls."""
    if isinstance(callback, keras.callbacks.ProgbarLogger):
        return False
    return any(
        getattr(getattr(callback, hook), "__func__", None)
        is not getattr(keras.callbacks.Callback, hook)
        for hook in BATCH_HOOKS
    )


@dataclass(frozen=True, eq=False)
class _Pass:
    """One pass over rows, for training or for validation.

    Attributes:
        head: Holds the metrics.
        take_steps: Takes a step with every batch of the rows at these positions, in order, and
            returns the metrics since they were reset.
        batch_size: Rows in a batch.
        by_batch: Whether callbacks are called for every batch, or once for all batches.
        before: Is called with the number of the next batch.
        after: Is called with the number of the last batch, and the metrics.
        is_stopped: Returns whether a callback wants no further batch.
    """

    head: keras.Model
    take_steps: Callable[[Any], Any]
    batch_size: int
    by_batch: bool
    before: Callable[[int], None]
    after: Callable[[int, Logs], None]
    is_stopped: Callable[[], bool]

    def traced(self) -> _Pass:
        """Return the same pass as one graph, which is faster after the first step."""
        traced = tf.function(self.take_steps, autograph=False)
        return replace(self, take_steps=lambda positions: traced(tf.constant(positions)))

    def run(self, order: NDArray[np.int64]) -> Logs:
        """Run the rows at these positions, and return the metrics."""
        self.head.reset_metrics()
        logs: Logs = {}
        rows_at_once = self.batch_size if self.by_batch else len(order)
        for begin in range(0, len(order), rows_at_once):
            positions = order[begin : begin + rows_at_once]
            self.before(begin // self.batch_size)
            logs = _plain(self.take_steps(positions))
            self.after((begin + len(positions) - 1) // self.batch_size, logs)
            if self.is_stopped():
                break
        return logs


def _passes(
    head: keras.Model,
    train_rows: Rows,
    validation_rows: Rows,
    batch_sizes: tuple[int, int],
    callbacks: keras.callbacks.CallbackList,
) -> tuple[_Pass, _Pass]:
    """Return the passes of an epoch: training and validation, in batches of these sizes."""
    batch_size, validation_size = batch_sizes
    model = callbacks.model
    by_batch = any(map(_acts_on_batches, callbacks.callbacks))
    validation_size = batch_size if by_batch else validation_size
    if _is_on_one_device(head):
        train_steps = _in_batches(head, head.train_step, train_rows, batch_size)
        test_steps = _in_batches(head, head.test_step, validation_rows, validation_size)
    else:
        train_steps = _by_keras(head, head.train_on_batch, train_rows, batch_size)
        test_steps = _by_keras(head, head.test_on_batch, validation_rows, validation_size)
    train = _Pass(
        head=head,
        take_steps=train_steps,
        batch_size=batch_size,
        by_batch=by_batch,
        before=callbacks.on_train_batch_begin,
        after=callbacks.on_train_batch_end,
        is_stopped=lambda: model.stop_training,
    )
    validate = _Pass(
        head=head,
        take_steps=test_steps,
        batch_size=validation_size,
        by_batch=by_batch,
        before=callbacks.on_test_batch_begin,
        after=callbacks.on_test_batch_end,
        is_stopped=lambda: model.stop_evaluating,
    )
    return train, validate


def _is_on_one_device(head: keras.Model) -> bool:
    """Return whether TensorFlow runs a head on one device, without `tf.distribute`."""
    return keras.backend.backend() == "tensorflow" and own_strategy(head) is None


def _make_variables(head: keras.Model, model: keras.Model, rows: Rows) -> None:
    """Create the variables that Keras would create in its first steps.

    TensorFlow traces a loop a second time if variables are created in it. And callbacks that
    monitor a metric look it up in the whole model, which takes no step itself.
    """
    head.optimizer.build(head.trainable_variables)
    tensors = [keras.ops.convert_to_tensor(array) for array in rows]
    with keeping_loss_state(head):  # a loss may count its calls
        if _is_on_one_device(head):
            head.test_step(tensors)
        else:
            head.test_on_batch(*rows)
    features, labels = tensors
    model.compute_metrics(features, labels, head(features, training=False))
    model.reset_metrics()


def _in_batches(
    head: keras.Model, step: Callable[[Rows], object], rows: Rows, batch_size: int
) -> Callable[[Any], Any]:
    """Return a function that takes a step with every batch of the rows at the given positions.

    It returns the head's metrics, which it does not reset.

    Args:
        head: Holds the metrics.
        step: The head's `train_step` or `test_step`.
        rows: Features, labels, and perhaps weights.
        batch_size: Rows in a batch.
    """
    tensors = [tf.constant(array) for array in rows]

    def run(order: Any) -> Any:
        def take_step(number: Any, carried: Any) -> Any:
            positions = order[number * batch_size : (number + 1) * batch_size]
            step([tf.gather(tensor, positions) for tensor in tensors])
            return carried  # `fori_loop` passes a value on; none is needed

        keras.ops.fori_loop(0, -(-order.shape[0] // batch_size), take_step, 0)
        return head.get_metrics_result()

    return run


def _by_keras(
    head: keras.Model, step: Callable[..., Logs], rows: Rows, batch_size: int
) -> Callable[[NDArray[np.int64]], Logs]:
    """Return a function as `_in_batches` does, whose steps are those of Keras.

    On several devices, each one takes the whole step: a head is small.

    Args:
        head: Holds the metrics.
        step: The head's `train_on_batch` or `test_on_batch`.
        rows: Features, labels, and perhaps weights.
        batch_size: Rows in a batch.
    """

    def run(order: NDArray[np.int64]) -> Logs:
        logs: Logs = {}
        with accumulated_metrics(head):
            for begin in range(0, len(order), batch_size):
                positions = order[begin : begin + batch_size]
                logs = step(*(array[positions] for array in rows), return_dict=True)
        return logs

    return run


def _plain(logs: Mapping[str, Any]) -> Logs:
    """Return logs as callbacks get them from Keras: no tensors, no nested dictionaries."""
    plain: Logs = {}
    for name, value in logs.items():
        if isinstance(value, Mapping):
            plain |= _plain(value)
        else:
            array = np.array(value)  # a copy: its memory may be that of a variable
            plain[name] = array if array.ndim else float(array)
    return plain
