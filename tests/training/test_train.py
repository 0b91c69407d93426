"""Training of a whole model."""

from typing import Any

import keras
import numpy as np
import pytest

from catdog import Datasets, build_model, train, train_head
from tests.training.conftest import SIZE, linear


def test_learns_and_reports_every_epoch(data: Datasets) -> None:
    model = build_model("cnn_preprocessed", image_size=SIZE, seed=0)
    before = model.get_weights()
    history = train(model, data, epochs=3, verbose=0)
    assert isinstance(history, keras.callbacks.History)
    assert set(history.history) == {"accuracy", "loss", "val_accuracy", "val_loss"}
    assert all(len(values) == 3 for values in history.history.values())
    assert not all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_sees_training_images_and_never_the_test_set(data: Datasets) -> None:
    seen = {"train": 0, "validation": 0}

    class Count(keras.callbacks.Callback):  # type: ignore[misc]  # keras ships no hints
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            seen["train"] += 1

        def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
            seen["validation"] += 1

    for path in data.paths("test"):
        path.unlink()
    train(build_model("cnn", image_size=SIZE), data, epochs=2, verbose=0, callbacks=[Count()])
    assert seen == {"train": 2 * 3, "validation": 2 * 1}


def test_images_are_resized_to_the_models_size(data: Datasets) -> None:
    train(build_model("cnn", image_size=(40, 32)), data, epochs=1, verbose=0)


def test_progress_is_that_of_keras(data: Datasets, capsys: pytest.CaptureFixture[str]) -> None:
    train(build_model("cnn", image_size=SIZE), data, epochs=1, verbose=2)
    assert "val_accuracy: " in capsys.readouterr().out


@pytest.mark.parametrize("epochs", [0, -1, 1.5, "20"])
def test_bad_epochs(data: Datasets, epochs: Any) -> None:
    with pytest.raises(ValueError, match="epochs must be a whole number of at least 1, not"):
        train(build_model("cnn", image_size=SIZE), data, epochs=epochs)


def test_number_of_classes(data: Datasets) -> None:
    with pytest.raises(ValueError, match="Build it with num_classes=2"):
        train(build_model("cnn", image_size=SIZE, num_classes=5), data)


def test_model_that_is_not_compiled(data: Datasets) -> None:
    layers = [keras.Input((*SIZE, 3)), keras.layers.Flatten(), keras.layers.Dense(2)]
    with pytest.raises(ValueError, match="model is not compiled. Call model.compile"):
        train(keras.Sequential(layers), data)


def test_each_call_sees_the_same_order(data: Datasets) -> None:
    losses = []
    for _ in range(2):
        model = build_model("cnn", image_size=SIZE, seed=0)
        losses.append(train(model, data, epochs=2, verbose=0).history["loss"])
        next(iter(data.train))  # reading the data has no effect either
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_callbacks_are_optional(data: Datasets) -> None:
    for callbacks in (None, [keras.callbacks.TerminateOnNaN()]):
        train(build_model("cnn", image_size=SIZE), data, epochs=1, verbose=0, callbacks=callbacks)


def test_callbacks_in_any_form(data: Datasets) -> None:
    seen = []
    callback = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch))
    forms: list[Any] = [lambda: callback, lambda: [callback], lambda: iter([callback])]
    for form in forms:
        train(linear(), data, epochs=1, callbacks=form(), verbose=0)
        train_head(linear(), data, epochs=1, callbacks=form(), verbose=0)
    assert seen == [0] * 6


@pytest.mark.parametrize("given", [3, "x", [1], [keras.callbacks.Callback]])
def test_callbacks_that_are_none(data: Datasets, given: Any) -> None:
    for how in (train, train_head):
        with pytest.raises(
            TypeError, match="callbacks must be objects of keras.callbacks.Callback"
        ):
            how(linear(), data, callbacks=given)
