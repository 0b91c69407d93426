import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from catdog.cli.main import main
from tests.cli.conftest import Capture, python

BASH = shutil.which("bash")


def completions(line: str) -> list[str]:
    """Return what a shell is told may follow a line."""
    pytest.importorskip("argcomplete")
    done = python(
        "-c",
        "from catdog.cli.main import main; main()",
        _ARGCOMPLETE="1",
        _ARGCOMPLETE_IFS="\n",
        _ARGCOMPLETE_SHELL="bash",
        _ARGCOMPLETE_STDOUT_FILENAME="answer",
        COMP_LINE=line,
        COMP_POINT=str(len(line)),
    )
    assert done.returncode == 0, done.stderr
    return [word.strip() for word in Path("answer").read_text().split("\n")]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("catdog pre", ["predict"]),
        ("catdog ca", ["calibrate", "cache"]),
        ("catdog train --cl", ["--class-weight"]),
        ("catdog train pets --near-duplicates ", ["together", "ignore"]),
        ("catdog completion z", ["zsh"]),
        ("catdog evaluate pe", ["pets/", "pets.keras"]),
        ("catdog evaluate pets/ --model pet", ["pets/", "pets.keras"]),
    ],
)
def test_what_may_follow(line: str, expected: list[str]) -> None:
    Path("pets").mkdir()
    Path("pets.keras").touch()
    assert sorted(completions(line)) == sorted(expected)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_code_for_a_shell(shell: str, capsys: Capture) -> None:
    pytest.importorskip("argcomplete")
    assert main(["completion", shell]) == 0
    captured = capsys.readouterr()
    assert "catdog" in captured.out
    assert captured.err == ""


@pytest.mark.skipif(BASH is None, reason="there is no bash")
def test_bash_completes_a_command() -> None:
    """The code that is printed, in a shell, with a program named catdog on its path."""
    pytest.importorskip("argcomplete")
    assert BASH is not None
    done = python("-c", "from catdog.cli.main import main; main()", "completion", "bash")
    Path("code").write_text(done.stdout)
    program = Path("catdog")
    program.write_text(
        f"#!{sys.executable}\nimport sys\nfrom catdog.cli.main import main\nsys.exit(main())\n"
    )
    program.chmod(0o755)
    typed = (
        "source code; COMP_WORDS=(catdog tra); COMP_CWORD=1; COMP_LINE='catdog tra'; "
        "COMP_POINT=10; COMP_TYPE=9; _python_argcomplete catdog; echo ${COMPREPLY[@]}"
    )
    path = f"{Path.cwd()}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [BASH, "--norc", "-c", typed],
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": path},
        check=True,
    )
    assert done.stdout.split() == ["train"]


def test_without_the_package(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "argcomplete", None)
    assert main(["completion", "bash"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert 'pip install ".[completion]"' in captured.err
