"""Data and a model for the tests of training."""

import keras
import pytest

from catdog import Datasets, load_datasets
from tests.conftest import MakeFolder

SIZE = (24, 24)


@pytest.fixture
def data(small_data: Datasets) -> Datasets:
    return small_data


@pytest.fixture(params=[2, 3, 6])
def classes(request: pytest.FixtureRequest) -> int:
    count: int = request.param
    return count


@pytest.fixture
def any_data(make_folder: MakeFolder, classes: int) -> Datasets:
    folder = make_folder({f"class {label}": 5 for label in range(classes)})
    return load_datasets(folder, image_size=SIZE, batch_size=4)


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
