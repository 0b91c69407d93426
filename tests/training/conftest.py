"""Data and a model for the tests of training."""

import keras
import pytest

from catdog import (
    Datasets,
)

SIZE = (24, 24)


@pytest.fixture
def data(small_data: Datasets) -> Datasets:
    return small_data


def linear(*, augmented: bool = False) -> keras.Model:
    """Return a compiled model of a frozen convolution and a linear head, without dropout."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((*SIZE, 3)),
            *([layers.RandomFlip("horizontal_and_vertical", seed=0)] if augmented else []),
            layers.Rescaling(1 / 255),
            layers.Conv2D(8, 5, strides=2, activation="relu", trainable=False),
            layers.Flatten(),
            layers.Dense(2),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(1e-3), loss=loss, metrics=["accuracy"])
    return model
