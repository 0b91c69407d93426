"""The forward pass of a model over batches of several sizes."""

import logging
import warnings
from typing import Any

import keras
import numpy as np
import pytest

from catdog._utils.keras_internals import RETRACING_LOGGER, RETRACING_MARK
from catdog.data.datasets import Datasets
from catdog.inference.forward import (
    MAX_IMAGES_TO_FILL,
    batch_function,
    even_batch_size,
    split_logits,
)
from catdog.inference.gradcam import gradcam
from catdog.inference.predict import predict
from tests.inference.conftest import NAMES, SIZE, expected, grey


def counting_model(traces: list[int]) -> keras.Model:
    """Return a model of the mean of its input that counts how often Keras traces it."""

    class Counter(keras.layers.Layer):  # type: ignore[misc]
        def call(self, inputs: Any) -> Any:
            traces.append(1)
            return inputs

    pixels = keras.Input((*SIZE, 3))
    means = keras.layers.GlobalAveragePooling2D()(Counter()(pixels))
    model = keras.Model(pixels, keras.layers.Dense(2)(means))
    weights = np.tile([-0.01, 0.01], (3, 1))
    model.layers[-1].set_weights([weights, np.array([3.0, -3.0])])
    traces.clear()  # those of building it
    return model


def test_a_smaller_last_batch_does_not_trace_the_model_again() -> None:
    traces: list[int] = []
    model = counting_model(traces)
    brightness = [10, 60, 110, 160, 210]
    whole = predict(model, [grey(10)] * 4, class_names=NAMES, batch_size=2)
    first = len(traces)
    assert first > 0
    found = predict(
        model, [grey(each) for each in brightness], class_names=NAMES, batch_size=2, verbose=0
    )
    assert len(traces) == first
    assert len(whole) == 4
    np.testing.assert_allclose(
        [each.probabilities[1] for each in found],
        [expected(each) for each in brightness],
        rtol=1e-5,
    )


class OftenTraced(keras.Model):  # type: ignore[misc]
    """A model whose `predict` warns as TensorFlow does, which counts the traces of all models."""

    def predict(self, *arguments: Any, **options: Any) -> Any:
        logging.getLogger(RETRACING_LOGGER).warning(f"5 calls to f {RETRACING_MARK}.")
        return super().predict(*arguments, **options)


def test_no_warning_about_traces(
    data: Datasets, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(logging.getLogger(RETRACING_LOGGER), "handlers", [caplog.handler])
    plain = counting_model([])
    model = OftenTraced(plain.inputs, plain.outputs)
    batch_function(model)(np.zeros((2, *SIZE, 3), np.float32))
    split_logits(model, data.at(SIZE), "test", verbose=0)
    assert not caplog.messages


@pytest.mark.parametrize("sizes", [(4, 3, 1), (1, 4), (MAX_IMAGES_TO_FILL + 3, 2, 1), (3,)])
def test_every_image_gets_its_own_output(sizes: tuple[int, ...]) -> None:
    model = counting_model([])
    compute = batch_function(model)
    rng = np.random.default_rng(0)
    for size in sizes:
        images = rng.uniform(0, 255, (size, *SIZE, 3)).astype(np.float32)
        found = compute(images)
        assert found.shape == (size, 2)
        np.testing.assert_allclose(found, np.asarray(model(images)), rtol=1e-4, atol=1e-5)


def test_a_model_that_returns_fewer_rows_than_images(monkeypatch: pytest.MonkeyPatch) -> None:
    model = counting_model([])
    monkeypatch.setattr(model, "predict", lambda images, verbose: np.zeros((1, 2), np.float32))
    compute = batch_function(model)
    with pytest.raises(ValueError, match=r"model .*shape \(1, 2\) for 3 images"):
        compute(np.zeros((3, *SIZE, 3), np.float32))


def test_batches_are_of_about_equal_size() -> None:
    assert even_batch_size(300, 32) == 30  # 10 batches, none smaller
    assert even_batch_size(33, 32) == 17
    assert [even_batch_size(count, 32) for count in (None, 0, 1, 32, 5000)] == [32, 32, 1, 32, 32]
    for count in range(1, 200):
        size = even_batch_size(count, 32)
        batches = -(-count // size)
        assert batches == -(-count // 32)
        assert size * batches - count < batches  # images to fill


class AlwaysDrops(keras.layers.Dropout):  # type: ignore[misc]
    """Monte Carlo dropout, as many write it."""

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        return super().call(inputs, training=True)


def dropping(layer: keras.Layer) -> keras.Model:
    layers = keras.layers
    convolution = layers.Conv2D(4, 3, activation="relu")
    last = [layers.GlobalAveragePooling2D(), layer, layers.Dense(2)]
    return keras.Sequential([keras.Input((*SIZE, 3)), convolution, *last])


@pytest.mark.parametrize("layer", [keras.layers.Dropout, AlwaysDrops])
def test_a_model_that_is_random_outside_training(data: Datasets, layer: type[keras.Layer]) -> None:
    model = dropping(layer(0.5))
    path = data.paths("test")[0]
    for call in (
        lambda: predict(model, path, class_names=NAMES),
        lambda: split_logits(model, data.at(SIZE), "test", verbose=0),
        lambda: gradcam(model, path, label=0),
    ):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            call()
        told = any("random outside training" in str(each.message) for each in caught)
        assert told == (layer is AlwaysDrops)
