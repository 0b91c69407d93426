"""Layers that run code of the user."""

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from catdog.models.graph import shared_layers, split_model
from catdog.models.own_code import has_own_code, random_own_layers, runs_own_code
from tests.networks import SIZE

layers = keras.layers


class Own(keras.Layer):  # type: ignore[misc]  # keras ships no hints
    """Changes images in training."""

    def __init__(self, change: Callable[[Any], Any]) -> None:
        super().__init__()
        self.change = change

    def call(self, images: Any, training: bool | None = None) -> Any:
        return self.change(images) if training else images


RANDOM = {
    "dropout": lambda images: tf.nn.dropout(images, 0.5),
    "brightness": lambda images: tf.image.random_brightness(images, 80.0),
    "flip": tf.image.random_flip_left_right,
    "now and then": lambda images: images * tf.cast(tf.random.uniform(()) < 0.5, tf.float32),
    "numpy": lambda images: images + np.random.normal(),  # noqa: NPY002
    "keras": lambda images: images + keras.random.normal(()),
    "only in training": lambda images: images * 2,
}


def model(*front: keras.Layer, behind: keras.Layer | None = None) -> keras.Model:
    base = [layers.Conv2D(4, 3, trainable=False), layers.GlobalAveragePooling2D()]
    head = [*([behind] if behind else []), layers.Dense(2)]
    return keras.Sequential([keras.Input((*SIZE, 3)), *front, *base, *head])


@pytest.mark.parametrize("change", RANDOM.values(), ids=RANDOM)
def test_random_layers_without_a_seed(change: Callable[[Any], Any]) -> None:
    own = Own(change)
    front = split_model(model(layers.RandomFlip(), own)).augmentation
    assert front is not None
    assert shared_layers(front)[-1] is own
    behind = Own(change if change is not RANDOM["flip"] else RANDOM["dropout"])  # no images there
    assert behind in shared_layers(split_model(model(behind=behind)).head)


def test_random_layers_in_a_nested_model_and_in_a_function() -> None:
    nested = keras.Sequential([Own(RANDOM["brightness"])])
    function = layers.Lambda(RANDOM["brightness"])
    images = keras.Input((*SIZE, 3))
    tensor = layers.GlobalAveragePooling2D()(function(nested(images)))
    functional = keras.Model(images, layers.Dense(2)(tensor))
    assert random_own_layers(functional) == {nested, function}


def test_fixed_layers_behind_random_ones_are_not_random() -> None:
    fixed, flip = Own(lambda images: images), Own(RANDOM["brightness"])
    network = model(layers.RandomBrightness(0.5), flip, fixed)
    assert random_own_layers(network) == {flip}
    front = split_model(network).augmentation
    assert front is not None
    assert shared_layers(front)[-1] is flip


def test_the_search_leaves_no_trace() -> None:
    def state() -> list[Any]:
        generator = np.random.get_state(legacy=False)["state"]["key"]  # noqa: NPY002
        return [*(np.asarray(each).tolist() for each in network.variables), [*generator]]

    network = model(layers.RandomFlip(), Own(RANDOM["numpy"]))
    before = state()
    assert random_own_layers(network)
    assert state() == before


def test_models_of_keras_are_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    network = model(layers.RandomFlip(), layers.Rescaling(1 / 255), behind=layers.Dropout(0.5))
    monkeypatch.setattr("catdog.models.graph.run_layers", None)
    assert not random_own_layers(network)


def relu(values: Any) -> Any:
    return keras.ops.relu(values)


class Relu:
    def __call__(self, values: Any) -> Any:
        return keras.ops.relu(values)


OWN = [
    lambda: layers.Conv2D(2, 3, activation=relu),
    lambda: layers.Conv2D(2, 3, activation=Relu()),
    lambda: layers.Conv2D(2, 3, activation=partial(relu)),
    lambda: layers.Activation(relu),
    lambda: layers.Lambda(relu),
    lambda: Own(relu),
]


@pytest.mark.parametrize("make", OWN)
def test_layers_that_run_code_of_the_user(make: Callable[[], keras.Layer]) -> None:
    layer = make()
    assert runs_own_code(layer)
    nested = keras.Sequential([keras.Input((*SIZE, 3)), layer])
    assert has_own_code(keras.Sequential([keras.Input((*SIZE, 3)), nested]))


@pytest.mark.parametrize(
    "make",
    [
        lambda: layers.Conv2D(2, 3, activation="relu", kernel_regularizer="l2"),
        lambda: layers.Conv2D(2, 3, activation=keras.activations.gelu),
        lambda: layers.Activation("swish"),
        lambda: layers.Dense(2, kernel_initializer=keras.initializers.HeNormal()),
        lambda: layers.Conv2D(2, 3, activation=layers.LeakyReLU()),
        lambda: layers.RandomBrightness(0.2),
        lambda: layers.BatchNormalization(),
        lambda: keras.Sequential([layers.RandomFlip(), layers.Rescaling(1 / 255)]),
    ],
)
def test_layers_of_keras(make: Callable[[], keras.Layer]) -> None:
    assert not has_own_code(keras.Sequential([keras.Input((*SIZE, 3)), make()]))


def test_an_operation_that_holds_a_function() -> None:
    images = keras.Input((*SIZE, 3))
    own = keras.Model(images, keras.ops.vectorized_map(relu, images))
    assert has_own_code(own)
    assert not has_own_code(keras.Model(images, keras.ops.relu(images / 2)))
