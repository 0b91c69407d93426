"""Losses and metrics that do not fit logits and whole-number labels, before any training."""

from collections.abc import Callable
from pathlib import Path
from shutil import copytree
from typing import Any

import keras
import numpy as np
import pytest

from catdog import Datasets, fine_tune, load_datasets, train, train_head
from tests.training.conftest import SIZE, linear

losses, metrics, ops = keras.losses, keras.metrics, keras.ops
SPARSE = losses.SparseCategoricalCrossentropy(from_logits=True)
Train = Callable[..., keras.callbacks.History]


def compiled(loss: Any, metric: Any = "accuracy", classes: int = 2) -> keras.Model:
    model = linear()
    if classes != 2:
        model = keras.Sequential([keras.Input((*SIZE, 3)), *model.layers[:-1]])
        model.add(keras.layers.Dense(classes))
    model.compile(optimizer="adam", loss=loss, metrics=[metric])
    return model


def one_hot(labels: Any, outputs: Any) -> Any:
    return ops.one_hot(ops.reshape(labels, (-1,)), outputs.shape[-1])


def smoothed(labels: Any, outputs: Any) -> Any:
    true = one_hot(labels, outputs)
    return losses.categorical_crossentropy(true, outputs, from_logits=True, label_smoothing=0.1)


def smoothed_of_probabilities(labels: Any, outputs: Any) -> Any:
    return losses.categorical_crossentropy(one_hot(labels, outputs), outputs, label_smoothing=0.1)


def log_of_probabilities(labels: Any, outputs: Any) -> Any:
    return -ops.sum(one_hot(labels, outputs) * ops.log(outputs), axis=-1)


def confidence(labels: Any, outputs: Any) -> Any:
    return ops.max(ops.softmax(outputs), axis=-1)


def refused(model: keras.Model, data: Datasets, message: str) -> None:
    """Check that all three functions refuse a model before they change it or read an image."""
    weights = model.get_weights()
    for path in data.paths("train"):
        path.unlink(missing_ok=True)
    for how in (train, train_head, fine_tune):
        with pytest.raises(ValueError, match=message):
            how(model, data, epochs=1, verbose=0)
    assert all(
        np.array_equal(old, new) for old, new in zip(weights, model.get_weights(), strict=True)
    )
    assert not model.layers[-3].trainable  # a frozen layer, which fine_tune would unfreeze


@pytest.mark.parametrize(
    "loss",
    [
        "sparse_categorical_crossentropy",
        "crossentropy",
        losses.SparseCategoricalCrossentropy(),
        losses.SparseCategoricalCrossentropy(reduction=None),
        losses.sparse_categorical_crossentropy,
        losses.CategoricalGeneralizedCrossEntropy(),
        [losses.SparseCategoricalCrossentropy()],
        [SPARSE, losses.SparseCategoricalCrossentropy()],
        smoothed_of_probabilities,
        log_of_probabilities,
    ],
)
def test_losses_of_probabilities(any_data: Datasets, classes: int, loss: Any) -> None:
    message = r"model returns logits, but is compiled with the loss \w+, which needs probabilities"
    refused(
        compiled(loss, classes=classes), any_data, f"{message}, and .*Compile it with .*logits=True"
    )


def test_losses_by_the_name_of_the_output(data: Datasets, tmp_path: Path) -> None:
    copytree(tmp_path / "images", tmp_path / "kept")
    loaded = load_datasets(tmp_path / "kept", image_size=SIZE)
    sequential = linear()
    model = keras.Model(sequential.inputs, sequential.outputs)
    model.compile(optimizer="adam", loss={model.output_names[0]: "sparse_categorical_crossentropy"})
    refused(model, data, "which needs probabilities")
    model.compile(optimizer="adam", loss={model.output_names[0]: SPARSE})
    assert fine_tune(model, loaded, epochs=1, verbose=0).history["loss"]


@pytest.mark.parametrize(
    "loss",
    [
        "categorical_crossentropy",
        losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1),
        losses.CategoricalFocalCrossentropy(from_logits=True),
        losses.BinaryCrossentropy(from_logits=True),
        *("mse", "mae", "huber", "hinge", "categorical_hinge", "kl_divergence", "poisson"),
        losses.CosineSimilarity(),
        losses.Dice(),
        lambda labels, logits: ops.mean(ops.square(ops.reshape(labels, (-1, 1)) - logits), axis=-1),
    ],
)
def test_losses_of_one_hot_labels(any_data: Datasets, classes: int, loss: Any) -> None:
    message = "with catdog's labels: whole numbers of shape .batch,., not one-hot. Compile it with"
    refused(compiled(loss, classes=classes), any_data, message)


@pytest.mark.parametrize(
    "metric",
    [
        *("categorical_accuracy", "mse", "binary_accuracy", "recall", "auc"),
        metrics.CategoricalAccuracy(),
        metrics.CategoricalCrossentropy(from_logits=True),
        metrics.F1Score(),
        metrics.Precision(),
        metrics.OneHotMeanIoU(3),
    ],
)
def test_metrics_of_one_hot_labels(any_data: Datasets, classes: int, metric: Any) -> None:
    message = "the metric .* with catdog's labels: whole numbers .*catdog.evaluate computes"
    refused(compiled(SPARSE, metric, classes=classes), any_data, message)


@pytest.mark.parametrize(
    "metric", ["sparse_categorical_crossentropy", metrics.SparseCategoricalCrossentropy()]
)
def test_metrics_of_probabilities(any_data: Datasets, classes: int, metric: Any) -> None:
    message = "model returns logits, but is compiled with the metric .*needs probabilities. Pass"
    refused(compiled(SPARSE, metric, classes=classes), any_data, message)


@pytest.mark.parametrize(
    ("loss", "metric"),
    [
        (SPARSE, metrics.SparseTopKCategoricalAccuracy(k=5)),
        (SPARSE, metrics.SparseCategoricalCrossentropy(from_logits=True)),
        (SPARSE, confidence),
        ([SPARSE], metrics.MeanMetricWrapper(confidence)),
        (losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum"), "acc"),
        (losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0), "accuracy"),
        (smoothed, metrics.sparse_categorical_accuracy),
    ],
)
@pytest.mark.parametrize("how", [train, train_head])
def test_losses_and_metrics_that_fit(data: Datasets, how: Train, loss: Any, metric: Any) -> None:
    history = how(compiled(loss, metric), data, epochs=1, verbose=0).history
    assert len(history) == 4
    assert np.isfinite([*history.values()]).all()


@pytest.mark.parametrize("how", [train, train_head, fine_tune])
def test_models_compiled_without_a_loss(data: Datasets, how: Train) -> None:
    with pytest.raises(ValueError, match="compiled without a loss. Compile it with loss=keras"):
        how(compiled(None), data, epochs=1)


class OwnLoss(keras.Sequential):  # type: ignore[misc]  # keras ships no hints
    """Computes the loss of probabilities itself."""

    def compute_loss(self, x: Any, y: Any, y_pred: Any, *more: Any, **named: Any) -> Any:
        return super().compute_loss(x, y, ops.softmax(y_pred), *more, **named)


class OwnLossOnly(keras.Sequential):  # type: ignore[misc]
    """Has a loss of its own, in place of a compiled one, and counts it."""

    def __init__(self, *layers: Any) -> None:
        super().__init__(*layers)
        self.counted = metrics.Mean("counted")

    def compute_loss(self, x: Any, y: Any, y_pred: Any, sample_weight: Any, **named: Any) -> Any:
        loss = ops.mean(SPARSE(y, y_pred)) + 0 * ops.sum(self.losses)
        self.counted.update_state(loss)
        return loss


class OwnBadLoss(keras.Sequential):  # type: ignore[misc]
    """Takes logits for probabilities."""

    def compute_loss(self, x: Any, y: Any, y_pred: Any, sample_weight: Any, **named: Any) -> Any:
        return ops.mean(losses.sparse_categorical_crossentropy(y, y_pred))


class OwnLossOfImages(keras.Sequential):  # type: ignore[misc]
    """Needs the images, so it cannot be computed for other rows."""

    def compute_loss(self, x: Any, y: Any, y_pred: Any, sample_weight: Any, **named: Any) -> Any:
        return ops.mean(SPARSE(y, y_pred)) + 0 * ops.mean(x)


class OwnStep(keras.Sequential):  # type: ignore[misc]
    """Trains in a step of its own."""

    def train_step(self, data: Any) -> Any:
        return super().train_step(data)


class OwnMetrics(keras.Sequential):  # type: ignore[misc]
    """Computes metrics of one-hot labels."""

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        return super().compute_metrics(x, one_hot(y, y_pred), y_pred, sample_weight)


def own(kind: Any, loss: Any, *metric: Any) -> keras.Model:
    model = kind([keras.Input((*SIZE, 3)), *linear().layers])
    model.compile(optimizer="adam", loss=loss, metrics=list(metric) or None)
    return model


@pytest.mark.parametrize(
    ("kind", "loss", "metric"),
    [
        (OwnLoss, "sparse_categorical_crossentropy", "accuracy"),
        (OwnLossOnly, None, "accuracy"),
        (OwnStep, SPARSE, "accuracy"),
        (OwnMetrics, SPARSE, "categorical_accuracy"),
    ],
)
def test_steps_of_the_users_own_that_fit(data: Datasets, kind: Any, loss: Any, metric: Any) -> None:
    model = own(kind, loss, metric)
    assert train(model, data, epochs=1, verbose=0).history["loss"]


@pytest.mark.parametrize(
    ("kind", "loss", "metric", "message"),
    [
        (OwnBadLoss, None, "accuracy", "its compute_loss, which needs probabilities, and would"),
        (OwnLossOfImages, None, "accuracy", "its compute_loss, which cannot be computed"),
        (OwnStep, "sparse_categorical_crossentropy", "acc", "needs probabilities.*s train_step"),
        (OwnStep, SPARSE, "sparse_categorical_crossentropy", "needs probabilities.*s train_step"),
        (OwnMetrics, "sparse_categorical_crossentropy", "categorical_accuracy", "compute_metrics"),
    ],
)
def test_steps_of_the_users_own_that_may_not_fit(
    data: Datasets, kind: Any, loss: Any, metric: Any, message: str
) -> None:
    with pytest.warns(UserWarning, match=message) as caught:
        train(own(kind, loss, metric), data, epochs=1, verbose=0)
    assert "so it is not known whether it learns from logits and whole-number" in str(
        caught[0].message
    )
    assert [warning.filename for warning in caught] == [__file__]


def test_an_own_step_without_a_compiled_loss(data: Datasets) -> None:
    class Own(OwnStep):
        def train_step(self, data: Any) -> Any:
            return {"loss": ops.mean(SPARSE(data[1], self(data[0])))}

        def test_step(self, data: Any) -> Any:
            return self.train_step(data)

    with pytest.warns(UserWarning, match="compiled without a loss. Its class defines train_step"):
        train(own(Own, None), data, epochs=1, verbose=0)


def test_fine_tune_warns_once(data: Datasets) -> None:
    with pytest.warns(UserWarning, match="needs probabilities") as caught:
        fine_tune(own(OwnStep, "sparse_categorical_crossentropy"), data, epochs=1, verbose=0)
    assert len(caught) == 1


@pytest.mark.parametrize("how", [train, train_head, fine_tune])
def test_a_hidden_softmax_is_found_before_training(data: Datasets, how: Train) -> None:
    softmax = keras.layers.Lambda(lambda x: ops.softmax(x))
    model = keras.Sequential([keras.Input((*SIZE, 3)), *linear().layers, softmax])
    for from_logits in (False, True):
        loss = losses.SparseCategoricalCrossentropy(from_logits=from_logits)
        model.compile(optimizer="adam", loss=loss)
        with pytest.raises(ValueError, match="model returns probabilities, but catdog needs logi"):
            how(model, data, epochs=1, verbose=0)


def test_keras_names_later_layers_as_without_catdog(data: Datasets) -> None:
    def number(layer: keras.Layer) -> int:
        return int(layer.name.rpartition("_")[2])

    model = linear()
    dense, outer = number(keras.layers.Dense(1)), number(keras.Sequential())
    train(model, data, epochs=1, verbose=0)
    assert (number(keras.layers.Dense(1)), number(keras.Sequential())) == (dense + 1, outer + 1)


def scalar(labels: Any, outputs: Any) -> Any:
    return ops.mean(losses.sparse_categorical_crossentropy(labels, outputs, from_logits=True))


def negative_log(labels: Any, outputs: Any) -> Any:
    return -ops.sum(one_hot(labels, outputs) * outputs, axis=-1)


@pytest.mark.parametrize("how", [train, train_head])
def test_class_weights_of_a_loss_of_one_number(data: Datasets, how: Train) -> None:
    weight = {"cats": 1.0, "dogs": 9.0}
    with pytest.raises(ValueError, match="class_weight would have no effect on the loss scalar"):
        how(compiled(scalar), data, epochs=1, verbose=0, class_weight=weight)
    for loss in (scalar, smoothed, SPARSE):
        given = None if loss is scalar else weight
        assert how(compiled(loss), data, epochs=1, verbose=0, class_weight=given).epoch == [0]


def test_a_loss_of_log_probabilities(any_data: Datasets, classes: int) -> None:
    message = "the loss negative_log, which needs log-probabilities: it has no lower bound"
    refused(compiled(negative_log, classes=classes), any_data, message)


def test_a_loss_of_log_probabilities_that_fits(data: Datasets) -> None:
    end = keras.layers.Activation("log_softmax")
    model = keras.Sequential([keras.Input((*SIZE, 3)), *linear().layers, end])
    model.compile(loss=negative_log)
    assert train(model, data, epochs=1, verbose=0).history["loss"]
