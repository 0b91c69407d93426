"""Which layers fine-tuning unfreezes."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from catdog import Datasets, fine_tune
from catdog.training.unfreeze import find_first_layer, unfreeze_from
from tests.training.conftest import SIZE


def network(kind: type[keras.Model] = keras.Model, *, name: str | None = None) -> keras.Model:
    """Return a model whose layers are in a nested model, all frozen but the last."""
    layers = keras.layers
    own = [
        layers.Conv2D(2, 3, strides=2),
        layers.BatchNormalization(),
        layers.Conv2D(2, 1, strides=2),
    ]
    base = keras.Sequential([keras.Input((*SIZE, 3)), *own])
    base.trainable = False
    images = keras.Input((*SIZE, 3))
    pooled = layers.GlobalAveragePooling2D()(base(images))
    return kind(images, layers.Dense(2)(pooled), name=name)


class Own(keras.Model):  # type: ignore[misc]  # keras ships no hints
    """A class of the user."""


class OwnSequential(keras.Sequential):  # type: ignore[misc]
    """A class of the user."""


def trained(model: keras.Model) -> int:
    return len(model.trainable_weights)


def hold(model: keras.Model, teacher: keras.Model, how: str) -> None:
    """Make a model an attribute of another, without a call."""
    model.held = {"model": teacher, "list": [teacher], "dictionary": {"teacher": teacher}}[how]


@pytest.mark.parametrize("how", ["model", "list", "dictionary"])
@pytest.mark.parametrize("unfreeze", ["all", "last_block"])
def test_models_that_are_only_attributes_stay_frozen(how: str, unfreeze: str) -> None:
    model, teacher = network(Own), network(name="teacher")
    hold(model, teacher, how)
    teacher.trainable = False
    unfreeze_from(model, find_first_layer(model, unfreeze))
    assert (trained(model), trained(teacher)) == (6 if unfreeze == "all" else 4, 0)
    assert not teacher.layers[-1].trainable


def test_fine_tuning_does_not_train_a_teacher(data: Datasets) -> None:
    model = network(Own)
    teacher = model.teacher = network(name="teacher")
    teacher.trainable = False
    model.compile(optimizer="sgd", loss=keras.losses.SparseCategoricalCrossentropy(True))
    before = teacher.get_weights()
    fine_tune(model, data, epochs=1, learning_rate=0.1, verbose=0)
    assert all(map(np.array_equal, before, teacher.get_weights()))
    assert not teacher.layers[-1].trainable


@pytest.mark.parametrize("trainable", [True, False])
@pytest.mark.parametrize("depth", [0, 1, 2])
def test_attributes_at_any_depth(trainable: bool, depth: int) -> None:
    teacher = network()
    teacher.trainable = trainable
    holder = model = network(Own)
    hold(model, teacher, "model")
    for _ in range(depth):
        images = keras.Input((*SIZE, 3))
        model = keras.Model(images, model(images))
    model.trainable = False
    teacher.trainable = trainable
    unfreeze_from(model, find_first_layer(model, "all"))
    assert trained(holder) == 6 + (8 if trainable else 0)
    assert trained(teacher) == (8 if trainable else 0)
    assert teacher.layers[1].layers[1].trainable == trainable  # batch normalisation too


def test_a_sequential_model_with_an_attribute() -> None:
    model = OwnSequential([keras.Input((*SIZE, 3)), *network().layers[1:]])
    teacher = model.teacher = network()
    teacher.trainable = False
    unfreeze_from(model, find_first_layer(model, "all"))
    assert (trained(model), trained(teacher)) == (6, 0)


def test_a_copy_that_shares_layers() -> None:
    model = network(Own)
    model.copy = keras.Model(model.inputs, keras.layers.Dense(2)(model.layers[-2].output))
    model.copy.trainable = False
    unfreeze_from(model, find_first_layer(model, "all"))
    assert trained(model.layers[1]) == 4  # the shared backbone
    assert not model.copy.layers[-1].trainable


class Called(Own):
    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        return self.teacher(super().call(self.before(inputs), training=training))


def test_an_own_call_may_use_every_layer() -> None:
    model = network(Called)
    model.before, model.teacher = keras.layers.Conv2D(3, 1), keras.layers.Dense(2)
    model(np.zeros((1, *SIZE, 3)))
    model.before.trainable = False
    unfreeze_from(model, find_first_layer(model, "all"))
    assert trained(model) == 6 + 4


class Block(keras.Layer):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.first = keras.layers.Conv2D(2, 3, name="inside", trainable=False)
        self.second = keras.layers.Conv2D(2, 3)

    def call(self, images: Any) -> Any:
        return self.second(self.first(images))


def blocks() -> keras.Model:
    head = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2, name="logits")]
    return keras.Sequential([keras.Input((*SIZE, 3)), Block(), *head])


def test_a_frozen_layer_in_a_layer_of_ones_own_stays_frozen() -> None:
    model = blocks()
    unfreeze_from(model, find_first_layer(model, "logits"))
    assert not model.layers[0].first.trainable
    unfreeze_from(model, find_first_layer(model, "all"))
    assert model.layers[0].first.trainable_weights


def test_the_name_of_a_layer_in_a_layer_of_ones_own() -> None:
    model = blocks()
    assert find_first_layer(model, "inside") == find_first_layer(model, model.layers[0].name)


def test_names_of_layers_that_are_not_called() -> None:
    model = network(Own)
    model.teacher = network(name="teacher")
    with pytest.raises(ValueError, match="unfreeze must be .* not 'teacher'"):
        find_first_layer(model, "teacher")


def test_fixed_filters_stay_with_the_name_of_the_layer_behind_them() -> None:
    filters = keras.layers.DepthwiseConv2D(3, trainable=False, name="sobel")
    rest = [keras.layers.Conv2D(2, 3, name="own"), keras.layers.Flatten(), keras.layers.Dense(2)]
    model = keras.Sequential([keras.Input((*SIZE, 3)), filters, *rest])
    unfreeze_from(model, find_first_layer(model, "own"))
    assert not filters.trainable_weights
    unfreeze_from(model, find_first_layer(model, "all"))
    assert filters.trainable_weights


APPLICATIONS = keras.applications


@pytest.mark.slow
@pytest.mark.parametrize(
    ("build", "size", "first"),
    [
        # The last stage has an output of one pixel, as gates and paddings have in other stages.
        (APPLICATIONS.DenseNet121, 32, "conv5_block1_1_conv"),
        (APPLICATIONS.EfficientNetV2B0, 32, "block6a_dwconv2"),
        (APPLICATIONS.ResNet50V2, 32, "conv4_block6_2_conv"),  # it has the strides
        (APPLICATIONS.MobileNetV3Small, 96, "expanded_conv_8_depthwise"),  # a head of one pixel
    ],
)
def test_the_last_block_of_published_networks(
    build: Callable[..., keras.Model], size: int, first: str
) -> None:
    base = build(include_top=False, weights=None, input_shape=(size, size, 3), pooling="avg")
    model = keras.Sequential([keras.Input((size, size, 3)), base, keras.layers.Dense(2)])
    base.trainable = False
    unfreeze_from(model, find_first_layer(model, "last_block"))
    assert next(layer.name for layer in base.layers if layer.trainable_weights) == first
