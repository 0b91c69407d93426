import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import catdog
from catdog._utils.errors import InvalidTypeError, MissingPackageError, UsageError
from catdog.cli.main import main
from tests.cli.conftest import Capture, python


def test_module_runs_the_command_line() -> None:
    done = python("-m", "catdog", "--version")
    assert (done.returncode, done.stdout) == (0, f"catdog {catdog.__version__}\n")
    done = python("-m", "catdog", "scan", "nowhere")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("catdog: error: FOLDER='nowhere' is neither a folder")
    assert "Traceback" not in done.stderr


def test_a_bug_shows_its_traceback(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    Path("a.jpg").touch()
    monkeypatch.setattr("catdog.cli.predict.open_scorer", lambda model, _: {}[model])
    assert main(["predict", "a.jpg"]) == 2
    message = capsys.readouterr().err
    assert message.startswith("Traceback")
    assert message.endswith("KeyError: 'compact'\n")


@pytest.mark.parametrize("kind", [InvalidTypeError, MissingPackageError])
def test_usage_errors_of_every_type_are_worded(
    kind: type[UsageError], monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def fail(_: str, __: int) -> None:
        raise kind("must be a path", argument="model", value=3)

    Path("a.jpg").touch()
    monkeypatch.setattr("catdog.cli.predict.open_scorer", fail)
    assert main(["predict", "a.jpg"]) == 2
    assert capsys.readouterr().err == "catdog: error: --model=3 must be a path.\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a full device")
def test_the_exit_code_remains_if_standard_error_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/full", "w") as stream:  # noqa: PTH123
        monkeypatch.setattr(sys, "stderr", stream)
        assert main(["scan", "nowhere"]) == 2
        monkeypatch.undo()


def test_output_has_a_buffer() -> None:
    """Python drops what a raw stream does not accept at once."""
    code = (
        "import io, sys\nfrom catdog.cli.main import main\nmain([])\n"
        "assert isinstance(sys.stdout.buffer, io.BufferedIOBase)"
    )
    assert python("-u", "-c", code).returncode == 0


@pytest.mark.parametrize("missing", [ImportError("no torch"), ModuleNotFoundError("no torch")])
def test_a_package_that_cannot_be_loaded(
    missing: ImportError, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def fail(_: str) -> None:
        raise missing

    monkeypatch.setattr("catdog.cli.main.import_module", fail)
    assert main(["models"]) == 2
    assert "cannot be loaded: no torch. Keras runs on" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX shells close streams so")
def test_closed_streams() -> None:
    command = f"{shlex.quote(sys.executable)} -m catdog scan nowhere <&- >&- 2>&-"
    assert subprocess.run(command, shell=True, check=False).returncode == 2
