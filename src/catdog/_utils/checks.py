"""Checks of arguments; each error names the argument, the rule, the value and a hint."""

import difflib
import errno
import operator
import os
from collections.abc import Iterable, Mapping
from numbers import Real
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from catdog._utils.errors import (
    FileAccessError,
    FolderExpectedError,
    InvalidTypeError,
    InvalidValueError,
    MissingFileError,
)
from catdog._utils.text import list_names
from catdog.typing import SPLITS, ImageSize, Split, Verbose

VERBOSE: tuple[Verbose, ...] = ("auto", 0, 1, 2)
MAX_NAMES_LISTED = 20  # in an error about an unknown name
MAX_CHARACTERS_SHOWN = 60  # of a path that is too long
MAX_SIDE_PIXELS = 8192  # a batch of larger images does not fit into memory
Choice = TypeVar("Choice", bound=str)


def expand_home(path: "str | PathLike[str]") -> Path:
    """Return a path with the home folder in place of `~`.

    The `~name` of an unknown user stays as it is; `Path.expanduser` raises an error that does not
    name the path.
    """
    return Path(os.path.expanduser(path))  # noqa: PTH111


def check_path(argument: str, value: Any, *, example: str) -> Path:
    """Return `value` as a path, with the home folder in place of `~`.

    Raises:
        OSError: If it is too long.
        TypeError: If `value` is no path, or an empty one.
        ValueError: If it holds a null character.
    """
    text = os.fspath(value) if isinstance(value, PathLike) else value
    if not isinstance(text, str) or not text:
        raise InvalidTypeError(
            f"must be a path, such as {example!r}, not {value!r}", argument=argument
        )
    if "\0" in text:
        raise InvalidValueError("holds a null character", argument=argument, value=text)
    return check_length(argument, expand_home(text))


def check_cache_dir(value: Any, *, outside: Path | None = None) -> Path:
    """Return `cache_dir` as an absolute path of a folder, which need not exist.

    Args:
        value: What was passed.
        outside: A folder of images, which the cache may not be in: it would be scanned as well.

    Raises:
        NotADirectoryError: If it is a file.
        TypeError: If it is not a path.
        ValueError: If it is inside the folder of images.
    """
    folder = check_path("cache_dir", value, example="features")
    if folder.exists() and not folder.is_dir():
        raise FolderExpectedError(f"must be a folder, but {folder} is a file", argument="cache_dir")
    if outside and folder.resolve().is_relative_to(outside.resolve()):
        raise InvalidValueError(
            f"must be outside of the folder of the images, {outside}",
            argument="cache_dir",
            value=str(value),
        )
    return folder.absolute()  # valid after a change of the working folder


def check_folder_of(path: Path, given: Any) -> None:
    """Raise if the folder of a file to write does not exist.

    Args:
        path: The file to write.
        given: What the user passed as `path`.

    Raises:
        FileNotFoundError: If there is no such folder.
    """
    if not path.parent.is_dir():
        raise MissingFileError(
            f"needs the folder {path.parent}, which does not exist",
            argument="path",
            value=str(given),
            hint="Make it first.",
        )


def check_length(argument: str | None, path: Path) -> Path:
    """Return a path if it is not too long for the file system.

    Args:
        argument: Name of the argument; `None` if it is one of several paths.
        path: The path; it need not exist.

    Raises:
        OSError: If the path, or a name in it, is too long.
    """
    try:
        path.lstat()
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            longest = max(map(len, map(os.fsencode, path.parts)))
            start = f"{str(path)[:MAX_CHARACTERS_SHOWN]}..."
            raise FileAccessError(
                f"{'is' if argument else f'{start} is'} too long for the file system: "
                f"{len(os.fsencode(path))} bytes, of which the longest name has {longest}",
                argument=argument,
                value=start,
                hint="Most systems allow 255 bytes for a name, and 4096 for a path.",
            ) from error
    return path


def check_choice(argument: str, value: object, choices: Iterable[Choice]) -> Choice:
    """Return `value` if it is one of `choices`.

    Raises:
        ValueError: If it is not. The message lists the choices and suggests the closest one.
    """
    names = list(choices)
    for name in names:
        if isinstance(value, str) and name == value:
            return name
    raise InvalidValueError(
        "is not known", argument=argument, value=value, hint=suggest(value, names)
    )


def suggest(value: object, names: Iterable[str]) -> str:
    """Return a hint for an unknown name: the name closest to `value`, and the known names."""
    names = list(names)
    text = value if isinstance(value, str) else ""
    closest = difflib.get_close_matches(text, names, n=1, cutoff=0.5)
    question = f"Did you mean {closest[0]!r}? " if closest else ""
    return f"{question}Known are: {list_names(names, MAX_NAMES_LISTED)}."


def check_verbose(value: object) -> Verbose:
    """Return `value` if it is one of Keras' values of `verbose`; else raise a `ValueError`."""
    for known in VERBOSE:
        if type(value) is type(known) and value == known:
            return known
    raise InvalidValueError(f'must be "auto", 0, 1 or 2, not {value!r}', argument="verbose")


def check_split(value: object) -> Split:
    """Return `value` if it names one of the three splits; else raise a `ValueError`."""
    return check_choice("split", value, SPLITS)


def check_positive_int(
    argument: str, value: Any, *, at_least: int = 1, at_most: int | None = None
) -> int:
    """Return `value` as an `int` of the range; else raise a `ValueError`."""
    number = _as_int(value)
    if number is None or number < at_least:
        raise InvalidValueError(
            f"must be a whole number of at least {at_least}, not {value!r}", argument=argument
        )
    if at_most is not None and number > at_most:
        raise InvalidValueError(f"must be at most {at_most}, not {value!r}", argument=argument)
    return number


def check_no_effect(names: Iterable[str], reason: str) -> None:
    """Raise if arguments were passed that would have no effect."""
    if useless := sorted(names):
        raise InvalidValueError(
            f"would have no effect: {reason}",
            argument=" and ".join(useless),
            hint=f"Leave {'them' if useless[1:] else 'it'} out.",
        )


def check_made_by(argument: str, value: object, kind: type, maker: str) -> None:
    """Raise a `TypeError` if `value` is not of the type that catdog's function `maker` returns."""
    if not isinstance(value, kind):
        raise InvalidTypeError(
            f"must be what {maker} returns, not {type(value).__name__}", argument=argument
        )


def check_seed(value: Any) -> int:
    """Return `value` as an `int` that every random generator accepts; else raise a `ValueError`."""
    number = _as_int(value)
    if number is None or not 0 <= number < 2**31:
        raise InvalidValueError(
            f"must be a whole number from 0 to 2**31 - 1, not {value!r}", argument="seed"
        )
    return number


def check_fraction(argument: str, value: Any) -> float:
    """Return `value` as a `float` strictly between 0 and 1; else raise a `ValueError`."""
    number = as_float(value)
    if number is None or not 0 < number < 1:
        raise InvalidValueError(
            "must be a number between 0 and 1, such as 0.2 for a fifth of the images, "
            f"not {value!r}",
            argument=argument,
        )
    return number


def check_fractions(fractions: Mapping[str, float | None]) -> dict[str, float]:
    """Return the fractions that were passed, by their arguments; as `check_fraction`."""
    return {
        argument: check_fraction(argument, value)
        for argument, value in fractions.items()
        if value is not None
    }


def check_image_size(value: Any, *, at_least: int = 1, needed_by: str = "") -> ImageSize:
    """Return `value` as `(height, width)` in pixels; else raise a `ValueError`.

    Args:
        value: What was passed.
        at_least: The smallest height and width.
        needed_by: What needs that size, for the message; such as `"cnn"`.
    """
    pair = list(value) if isinstance(value, tuple | list | np.ndarray) else []
    sides = [_as_int(side) for side in pair]
    if len(sides) != 2 or None in sides:
        raise _image_size_error(
            f"(height, width) in whole pixels, such as (160, 160), not {value!r}"
        )
    height, width = (side or 0 for side in sides)
    if min(height, width) < at_least:
        reason = f" for {needed_by}" if needed_by else ""
        raise _image_size_error(f"at least ({at_least}, {at_least}){reason}, not {(height, width)}")
    if max(height, width) > MAX_SIDE_PIXELS:
        raise _image_size_error(
            f"at most ({MAX_SIDE_PIXELS}, {MAX_SIDE_PIXELS}), not {(height, width)}"
        )
    return height, width


def _image_size_error(rule: str) -> InvalidValueError:
    return InvalidValueError(f"must be {rule}", argument="image_size")


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
