"""Sigmoid outputs that no graph shows, and logits that happen to look like probabilities."""

from typing import Any

import keras
import numpy as np
import pytest

from catdog.models.logits import check_returns_logits, noise_outputs
from tests.models.test_logits import SIZE, Custom, ending_in

layers, ops = keras.layers, keras.ops


class OwnHead(keras.layers.Layer):  # type: ignore[misc]  # keras ships no hints
    """A dense layer, and a function of its outputs."""

    def __init__(self, function: Any = ops.sigmoid) -> None:
        super().__init__()
        self.dense, self.function = layers.Dense(2), function

    def build(self, shape: Any) -> None:
        self.dense.build(shape)

    def call(self, inputs: Any) -> Any:
        return self.function(self.dense(inputs))


class OwnModel(keras.Model):  # type: ignore[misc]
    """The same in a nested model of a class of the user."""

    def __init__(self, function: Any = ops.sigmoid) -> None:
        super().__init__()
        self.dense, self.function = layers.Dense(2), function

    def call(self, inputs: Any) -> Any:
        return self.function(self.dense(inputs))


class OwnCall(keras.Model):  # type: ignore[misc]
    def call(self, *inputs: Any, **options: Any) -> Any:
        return ops.sigmoid(super().call(*inputs, **options))


class OwnPredictStep(keras.Model):  # type: ignore[misc]
    def predict_step(self, data: Any) -> Any:
        return ops.sigmoid(self(data, training=False))


def nested(*last: Any) -> keras.Model:
    return keras.Sequential([keras.Input((2,)), *last])


def two_branches(inputs: Any) -> Any:
    units = [Custom(ops.sigmoid)(layers.Dense(1)(inputs)) for _ in range(2)]
    return layers.Concatenate()(units)


SIGMOIDS = [
    [Custom(ops.sigmoid)],
    [Custom(ops.sigmoid), layers.Dropout(0.2), layers.Identity()],
    [Custom(ops.hard_sigmoid)],
    [Custom(ops.sigmoid, dtype="float16")],
    [Custom(ops.sigmoid, dtype="bfloat16")],
    [Custom(lambda x: ops.clip(x, 0, 1))],
    [layers.Lambda(lambda x: ops.sigmoid(x))],
    [OwnHead()],
    [OwnModel()],
    [layers.BatchNormalization(), Custom(ops.sigmoid)],
    [layers.Reshape((1, 2)), Custom(ops.sigmoid), layers.Flatten()],
    [lambda x: 1 / (1 + ops.exp(-x))],
    [lambda x: ops.exp(x) / (1 + ops.exp(x))],
    [lambda x: (ops.tanh(x) + 1) / 2],
    [lambda x: ops.sigmoid(x) * ops.sigmoid(x + x)],
    [two_branches],
    [lambda x: layers.Average()([Custom(ops.sigmoid)(x), Custom(ops.sigmoid)(x + x)])],
    [nested(layers.Dense(2), Custom(ops.sigmoid))],
    [nested(nested(Custom(ops.sigmoid)), layers.Identity())],
]


def refused(model: keras.Model) -> None:
    message = "returns values between 0 and 1, as sigmoid does, but catdog needs logits. Take it"
    with pytest.raises(ValueError, match=message):
        check_returns_logits(model, SIZE)


@pytest.mark.parametrize("last", SIGMOIDS)
def test_hidden_sigmoids(last: list[Any]) -> None:
    refused(ending_in(*last))


def test_sigmoids_that_add_up_to_about_1_by_chance() -> None:
    head = OwnHead()
    model = ending_in(head)
    head.dense.set_weights([np.array([[1, -1.01], [1, -0.99]]) * 0.3, np.zeros(2)])
    rows = noise_outputs(model, SIZE)
    assert np.allclose(rows.sum(axis=1), 1, atol=0.01)
    refused(model)


@pytest.mark.parametrize("kind", [OwnCall, OwnPredictStep])
def test_sigmoids_of_the_models_class(kind: Any) -> None:
    model = ending_in()
    refused(kind(model.inputs, model.outputs))


class OwnTemperature(keras.Model):  # type: ignore[misc]
    def call(self, *inputs: Any, **options: Any) -> Any:
        return self.end(super().call(*inputs, **options))

    def end(self, logits: Any) -> Any:
        return ops.sigmoid(logits / 2)


class OwnSmoothing(OwnTemperature):
    def end(self, logits: Any) -> Any:
        return 0.9 * ops.sigmoid(logits) + 0.05


class OwnLastLayer(OwnTemperature):
    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.dense = layers.Dense(3)

    def end(self, logits: Any) -> Any:
        return ops.sigmoid(self.dense(logits))


class RefusesBrightPixels(OwnTemperature):
    def predict(self, images: Any, **options: Any) -> Any:
        if np.max(images) > 255:
            raise ValueError("pixels must be at most 255")
        return super().predict(images, **options)


@pytest.mark.parametrize("kind", [OwnTemperature, OwnSmoothing, OwnLastLayer, RefusesBrightPixels])
def test_more_than_a_sigmoid_in_the_models_class(kind: Any) -> None:
    for _ in range(3):  # weights of no seed
        model = ending_in(layers.Dense(2))
        refused(kind(model.inputs, model.outputs))


class OwnSmallLogits(OwnTemperature):
    def end(self, logits: Any) -> Any:
        return small(logits)


class OwnTinyLogits(OwnTemperature):
    def end(self, logits: Any) -> Any:
        return around_a_half(logits)


@pytest.mark.parametrize("kind", [OwnSmallLogits, OwnTinyLogits])
def test_logits_between_0_and_1_of_the_models_class(kind: Any) -> None:
    model = ending_in()
    check_returns_logits(kind(model.inputs, model.outputs), SIZE)


class WholeNetwork(keras.layers.Layer):  # type: ignore[misc]
    """Takes images, so that no features are known between them and the logits."""

    def __init__(self, bias: float) -> None:
        super().__init__()
        self.start = layers.Rescaling(1 / 255)
        self.dense = layers.Dense(2, bias_initializer=keras.initializers.Constant(bias))

    def call(self, images: Any) -> Any:
        return 0.05 * self.dense(ops.mean(self.start(images), (1, 2)))


def test_small_logits_of_a_network_in_one_layer() -> None:
    images = keras.Input((*SIZE, 3))
    model = keras.Model(images, WholeNetwork(10)(images))
    rows = noise_outputs(model, SIZE)
    assert 0 < rows.min() < rows.max() < 1
    check_returns_logits(model, SIZE)


@pytest.mark.parametrize("batch_size", [1, 4, 16])
def test_models_of_a_fixed_batch_size(batch_size: int) -> None:
    refused(ending_in(Custom(ops.sigmoid), batch_size=batch_size))


def small(logits: Any) -> Any:
    """Return logits that are between 0 and 1 for the noise images."""
    return logits * 0.2 + 0.4


def around_a_half(logits: Any) -> Any:
    """Return logits that also add up to about 1."""
    return logits * 0.005 + 0.5


def standardized(inputs: Any) -> Any:
    return inputs / (ops.std(inputs, -1, keepdims=True) + 1e-3) / 4 + 0.4 + 0.01 * inputs


@pytest.mark.parametrize("between", [small, around_a_half])
@pytest.mark.parametrize(
    "last",
    [
        lambda f: [Custom(f)],
        lambda f: [layers.Lambda(f)],
        lambda f: [OwnHead(f)],
        lambda f: [OwnModel(f)],
        lambda f: [layers.LayerNormalization(), OwnHead(f)],
        lambda f: [layers.Dense(4, activation="tanh"), OwnHead(f)],
        lambda f: [layers.Dense(4, activation="sigmoid"), OwnHead(f)],
        lambda f: [lambda x: f(x * ops.sigmoid(x))],
        lambda f: [nested(layers.Dense(2), Custom(f))],
        lambda f: [Custom(standardized)],
    ],
)
def test_logits_between_0_and_1(last: Any, between: Any) -> None:
    check_returns_logits(ending_in(*last(between)), SIZE)


def refuses_random_rows(inputs: Any) -> Any:
    if inputs.shape[0] == 64:
        raise ValueError("too many")
    return small(inputs)


def test_user_code_that_cannot_be_run_on_random_features() -> None:
    check_returns_logits(ending_in(Custom(refuses_random_rows)), SIZE)
