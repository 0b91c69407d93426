from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from catdog import Datasets, evaluate, export_model, gradcam, load_datasets, predict, train
from catdog.models.input_dtype import PIXEL_DTYPES
from catdog.models.logits import check_classifier

SIZE = (16, 16)
layers = keras.layers
TOO_SMALL = ["bool", "int8", "float8_e4m3fn", "float8_e5m2"]


def network(dtype: str, *, is_sequential: bool = False) -> keras.Model:
    images = keras.Input((*SIZE, 3), dtype=dtype)
    cast = layers.Rescaling(1 / 255)
    last = [layers.Conv2D(2, 3), layers.GlobalAveragePooling2D(), layers.Dense(2)]
    if is_sequential:
        return keras.Sequential([images, cast, *last])
    features = cast(images)
    for layer in last:
        features = layer(features)
    model = keras.Model(images, features)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


@pytest.mark.parametrize("is_sequential", [False, True])
@pytest.mark.parametrize("dtype", TOO_SMALL)
def test_types_that_change_pixels(dtype: str, is_sequential: bool) -> None:
    with pytest.raises(ValueError, match=f"model has an input of type {dtype}, which does not"):
        check_classifier(network(dtype, is_sequential=is_sequential))


def test_a_model_within_the_model() -> None:
    inner = network("int8")
    inner.name = "inner"
    outer = keras.Sequential([keras.Input((*SIZE, 3)), layers.RandomFlip(), inner])
    with pytest.raises(ValueError, match="has an input of 'inner' in it of type int8"):
        check_classifier(outer)


def test_features_of_any_type() -> None:
    inner = keras.Sequential([keras.Input((4,), dtype="int8"), layers.Dense(2)])
    first = [layers.Conv2D(4, 3), layers.GlobalAveragePooling2D()]
    check_classifier(keras.Sequential([keras.Input((*SIZE, 3)), *first, inner]))


@pytest.mark.parametrize("dtype", sorted(PIXEL_DTYPES))
def test_types_that_hold_pixels(dtype: str) -> None:
    pixels = np.arange(256)
    held = keras.ops.convert_to_tensor(pixels.astype(np.float32), dtype)
    assert np.array_equal(np.asarray(keras.ops.cast(held, "float32")), pixels)
    check_classifier(network(dtype))


@pytest.fixture
def data(image_folder: Path) -> Datasets:
    return load_datasets(image_folder, image_size=SIZE)


FUNCTIONS: list[Callable[[keras.Model, Datasets], Any]] = [
    lambda model, data: train(model, data, epochs=1, verbose=0),
    lambda model, data: evaluate(model, data, verbose=0),
    lambda model, data: predict(model, data.paths("train"), class_names=data.class_names),
    lambda model, data: export_model(model, "model.tflite", class_names=data.class_names),
    lambda model, data: gradcam(model, data.paths("train")[0]),
]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function_refuses(
    function: Callable[[keras.Model, Datasets], Any], data: Datasets
) -> None:
    with pytest.raises(ValueError, match="has an input of type int8"):
        function(network("int8"), data)
