from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from catdog import build_model, list_models
from catdog._features import cut_model
from catdog._litert import compile_for_cpu

SIZE = (32, 32)
layers = keras.layers


@pytest.fixture
def pictures() -> NDArray[np.float32]:
    return np.random.default_rng(0).integers(0, 256, (5, *SIZE, 3)).astype(np.float32)


def network(*last: keras.Layer) -> keras.Model:
    keras.utils.set_random_seed(0)
    first = [keras.Input((*SIZE, 3)), layers.Rescaling(1 / 255), layers.Conv2D(4, 3)]
    return keras.Sequential([*first, layers.BatchNormalization(), *last])


@pytest.mark.parametrize("count", [1, 2, 5])
def test_the_outputs_are_the_models(pictures: NDArray[np.float32], count: int) -> None:
    model = network(layers.ReLU(), layers.GlobalAveragePooling2D())
    compute = compile_for_cpu(model)
    assert compute
    for _ in range(2):
        outputs = compute(pictures[:count])
        assert outputs.dtype == np.float32
        assert outputs == pytest.approx(model.predict_on_batch(pictures[:count]), abs=1e-5)


@pytest.mark.parametrize("name", [name for name in list_models() if name.startswith("mobilenet")])
def test_the_frozen_parts_of_the_zoo(name: str, pictures: NDArray[np.float32]) -> None:
    frozen = cut_model(build_model(name, image_size=SIZE, weights=None, seed=0)).frozen
    compute = compile_for_cpu(frozen)
    assert compute
    assert compute(pictures) == pytest.approx(frozen.predict_on_batch(pictures), rel=1e-3)


def test_pictures_of_any_size() -> None:
    model = keras.Sequential([keras.Input((None, None, 3)), layers.GlobalAveragePooling2D()])
    assert compile_for_cpu(model) is None


def test_a_machine_with_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [kind])
    assert compile_for_cpu(network()) is None


class Own(keras.Layer):  # type: ignore[misc]
    """Does in TensorFlow what LiteRT cannot."""

    def call(self, images: Any) -> Any:
        return tf.raw_ops.SelfAdjointEigV2(input=images[:, :3, :3, 0], compute_v=False)[0]


def test_a_layer_that_litert_cannot_run() -> None:
    assert compile_for_cpu(network(Own())) is None


def test_a_tensorflow_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(tf.lite, "Interpreter")
    assert compile_for_cpu(network(layers.GlobalAveragePooling2D())) is None


def test_a_program_that_computes_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    convert = tf.lite.TFLiteConverter.from_concrete_functions
    other = keras.Sequential([keras.Input((*SIZE, 3)), layers.GlobalAveragePooling2D()])
    wrong = tf.function(lambda images: other(images, training=False)).get_concrete_function(
        tf.TensorSpec((1, *SIZE, 3))
    )
    monkeypatch.setattr(
        tf.lite.TFLiteConverter, "from_concrete_functions", lambda functions: convert([wrong])
    )
    model = network(layers.GlobalAveragePooling2D(), layers.Dense(3))
    assert compile_for_cpu(model) is None
