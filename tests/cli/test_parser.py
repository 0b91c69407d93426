import re
import shlex

import pytest

from catdog.cli.main import main
from tests.cli.conftest import COMMANDS, Capture, python


@pytest.mark.parametrize(
    "typed", ["--help", "--version", *(f"{command} --help" for command in COMMANDS)]
)
def test_help_loads_nothing_heavy(typed: str) -> None:
    heavy = ("tensorflow", "keras", "numpy", "matplotlib", "PIL")
    code = (
        "import sys\nfrom catdog.cli.main import main\n"
        "try: main(sys.argv[1:])\n"
        f"finally: print('loaded:', [name for name in {heavy} if name in sys.modules])"
    )
    done = python("-c", code, *typed.split())
    assert done.returncode == 0
    assert "loaded: []" in done.stdout
    assert done.stderr == ""


def test_help_names_commands_and_exit_codes(capsys: Capture) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    printed = capsys.readouterr().out
    assert re.findall(r"^    (\w+)(?:  |$)", printed, re.MULTILINE) == [*COMMANDS]
    assert re.findall(r"^  (\d+)  ", printed, re.MULTILINE) == ["0", "1", "2", "130"]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_has_an_example(command: str, capsys: Capture) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    assert f"example:\n  catdog {command}" in capsys.readouterr().out


def test_no_command_shows_the_help(capsys: Capture) -> None:
    assert main([]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("usage: catdog")


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("predcit", "invalid choice: 'predcit'"),
        ("predict", "required: PATH"),
        ("predict a.jpg --unsure 0.5", "unrecognized arguments: --unsure"),
        ("train synthetic", "required: --out"),
        ("train synthetic --out a.keras --image-size big", "'big' is neither a side, 96"),
        ("evaluate synthetic", "required: --model"),
        ("scan ''", "argument FOLDER: is empty: pass a path"),
        ("train synthetic --out a.keras --class-weight cats", "'cats' is neither balanced nor"),
        ("train synthetic --out a.keras --class-weight cats=x", "'cats=x' is neither balanced"),
        ("train synthetic --out ''", "argument --out: is empty"),
        ("train synthetic --out a.keras --save-split ''", "argument --save-split: is empty"),
        ("scan --jsonn synthetic", "unrecognized arguments: --jsonn"),
    ],
)
def test_wrong_arguments(typed: str, message: str, capsys: Capture) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(shlex.split(typed))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err


@pytest.mark.parametrize(
    ("typed", "option"),
    [
        ("predict a.jpg", "--csv"),
        ("evaluate synthetic --model m.keras", "--wrong"),
        ("labels synthetic", "--csv"),
    ],
)
def test_nothing_to_overwrite(typed: str, option: str, capsys: Capture) -> None:
    assert main([*typed.split(), "--overwrite"]) == 2
    expected = f"catdog: error: --overwrite would have no effect: there is no {option}. Leave it"
    assert capsys.readouterr().err.startswith(expected)
