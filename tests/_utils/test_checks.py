import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from catdog._utils import checks
from catdog._utils.errors import InvalidTypeError, InvalidValueError


def test_valid_values_are_returned_in_one_type() -> None:
    assert checks.check_choice("flip", "vertical", ("horizontal", "vertical")) == "vertical"
    assert checks.check_split("test") == "test"
    assert checks.check_image_size([32, np.int64(48)]) == (32, 48)
    assert checks.check_image_size(np.array([32, 48])) == (32, 48)
    numbers = (
        checks.check_positive_int("epochs", np.int32(3)),
        checks.check_positive_int("views", 0, at_least=0),
        checks.check_seed(np.uint8(5)),
        checks.check_seed(2**31 - 1),
    )
    assert numbers == (3, 0, 5, 2**31 - 1)
    assert {type(number) for number in numbers} == {int}
    assert type(checks.check_fraction("test_fraction", np.float32(0.5))) is float


@pytest.mark.parametrize(
    ("check", "argument", "message"),
    [
        (
            lambda: checks.check_choice("flip", "vertica", ("horizontal", "vertical")),
            "flip",
            "flip='vertica' is not known. Did you mean 'vertical'? "
            "Known are: 'horizontal', 'vertical'.",
        ),
        (
            lambda: checks.check_split(3),
            "split",
            "split=3 is not known. Known are: 'train', 'validation', 'test'.",
        ),
        (
            lambda: checks.check_positive_int("epochs", True),
            "epochs",
            "epochs must be a whole number of at least 1, not True.",
        ),
        (
            lambda: checks.check_positive_int("views", -1, at_least=0),
            "views",
            "views must be a whole number of at least 0, not -1.",
        ),
        (
            lambda: checks.check_seed(2**31),
            "seed",
            "seed must be a whole number from 0 to 2**31 - 1, not 2147483648.",
        ),
        (
            lambda: checks.check_fraction("test_fraction", 1),
            "test_fraction",
            "test_fraction must be a number between 0 and 1, such as 0.2 for a fifth of the "
            "images, not 1.",
        ),
        (
            lambda: checks.check_image_size((160, 1.5)),
            "image_size",
            "image_size must be (height, width) in whole pixels, such as (160, 160), "
            "not (160, 1.5).",
        ),
        (
            lambda: checks.check_image_size((160, 8), at_least=22, needed_by="cnn"),
            "image_size",
            "image_size must be at least (22, 22) for cnn, not (160, 8).",
        ),
        (
            lambda: checks.check_image_size((160, 10_000)),
            "image_size",
            "image_size must be at most (8192, 8192), not (160, 10000).",
        ),
    ],
)
def test_invalid_values(check: Callable[[], object], argument: str, message: str) -> None:
    with pytest.raises(InvalidValueError, match=f"^{re.escape(message)}$") as caught:
        check()
    assert caught.value.argument == argument


@pytest.mark.parametrize("value", [None, "0.5", True, float("nan"), float("inf"), 10**400])
def test_fractions_are_finite_numbers(value: object) -> None:
    with pytest.raises(InvalidValueError, match="test_fraction must be a number between 0 and 1"):
        checks.check_fraction("test_fraction", value)


def test_results_come_from_the_function_that_makes_them() -> None:
    checks.check_made_by("data", 3, int, "load_datasets")
    with pytest.raises(
        InvalidTypeError, match="^data must be what load_datasets returns, not str.$"
    ):
        checks.check_made_by("data", "photos", int, "load_datasets")


def test_home_folder_replaces_the_tilde(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    monkeypatch.setenv("USERPROFILE", "/home/someone")
    assert checks.expand_home("~/pets") == Path("/home/someone/pets")
    assert checks.expand_home("~no_such_user/pets") == Path("~no_such_user/pets")


class _Pathlike:
    def __init__(self, text: object) -> None:
        self.text = text

    def __fspath__(self) -> str:
        return self.text  # type: ignore[return-value]


def test_paths() -> None:
    paths: list[object] = ["a.keras", Path("a.keras"), _Pathlike("a.keras")]
    for value in paths:
        assert checks.check_path("path", value, example="m.keras") == Path("a.keras")
    no_paths: list[object] = [None, 3, "", b"a.keras", _Pathlike(b"a.keras")]
    for value in no_paths:
        with pytest.raises(InvalidTypeError, match="path must be a path, such as 'm.keras', not"):
            checks.check_path("path", value, example="m.keras")
    with pytest.raises(InvalidValueError, match="holds a null character"):
        checks.check_path("path", "a\0.keras", example="m.keras")


@pytest.mark.parametrize("value", [None, 3, float("nan"), np.array(["a", "b"])])
def test_a_choice_that_is_no_name(value: object) -> None:
    with pytest.raises(InvalidValueError, match="is not known. Known are: 'train', 'nan'"):
        checks.check_choice("split", value, ["train", "nan"])


def test_verbose() -> None:
    for value in ("auto", 0, 1, 2):
        assert checks.check_verbose(value) == value
    others: list[object] = [True, None, "0", -1, 3, 1.0, np.int64(1)]
    for other in others:
        with pytest.raises(InvalidValueError, match='verbose must be "auto", 0, 1 or 2, not'):
            checks.check_verbose(other)
