"""TensorFlow is asked for the kernels of oneDNN before it is imported."""

import os
import platform
import sys

import pytest

from catdog._utils.keras_internals import ONEDNN_VARIABLE
from catdog._utils.onednn import request_onednn


@pytest.mark.parametrize(
    ("machine", "of_user", "expected"),
    [
        ("x86_64", None, "1"),
        ("AMD64", None, "1"),  # as Windows calls it
        ("x86_64", "0", "0"),
        ("arm64", None, None),
        ("aarch64", "1", "1"),
    ],
)
def test_onednn_is_requested_where_it_was_measured_unless_the_user_has_decided(
    machine: str, of_user: str | None, expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_variable(of_user, monkeypatch)
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    request_onednn()
    assert os.environ.get(ONEDNN_VARIABLE) == expected


def test_nothing_is_requested_once_tensorflow_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has decided; child processes would decide differently."""
    set_variable(None, monkeypatch)
    monkeypatch.setitem(sys.modules, "tensorflow", pytest)
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    request_onednn()
    assert ONEDNN_VARIABLE not in os.environ


def set_variable(value: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set or delete the variable; monkeypatch restores what the tests began with."""
    monkeypatch.setenv(ONEDNN_VARIABLE, value or "")
    if value is None:
        monkeypatch.delenv(ONEDNN_VARIABLE)
