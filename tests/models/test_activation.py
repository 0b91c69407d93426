"""The activation in which a model ends, as its graph tells it."""

from collections.abc import Callable
from typing import Any

import keras
import pytest
import tensorflow as tf

from catdog.models.activation import final_activation

layers, ops = keras.layers, keras.ops


class Custom(keras.layers.Layer):  # type: ignore[misc]  # keras ships no hints
    def call(self, inputs: Any) -> Any:
        return inputs


class CustomDense(keras.layers.Dense):  # type: ignore[misc]
    """Another name for a layer of Keras."""


def sequential(*last: keras.Layer) -> keras.Model:
    return keras.Sequential([keras.Input((4, 4, 3)), layers.Flatten(), *last])


def functional(end: Callable[[Any], Any]) -> keras.Model:
    images = keras.Input((4, 4, 3))
    return keras.Model(images, end(layers.Dense(2)(layers.Flatten()(images))))


def nested(*last: keras.Layer) -> keras.Model:
    return keras.Sequential([keras.Input((2,)), *last])


def same() -> keras.Model:
    return nested(layers.Activation("linear", dtype="float32"), layers.Reshape((2,)))


def dense(activation: Any = None) -> keras.Layer:
    return layers.Dense(2, activation=activation)


@pytest.mark.parametrize(
    "model",
    [
        sequential(dense("softmax")),
        sequential(dense(), layers.Softmax()),
        sequential(dense(), layers.Activation("softmax")),
        sequential(dense(layers.Softmax())),
        sequential(CustomDense(2, activation="softmax")),
        sequential(layers.SpectralNormalization(dense("softmax"))),
        sequential(dense("softmax"), layers.Activation("linear", dtype="float32")),
        sequential(dense("softmax"), layers.Reshape((2, 1)), layers.Flatten()),
        sequential(dense("softmax"), layers.Dropout(0.5), layers.Identity()),
        sequential(dense("softmax"), same()),
        sequential(dense(), nested(same(), nested(layers.Softmax()), same())),
        sequential(keras.Sequential([dense(), layers.Softmax()])),
        functional(ops.softmax),
        functional(keras.activations.softmax),
        functional(lambda x: ops.cast(ops.softmax(x), "float16")),
        functional(lambda x: ops.reshape(ops.stop_gradient(ops.softmax(x)), (-1, 2))),
        functional(lambda x: layers.Dense(5, activation="softmax")(x)[:, :2]),
        functional(lambda x: layers.Average()([ops.softmax(x), ops.softmax(2 * x)])),
        functional(lambda x: layers.Maximum()([ops.softmax(x), ops.softmax(2 * x)])),
        keras.Sequential(
            [
                keras.Input((4, 4, 3)),
                layers.Conv2D(2, 1, activation="softmax"),
                layers.GlobalAveragePooling2D(),
            ]
        ),
    ],
)
def test_softmax(model: keras.Model) -> None:
    assert final_activation(model) == "softmax"


@pytest.mark.parametrize(
    ("activation", "name"),
    [
        ("sigmoid", "sigmoid"),
        ("hard_sigmoid", "hard_sigmoid"),
        ("sparsemax", "sparsemax"),
        ("relu", "relu"),
        ("log_softmax", "log_softmax"),  # are logits
        (tf.nn.sigmoid, "sigmoid"),
        (tf.nn.softmax, "softmax_v2"),
    ],
)
def test_other_activations(activation: Any, name: str) -> None:
    assert final_activation(sequential(dense(activation))) == name
    assert final_activation(sequential(nested_classifier(activation), same())) == name


def nested_classifier(activation: Any) -> keras.Model:
    return keras.Sequential([keras.Input((48,)), dense(activation)])


@pytest.mark.parametrize(
    "model",
    [
        sequential(dense()),
        sequential(dense(), same()),
        sequential(dense("softmax"), dense()),
    ],
)
def test_no_activation(model: keras.Model) -> None:
    assert final_activation(model) == "linear"


@pytest.mark.parametrize(
    "model",
    [
        sequential(dense("softmax"), layers.BatchNormalization()),
        sequential(dense("softmax"), layers.PReLU()),
        sequential(dense(), Custom()),
        sequential(dense(), layers.Lambda(ops.softmax)),
        sequential(dense(lambda x: tf.nn.softmax(x))),
        functional(lambda x: x / 2),
        functional(lambda x: layers.Average()([dense()(x), ops.softmax(dense()(x))])),
        functional(lambda x: layers.Average()([ops.softmax(dense()(x)), dense()(x)])),
        functional(lambda x: layers.Maximum()([ops.softmax(x), ops.sigmoid(x)])),
        keras.Sequential([keras.Input((4, 4, 3)), layers.Flatten()]),
    ],
)
def test_graphs_that_do_not_tell(model: keras.Model) -> None:
    assert final_activation(model) is None


def test_a_model_with_a_call_of_its_own() -> None:
    class Own(keras.Model):  # type: ignore[misc]
        def call(self, inputs: Any, training: bool = False) -> Any:
            return ops.softmax(super().call(inputs, training=training))

    images = keras.Input((4, 4, 3))
    assert final_activation(Own(images, dense()(layers.Flatten()(images)))) is None
