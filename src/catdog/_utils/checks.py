"""Checks of what users pass: each error names the argument, the rule, the value and the way out."""

import difflib
import operator
import os
from collections.abc import Iterable
from numbers import Real
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from catdog.typing import SPLITS, ImageSize, Split

MAX_SIDE = 8192  # a batch of larger images fits no memory
Choice = TypeVar("Choice", bound=str)


def expand_home(path: "str | PathLike[str]") -> Path:
    """Return a path with the home folder in place of `~`; a user that is not known stays as it is.

    `Path.expanduser` raises an error then, which does not name the path.
    """
    return Path(os.path.expanduser(path))  # noqa: PTH111


def check_choice(argument: str, value: object, choices: Iterable[Choice]) -> Choice:
    """Return `value` if it is one of `choices`; else raise, naming them all and the closest."""
    names = list(choices)
    for name in names:
        if name == value:
            return name
    raise ValueError(f"{argument}={value!r} is not known. {suggest(value, names)}")


def suggest(value: object, names: Iterable[str]) -> str:
    """Return the end of an error message: the name that `value` is closest to, and all names."""
    names = list(names)
    close = difflib.get_close_matches(str(value), names, n=1, cutoff=0.5)
    hint = f"Did you mean {close[0]!r}? " if close else ""
    return f"{hint}Known are: {', '.join(repr(name) for name in names)}."


def check_split(value: object) -> Split:
    """Return `value` if it names one of the three splits; else raise, naming them."""
    return check_choice("split", value, SPLITS)


def check_positive_int(argument: str, value: Any, *, at_least: int = 1) -> int:
    """Return `value` as an `int` of at least `at_least`."""
    number = _as_int(value)
    if number is None or number < at_least:
        raise ValueError(
            f"{argument} must be a whole number of at least {at_least}, not {value!r}."
        )
    return number


def check_made_by(argument: str, value: object, kind: type, maker: str) -> None:
    """Refuse what is not of the type that one of catdog's functions returns."""
    if not isinstance(value, kind):
        raise TypeError(f"{argument} must be what {maker} returns, not {type(value).__name__}.")


def check_seed(value: Any) -> int:
    """Return `value` as an `int` that every random generator takes as its seed."""
    number = _as_int(value)
    if number is None or not 0 <= number < 2**31:
        raise ValueError(f"seed must be a whole number from 0 to 2**31 - 1, not {value!r}.")
    return number


def check_fraction(argument: str, value: Any) -> float:
    """Return `value` as a `float` strictly between 0 and 1."""
    number = as_float(value)
    if number is None or not 0 < number < 1:
        raise ValueError(
            f"{argument} must be a number between 0 and 1, such as 0.2 for a fifth of the "
            f"images, not {value!r}."
        )
    return number


def check_image_size(value: Any, *, at_least: int = 1, needed_by: str = "") -> ImageSize:
    """Return `value` as `(height, width)`, each of at least `at_least` pixels."""
    pair = list(value) if isinstance(value, tuple | list | np.ndarray) else []
    sides = [_as_int(side) for side in pair]
    if len(sides) != 2 or None in sides:
        raise ValueError(
            "image_size must be (height, width) in whole pixels, such as (160, 160), "
            f"not {value!r}."
        )
    height, width = (side or 0 for side in sides)
    if min(height, width) < at_least:
        reason = f" for {needed_by}" if needed_by else ""
        raise ValueError(
            f"image_size must be at least ({at_least}, {at_least}){reason}, not {(height, width)}."
        )
    if max(height, width) > MAX_SIDE:
        raise ValueError(
            f"image_size must be at most ({MAX_SIDE}, {MAX_SIDE}), not {(height, width)}."
        )
    return height, width


def _as_int(value: Any) -> int | None:
    """Return a whole number (NumPy's too) as `int`, anything else (`True` too) as `None`."""
    if isinstance(value, bool):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def as_float(value: Any) -> float | None:
    """Return a number (NumPy's too) as `float`, anything else (`True` too) as `None`."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    try:
        return float(value)
    except OverflowError:
        return None
