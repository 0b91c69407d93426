"""The training loop of a head on extracted features.

The per-step overhead of `fit` exceeds the step itself, so each epoch runs as one compiled loop.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from catdog._utils.keras_internals import initial_epoch, reset_initial_epoch

VALIDATION_BATCH_SIZE = 256  # rows; larger batches give the same figures sooner
Rows = Sequence[NDArray[np.generic]]
"""Features, labels, and maybe weights: arrays with one row an image."""
Logs = dict[str, Any]
"""Figures of an epoch by name: numbers, or arrays where a metric gives several."""


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
        train_rows: What it is trained on.
        validation_rows: What its validation figures are taken on.
        order_of: Which rows of `train_rows` to train on in an epoch, counted from 0, in order.
        batch_size: Rows in a step; the last step of an epoch may have fewer.
        epochs: Passes over the order.
        callbacks: Are called as by `fit`, but for one batch an epoch. They may stop their model,
            or let it begin at a later epoch.
    """
    model = callbacks.model
    _make_variables(head, model, [tf.constant(each[:batch_size]) for each in validation_rows])
    train = _in_batches(head, head.train_step, train_rows, batch_size)
    validate = _in_batches(head, head.test_step, validation_rows, VALIDATION_BATCH_SIZE)
    everything = np.arange(len(validation_rows[0]))
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
        figures = validate(everything)
        callbacks.on_test_end(figures)
        logs |= {f"val_{name}": value for name, value in figures.items()}
        callbacks.on_epoch_end(epoch, logs)
        if model.stop_training:
            break
    head.optimizer.finalize_variable_values(head.trainable_variables)
    callbacks.on_train_end(logs)


def _make_variables(head: keras.Model, model: keras.Model, rows: Sequence[Any]) -> None:
    """Create the variables that Keras would create in its first steps.

    Variables that are made within a loop make TensorFlow trace it once more. And callbacks that
    watch a metric look for it in the whole model, which takes no step itself.
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
        head: Keeps the metrics.
        step: Its `train_step` or `test_step`.
        rows: What the batches are taken from.
        batch_size: Rows in a batch.
    """
    tensors = [tf.constant(each) for each in rows]

    def run(order: Any) -> Any:
        def take(number: Any, nothing: Any) -> Any:
            positions = order[number * batch_size : (number + 1) * batch_size]
            step([tf.gather(each, positions) for each in tensors])
            return nothing

        keras.ops.fori_loop(0, -(-order.shape[0] // batch_size), take, 0)
        return head.get_metrics_result()

    if not head.run_eagerly:
        run = tf.function(run, autograph=False)

    def metrics_over(order: NDArray[np.int64]) -> Logs:
        head.reset_metrics()
        return _plain(run(tf.constant(order)))

    return metrics_over


def _plain(logs: Mapping[str, Any]) -> Logs:
    """Return figures as callbacks get them from Keras: no tensors, no groups of figures."""
    plain: Logs = {}
    for name, value in logs.items():
        if isinstance(value, Mapping):
            plain |= _plain(value)
        else:
            array = np.array(value)  # a copy: its memory may be that of a variable
            plain[name] = array if array.ndim else float(array)
    return plain
