"""Which weights a model has after training: patience, losses that are not finite, Ctrl-C."""

import inspect
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from catdog import Datasets, evaluate, fine_tune, train, train_head
from tests.training.conftest import linear

How = Callable[..., keras.callbacks.History]
HOW: list[How] = [train, train_head, fine_tune]
ALL = pytest.mark.parametrize("how", HOW)


class Scripted(keras.callbacks.Callback):  # type: ignore[misc]  # keras ships no hints
    """Sets the validation loss of each epoch, and records the weights.

    The losses are lower than those before a training, which `fine_tune` compares them with.
    """

    def __init__(self, *losses: float) -> None:
        super().__init__()
        self.losses = losses
        self.weights: list[Any] = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs["val_loss"] = self.losses[epoch]
        self.weights.append(self.model.get_weights())


def assert_same(weights: list[Any], expected: list[Any]) -> None:
    for a, b in zip(weights, expected, strict=True):
        np.testing.assert_array_equal(a, b)


@ALL
def test_the_best_epoch_is_kept(
    data: Datasets, how: How, capsys: pytest.CaptureFixture[str]
) -> None:
    model, script = linear(), Scripted(0.3, 0.1, 0.2, 0.2, 0)
    history = how(model, data, epochs=5, patience=2, callbacks=[script])
    assert history.epoch == [0, 1, 2, 3]
    assert history.history["val_loss"] == [0.3, 0.1, 0.2, 0.2]
    assert history.kept_epoch == 2
    assert_same(model.get_weights(), script.weights[1])
    assert not all(map(np.array_equal, script.weights[1], script.weights[3]))
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("The model has the weights of epoch 2 of 4")
    assert last.endswith("The validation figures of a chosen epoch are optimistic.")


@pytest.mark.parametrize("how", [train, train_head])
@pytest.mark.parametrize("swap_on_epoch", [False, True])
def test_the_weights_that_were_evaluated_are_kept(
    data: Datasets, how: How, swap_on_epoch: bool
) -> None:
    model = linear()
    averaged = keras.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.8)
    model.compile(averaged, model.loss)
    swap = keras.callbacks.SwapEMAWeights(swap_on_epoch=swap_on_epoch)
    history = how(model, data, epochs=3, patience=3, callbacks=[swap], verbose=0)
    loss = evaluate(model, data, split="validation", verbose=0).loss
    assert loss == pytest.approx(history.history["val_loss"][history.kept_epoch - 1], rel=1e-4)


@ALL
def test_the_best_epoch_is_kept_if_all_epochs_ran(data: Datasets, how: How) -> None:
    model, script = linear(), Scripted(0.1, 0.2)
    assert how(model, data, epochs=2, patience=5, callbacks=[script], verbose=0).kept_epoch == 1
    assert_same(model.get_weights(), script.weights[0])


@ALL
def test_without_patience_the_last_epoch_is_kept(
    data: Datasets, how: How, capsys: pytest.CaptureFixture[str]
) -> None:
    model, script = linear(), Scripted(0.1, 0.2, 0.3)
    assert how(model, data, epochs=3, patience=None, callbacks=[script]).kept_epoch == 3
    assert_same(model.get_weights(), script.weights[2])
    assert "weights of" not in capsys.readouterr().out


def test_only_fine_tuning_stops_by_default() -> None:
    defaults = [inspect.signature(how).parameters["patience"].default for how in HOW]
    assert defaults == [None, None, 3]


@ALL
@pytest.mark.parametrize("patience", [0, -1, 1.5, "3", True])
def test_bad_patience(data: Datasets, how: How, patience: Any) -> None:
    with pytest.raises(ValueError, match="patience must be a whole number of at least 1, not"):
        how(linear(), data, patience=patience)


def broken_from(epoch: int) -> keras.callbacks.Callback:
    """Return a callback that makes the weights of the head NaN at the begin of an epoch."""

    def spoil(number: int, logs: Any) -> None:
        if number == epoch:
            kernel = model_of().layers[-1].kernel
            kernel.assign(np.full(kernel.shape, np.nan))

    def model_of() -> keras.Model:
        return callback.model

    callback = keras.callbacks.LambdaCallback(on_epoch_begin=spoil)
    return callback


@ALL
@pytest.mark.parametrize("epoch", [0, 2])
def test_a_loss_that_is_not_finite_stops_at_once(data: Datasets, how: How, epoch: int) -> None:
    model, script = linear(), Scripted(0.3, 0.2, 0.1)
    before = model.get_weights()
    batches: list[int] = []
    counter = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: batches.append(batch)
    )
    callbacks = [broken_from(epoch), script, *([counter] if how is train else [])]
    which = "of epoch 2" if epoch else "with which the training began"
    with pytest.raises(FloatingPointError, match=f"(?s)loss is nan .* {which}. .*learning rate"):
        how(model, data, epochs=3, callbacks=callbacks, verbose=0)
    assert len(batches) <= epoch * 3 + 2  # Keras calls callbacks of batches one batch late
    assert_same(model.get_weights(), script.weights[1] if epoch else before)


@ALL
def test_a_validation_loss_that_is_not_finite_stops_too(data: Datasets, how: How) -> None:
    class Spoil(keras.callbacks.Callback):  # type: ignore[misc]
        def on_test_begin(self, logs: Any = None) -> None:
            self.model.layers[-1].bias.assign([np.inf, np.inf])

    model = linear()
    before = model.get_weights()
    with pytest.raises(FloatingPointError, match="validation loss is .* in epoch 1"):
        how(model, data, epochs=3, callbacks=[Spoil()], verbose=0)
    assert_same(model.get_weights(), before)


class Interrupt(keras.callbacks.Callback):  # type: ignore[misc]
    """Ctrl-C within the fourth epoch."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if epoch == 3:
            raise KeyboardInterrupt


@ALL
@pytest.mark.parametrize("patience", [None, 5])
def test_an_interrupted_run_keeps_its_best_weights(
    data: Datasets, how: How, patience: int | None, capsys: pytest.CaptureFixture[str]
) -> None:
    model, script = linear(), Scripted(0.3, 0.1, 0.2, 0.2)
    with pytest.raises(KeyboardInterrupt):
        how(model, data, epochs=5, patience=patience, callbacks=[script, Interrupt()])
    assert_same(model.get_weights(), script.weights[1 if patience else 2])
    last = capsys.readouterr().out.splitlines()[-1]
    which = "weights of epoch 2 of 3" if patience else "its present weights"
    assert last.startswith("Interrupted in epoch 4 of 5. The model has ")
    assert which in last
