"""Frozen layers that training changes."""

from typing import Any

import keras
import numpy as np
import pytest

from catdog import Datasets, train, train_head
from catdog.models.graph import shared_layers, split_model
from catdog.models.training_state import layers_changed_by_training

SIZE = (24, 24)
layers = keras.layers


class OwnNormalisation(keras.layers.Layer):  # type: ignore[misc]  # keras ships no hints
    """Collects means in training, whether it is frozen or not."""

    def build(self, shape: Any) -> None:
        self.mean = self.add_weight(shape=(shape[-1],), trainable=False)
        self.kernel = self.add_weight(shape=(shape[-1], shape[-1]), initializer="ones")

    def call(self, inputs: Any, training: bool = False) -> Any:
        if training:
            self.mean.assign(0.9 * self.mean + 0.1 * keras.ops.mean(inputs, axis=0))
        return keras.ops.matmul(inputs - self.mean, self.kernel)


class Constant(keras.layers.Layer):  # type: ignore[misc]
    """Holds a weight that nothing changes."""

    def build(self, shape: Any) -> None:
        self.shift = self.add_weight(shape=(shape[-1],), initializer="ones", trainable=False)

    def call(self, inputs: Any) -> Any:
        return inputs + self.shift


def model_with(layer: keras.Layer, *, is_nested: bool) -> keras.Model:
    keras.utils.set_random_seed(0)
    first = [layers.Rescaling(1 / 255), layers.Conv2D(4, 3, strides=2)]
    frozen = [*first, layers.GlobalAveragePooling2D()]
    inner = [keras.Input((*SIZE, 3)), *frozen, layer]
    before = [keras.Sequential(inner, name="inner")] if is_nested else [*frozen, layer]
    for each in before:
        each.trainable = False
    model = keras.Sequential([keras.Input((*SIZE, 3)), *before, layers.Dense(2)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-2), loss)
    return model


def test_a_layer_that_collects_statistics_is_in_the_head(small_data: Datasets) -> None:
    layer = OwnNormalisation()
    found = model_with(layer, is_nested=False)
    assert layers_changed_by_training(found) == {layer}
    assert layer in shared_layers(split_model(found).head)
    expected = model_with(OwnNormalisation(), is_nested=False)
    train(expected, small_data, epochs=2, verbose=0)
    train_head(found, small_data, epochs=2, verbose=0)
    for one, other in zip(expected.get_weights(), found.get_weights(), strict=True):
        assert one == pytest.approx(other, abs=1e-5)


@pytest.mark.parametrize(
    "layer",
    [
        lambda: OwnNormalisation(name="own"),
        lambda: layers.SpectralNormalization(layers.Dense(4), name="own"),
    ],
)
def test_one_within_a_frozen_model_is_refused_by_name(layer: Any, small_data: Datasets) -> None:
    model = model_with(layer(), is_nested=True)
    before = [np.array(variable) for variable in model.variables]
    with pytest.raises(ValueError, match="training changes 'own', though frozen. Call catdog.tr"):
        train_head(model, small_data, epochs=1, verbose=0)
    for variable, value in zip(model.variables, before, strict=True):
        assert np.array_equal(np.array(variable), value)


def test_layers_that_training_does_not_change() -> None:
    for layer in (Constant(), layers.BatchNormalization(), layers.Normalization()):
        model = model_with(layer, is_nested=True)
        assert layers_changed_by_training(model) == set()
        assert len(shared_layers(split_model(model).backbone)) == 1
