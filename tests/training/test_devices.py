"""Training on the devices of `tf.distribute`, and what is refused before anything is changed."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import pytest
import tensorflow as tf

from catdog import Datasets, fine_tune, train, train_head
from catdog.training.devices import check_batch_size
from tests.conftest import MakeFolder
from tests.training.conftest import SIZE, linear

ALL = pytest.mark.parametrize("how", [train, train_head, fine_tune])


@ALL
def test_within_another_scope(data: Datasets, how: Callable[..., Any]) -> None:
    model = linear()
    before = model.optimizer
    strategy = tf.distribute.OneDeviceStrategy("CPU:0")
    message = f"{how.__name__} was called in the scope of OneDeviceStrategy.*was not built there"
    with strategy.scope(), pytest.raises(RuntimeError, match=message):
        how(model, data, epochs=1, verbose=0)
    assert model.optimizer is before


@ALL
def test_backbones_built_within_a_scope(data: Datasets, how: Callable[..., Any]) -> None:
    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        backbone = keras.Sequential([keras.Input((*SIZE, 3)), keras.layers.Conv2D(2, 3)])
    backbone.trainable = False
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((*SIZE, 3)), backbone, layers.GlobalAveragePooling2D(), layers.Dense(2)]
    )
    model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    message = f"{how.__name__} cannot train model: it was built outside of the scope"
    with pytest.raises(RuntimeError, match=message):
        how(model, data, epochs=1, verbose=0)


@ALL
def test_several_machines(
    data: Datasets, how: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    strategy = tf.distribute.OneDeviceStrategy("CPU:0")
    with strategy.scope():
        model = linear()
    monkeypatch.setattr(tf.distribute, "MultiWorkerMirroredStrategy", type(strategy))
    message = f"{how.__name__} does not run under MultiWorkerMirroredStrategy.*MirroredStrategy"
    with pytest.raises(RuntimeError, match=message):
        how(model, data, epochs=1, verbose=0)


@ALL
def test_after_a_scope(data: Datasets, how: Callable[..., Any]) -> None:
    with tf.distribute.OneDeviceStrategy("CPU:0").scope():
        pass
    assert how(linear(), data, epochs=1, verbose=0).epoch == [0]


@ALL
def test_the_device_of_a_scope(data: Datasets, how: Callable[..., Any]) -> None:
    with tf.distribute.OneDeviceStrategy("CPU:0").scope():
        model = with_sgd()
    other = with_sgd()
    other.set_weights(model.get_weights())
    found = how(model, data, epochs=2, verbose=0).history["loss"]
    assert found == pytest.approx(how(other, data, epochs=2, verbose=0).history["loss"], rel=1e-3)


def with_sgd() -> keras.Model:
    """Return `linear` with an optimizer that does not enlarge small gradients, as Adam does."""
    model = linear()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.SGD(0.001), loss=loss)
    return model


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
from catdog import evaluate, fine_tune, load_datasets, predict, train, train_head
from tests.training.conftest import SIZE
layers = keras.layers

def build():
    inside = [layers.Rescaling(1 / 255), layers.Conv2D(4, 3), layers.BatchNormalization()]
    backbone = keras.Sequential([keras.Input((*SIZE, 3)), *inside])
    backbone.trainable = False
    model = keras.Sequential([keras.Input((*SIZE, 3)), backbone, layers.Flatten(), layers.Dense(2)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.SGD(0.01), loss=loss, metrics=["accuracy"])
    return model

data = load_datasets(sys.argv[1], image_size=SIZE, batch_size=7)
assert len(data.paths("train")) == 24
with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
    model = build()
one = build()
one.set_weights(model.get_weights())
try:
    train(model, data, epochs=1, verbose=0)
except ValueError as error:
    assert "batch_size=6" in str(error), error
data = load_datasets(sys.argv[1], image_size=SIZE, batch_size=8)  # 9 test images
for how in (train_head, train, fine_tune):
    first, second = (how(each, data, epochs=2, verbose=0).history for each in (model, one))
    for name in ("loss", "val_loss"):
        np.testing.assert_allclose(first[name], second[name], rtol=1e-3, err_msg=how.__name__)
first, second = (evaluate(each, data, verbose=0).probabilities for each in (model, one))
np.testing.assert_allclose(first, second, atol=1e-4)
for a, b in zip(predict(model, data.paths("test")), predict(one, data.paths("test"))):
    np.testing.assert_allclose(a.probabilities, b.probabilities, atol=1e-4)
"""


@pytest.mark.slow  # in a process of its own: TensorFlow divides a processor only before it starts
def test_two_devices(make_folder: MakeFolder) -> None:
    counts = {"train/a": 12, "train/b": 12, "validation/a": 4, "validation/b": 4}
    folder = make_folder({**counts, "test/a": 5, "test/b": 4})
    run = [sys.executable, "-W", "ignore", "-c", TWO_DEVICES, str(folder)]
    subprocess.run(run, check=True, cwd=Path(__file__).parents[2])
