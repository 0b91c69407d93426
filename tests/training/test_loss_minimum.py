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


@pytest.mark.parametrize("activation", ["tanh", "relu", "softsign"])
def test_activations_that_limit_the_logits(data: Datasets, activation: str) -> None:
    with pytest.warns(UserWarning, match=f"ends in {activation}, which limits its logits. So it"):
        train(compiled(SPARSE, activation), data, epochs=1, verbose=0)


def test_activations_that_do_not_limit_the_logits(data: Datasets) -> None:
    for activation in ("leaky_relu", "log_softmax", "linear"):
        train(compiled(SPARSE, activation), data, epochs=1, verbose=0)
