"""Training of models whose class defines `compile`, or trains with optimizers of its own."""

from typing import Any

import keras
import pytest
import tensorflow as tf

from catdog import Datasets, fine_tune, train_head
from catdog._utils.errors import UsageWarning
from catdog.training.compile_again import compile_again
from tests.training.conftest import SIZE


def build(kind: type[keras.Model]) -> keras.Model:
    """Return a model of this class, with a frozen backbone."""
    layers = keras.layers
    keras.utils.set_random_seed(0)
    base = [layers.Rescaling(1 / 255), layers.Conv2D(2, 3), layers.GlobalAveragePooling2D()]
    backbone = keras.Sequential([keras.Input((*SIZE, 3)), *base], name="base")
    backbone.trainable = False
    images = keras.Input((*SIZE, 3))
    model: keras.Model = kind(images, layers.Dense(2)(backbone(images)))
    return model


def loss() -> keras.losses.Loss:
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


class Distilled(keras.Model):  # type: ignore[misc]  # keras ships no hints
    def compile(self, *, alpha: float = 0.9, settings: Any = None, **arguments: Any) -> None:
        super().compile(**arguments)
        self.alpha, self.settings = alpha, settings


class Smooth(keras.Model):  # type: ignore[misc]
    """Its `compile` takes no loss."""

    def compile(self, scale: float = 2.0) -> None:
        def scaled(labels: Any, logits: Any) -> Any:
            given = keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
            return scale * given

        super().compile(optimizer="sgd", loss=scaled, metrics=["accuracy"])
        self.scale = scale


def test_what_an_own_compile_was_given_stays() -> None:
    model, optimizer = build(Distilled), keras.optimizers.Adam()
    model.compile(alpha=0.1, settings={"rho": 0.3}, optimizer="sgd", loss=loss())
    own = model.loss
    compile_again(model, optimizer)
    assert (model.alpha, dict(model.settings)) == (0.1, {"rho": 0.3})
    assert model.loss is own
    assert model.optimizer is optimizer


@pytest.mark.parametrize("function", [train_head, fine_tune])
def test_an_own_compile_without_keras_arguments(data: Datasets, function: Any) -> None:
    model = build(Smooth)
    model.compile(scale=5.0)
    scaled = model.loss
    function(model, data, epochs=1, verbose=0)
    assert model.scale == 5.0
    assert model.loss is scaled


def test_the_loss_of_a_functional_model_is_a_function_of_ones_own(data: Datasets) -> None:
    def own(labels: Any, logits: Any) -> Any:
        return keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)

    model = build(keras.Model)
    model.compile(optimizer="sgd", loss=own, metrics=[own])
    history = train_head(model, data, epochs=1, verbose=0)
    assert history.history["own"] == pytest.approx(history.history["loss"])


class Step(keras.Model):  # type: ignore[misc]
    """Trains with one optimizer, or with those that it was compiled with in addition."""

    def compile(self, *, optimizers: Any = None, **arguments: Any) -> None:
        super().compile(**arguments)
        self.own_optimizers = optimizers

    def train_step(self, data: Any) -> Any:
        images, labels, weights = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            logits = self(images, training=True)
            value = self.compute_loss(images, labels, logits, weights)
        variables = self.trainable_variables
        gradients = tape.gradient(value, [variable.value for variable in variables])
        self.step(gradients, variables)
        return self.compute_metrics(images, labels, logits, weights)

    def step(self, gradients: Any, variables: Any) -> None:
        self.optimizer.apply(gradients, variables)


class OwnRate(Step):
    """Does not use its optimizer."""

    def step(self, gradients: Any, variables: Any) -> None:
        for variable, gradient in zip(variables, gradients, strict=True):
            variable.assign_sub(1e-3 * gradient)


def test_an_own_training_step_with_the_optimizer(data: Datasets) -> None:
    model = build(Step)
    model.compile(optimizer="sgd", loss=loss())
    fine_tune(model, data, epochs=1, verbose=0)
    assert isinstance(model.optimizer, keras.optimizers.Adam)


def test_a_learning_rate_without_effect(data: Datasets) -> None:
    model = build(OwnRate)
    model.compile(optimizer="sgd", loss=loss())
    with pytest.warns(UsageWarning, match="learning_rate had no effect: train_step of OwnRate did"):
        fine_tune(model, data, epochs=1, verbose=0)


@pytest.mark.parametrize("container", [list, tuple, lambda given: {"a": given[0]}, lambda g: g[0]])
def test_own_optimizers_are_refused(data: Datasets, container: Any) -> None:
    model = build(Step)
    own = container([keras.optimizers.SGD(0.1)])
    model.compile(optimizer="sgd", loss=loss(), optimizers=own)
    optimizer = model.optimizer
    with pytest.raises(ValueError, match=r"optimizers of its own \(own_optimizers\), but fine_t"):
        fine_tune(model, data, epochs=1, verbose=0)
    assert model.optimizer is optimizer
    assert not model.get_layer("base").trainable
