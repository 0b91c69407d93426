"""Training functions that do not run under `tf.distribute` say so before they change anything."""

from collections.abc import Callable
from typing import Any

import keras
import pytest
import tensorflow as tf

from catdog import Datasets, fine_tune, train_head
from tests.training.conftest import SIZE, linear

MESSAGE = r"does not run under tf\.distribute.*catdog\.train\(model, data\)"
BOTH = pytest.mark.parametrize("how", [train_head, fine_tune])
STRATEGIES = [
    lambda: tf.distribute.MirroredStrategy(["CPU:0"]),
    lambda: tf.distribute.OneDeviceStrategy("CPU:0"),
]


@pytest.fixture(params=STRATEGIES, ids=["mirrored", "one_device"])
def strategy(request: pytest.FixtureRequest) -> tf.distribute.Strategy:
    return request.param()


def state(model: keras.Model) -> list[Any]:
    return [model.optimizer, *(layer.trainable for layer in model.layers)]


@BOTH
def test_within_a_scope(data: Datasets, how: Callable[..., Any], strategy: Any) -> None:
    model = linear()
    before = state(model)
    with strategy.scope(), pytest.raises(RuntimeError, match=f"{how.__name__} {MESSAGE}"):
        how(model, data, epochs=1, verbose=0)
    assert state(model) == before


@BOTH
def test_models_built_within_a_scope(data: Datasets, how: Callable[..., Any]) -> None:
    strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    with strategy.scope():
        model = linear()
    before = state(model)
    with pytest.raises(RuntimeError, match=f"{how.__name__} {MESSAGE}"):
        how(model, data, epochs=1, verbose=0)
    with strategy.scope(), pytest.raises(RuntimeError, match=f"{how.__name__} {MESSAGE}"):
        how(model, data, epochs=1, verbose=0)
    assert state(model) == before


@BOTH
def test_backbones_built_within_a_scope(data: Datasets, how: Callable[..., Any]) -> None:
    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        backbone = keras.Sequential([keras.Input((*SIZE, 3)), keras.layers.Conv2D(2, 3)])
    backbone.trainable = False
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((*SIZE, 3)), backbone, layers.GlobalAveragePooling2D(), layers.Dense(2)]
    )
    model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    with pytest.raises(RuntimeError, match=f"{how.__name__} {MESSAGE}"):
        how(model, data, epochs=1, verbose=0)


@BOTH
def test_after_a_scope(data: Datasets, how: Callable[..., Any]) -> None:
    with tf.distribute.OneDeviceStrategy("CPU:0").scope():
        pass
    assert how(linear(), data, epochs=1, verbose=0).epoch == [0]
