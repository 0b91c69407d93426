"""Whether a model returns logits or probabilities, where its graph does not tell."""

from typing import Any

import keras
import numpy as np
import pytest

from catdog.models.logits import check_classifier, check_returns_logits

SIZE = (8, 8)
layers, ops = keras.layers, keras.ops


class Custom(keras.layers.Layer):  # type: ignore[misc]  # keras ships no hints
    """Returns probabilities or other values, by Python code that no graph shows."""

    def __init__(self, function: Any, dtype: Any = None) -> None:
        super().__init__(dtype=dtype)
        self.function = function

    def call(self, inputs: Any) -> Any:
        return self.function(inputs)


class Head(keras.Model):  # type: ignore[misc]
    """A nested model of a class of the user."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = layers.Dense(2)

    def call(self, inputs: Any) -> Any:
        return ops.softmax(self.dense(inputs))


def ending_in(*last: Any, batch_size: int | None = None, start: Any = "glorot_uniform") -> Any:
    keras.utils.set_random_seed(0)
    images = keras.Input((*SIZE, 3), batch_size=batch_size)
    outputs = layers.Rescaling(1 / 255)(images)
    outputs = layers.Dense(2, kernel_initializer=start)(layers.GlobalAveragePooling2D()(outputs))
    for layer in last:
        outputs = layer(outputs)
    model = keras.Model(images, outputs)
    check_classifier(model)
    return model


HIDDEN = [
    [Custom(ops.softmax)],
    [Custom(ops.softmax), layers.Identity()],
    [layers.Lambda(lambda x: ops.softmax(x))],
    [Head()],
    [lambda x: ops.exp(x) / ops.sum(ops.exp(x), axis=1, keepdims=True)],
    [lambda x: layers.Add()([ops.softmax(x) / 2, ops.softmax(3 * x) / 2])],
    [layers.Dense(1, activation="sigmoid"), lambda p: layers.Concatenate()([1 - p, p])],
    [lambda x: 10 * ops.softmax(x)],
    [lambda x: layers.Add()([ops.softmax(x), ops.softmax(3 * x)])],
    [layers.Softmax(), layers.BatchNormalization(epsilon=0.0)],
    [layers.Softmax(), layers.PReLU()],
    [Custom(ops.softmax, dtype="float16")],
    [Custom(ops.softmax, dtype="bfloat16")],
]


@pytest.mark.parametrize("last", HIDDEN)
def test_hidden_probabilities(last: list[Any]) -> None:
    with pytest.raises(ValueError, match="returns probabilities, but catdog needs logits. Take it"):
        check_returns_logits(ending_in(*last), SIZE)


@pytest.mark.parametrize(
    "last",
    [
        [Custom(lambda x: x)],
        [Custom(ops.log_softmax)],
        [Custom(ops.relu)],
        [Custom(ops.tanh)],
        [Custom(ops.zeros_like)],
        [Custom(lambda x: ops.zeros_like(x) + 0.5)],
    ],
)
def test_hidden_logits(last: list[Any]) -> None:
    check_returns_logits(ending_in(*last), SIZE)


def test_constant_logits_of_a_last_layer_that_the_graph_shows() -> None:
    model = ending_in(start="zeros")
    model.layers[-1].bias.assign([0.3, 0.7])
    check_returns_logits(model, SIZE)


@pytest.mark.parametrize("batch_size", [1, 4, 10, 16])
def test_models_of_a_fixed_batch_size(batch_size: int) -> None:
    check_returns_logits(ending_in(Custom(ops.tanh), batch_size=batch_size), SIZE)
    with pytest.raises(ValueError, match="returns probabilities"):
        check_returns_logits(ending_in(Custom(ops.softmax), batch_size=batch_size), SIZE)


class ActiveNoise(keras.layers.Layer):  # type: ignore[misc]
    """Acts as in training, whenever it is called."""

    def __init__(self) -> None:
        super().__init__()
        self.drop = layers.Dropout(0.5, seed=0)
        self.norm = layers.BatchNormalization()

    def call(self, inputs: Any) -> Any:
        return self.norm(self.drop(inputs, training=True), training=True)


class Multiple(keras.Model):  # type: ignore[misc]
    """Returns probabilities by its own step of `predict`."""

    def predict_step(self, data: Any) -> Any:
        return ops.softmax(self(data, training=False))


def test_an_own_step_of_predict() -> None:
    model = ending_in()
    with pytest.raises(ValueError, match="returns probabilities"):
        check_returns_logits(Multiple(model.inputs, model.outputs), SIZE)


def test_a_wrapped_model() -> None:
    images = keras.Input((*SIZE, 3))
    inner = keras.Sequential([keras.Input((8, 3)), layers.Flatten(), layers.Dense(2, "softmax")])
    each_row = layers.TimeDistributed(inner)(layers.Rescaling(1 / 255)(images))
    model = keras.Model(images, layers.GlobalAveragePooling1D()(each_row))
    with pytest.raises(ValueError, match="returns probabilities"):
        check_returns_logits(model, SIZE)


def test_the_random_state_of_keras_is_kept() -> None:
    model = ending_in(Custom(lambda x: x + keras.random.uniform((2,))))
    keras.utils.set_random_seed(1)
    expected = np.asarray(keras.random.uniform((3,)))
    keras.utils.set_random_seed(1)
    check_returns_logits(model, SIZE)
    assert np.array_equal(np.asarray(keras.random.uniform((3,))), expected)


def test_nothing_in_the_model_changes() -> None:
    model = ending_in(ActiveNoise())
    before = [np.array(each) for each in model.variables]
    check_returns_logits(model, SIZE)
    after = [np.array(each) for each in model.variables]
    assert all(np.array_equal(old, new) for old, new in zip(before, after, strict=True))
    model(np.ones((1, *SIZE, 3), np.float32))  # it does change what it holds
    assert not all(
        np.array_equal(old, np.array(new)) for old, new in zip(before, model.variables, strict=True)
    )
