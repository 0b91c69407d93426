"""Callbacks that act on batches: `train_head` calls them as `train` does."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from catdog import Datasets, train, train_head
from tests.training.conftest import linear

BOTH = pytest.mark.parametrize("how", [train, train_head])


class Log(keras.callbacks.Callback):  # type: ignore[misc]  # keras ships no hints
    """Records every call about batches, with the names of its logs."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Any, ...]] = []

    def on_train_begin(self, logs: Any = None) -> None:
        self.calls.append(("params", self.params["steps"], self.params["epochs"]))

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.calls.append(("epoch", epoch))

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.calls.append(("train begin", batch))

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.calls.append(("train end", batch, *sorted(logs)))

    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.calls.append(("test begin", batch))

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        self.calls.append(("test end", batch, *sorted(logs)))


def test_callbacks_are_called_as_by_fit(data: Datasets) -> None:
    calls = {}
    for how in (train, train_head):
        log = Log()
        how(linear(), data, epochs=2, callbacks=[log], verbose=0)
        calls[how] = log.calls
    assert calls[train_head] == calls[train]
    assert ("params", 3, 2) in calls[train_head]
    assert ("train begin", 2) in calls[train_head]


class WarmUp(keras.callbacks.Callback):  # type: ignore[misc]
    """A schedule of the learning rate, which counts batches."""

    def __init__(self) -> None:
        super().__init__()
        self.batches = 0

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.batches += 1
        total = self.params["steps"] * self.params["epochs"]
        self.model.optimizer.learning_rate.assign(0.01 * self.batches / total)


def test_a_schedule_by_batches_gives_the_result_of_train(data: Datasets) -> None:
    whole, head = linear(), linear()
    expected = train(whole, data, epochs=3, callbacks=[WarmUp()], verbose=0).history
    history = train_head(head, data, epochs=3, callbacks=[WarmUp()], verbose=0).history
    for name, values in expected.items():
        assert history[name] == pytest.approx(values, rel=1e-4), name
    for a, b in zip(whole.get_weights(), head.get_weights(), strict=True):
        assert a == pytest.approx(b, abs=1e-5)


@BOTH
def test_callbacks_made_of_functions_are_called_for_every_batch(
    data: Datasets, how: Callable[..., keras.callbacks.History]
) -> None:
    batches: list[int] = []
    callback = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: batches.append(batch)
    )
    how(linear(), data, epochs=2, callbacks=[callback], verbose=0)
    assert batches == [0, 1, 2] * 2


@BOTH
def test_a_callback_may_stop_within_an_epoch(
    data: Datasets, how: Callable[..., keras.callbacks.History]
) -> None:
    class Stop(keras.callbacks.Callback):  # type: ignore[misc]
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.model.stop_training = batch == 1

    model = linear()
    history = how(model, data, epochs=5, callbacks=[Stop()], verbose=0)
    assert history.epoch == [0]
    assert set(history.history) == {"accuracy", "loss", "val_accuracy", "val_loss"}
    assert int(model.optimizer.iterations) == 2


@BOTH
def test_checkpoints_by_batches(
    data: Datasets, tmp_path: Path, how: Callable[..., keras.callbacks.History]
) -> None:
    callback = keras.callbacks.ModelCheckpoint(str(tmp_path / "{epoch}-{batch}.keras"), save_freq=2)
    how(linear(), data, epochs=2, callbacks=[callback], verbose=0)
    assert sorted(path.name for path in tmp_path.glob("*.keras")) == [
        "1-2.keras",
        "2-1.keras",
        "2-3.keras",
    ]


@pytest.mark.parametrize("hook", [None, "on_epoch_end"])
def test_an_epoch_runs_at_once_if_no_callback_acts_on_batches(
    data: Datasets, monkeypatch: pytest.MonkeyPatch, hook: str | None
) -> None:
    taken: list[int] = []
    in_batches = "catdog.training.head_loop._in_batches"

    def count(*arguments: Any) -> Any:
        take_steps = original(*arguments)

        def counted(order: Any) -> Any:
            taken.append(len(order))
            return take_steps(order)

        return counted

    from catdog.training.head_loop import _in_batches as original

    monkeypatch.setattr(in_batches, count)
    callbacks = [keras.callbacks.LambdaCallback(**{hook: lambda *_: None})] if hook else []
    train_head(linear(), data, epochs=1, callbacks=callbacks, verbose=1)
    assert taken == [len(data.paths("train")), len(data.paths("validation"))]
    assert np.sum(taken) == 16
