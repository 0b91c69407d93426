"""The training loop of a head on extracted features.

The per-step overhead of `fit` exceeds the step itself, so each epoch runs as one compiled loop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from catdog._utils.keras_internals import initial_epoch, reset_initial_epoch

VALIDATION_BATCH_SIZE = 256  # rows; larger batches give the same metrics faster
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
        epochs: Number of epochs.
        callbacks: Are called as by `fit`, but for one batch an epoch. They may stop their model,
            or let it begin at a later epoch.
    """
    model = callbacks.model
    _make_variables(head, model, [tf.constant(rows[:batch_size]) for rows in validation_rows])
    train = _in_batches(head, head.train_step, train_rows, batch_size)
    validate = _in_batches(head, head.test_step, validation_rows, VALIDATION_BATCH_SIZE)
    all_validation_rows = np.arange(len(validation_rows[0]))
    last_step = -(-len(order_of(0)) // batch_size) - 1
    logs: Logs = {}
    model.stop_training = False
    reset_initial_epoch(model)  # a callback may set it in on_train_begin
    callbacks.on_train_begin()
    for epoch in range(initial_epoch(model), epochs):
        callbacks.on_epoch_begin(epoch)
        callbacks.on_train_batch_begin(0)
        logs = train(order_of(epoch))
        callbacks.on_train_batch_end(last_step, logs)
        callbacks.on_test_begin()
        validation_logs = validate(all_validation_rows)
        callbacks.on_test_end(validation_logs)
        logs |= {f"val_{name}": value for name, value in validation_logs.items()}
        callbacks.on_epoch_end(epoch, logs)
        if model.stop_training:
            break
    head.optimizer.finalize_variable_values(head.trainable_variables)
    callbacks.on_train_end(logs)


def _make_variables(head: keras.Model, model: keras.Model, rows: Sequence[Any]) -> None:
    """Create the variables that Keras would create in its first steps.

    TensorFlow traces a loop a second time if variables are created in it. And callbacks that
    monitor a metric look it up in the whole model, which takes no step itself.
    """
    head.optimizer.build(head.trainable_variables)
    head.test_step(rows)
    features, labels = rows
    model.compute_metrics(features, labels, head(features, training=False))
    model.reset_metrics()


def _in_batches(
    head: keras.Model, step: Callable[[Rows], object], rows: Rows, batch_size: int
) -> Callable[[NDArray[np.int64]], Logs]:
    """Return a function that takes a step with every batch of rows, and returns the head's metrics.

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

    if not head.run_eagerly:
        run = tf.function(run, autograph=False)

    def metrics_over(order: NDArray[np.int64]) -> Logs:
        head.reset_metrics()
        return _plain(run(tf.constant(order)))

    return metrics_over


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
