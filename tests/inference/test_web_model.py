"""Models of TensorFlow.js: what is stored, what is refused, and that it computes the same."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from catdog.inference.web_model import WebModel, convert, restore
from catdog.inference.web_page import OPERATIONS

layers = keras.layers
SIZE = (6, 6)
GROUPS = np.ones((1, 1, 1, 6), np.float32)  # each reads one of the three channels


def convert_layers(*inner: keras.Layer) -> tuple[WebModel, Any]:
    """Return a model of these layers as converted, and as a function of TensorFlow."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((*SIZE, 3)), *inner])
    spec = tf.TensorSpec((1, *SIZE, 3))
    function = tf.function(model, input_signature=[spec]).get_concrete_function()
    return convert(function, OPERATIONS), function


def test_large_weights_have_16_bits_and_small_ones_32() -> None:
    model, function = convert_layers(layers.Flatten(), layers.Dense(200), layers.Dense(4))
    large, small = 108 * 200, 200 * 4
    quantized = [spec for spec in model.weight_specs if "quantization" in spec]
    assert [spec["shape"] for spec in quantized] == [(108, 200)]
    assert 2 * large + 4 * small < len(model.weights) < 2 * large + 4 * small + 100
    assert "value" in str(model.topology)
    assert "tensorContent" not in str(model.topology)
    images = np.random.default_rng(1).uniform(-1, 1, (1, *SIZE, 3)).astype(np.float32)
    (found,) = restore(model)(tf.constant(images))
    wanted = np.asarray(function(tf.constant(images)))
    assert np.asarray(found) == pytest.approx(wanted, rel=1e-3, abs=1e-3)


def test_weights_far_apart_stay_in_32_bits() -> None:
    """One number of another magnitude would leave few levels for the others."""

    def outlier(shape: Any, dtype: Any = None) -> Any:
        values = np.random.default_rng(0).normal(size=shape)
        values[0, 0] = 1e6
        return keras.ops.convert_to_tensor(values, dtype)

    dense = layers.Dense(200, kernel_initializer=outlier)
    model, _ = convert_layers(layers.Flatten(), dense)
    assert all("quantization" not in spec for spec in model.weight_specs)


def test_equal_weights() -> None:
    dense = layers.Dense(200, kernel_initializer="ones")
    model, _ = convert_layers(layers.Flatten(), dense)
    (found,) = restore(model)(tf.ones((1, *SIZE, 3)))
    assert np.asarray(found) == pytest.approx(108)


@pytest.mark.parametrize(
    ("layer", "error"),
    [
        (layers.Lambda(lambda x: tf.nn.conv2d(x, GROUPS, 1, "SAME")), "convolutions with groups"),
        (layers.Conv2D(6, 1, groups=3), "cannot run StatefulPartitionedCall"),
        (layers.Lambda(tf.math.lgamma), "cannot run Lgamma"),
        (layers.Lambda(lambda x: tf.gather(x, tf.constant([0, 1], "int64"))), "type int64"),
        (layers.Conv2D(2, 1, dtype="float16"), "type float16"),
    ],
)
def test_what_the_page_cannot_run(layer: keras.Layer, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        convert_layers(layer)
