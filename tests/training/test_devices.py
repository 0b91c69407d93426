"""Training functions that do not run under `tf.distribute` say so before they change anything."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import pytest
import tensorflow as tf

from catdog import Datasets, fine_tune, train_head
from catdog.training.devices import check_batch_size
from tests.conftest import MakeFolder
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


def distributed(replicas: int) -> Any:
    """Return what `check_batch_size` reads of a model that is distributed over devices."""
    return SimpleNamespace(distribute_strategy=SimpleNamespace(num_replicas_in_sync=replicas))


@pytest.mark.parametrize(
    ("train", "validation", "batch_size", "replicas", "better"),
    [
        (25, 8, 8, 2, "Call load_datasets with batch_size=10"),  # the last batch has one image
        (24, 9, 8, 2, "Call load_datasets with batch_size=6"),
        (24, 8, 7, 2, "Call load_datasets with batch_size=6"),  # the first one cannot be halved
        (25, 8, 32, 2, "Call load_datasets with batch_size=22"),
        (24, 5, 8, 2, "outside the scope of tf.distribute, or add an image"),
        (41, 41, 8, 4, "Call load_datasets with batch_size=12"),
    ],
)
def test_batches_that_cannot_be_distributed(
    train: int, validation: int, batch_size: int, replicas: int, better: str
) -> None:
    counts = {"train": train, "validation": validation}
    data: Any = SimpleNamespace(
        batch_size=batch_size, paths=lambda split: [Path(f"{n}.png") for n in range(counts[split])]
    )
    with pytest.raises(ValueError, match=rf"over {replicas} devices, but batches .*{better}"):
        check_batch_size(distributed(replicas), data)
    check_batch_size(distributed(1), data)


def test_batches_that_can_be_distributed(data: Datasets) -> None:
    assert (len(data.paths("train")), len(data.paths("validation")), data.batch_size) == (12, 4, 4)
    check_batch_size(distributed(2), data)
    check_batch_size(linear(), data)


TWO_DEVICES = """
import numpy as np, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
import keras, sys
from catdog import evaluate, load_datasets, train
from tests.training.conftest import SIZE
layers = keras.layers

def build():
    first = [keras.Input((*SIZE, 3)), layers.Conv2D(4, 3), layers.BatchNormalization()]
    model = keras.Sequential([*first, layers.Flatten(), layers.Dense(2)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(loss=loss)
    return model

data = load_datasets(sys.argv[1], image_size=SIZE, batch_size=8)
assert len(data.paths("train")) == 25
with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
    model = build()
try:
    train(model, data, epochs=1, verbose=0)
except ValueError as error:
    assert "batch_size=10" in str(error), error
data = load_datasets(sys.argv[1], image_size=SIZE, batch_size=10)
train(model, data, epochs=1, verbose=0)
data = load_datasets(sys.argv[1], image_size=SIZE, batch_size=8)  # 9 test images
one = build()
one.set_weights(model.get_weights())
first, second = (evaluate(each, data, verbose=0).probabilities for each in (model, one))
np.testing.assert_allclose(first, second, atol=1e-4)
"""


@pytest.mark.slow  # in a process of its own: TensorFlow divides a processor only before it starts
def test_two_devices(make_folder: MakeFolder) -> None:
    counts = {"train/a": 13, "train/b": 12, "validation/a": 4, "validation/b": 4}
    folder = make_folder({**counts, "test/a": 5, "test/b": 4})
    run = [sys.executable, "-W", "ignore", "-c", TWO_DEVICES, str(folder)]
    subprocess.run(run, check=True, cwd=Path(__file__).parents[2])
