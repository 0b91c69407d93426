"""Losses whose best scores are not logits, so that their softmax are no probabilities."""

from typing import Any

import keras
import pytest

from catdog import Datasets, fine_tune, train, train_head
from tests.training.conftest import SIZE, linear

losses, ops = keras.losses, keras.ops
SPARSE = losses.SparseCategoricalCrossentropy(from_logits=True)


def one_hot(labels: Any, scores: Any) -> Any:
    return ops.one_hot(ops.cast(labels, "int32"), scores.shape[-1])


def cross_entropy(labels: Any, scores: Any) -> Any:
    true = one_hot(labels, scores)
    return ops.logsumexp(scores, axis=-1) - ops.sum(true * scores, axis=-1)


def smoothed(labels: Any, scores: Any) -> Any:
    true = one_hot(labels, scores)
    return losses.categorical_crossentropy(true, scores, from_logits=True, label_smoothing=0.1)


def brier(labels: Any, scores: Any) -> Any:
    return ops.mean((one_hot(labels, scores) - ops.softmax(scores)) ** 2, axis=-1)


def weighted(labels: Any, scores: Any) -> Any:
    return cross_entropy(labels, scores) * (1 + 9 * ops.cast(labels, "float32"))


def squared_error(labels: Any, scores: Any) -> Any:
    return ops.mean((one_hot(labels, scores) - scores) ** 2, axis=-1)


def hinge(labels: Any, scores: Any) -> Any:
    return losses.categorical_hinge(one_hot(labels, scores), scores)


def of_scaled_scores(labels: Any, scores: Any) -> Any:
    return cross_entropy(labels, 10 * scores)


def of_a_second_softmax(labels: Any, scores: Any) -> Any:
    return cross_entropy(labels, ops.exp(scores) / ops.sum(ops.exp(scores), -1, keepdims=True))


def one_against_the_others(labels: Any, scores: Any) -> Any:
    return losses.binary_crossentropy(one_hot(labels, scores), scores, from_logits=True)


def focal(labels: Any, scores: Any) -> Any:
    right = ops.sum(one_hot(labels, scores) * ops.softmax(scores), axis=-1)
    return -((1 - right) ** 2) * ops.log(right + 1e-7)


def compiled(loss: Any, activation: str | None = None, classes: int = 2) -> keras.Model:
    model = keras.Sequential([keras.Input((*SIZE, 3)), *linear().layers[:-1]])
    model.add(keras.layers.Dense(classes, activation=activation))
    model.compile(optimizer="adam", loss=loss)
    return model


@pytest.mark.parametrize(
    "loss", [squared_error, hinge, of_scaled_scores, of_a_second_softmax, focal]
)
@pytest.mark.parametrize("classes", [2, 6])
def test_losses_whose_best_scores_are_not_logits(
    any_data: Datasets, classes: int, loss: Any
) -> None:
    with pytest.warns(UserWarning, match=rf"loss {loss.__name__}. .* probabilities of catdog.pred"):
        train(compiled(loss, classes=classes), any_data, epochs=1, verbose=0)


@pytest.mark.parametrize("how", [train, train_head, fine_tune])
def test_it_is_said_once(data: Datasets, how: Any) -> None:
    with pytest.warns(UserWarning, match="loss is lowest at scores whose softmax is 69%") as caught:
        how(compiled(one_against_the_others), data, epochs=1, verbose=0)
    assert len(caught) == 1


@pytest.mark.parametrize("loss", [SPARSE, cross_entropy, smoothed, brier, weighted])
@pytest.mark.parametrize("classes", [2, 6])
def test_losses_whose_best_scores_are_logits(any_data: Datasets, classes: int, loss: Any) -> None:
    train(compiled(loss, classes=classes), any_data, epochs=1, verbose=0)


@pytest.mark.parametrize("classes", [2, 3])
def test_classes_that_a_loss_ignores(any_data: Datasets, classes: int) -> None:
    loss = losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=1)
    with pytest.warns(UserWarning, match="ignores the images of the classes with the labels 1. "):
        train(compiled(loss, classes=classes), any_data, epochs=1, verbose=0)


def test_losses_that_are_sums(data: Datasets) -> None:
    """Of the same weights, `train_head` reports the validation loss that `train` reports."""
    loss = losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum")
    found = []
    for how in (train, train_head):
        model = compiled(loss)
        model.optimizer.learning_rate = 0.0
        found.append(how(model, data, epochs=1, verbose=0).history["val_loss"][0])
    assert found[0] == pytest.approx(found[1], rel=1e-4)


def ending_in(end: Any) -> keras.Model:
    """Return a model of two dense layers and an end that takes what they return."""
    images = keras.Input((*SIZE, 3))
    features = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(images))
    model = keras.Model(
        images, end(keras.layers.Dense(2)(features), keras.layers.Dense(2)(features))
    )
    model.compile(optimizer="adam", loss=squared_error)
    return model


UNKNOWN_ENDS = [
    lambda first, second: keras.layers.Add()([first, second]),
    lambda first, _: keras.layers.Rescaling(2.0)(first),
    lambda first, second: keras.layers.Concatenate()([first[:, :1], second[:, :1]]),
    lambda first, _: 2.0 * first,
    lambda first, _: keras.layers.BatchNormalization()(first),
]


def test_a_whole_network_of_ones_own_is_not_limited(data: Datasets) -> None:
    """It scales the images itself, so that numbers that are no images give small logits."""

    class Network(keras.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.inside = [
                keras.layers.Rescaling(1 / 255),
                keras.layers.Conv2D(4, 3),
                keras.layers.GlobalAveragePooling2D(),
                keras.layers.Dense(2),
            ]

        def call(self, values: Any) -> Any:
            for layer in self.inside:
                values = layer(values)
            return values

    model = keras.Sequential([keras.Input((*SIZE, 3)), Network()])
    model.compile(optimizer="adam", loss=SPARSE)
    train(model, data, epochs=1, verbose=0)  # no warning


def negative_log(labels: Any, scores: Any) -> Any:
    return -ops.sum(one_hot(labels, scores) * scores, axis=-1)


@pytest.mark.parametrize("end", UNKNOWN_ENDS)
def test_losses_behind_an_end_that_the_graph_does_not_show(data: Datasets, end: Any) -> None:
    with pytest.warns(UserWarning, match="probabilities of catdog.predict will not be right"):
        train(ending_in(end), data, epochs=1, verbose=0)
    model = ending_in(end)
    model.compile(optimizer="adam", loss=negative_log)
    with pytest.raises(ValueError, match="which needs log-probabilities"):
        train(model, data, epochs=1, verbose=0)


def test_log_probabilities_that_the_graph_does_not_show(data: Datasets) -> None:
    model = ending_in(lambda first, _: first - ops.logsumexp(first, axis=-1, keepdims=True))
    model.compile(optimizer="adam", loss=negative_log)
    train(model, data, epochs=1, verbose=0)


@pytest.mark.parametrize(
    "end",
    [
        lambda first, _: ops.tanh(first),
        lambda first, _: ops.clip(first, -1, 1),
        lambda first, _: keras.layers.UnitNormalization()(first),
        lambda first, _: 2.0 * ops.softmax(first) - 1.0,
    ],
)
def test_operations_that_limit_the_logits(data: Datasets, end: Any) -> None:
    model = ending_in(end)
    model.compile(optimizer="adam", loss=SPARSE)
    with pytest.warns(UserWarning, match="ends in an operation, which limits its logits. So it"):
        train(model, data, epochs=1, verbose=0)


@pytest.mark.parametrize("activation", ["tanh", "relu", "softsign"])
def test_activations_that_limit_the_logits(data: Datasets, activation: str) -> None:
    with pytest.warns(UserWarning, match=f"ends in {activation}, which limits its logits. So it"):
        train(compiled(SPARSE, activation), data, epochs=1, verbose=0)


def test_activations_that_do_not_limit_the_logits(data: Datasets) -> None:
    for activation in ("leaky_relu", "log_softmax", "linear"):
        train(compiled(SPARSE, activation), data, epochs=1, verbose=0)
