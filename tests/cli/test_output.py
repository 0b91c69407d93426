import os
import subprocess
import sys
from pathlib import Path

import pytest

from catdog import load_model
from catdog.cli import output
from catdog.cli.main import main
from tests.cli.conftest import Capture


def test_a_closed_pipe_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        assert not output.out("text")
        output.out("text")
        monkeypatch.undo()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a full device")
def test_a_full_disk_is_reported(
    image_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    with open("/dev/full", "w") as stream:  # noqa: PTH123
        monkeypatch.setattr(sys, "stdout", stream)
        assert main(["scan", str(image_folder)]) == 2
        monkeypatch.undo()
    message = "catdog: error: Cannot write to standard output: No space left on device.\n"
    assert capsys.readouterr().err == message


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a full device")
def test_training_continues_if_progress_cannot_be_written(image_folder: Path) -> None:
    options = "--model cnn --image-size 24 --epochs 1 --out m.keras"
    command = [sys.executable, "-m", "catdog", "train", str(image_folder), *options.split()]
    with open("/dev/full", "w") as full:  # noqa: PTH123
        subprocess.run(command, stderr=full, stdout=subprocess.DEVNULL, check=False)
    load_model("m.keras")


def test_characters_outside_the_encoding_are_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, encoding="ascii") as printed:
        with os.fdopen(writing, "w", encoding="ascii") as stream:
            monkeypatch.setattr(sys, "stdout", stream)
            output.out("é\udcff")
            monkeypatch.undo()
        assert printed.read() == "\\xe9\\udcff\n"


def test_control_characters_in_errors_are_escaped(capsys: Capture) -> None:
    assert main(["scan", "a\x1b[2Jb"]) == 2
    assert "\x1b" not in capsys.readouterr().err


def test_json_refuses_nan() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        output.out_json({"loss": float("nan")})
