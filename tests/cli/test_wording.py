from pathlib import Path

import pytest

from catdog._utils.errors import HintCode, InvalidValueError, UsageWarning
from catdog.cli.main import main
from catdog.cli.parser import make_parser
from catdog.cli.wording import HINTS, OPTIONS, renamed, worded
from tests.cli.conftest import COMMANDS, Capture


def test_options_replace_arguments() -> None:
    error = InvalidValueError("must be at least 1, not 0", argument="epochs", hint="Pass more.")
    assert worded(error) == "--epochs must be at least 1, not 0. Pass more."
    error = InvalidValueError("is not known", argument="name", value="cnn")
    assert worded(error) == "--model='cnn' is not known."
    assert str(error) == "name='cnn' is not known."


def test_other_messages_stay_as_they_are() -> None:
    error = InvalidValueError("must be an image", argument="PATH")
    assert worded(error) == str(error)
    assert worded(InvalidValueError("The folder name=1 is empty")) == "The folder name=1 is empty."
    assert worded(ValueError("epochs must be more")) == "epochs must be more"
    assert worded(UserWarning("epochs must be more")) == "epochs must be more"


def test_hints_of_the_command_line_replace_those_of_python() -> None:
    code = HintCode.SAVE_SPLIT
    error = InvalidValueError(
        "is no file", argument="split_file", value="a", hint="Call x.", hint_code=code
    )
    assert worded(error) == f"--split-file='a' is no file. {HINTS[code]}"
    warning = UsageWarning("1 file is new.", hint="Call x.", hint_code=code)
    assert worded(warning) == f"1 file is new. {HINTS[code]}"
    assert worded(UsageWarning("1 file is new.", hint="Call x.")) == "1 file is new. Call x."


def test_every_hint_has_words() -> None:
    assert set(HINTS) == set(HintCode)
    for hint in HINTS.values():
        assert hint[0].isupper() or hint.startswith("catdog ")
        assert hint.endswith(".")


def test_every_option_exists(capsys: Capture) -> None:
    for command in COMMANDS:
        with pytest.raises(SystemExit):
            make_parser().parse_args([command, "--help"])
    usage = capsys.readouterr().out
    for option in OPTIONS.values():
        assert f"{option} " in usage or f"{option}\n" in usage


def test_an_argument_is_renamed_where_several_options_are_passed_to_it() -> None:
    with pytest.raises(InvalidValueError) as caught, renamed("path", "--out"):
        raise InvalidValueError("is a folder", argument="path", value="a.keras")
    assert worded(caught.value) == "--out='a.keras' is a folder."
    with pytest.raises(InvalidValueError) as caught, renamed("path", "--out"):
        raise InvalidValueError("must be one of 2", argument="seed")
    assert worded(caught.value) == "--seed must be one of 2."
    with pytest.raises(OSError, match="^path"), renamed("path", "--out"):
        raise OSError("path is gone")


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("train {} --out m.keras", HINTS[HintCode.NO_IMAGENET_WEIGHTS]),
        ("scan cats_and_dogs_filtered", HINTS[HintCode.USE_SYNTHETIC]),
    ],
)
def test_hints_without_a_network(
    typed: str,
    hint: str,
    image_folder: Path,
    tmp_path: Path,
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "empty"))
    assert main(typed.format(image_folder).split()) == 2
    assert capsys.readouterr().err.endswith(f"{hint}\n")
