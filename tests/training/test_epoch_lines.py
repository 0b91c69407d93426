"""The progress of a training that is not on a terminal."""

import re
import sys
from collections.abc import Callable

import keras
import pytest

from catdog import Datasets, evaluate, fine_tune, train, train_head
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
