"""Fine-tuning."""

from typing import Any

import keras
import numpy as np
import pytest

from catdog import (
    Datasets,
    fine_tune,
    train_head,
)
from tests.training.conftest import SIZE, linear


def test_batch_normalisation_of_a_new_head_goes_on_training(data: Datasets) -> None:
    own = keras.layers.BatchNormalization()
    model = keras.Sequential([keras.Input((*SIZE, 3)), *linear().layers[:-1], own])
    model.add(keras.layers.Dense(2))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="adam", loss=loss)
    fine_tune(model, data, epochs=1, verbose=0)
    assert own.trainable


@pytest.fixture
def with_base() -> keras.Model:
    """A compiled model with a small frozen backbone that has batch normalisation."""
    layers = keras.layers
    keras.utils.set_random_seed(0)
    base = keras.Sequential(
        [keras.Input((*SIZE, 3)), layers.Conv2D(4, 3), layers.BatchNormalization()], name="base"
    )
    base.trainable = False
    head = [layers.GlobalAveragePooling2D(), layers.Dense(2)]
    model = keras.Sequential([keras.Input((*SIZE, 3)), layers.Rescaling(1 / 255), base, *head])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="sgd", loss=loss, metrics=["accuracy"])
    return model


def test_fine_tuning_trains_all_but_batch_normalisation(
    data: Datasets, with_base: keras.Model
) -> None:
    train_head(with_base, data, epochs=1, verbose=0)
    before = [weight.numpy().copy() for weight in with_base.weights]
    loss = with_base.loss
    for _ in range(2):  # it may be continued
        history = fine_tune(with_base, data, epochs=1, learning_rate=1e-3, verbose=0)
        assert set(history.history) == {"accuracy", "loss", "val_accuracy", "val_loss"}
    after = [weight.numpy() for weight in with_base.weights]
    changed = [not np.array_equal(a, b) for a, b in zip(before, after, strict=True)]
    own = with_base.get_layer("base").layers[-1].weights
    kept = [any(weight is each for each in own) for weight in with_base.weights]
    assert changed == [not each for each in kept]
    assert sum(kept) == 4
    assert float(with_base.optimizer.learning_rate) == pytest.approx(1e-3)
    assert with_base.loss is loss


def test_fine_tuning_finds_batch_normalisation_within_layers_of_ones_own(data: Datasets) -> None:
    class Block(keras.Layer):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.convolution = keras.layers.Conv2D(4, 3)
            self.normalisation = keras.layers.BatchNormalization()

        def call(self, images: Any, training: bool | None = None) -> Any:
            return self.normalisation(self.convolution(images), training=training)

    block = Block()
    head = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2)]
    model = keras.Sequential([keras.Input((*SIZE, 3)), block, *head])
    block.trainable = False
    model.compile(optimizer="sgd", loss=linear().loss)
    statistics = [weight.numpy().copy() for weight in block.normalisation.weights]
    fine_tune(model, data, epochs=1, verbose=0)
    assert block.convolution.trainable
    for weight, before in zip(block.normalisation.weights, statistics, strict=True):
        assert np.array_equal(weight.numpy(), before)


def test_fine_tuning_takes_small_steps(data: Datasets, with_base: keras.Model) -> None:
    before = with_base.layers[-1].kernel.numpy().copy()
    fine_tune(with_base, data, epochs=1, verbose=0)
    after = with_base.layers[-1].kernel.numpy()
    assert after == pytest.approx(before, abs=4e-5)  # three steps of at most about 1e-5
    assert not np.array_equal(after, before)


@pytest.mark.parametrize("rate", [0, -1e-5, 1, float("nan"), "small", True, None])
def test_bad_learning_rates(data: Datasets, with_base: keras.Model, rate: Any) -> None:
    with pytest.raises(ValueError, match=r"learning_rate must be .* such as 1e-5, not"):
        fine_tune(with_base, data, learning_rate=rate)
    assert not with_base.get_layer("base").trainable  # nothing was changed


def test_what_fine_tuning_refuses_leaves_the_model_as_it_was(
    data: Datasets, with_base: keras.Model
) -> None:
    optimizer = with_base.optimizer
    with pytest.raises(ValueError, match="epochs must be"):
        fine_tune(with_base, data, epochs=0)
    with pytest.raises(ValueError, match="class_weight must be"):
        fine_tune(with_base, data, class_weight={"cats": 1})
    assert not with_base.get_layer("base").trainable
    assert with_base.optimizer is optimizer


@pytest.mark.parametrize("wrong", [{"verbose": "x"}, {"callbacks": [3]}])
def test_wrong_arguments_leave_the_model_as_it_was(
    data: Datasets, with_base: keras.Model, wrong: dict[str, Any]
) -> None:
    optimizer, trainable = with_base.optimizer, len(with_base.trainable_variables)
    with pytest.raises((TypeError, ValueError), match="verbose must be|callbacks must be"):
        fine_tune(with_base, data, **wrong)
    assert with_base.optimizer is optimizer
    assert len(with_base.trainable_variables) == trainable
