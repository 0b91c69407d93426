from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from catdog import build_model, list_models, load_datasets
from catdog.data.datasets import Datasets
from catdog.models.graph import shared_layers, split_model
from tests.networks import SIZE, backbone, sequential

layers = keras.layers


@pytest.fixture
def images() -> NDArray[np.float32]:
    return np.random.default_rng(0).integers(0, 256, (4, *SIZE, 3)).astype(np.float32)


def functional() -> keras.Model:
    inputs = keras.Input((*SIZE, 3))
    x = layers.RandomFlip()(inputs)
    x = backbone()(x / 2, training=False)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(2)(layers.Dropout(0.2)(x)))


def flat() -> keras.Model:
    """A model whose backbone is not a nested model."""
    inputs = keras.Input((*SIZE, 3))
    x = layers.Conv2D(4, 3, trainable=False)(inputs)
    x = layers.BatchNormalization(trainable=False)(x)
    shortcut = x
    x = layers.Conv2D(4, 3, padding="same", trainable=False)(x)
    x = layers.GlobalAveragePooling2D()(layers.Add()([shortcut, x]))
    return keras.Model(inputs, layers.Dense(2)(x))


def branches_behind() -> keras.Model:
    """A model with two trainable layers that take the backbone's features."""
    inputs = keras.Input((*SIZE, 3))
    features = layers.GlobalAveragePooling2D()(backbone()(inputs))
    return keras.Model(inputs, layers.Add()([layers.Dense(2)(features), layers.Dense(2)(features)]))


def dropout_in_the_backbone() -> keras.Model:
    base = keras.applications.EfficientNetV2B0(
        input_shape=(*SIZE, 3), include_top=False, weights=None, pooling="avg"
    )
    base.trainable = False
    return keras.Sequential([keras.Input((*SIZE, 3)), base, layers.Dense(2)])


MODELS = [
    sequential,
    functional,
    flat,
    branches_behind,
    pytest.param(dropout_in_the_backbone, marks=pytest.mark.slow),
]


@pytest.mark.parametrize("make", MODELS)
def test_the_parts_together_are_the_model(
    make: Callable[[], keras.Model], images: NDArray[np.float32]
) -> None:
    keras.utils.set_random_seed(0)
    model = make()
    parts = split_model(model)
    assert not parts.backbone.trainable_weights
    assert [id(weight) for weight in parts.head.trainable_weights] == [
        id(weight) for weight in model.trainable_weights
    ]
    seen = parts.augmentation(images, training=False) if parts.augmentation else images
    together = parts.head.predict(parts.backbone.predict(seen, verbose=0), verbose=0)
    assert together == pytest.approx(model.predict(images, verbose=0), abs=1e-6)


@pytest.mark.parametrize(
    ("make", "shape"),
    [(sequential, (4,)), (functional, (4,)), (flat, (4,)), (branches_behind, (4,))],
)
def test_the_backbone_ends_as_late_as_possible(
    make: Callable[[], keras.Model], shape: tuple[int, ...]
) -> None:
    parts = split_model(make())
    assert parts.backbone.output_shape[1:] == shape
    assert not any(isinstance(layer, layers.Dropout) for layer in shared_layers(parts.backbone))


@pytest.mark.parametrize("name", [name for name in list_models() if name.startswith("mobilenet")])
def test_every_model_of_the_zoo_with_a_backbone(name: str, images: NDArray[np.float32]) -> None:
    model = build_model(name, image_size=SIZE, weights=None)
    parts = split_model(model)
    assert parts.augmentation is not None
    assert parts.backbone.output_shape == (None, 1280)
    assert split_model(model).backbone.output_shape == (None, 1280)  # may be split again


def test_a_backbone_that_was_part_of_another_model(images: NDArray[np.float32]) -> None:
    base = backbone()
    for _ in range(2):  # as when the cell of a notebook runs again
        model = keras.Sequential([keras.Input((*SIZE, 3)), base, layers.Flatten(), layers.Dense(2)])
    parts = split_model(model)
    together = parts.head.predict(parts.backbone.predict(images, verbose=0), verbose=0)
    assert together == pytest.approx(model.predict(images, verbose=0), abs=1e-6)


@pytest.mark.parametrize("name", [name for name in list_models() if name.startswith("cnn")])
def test_models_without_a_backbone(name: str) -> None:
    model = build_model(name, image_size=SIZE)
    with pytest.raises(ValueError, match=r"first layers train themselves, .*Call catdog.train\("):
        split_model(model)


def test_augmentation_behind_normalisation(images: NDArray[np.float32]) -> None:
    scaling = layers.Normalization(mean=127.0, variance=1.0)
    flips = layers.RandomFlip()
    model = keras.Sequential([keras.Input((*SIZE, 3)), scaling, flips, backbone()])
    model.add(layers.Flatten())
    model.add(layers.Dense(2))
    parts = split_model(model)
    assert parts.augmentation
    assert flips in shared_layers(parts.augmentation)


def test_nothing_random_is_in_the_backbone() -> None:
    frozen = [layers.Conv2D(4, 3, trainable=False) for _ in range(2)]
    model = keras.Sequential([keras.Input((*SIZE, 3)), frozen[0], layers.Dropout(0.5), frozen[1]])
    model.add(layers.Flatten())
    model.add(layers.Dense(2))
    parts = split_model(model)
    assert frozen[0] in shared_layers(parts.backbone)
    assert frozen[1] in shared_layers(parts.head)


def test_statistics_that_are_collected_are_not_in_the_backbone() -> None:
    collects = layers.BatchNormalization(center=False, scale=False)
    model = keras.Sequential([keras.Input((*SIZE, 3)), collects, backbone()])
    model.add(layers.Flatten())
    model.add(layers.Dense(2))
    with pytest.raises(ValueError, match="does not begin with a backbone"):
        split_model(model)


def test_a_skip_around_the_backbone() -> None:
    inputs = keras.Input((*SIZE, 3))
    features = layers.GlobalAveragePooling2D()(backbone()(inputs))
    beside = layers.Dense(4)(layers.GlobalAveragePooling2D()(inputs))
    model = keras.Model(inputs, layers.Dense(2)(layers.Add()([features, beside])))
    with pytest.raises(ValueError, match="does not begin with a backbone"):
        split_model(model)


def test_a_backbone_of_two_outputs() -> None:
    inputs = keras.Input((*SIZE, 3))
    first = layers.Conv2D(4, 3)(inputs)
    base = keras.Model(inputs, [first, layers.Conv2D(4, 3)(first)], trainable=False)

    def model(join: Callable[[Any, Any], Any]) -> keras.Model:
        inputs = keras.Input((*SIZE, 3))
        pooled = [layers.GlobalAveragePooling2D()(output) for output in base(inputs)]
        return keras.Model(inputs, join(*pooled))

    joined = model(lambda a, b: layers.Dense(2)(layers.Concatenate()([a, b])))
    assert split_model(joined).backbone.output_shape == (None, 8)
    apart = model(lambda a, b: layers.Add()([layers.Dense(2)(a), layers.Dense(2)(b)]))
    with pytest.raises(ValueError, match="takes more than one tensor from the frozen layers"):
        split_model(apart)


def test_statistics_collected_within_another_layer() -> None:
    collects = layers.TimeDistributed(layers.BatchNormalization(center=False, scale=False))
    model = keras.Sequential([keras.Input((*SIZE, 3)), backbone(), collects, layers.Flatten()])
    model.add(layers.Dense(2))
    assert collects in shared_layers(split_model(model).head)


def test_a_model_that_is_frozen_altogether() -> None:
    model = sequential()
    model.trainable = False
    with pytest.raises(ValueError, match="no weights that train. Set trainable = True"):
        split_model(model)


@pytest.fixture
def data(image_folder: Path) -> Datasets:
    return load_datasets(image_folder, image_size=SIZE, batch_size=5)
