"""TensorFlow is imported without its log lines."""

import logging
import os
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from catdog._utils.keras_internals import (
    LOG_LEVEL_VARIABLE,
    RETRACING_LOGGER,
    RETRACING_MARK,
)
from catdog._utils.quiet import quiet_import, quiet_litert, quiet_tracing

LOG_LINES = (
    "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n"
    "I0000 00:00:1795210922.909411   17203 port.cc:153] oneDNN custom operations are on.\n"
)


@pytest.mark.parametrize("level", [None, "0"])
def test_log_lines(
    level: str | None, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """They are hidden, other lines are not; all are shown if the user has set the level."""
    monkeypatch.delenv(LOG_LEVEL_VARIABLE, raising=False)
    if level:
        monkeypatch.setenv(LOG_LEVEL_VARIABLE, level)
    with quiet_import():
        os.write(2, f"{LOG_LINES}E0000 broken\n".encode())
        assert os.environ[LOG_LEVEL_VARIABLE] == (level or "3")
    assert capfd.readouterr().err == f"{LOG_LINES if level else ''}E0000 broken\n"


@pytest.mark.parametrize(("level", "is_shown"), [(None, False), ("3", False), ("0", True)])
def test_the_log_line_of_litert(
    level: str | None,
    is_shown: bool,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    line = "INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n"
    monkeypatch.delenv(LOG_LEVEL_VARIABLE, raising=False)
    if level:
        monkeypatch.setenv(LOG_LEVEL_VARIABLE, level)
    with quiet_litert(), quiet_litert():
        os.write(2, f"{line}E0000 broken\n".encode())
    assert capfd.readouterr().err == f"{line if is_shown else ''}E0000 broken\n"
    assert os.environ.get(LOG_LEVEL_VARIABLE) == level


def test_the_warning_about_many_traces(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger(RETRACING_LOGGER)
    logger.addHandler(caplog.handler)
    try:
        with quiet_tracing(), quiet_tracing():
            logger.warning(f"5 out of the last 5 calls to f {RETRACING_MARK}.")
            logger.warning("something else")
        logger.warning(f"later, f {RETRACING_MARK}.")
    finally:
        logger.removeHandler(caplog.handler)
    assert set(caplog.messages) == {"something else", f"later, f {RETRACING_MARK}."}
    assert not logger.filters


def test_threads_that_hold_standard_error_at_once(capfd: pytest.CaptureFixture[str]) -> None:
    def write(number: int) -> None:
        with quiet_litert():
            os.write(2, f"{number}\n".encode())

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(100)))
    os.write(2, b"last\n")
    lines = capfd.readouterr().err.splitlines()
    assert sorted(lines[:-1]) == sorted(map(str, range(100)))
    assert lines[-1] == "last"


def test_the_log_level_stays_if_tensorflow_is_not_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(LOG_LEVEL_VARIABLE, raising=False)
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    with quiet_import():
        pass
    assert LOG_LEVEL_VARIABLE not in os.environ


def run(code: str, environment: Mapping[str, str] | None = None) -> str:
    """Run code in a new process, and return what it wrote to standard error."""
    own = {name: value for name, value in os.environ.items() if name != LOG_LEVEL_VARIABLE}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**own, **(environment or {})},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stderr


MAKE_MODEL = "from catdog import build_model; build_model('cnn', image_size=(32, 32))"


@pytest.mark.slow
def test_a_script_of_batches_is_quiet(image_folder: Path) -> None:
    """Also at its end, where a pass is still open."""
    data = f"load_datasets({str(image_folder)!r}, image_size=(8, 8), batch_size=1)"
    assert run(f"from catdog import load_datasets; left = iter({data}.train); next(left)") == ""


@pytest.mark.slow
def test_scripts_are_quiet() -> None:
    assert run(MAKE_MODEL) == ""
    assert run(f"import os; os.close(2); {MAKE_MODEL}") == ""


@pytest.mark.slow
def test_scripts_that_set_the_log_level() -> None:
    assert "I0000" in run(MAKE_MODEL, {LOG_LEVEL_VARIABLE: "0"})
