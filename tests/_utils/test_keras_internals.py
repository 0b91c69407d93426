"""One test for each name: it fails first when an upgrade of Keras or TensorFlow changes it."""

import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from catdog._utils import keras_internals as internals


@pytest.fixture
def model() -> keras.Model:
    inner = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, name="inside")])
    model = keras.Sequential([keras.Input((2,)), inner, keras.layers.Dense(2, name="last")])
    model.compile(optimizer="sgd", loss="mse", metrics=["mae"])
    return model


def test_all_layers(model: keras.Model) -> None:
    names = [layer.name for layer in internals.all_layers(model)]
    assert {model.name, "inside", "last"} <= set(names)


def test_inner_layers(model: keras.Model) -> None:
    assert model not in internals.inner_layers(model)
    assert {"inside", "last"} <= {layer.name for layer in internals.inner_layers(model)}


def test_compile_arguments(model: keras.Model) -> None:
    def own_loss(true: object, predicted: object) -> object:
        return keras.ops.mean(predicted)

    model.compile(optimizer="sgd", loss=own_loss)
    assert internals.compile_arguments(model)["loss"] is own_loss


def test_initial_epoch_and_reset_initial_epoch(model: keras.Model) -> None:
    model._initial_epoch = 3  # as BackupAndRestore sets it
    assert internals.initial_epoch(model) == 3
    x, y = np.zeros((4, 2)), np.zeros((4, 2))
    assert model.fit(x, y, epochs=4, verbose=0).epoch == [3]
    internals.reset_initial_epoch(model)
    assert internals.initial_epoch(model) == 0
    assert model.fit(x, y, epochs=2, verbose=0).epoch == [0, 1]


def test_is_defined_by_keras(model: keras.Model) -> None:
    class Own(keras.Model):  # type: ignore[misc]
        def train_step(self, data: object) -> object:
            return super().train_step(data)

    assert internals.is_defined_by_keras(model, "train_step")
    assert not internals.is_defined_by_keras(Own(), "train_step")


def test_is_keras_layer() -> None:
    class Own(keras.layers.Layer):  # type: ignore[misc]
        pass

    assert internals.is_keras_layer(keras.layers.Flatten())
    assert not internals.is_keras_layer(Own())


def test_seed_state_and_seed_states() -> None:
    states = internals.seed_states(keras.layers.RandomFlip(seed=1))
    assert [state.name for state in states] == [internals.SEED_STATE]
    assert internals.seed_states(keras.layers.Flatten()) == []


def test_freeze_variables() -> None:
    weight = tf.Variable([2.0])
    function = tf.function(lambda x: x * weight, input_signature=[tf.TensorSpec((1,))])
    frozen = internals.freeze_variables(function.get_concrete_function())
    weight.assign([5.0])
    assert np.asarray(frozen(tf.constant([3.0]))).item() == 6
    assert not frozen.variables


def test_members_of_the_archive(model: keras.Model, tmp_path: Path) -> None:
    model.save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        assert {internals.CONFIG_MEMBER, internals.METADATA_MEMBER} <= set(archive.namelist())
        assert internals.LAMBDA_CODE_MARK not in archive.read(internals.CONFIG_MEMBER)


def test_lambda_code_mark(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Lambda(lambda x: x)])
    model.save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        assert internals.LAMBDA_CODE_MARK in archive.read(internals.CONFIG_MEMBER)


def test_unused_optimizer_warning(model: keras.Model, tmp_path: Path) -> None:
    model.compile(optimizer="adam", loss="mse")
    model.save(tmp_path / "m.keras")
    with pytest.warns(UserWarning, match=internals.UNUSED_OPTIMIZER_WARNING):
        keras.models.load_model(tmp_path / "m.keras")


def test_layer_references(model: keras.Model) -> None:
    x = keras.Input((2,))
    functional = keras.Model(x, keras.layers.Dense(2, name="one")(x))
    config = functional.get_config()
    assert set(internals.LAYER_REFERENCES) >= {"name", "input_layers", "output_layers"}
    assert config["output_layers"][0] == "one" or config["output_layers"][0][0] == "one"


@pytest.mark.parametrize("draw", [tf.random.uniform, tf.random.truncated_normal])
def test_random_op_parts(draw: object) -> None:
    graph = tf.function(lambda: draw((2,))).get_concrete_function().graph  # type: ignore[operator]
    names = [node.op for node in graph.as_graph_def().node]
    assert any(part in name for name in names for part in internals.RANDOM_OP_PARTS)


def test_import_log_line() -> None:
    line = b"I0000 00:00:1795840518.095916    2765 cudart_stub.cc:31] Could not find cuda drivers"
    assert internals.IMPORT_LOG_LINE.match(line)
    assert not internals.IMPORT_LOG_LINE.match(b"Traceback (most recent call last):")
