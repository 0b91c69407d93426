"""Probes before the training leave losses and metrics as they were."""

import random
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from catdog import Datasets, train, train_head
from catdog.data.datasets import ordered_batches, training_batches
from catdog.data.session import raise_read_errors
from catdog.training.compiled import check_ready_to_train, check_weights_count, has_mean_losses
from catdog.training.loss_state import keeping_loss_state
from tests.training.conftest import SIZE, linear

ops = keras.ops


def cross_entropy(labels: Any, logits: Any, smoothing: Any = 0.0) -> Any:
    one_hot = ops.one_hot(ops.cast(ops.reshape(labels, (-1,)), "int32"), 2)
    smoothed = one_hot * (1 - smoothing) + smoothing / 2
    return keras.losses.categorical_crossentropy(smoothed, logits, from_logits=True)


class Annealed(keras.losses.Loss):  # type: ignore[misc]  # keras ships no hints
    """Its label smoothing falls with each call."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = keras.Variable(0.0, trainable=False)

    def call(self, labels: Any, logits: Any) -> Any:
        self.calls.assign_add(1.0)
        return cross_entropy(labels, logits, ops.exp(-self.calls / 5))


@pytest.mark.parametrize("how", [train, train_head])
def test_a_loss_with_state_trains_as_in_fit(data: Datasets, how: Callable[..., Any]) -> None:
    plain, model = linear(), linear()
    plain.compile("adam", Annealed())
    model.compile("adam", Annealed())
    with raise_read_errors() as errors:
        expected = plain.fit(
            training_batches(data, errors),
            validation_data=ordered_batches(data, "validation", errors),
            epochs=2,
            verbose=0,
            shuffle=False,
        ).history
    weights = dict.fromkeys(data.class_names, 1.0) if how is train else None
    found = how(model, data, epochs=2, class_weight=weights, verbose=0).history
    names = ["loss", "val_loss"] if how is train else ["loss"]  # its validation has other batches
    for name in names:
        assert found[name][0] == pytest.approx(expected[name][0], rel=1e-4), name


COUNTER = keras.Variable(0.0, trainable=False)


def with_a_global(labels: Any, logits: Any) -> Any:
    COUNTER.assign_add(1.0)
    return cross_entropy(labels, logits)


class Own(keras.losses.Loss):  # type: ignore[misc]
    """Holds state of each kind."""

    def __init__(self) -> None:
        super().__init__()
        self.calls, self.seen, self.largest = 0, [0.0], np.zeros(1)
        self.inner = SimpleNamespace(calls=0)
        self.rng, self.python_rng = np.random.default_rng(0), random.Random(0)
        self.variable = tf.Variable(0.0)
        self.teacher = keras.layers.BatchNormalization()
        self.teacher.build((None, 2))

    def call(self, labels: Any, logits: Any) -> Any:
        self.calls += 1
        self.inner.calls += 1
        self.seen.append(self.rng.random() + self.python_rng.random())
        self.largest += 1
        self.variable.assign_add(1.0)
        self.teacher(logits, training=True)
        self.late = getattr(self, "late", 0) + 1
        keras.random.uniform((1,))
        random.random()
        return cross_entropy(labels, logits)

    def state(self) -> Any:
        return [
            *(self.calls, list(self.seen), self.largest.tolist(), self.inner.calls),
            *(self.rng.bit_generator.state, self.python_rng.getstate()),
            *(float(self.variable), hasattr(self, "late"), random.getstate()),
            [np.asarray(each).tolist() for each in self.teacher.variables],
        ]


def closure() -> tuple[Any, Callable[[], Any]]:
    calls, counts = 0, {"calls": 0}

    def loss(labels: Any, logits: Any) -> Any:
        nonlocal calls
        calls += 1
        counts["calls"] += 1
        return cross_entropy(labels, logits)

    return loss, lambda: (calls, counts["calls"])


def own() -> tuple[Any, Callable[[], Any]]:
    loss = Own()
    return loss, loss.state


def global_variable() -> tuple[Any, Callable[[], Any]]:
    return with_a_global, lambda: float(COUNTER)


@pytest.mark.parametrize("make", [own, closure, global_variable])
def test_every_kind_of_state_is_kept(data: Datasets, make: Any) -> None:
    loss, state = make()
    model = linear()
    model.compile("adam", loss)
    before = state()
    check_ready_to_train(model, data)
    check_weights_count(model, 2)
    has_mean_losses(model, 2)
    assert state() == before
    loss(ops.convert_to_tensor([0, 1]), ops.convert_to_tensor([[0.0, 1.0]] * 2))
    assert state() != before  # it does change


def test_an_object_bound_to_a_function(data: Datasets) -> None:
    owner = SimpleNamespace(calls=0)

    def loss(labels: Any, logits: Any, counted: Any) -> Any:
        counted.calls += 1
        return cross_entropy(labels, logits)

    model = linear()
    model.compile("adam", partial(loss, counted=owner))
    with keeping_loss_state(model):
        model.compute_loss(None, ops.convert_to_tensor([0]), ops.convert_to_tensor([[0.0, 1.0]]))
        assert owner.calls == 1
    assert owner.calls == 0


class OwnLoss(keras.Sequential):  # type: ignore[misc]
    def compute_loss(self, x: Any, y: Any, y_pred: Any, *given: Any, **options: Any) -> Any:
        self.calls += 1
        self.counter.assign_add(1.0)
        self.tracker.update_state(ops.mean(y_pred))
        return ops.mean(cross_entropy(y, y_pred))


def test_a_models_own_loss(data: Datasets) -> None:
    model = OwnLoss([keras.Input((*SIZE, 3)), *linear().layers])
    model.calls, model.counter = 0, keras.Variable(0.0, trainable=False)
    model.tracker = keras.metrics.Mean()
    model.tracker.update_state(3.0)
    model.compile("adam")
    check_ready_to_train(model, data)
    assert (model.calls, float(model.counter)) == (0, 0.0)


class OwnMetric(keras.metrics.Metric):  # type: ignore[misc]
    """Counts for all of the training: it is not reset."""

    def __init__(self) -> None:
        super().__init__(name="own")
        self.calls, self.count = 0, keras.Variable(0.0, trainable=False)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        self.calls += 1
        self.count.assign_add(1.0)

    def result(self) -> Any:
        return self.count + 0.0

    def reset_state(self) -> None:
        pass


def test_a_metric_that_is_not_reset(data: Datasets) -> None:
    model, metric = linear(), OwnMetric()
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(True), metrics=[metric])
    check_ready_to_train(model, data)
    assert (metric.calls, float(metric.count)) == (0, 0.0)
