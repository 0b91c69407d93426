"""The progress of a training that is not on a terminal."""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import keras
import pytest

from catdog import Datasets, evaluate, fine_tune, train, train_head
from catdog.typing import SPLITS
from tests.training.conftest import linear

LINE = re.compile(
    r"epoch \d/2  \d+\.\d s  accuracy \d\.\d{4}  loss \d\.\d{4}"
    r"  val_accuracy \d\.\d{4}  val_loss \d\.\d{4}"
)


@pytest.mark.parametrize("how", [train, train_head, fine_tune])
def test_one_line_for_each_epoch(
    data: Datasets, how: Callable[..., keras.callbacks.History], capsys: pytest.CaptureFixture[str]
) -> None:
    how(linear(), data, epochs=2)
    lines = capsys.readouterr().out.splitlines()
    if how is fine_tune:  # which keeps the best epoch
        assert lines.pop().startswith("The model has the weights ")
    assert len(lines) == 2
    assert all(LINE.fullmatch(line) for line in lines), lines


@pytest.mark.parametrize("how", [train, train_head])
def test_the_bar_of_keras_on_a_terminal(
    data: Datasets,
    how: Callable[..., keras.callbacks.History],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    how(linear(), data, epochs=1)
    shown = capsys.readouterr().out
    assert "\b" in shown
    assert "epoch" not in shown


def test_an_evaluation_shows_nothing_in_a_file(
    data: Datasets, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluate(linear(), data)
    assert capsys.readouterr().out == ""


def test_without_standard_output(data: Datasets, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    train(linear(), data, epochs=1)


def test_a_bar_of_batches_in_a_notebook(
    data: Datasets, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The bar counts all batches of a task; the lines of the epochs stay below it."""
    shown: list[list[object]] = []

    @contextmanager
    def record(description: str, total: int, *, unit: str) -> Iterator[Callable[[int], None]]:
        shown.append([description, total, unit, 0])

        def advance(units: int) -> None:
            shown[-1][-1] += units  # type: ignore[operator]

        yield advance

    monkeypatch.setattr("catdog._utils.batch_bar.is_notebook", lambda: True)
    monkeypatch.setattr("catdog._utils.batch_bar.progress", record)
    model = linear()
    batches = {name: -(-len(data.paths(name)) // data.batch_size) for name in SPLITS}
    train(model, data, epochs=2)
    steps = 2 * batches["train"]
    assert shown == [["Training", steps, "batches", steps]]
    assert len(capsys.readouterr().out.splitlines()) == 2
    evaluate(model, data)
    assert shown[1:] == [["Evaluating", batches["test"], "batches", batches["test"]]]
    train(model, data, epochs=1, verbose=0)
    evaluate(model, data, verbose=0)
    assert len(shown) == 2


def test_a_metric_of_several_values(data: Datasets, capsys: pytest.CaptureFixture[str]) -> None:
    """Their mean is shown, as in Keras' bar."""

    class PerClass(keras.metrics.Metric):  # type: ignore[misc]
        def update_state(self, *_: object, **__: object) -> None:
            pass

        def result(self) -> object:
            return keras.ops.convert_to_tensor([0.25, 0.75])

    model = linear()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="adam", loss=loss, metrics=[PerClass(name="per_class")])
    train(model, data, epochs=1)
    assert "  per_class 0.5000  " in capsys.readouterr().out
