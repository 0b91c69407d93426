from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from catdog import list_models
from catdog.inference.litert import compile_with_litert
from catdog.models.graph import split_model
from tests.networks import build_light_model

SIZE = (32, 32)
layers = keras.layers


@pytest.fixture
def images() -> NDArray[np.float32]:
    return np.random.default_rng(0).integers(0, 256, (5, *SIZE, 3)).astype(np.float32)


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: [])


def network(*last: keras.Layer) -> keras.Model:
    keras.utils.set_random_seed(0)
    first = [keras.Input((*SIZE, 3)), layers.Rescaling(1 / 255), layers.Conv2D(4, 3)]
    return keras.Sequential([*first, layers.BatchNormalization(), *last])


@pytest.mark.parametrize("count", [1, 2, 5])
def test_the_outputs_are_the_models(images: NDArray[np.float32], count: int) -> None:
    model = network(layers.ReLU(), layers.GlobalAveragePooling2D())
    interpreters = compile_with_litert(model, images[:2])
    assert interpreters
    for _ in range(2):
        outputs = interpreters.compute(images[:count])
        assert outputs.dtype == np.float32
        assert outputs == pytest.approx(model.predict_on_batch(images[:count]), abs=1e-5)


@pytest.mark.parametrize("name", [name for name in list_models() if name.startswith("mobilenet")])
def test_backbones_of_the_zoo(name: str, images: NDArray[np.float32]) -> None:
    backbone = split_model(build_light_model(name, image_size=SIZE, weights=None, seed=0)).backbone
    interpreters = compile_with_litert(backbone, images[:2])
    assert interpreters
    assert interpreters.compute(images) == pytest.approx(
        backbone.predict_on_batch(images), rel=1e-3
    )


def test_a_model_that_takes_any_size(images: NDArray[np.float32]) -> None:
    model = keras.Sequential([keras.Input((None, None, 3)), layers.GlobalAveragePooling2D()])
    interpreters = compile_with_litert(model, images[:2])
    assert interpreters
    assert interpreters.compute(images) == pytest.approx(images.mean(axis=(1, 2)), rel=1e-5)


def test_a_machine_with_a_gpu(images: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: [kind])
    assert compile_with_litert(network(), images[:2]) is None


def test_half_precision(images: NDArray[np.float32], capfd: pytest.CaptureFixture[str]) -> None:
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = network(layers.GlobalAveragePooling2D())
    finally:
        keras.config.set_dtype_policy("float32")
    assert compile_with_litert(model, images[:2]) is None
    assert "failed" not in capfd.readouterr().err


class Own(keras.Layer):  # type: ignore[misc]
    """An operation of TensorFlow that LiteRT does not support."""

    def call(self, images: Any) -> Any:
        return tf.raw_ops.SelfAdjointEigV2(input=images[:, :3, :3, 0], compute_v=False)[0]


def test_a_layer_that_litert_cannot_run(images: NDArray[np.float32]) -> None:
    assert compile_with_litert(network(Own()), images[:2]) is None


def test_no_interpreter_is_installed(
    images: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch, no_litert: None
) -> None:
    monkeypatch.delattr(tf.lite, "Interpreter")
    assert compile_with_litert(network(layers.GlobalAveragePooling2D()), images[:2]) is None


def test_a_program_that_computes_something_else(
    images: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It differs for brighter pixels only: the image of the comparison must be a real one."""
    convert = tf.lite.TFLiteConverter.from_concrete_functions
    model = network(layers.GlobalAveragePooling2D())
    pixels = keras.Input((*SIZE, 3))
    other = keras.Model(pixels, model(keras.ops.clip(pixels, -1, 1)))
    wrong = tf.function(lambda images: other(images, training=False)).get_concrete_function(
        tf.TensorSpec((1, *SIZE, 3))
    )
    monkeypatch.setattr(
        tf.lite.TFLiteConverter, "from_concrete_functions", lambda functions: convert([wrong])
    )
    assert compile_with_litert(model, images[:2] / 255) is not None
    assert compile_with_litert(model, images[:2]) is None


def test_outputs_that_depend_on_the_other_images(images: NDArray[np.float32]) -> None:
    inputs = keras.Input((*SIZE, 3))
    features = layers.GlobalAveragePooling2D()(inputs)
    mean = keras.ops.mean(features, axis=0, keepdims=True)
    images[1] /= 4
    assert compile_with_litert(keras.Model(inputs, features), images[:2]) is not None
    assert compile_with_litert(keras.Model(inputs, features - mean), images[:2]) is None
