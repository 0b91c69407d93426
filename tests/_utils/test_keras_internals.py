"""One test for each name: it fails first when an upgrade of Keras or TensorFlow changes the detail.

A test is called `test_` and the name in lower case.
"""

import logging
import os
import platform
import random
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from catdog._utils import keras_internals as internals
from catdog._utils.onednn import X86_64

X, Y = np.zeros((4, 2), np.float32), np.zeros((4, 2), np.float32)


@pytest.fixture
def model() -> keras.Model:
    inner = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, name="inside")])
    model = keras.Sequential([keras.Input((2,)), inner, keras.layers.Dense(2, name="last")])
    model.compile(optimizer="sgd", loss="mse", metrics=["mae"])
    return model


@pytest.fixture
def saved_members(model: keras.Model, tmp_path: Path) -> dict[str, bytes]:
    """Return the members of the file in which Keras saves the model."""
    return members(model, tmp_path / "model.keras")


def members(model: keras.Model, path: Path) -> dict[str, bytes]:
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


class CustomModel(keras.Model):  # type: ignore[misc]  # keras ships no hints
    def train_step(self, data: object) -> object:
        return super().train_step(data)


class CustomLayer(keras.layers.Layer):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.held = keras.layers.Dense(1, name="held")


def test_every_name_has_a_test() -> None:
    names = [name for name in vars(internals) if not name.startswith("_")]
    imported = ("Callable", "Iterator", "contextmanager", "random", "re", "sys")
    own = [name for name in names if name not in (*imported, "Any", "TYPE_CHECKING")]
    missing = [name for name in own if f"test_{name.lower()}" not in globals()]
    assert missing == [], f"add a test for {missing} to this file"


def test_default_seed_source() -> None:
    def draw() -> list[Any]:
        dense, flip = keras.layers.Dense(3), keras.layers.RandomFlip()
        dense.build((None, 2))
        return [np.asarray(dense.kernel).tolist(), np.asarray(flip.variables[0]).tolist()]

    assert internals.DEFAULT_SEED_SOURCE is random
    state = internals.DEFAULT_SEED_SOURCE.getstate()
    try:
        drawn = []
        for seed in (1, 1, 2):
            internals.DEFAULT_SEED_SOURCE.seed(seed)
            drawn.append(draw())
    finally:
        internals.DEFAULT_SEED_SOURCE.setstate(state)
    first, again, other = drawn
    assert first == again
    assert first[0] != other[0]
    assert first[1] != other[1]


def test_seed_state() -> None:
    assert internals.SEED_STATE in [
        variable.name for variable in keras.layers.RandomFlip(seed=1).variables
    ]


def test_config_member(saved_members: dict[str, bytes]) -> None:
    assert b'"Sequential"' in saved_members[internals.CONFIG_MEMBER]


def test_metadata_member(saved_members: dict[str, bytes]) -> None:
    assert keras.__version__.encode() in saved_members[internals.METADATA_MEMBER]


def test_lambda_code_mark(saved_members: dict[str, bytes], tmp_path: Path) -> None:
    code = keras.Sequential([keras.Input((2,)), keras.layers.Lambda(lambda x: x)])
    config = members(code, tmp_path / "code.keras")[internals.CONFIG_MEMBER]
    assert internals.LAMBDA_CODE_MARK in config
    assert internals.LAMBDA_CODE_MARK not in saved_members[internals.CONFIG_MEMBER]


def test_unused_optimizer_warning(model: keras.Model, tmp_path: Path) -> None:
    model.compile(optimizer="adam", loss="mse")
    model.save(tmp_path / "model.keras")
    with pytest.warns(UserWarning, match=internals.UNUSED_OPTIMIZER_WARNING):
        keras.models.load_model(tmp_path / "model.keras")


def test_layer_references() -> None:
    """The configurations of two equal models differ in the values of these keys only."""

    def configuration() -> Any:
        images = keras.Input((2,))
        hidden = keras.layers.Dense(2)(images)
        return keras.Model(images, keras.layers.Add()([hidden, images])).get_config()

    def without_references(part: Any) -> Any:
        if isinstance(part, dict):
            return {
                key: without_references(value)
                for key, value in part.items()
                if key not in internals.LAYER_REFERENCES
            }
        if isinstance(part, list | tuple):
            return [without_references(each) for each in part]
        return part

    first, second = configuration(), configuration()
    assert first != second
    assert without_references(first) == without_references(second)
    text = str(first)
    assert all(f"'{key}'" in text for key in internals.LAYER_REFERENCES)


IMPORT_TENSORFLOW = [sys.executable, "-c", "import tensorflow"]


@pytest.fixture(scope="module")
def import_log() -> list[bytes]:
    """Return what TensorFlow writes to standard error while it is imported, at the usual level."""
    environment = dict(os.environ)
    environment.pop(internals.LOG_LEVEL_VARIABLE, None)
    process = subprocess.run(IMPORT_TENSORFLOW, env=environment, capture_output=True, check=True)
    if not process.stderr:
        pytest.skip("TensorFlow writes nothing on this system")
    return process.stderr.splitlines()


@pytest.mark.slow
def test_log_level_variable(import_log: list[bytes]) -> None:
    environment = {**os.environ, internals.LOG_LEVEL_VARIABLE: "3"}
    process = subprocess.run(IMPORT_TENSORFLOW, env=environment, capture_output=True, check=True)
    assert len(process.stderr.splitlines()) < len(import_log)


@pytest.mark.slow
def test_log_line(import_log: list[bytes]) -> None:
    own = [line for line in import_log if internals.LOG_LINE.match(line)]
    assert own, b"\n".join(import_log)
    assert not internals.LOG_LINE.match(b"Traceback (most recent call last):")


@pytest.mark.slow
@pytest.mark.skipif(platform.machine().lower() not in X86_64, reason="oneDNN is for x86-64")
@pytest.mark.parametrize("value", ["0", "1"])
def test_onednn_variable(value: str) -> None:
    code = (
        "import tensorflow; from tensorflow.python.util import _pywrap_util_port as port; "
        "print(int(port.IsMklEnabled()))"
    )
    environment = {**os.environ, internals.ONEDNN_VARIABLE: value}
    process = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert process.stdout.strip() == value


@pytest.fixture
def warnings_of_traces(monkeypatch: pytest.MonkeyPatch) -> list[logging.LogRecord]:
    """The records of a logger, after a function was traced in each of five calls."""
    records: list[logging.LogRecord] = []
    handler = logging.Handler()
    monkeypatch.setattr(handler, "emit", records.append)
    logger = logging.getLogger(internals.RETRACING_LOGGER)
    logger.addHandler(handler)
    traced = tf.function(lambda size: tf.zeros(size))  # traced again for each Python number
    for size in range(1, 6):
        traced(size)
    logger.removeHandler(handler)
    return records


def test_retracing_logger(warnings_of_traces: list[logging.LogRecord]) -> None:
    assert len(warnings_of_traces) == 1


def test_retracing_mark(warnings_of_traces: list[logging.LogRecord]) -> None:
    assert internals.RETRACING_MARK in warnings_of_traces[0].getMessage()


@pytest.mark.parametrize("draw", [tf.random.uniform, tf.random.truncated_normal, "categorical"])
def test_random_op_parts(draw: Callable[..., Any] | str) -> None:
    def call() -> Any:
        if isinstance(draw, str):
            return tf.random.categorical([[0.0, 0.0]], 1)
        return draw((2,))

    graph = tf.function(call).get_concrete_function().graph
    names = [node.op for node in graph.as_graph_def().node]
    assert any(part in name for name in names for part in internals.RANDOM_OP_PARTS), names


def test_all_layers(model: keras.Model) -> None:
    names = [layer.name for layer in internals.all_layers(model)]
    assert {model.name, "inside", "last"} <= set(names)
    assert "held" in [layer.name for layer in internals.all_layers(CustomLayer())]


def test_inner_layers(model: keras.Model) -> None:
    assert model not in internals.inner_layers(model)
    assert {"inside", "last"} <= {layer.name for layer in internals.inner_layers(model)}


def test_compile_arguments(model: keras.Model) -> None:
    def custom_loss(true: object, predicted: object) -> object:
        return keras.ops.mean(predicted)

    model.compile(optimizer="sgd", loss=custom_loss, metrics=["mae"])
    arguments = internals.compile_arguments(model)
    assert arguments["loss"] is custom_loss
    assert arguments["metrics"] == ["mae"]


class Stop(keras.callbacks.Callback):  # type: ignore[misc]
    """Ends a training as a killed process would: in the third epoch."""

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        if epoch == 2:
            raise KeyboardInterrupt


def interrupted(model: keras.Model, folder: Path) -> keras.callbacks.BackupAndRestore:
    """Train two epochs, and return the callback that resumes the training."""
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, epochs=4, verbose=0, callbacks=[resume(folder), Stop()])
    return resume(folder)


def resume(folder: Path) -> keras.callbacks.BackupAndRestore:
    return keras.callbacks.BackupAndRestore(folder)


def test_initial_epoch(model: keras.Model, tmp_path: Path) -> None:
    assert internals.initial_epoch(model) == 0
    callback = interrupted(model, tmp_path / "backup")
    callback.set_model(model)
    callback.on_train_begin()
    assert internals.initial_epoch(model) == 2


def test_set_initial_epoch(model: keras.Model) -> None:
    begun: list[int] = []
    callback = keras.callbacks.LambdaCallback(
        on_train_begin=lambda logs: internals.set_initial_epoch(model, 2),
        on_epoch_begin=lambda epoch, logs: begun.append(epoch),
    )
    model.fit(X, Y, epochs=4, callbacks=[callback], verbose=0)
    assert begun == [2, 3]


def test_reset_initial_epoch(model: keras.Model, tmp_path: Path) -> None:
    callback = interrupted(model, tmp_path / "backup")
    assert model.fit(X, Y, epochs=4, verbose=0, callbacks=[callback]).epoch == [2, 3]
    internals.reset_initial_epoch(model)
    assert internals.initial_epoch(model) == 0
    assert model.fit(X, Y, epochs=2, verbose=0).epoch == [0, 1]


def test_is_defined_by_keras(model: keras.Model) -> None:
    assert internals.is_defined_by_keras(model, "train_step")
    assert not internals.is_defined_by_keras(CustomModel(), "train_step")
    assert internals.is_defined_by_keras(keras.layers.Softmax(), "call")


def test_call_of(model: keras.Model) -> None:
    layer, (between,), position = internals.call_of(model.outputs[0])
    inner, (images,), _ = internals.call_of(between)
    start, nothing, _ = internals.call_of(images)
    assert (layer, position, nothing) == (model.layers[-1], 0, [])
    assert inner is model.layers[0]
    assert isinstance(start, keras.layers.InputLayer)
    assert images is model.inputs[0]


def test_is_keras_layer() -> None:
    assert internals.is_keras_layer(keras.layers.Flatten())
    assert not internals.is_keras_layer(CustomLayer())


def test_run_graph() -> None:
    images = keras.Input((2,))
    dense = keras.layers.Dense(2, name="dense")
    model = keras.Model(images, dense(images) + images)
    before = len(dense._inbound_nodes)
    called = []

    def call(layer: Any, *arguments: Any, **options: Any) -> Any:
        called.append(layer.name)
        return layer(*arguments, **options)

    x = tf.ones((1, 2))
    assert np.asarray(internals.run_graph(model, x, call)).tolist() == model(x).numpy().tolist()
    assert [name.partition("_")[0] for name in called] == ["dense", "add"]
    assert len(dense._inbound_nodes) == before


def test_is_slow_untraced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keras decorates a function in each call of a convolution, and calls it if it is grouped."""
    calls = []

    def function(**_: Any) -> Any:
        def decorate(convolve: Callable[[], Any]) -> Callable[[], Any]:
            def count() -> Any:
                calls.append(convolve)
                return convolve()

            return count

        return decorate

    monkeypatch.setattr(tf, "function", function)
    for groups in (1, 2):
        model = keras.Sequential([keras.layers.Conv2D(2, 1, groups=groups)])
        model.build((1, 4, 4, 2))
        calls.clear()
        model(tf.ones((1, 4, 4, 2)))
        assert internals.is_slow_untraced(model) == bool(calls) == (groups > 1)


def test_forget_validation_data(model: keras.Model) -> None:
    class Stop(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_end(self, epoch: int, logs: object = None) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, validation_data=(X, Y), verbose=0, callbacks=[Stop()])
    assert model._eval_epoch_iterator is not None
    internals.forget_validation_data(model)
    assert model._eval_epoch_iterator is None
    model.fit(X, Y, validation_data=(X, Y), verbose=0)


def test_seed_states() -> None:
    states = internals.seed_states(keras.layers.RandomFlip(seed=1))
    assert [state.name for state in states] == [internals.SEED_STATE]
    assert internals.seed_states(keras.Sequential([keras.layers.Dropout(0.5)])) != []
    assert internals.seed_states(keras.layers.Flatten()) == []


def test_own_state() -> None:
    normalization = keras.layers.BatchNormalization()
    keras.Sequential([keras.Input((2,)), normalization]).trainable = False
    names = [variable.name for variable in internals.own_state(normalization)]
    assert names == ["moving_mean", "moving_variance"]
    assert internals.own_state(keras.layers.Dropout(0.5)) == []  # its seed is not


def test_tensorflow_has_started() -> None:
    code = """
from catdog._utils.keras_internals import tensorflow_has_started as started
print(started())
import tensorflow as tf
tf.config.list_physical_devices()
print(started())
tf.constant(1)
print(started())
"""
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert process.stdout.split() == [b"False", b"False", b"True"]


def test_freeze_variables() -> None:
    weight = tf.Variable([2.0])
    function = tf.function(lambda x: x * weight, input_signature=[tf.TensorSpec((1,))])
    frozen = internals.freeze_variables(function.get_concrete_function())
    weight.assign([5.0])
    assert np.asarray(frozen(tf.constant([3.0]))).item() == 6
    assert not frozen.variables


def test_fold_constants() -> None:
    weight = tf.Variable([2.0])
    function = tf.function(lambda x: x * tf.sqrt(weight), input_signature=[tf.TensorSpec((1,))])
    frozen = internals.freeze_variables(function.get_concrete_function())
    graph = internals.fold_constants(frozen)
    operations = sorted(node.op for node in graph.node)
    assert operations == ["Const", "Identity", "Mul", "Placeholder"]  # the root is computed
    (value,) = (node.attr["value"].tensor for node in graph.node if node.op == "Const")
    assert tf.make_ndarray(value) == pytest.approx(2**0.5)


@pytest.mark.parametrize("has_drawn", [False, True])
def test_keeping_global_seed(has_drawn: bool) -> None:
    def draws() -> list[float]:
        keras.utils.set_random_seed(0)
        if has_drawn:
            keras.random.uniform((1,))
        with internals.keeping_global_seed():
            inside = float(keras.random.uniform(()))
        return [inside, float(keras.random.uniform(()))]

    inside, after = draws()
    assert inside == after


def test_forget_functions(model: keras.Model) -> None:
    def losses() -> list[float]:
        first = [model.evaluate(X, Y, verbose=0)[0], np.mean(model.predict(X, verbose=0))]
        return [*first, model.train_on_batch(X, Y)[0]]

    X = np.ones((4, 2), np.float32)
    model.optimizer.learning_rate = 0.0
    losses()
    model.layers[-1].activation = lambda x: 0 * x + 3.0
    internals.forget_functions(model)
    assert losses() == pytest.approx([9.0, 3.0, 9.0])


def test_accumulated_metrics(model: keras.Model) -> None:
    model.train_on_batch(X, Y)
    (mae,) = [metric for metric in model.metrics if metric.name == "compile_metrics"]
    (rows,) = [variable for variable in mae.variables if variable.name == "count"]
    with internals.accumulated_metrics(model):
        model.train_on_batch(X, Y)
        model.test_on_batch(X, Y)
    assert int(rows) == 3 * len(X)
    model.train_on_batch(X, Y)
    assert int(rows) == len(X)


def test_own_strategy(model: keras.Model) -> None:
    strategy = tf.distribute.OneDeviceStrategy("CPU:0")
    with strategy.scope():
        assert internals.own_strategy(model) is None
        assert model.distribute_strategy is strategy
        other = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    assert internals.own_strategy(other) is strategy


def test_set_own_trainable(model: keras.Model) -> None:
    inner, last = model.layers
    internals.set_own_trainable(model, False)
    internals.set_own_trainable(last, False)
    assert not model.trainable
    assert not last.trainable_weights
    assert inner.trainable
    internals.set_own_trainable(model, True)
    assert model.trainable_weights == inner.weights
