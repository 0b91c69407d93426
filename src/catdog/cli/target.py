"""Write files that a command makes: none is replaced unless the user asks for it."""

import csv
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain, count
from pathlib import Path
from tempfile import TemporaryDirectory

from catdog._utils import checks
from catdog._utils.errors import (
    ExistingFileError,
    FileAccessError,
    FileExpectedError,
    FolderExpectedError,
    InvalidValueError,
)
from catdog._utils.files import SCRATCH_SUFFIX
from catdog.cli.wording import renamed

AddRow = Callable[[Mapping[str, object]], None]


def check_new_file(path: str, option: str, *, overwrite: bool) -> Path:
    """Return the path of a file to write, checked by writing beside it.

    Args:
        path: What was passed.
        option: The option that it was passed as.
        overwrite: Whether a file of that name may be replaced.

    Raises:
        OSError: If no file can be written there, or one exists already.
    """
    target = checks.check_length(option, checks.expand_home(path))
    with renamed("path", option):
        checks.check_folder_of(target, path)
    if target.is_dir():
        raise FileExpectedError(
            "is a folder", argument=option, value=path, hint="Choose another name."
        )
    if os.path.lexists(target) and not overwrite:
        raise ExistingFileError(
            "exists",
            argument=option,
            value=path,
            hint="Choose another name, or pass --overwrite.",
        )
    check_writable(target, path, option)
    return target


def check_extra_file(path: str | None, option: str, *, overwrite: bool) -> None:
    """Check a CSV file that a command writes only if the user names it, as `check_new_file` does.

    Raises:
        OSError: As `check_new_file`.
        ValueError: If its name does not end in `.csv`, or there is `--overwrite`, but no file.
    """
    if path is not None:
        _check_csv(path, option, overwrite=overwrite)
    elif overwrite:
        checks.check_no_effect(["--overwrite"], f"there is no {option}")


def _check_csv(path: str, option: str, *, overwrite: bool) -> Path:
    """Return the path of a CSV file to write, checked as by `check_new_file`."""
    target = check_new_file(path, option, overwrite=overwrite)
    check_csv_name(path, option)
    if target.exists() and not os.access(target, os.W_OK):  # it is written itself, not replaced
        raise FileAccessError("cannot be written: no permission", argument=option, value=path)
    return target


def check_csv_name(path: str, option: str) -> None:
    """Raise if a name is not that of a CSV file: `--overwrite` must not replace an image."""
    if not path.lower().endswith(".csv"):
        raise InvalidValueError(
            "must end in .csv", argument=option, value=path, hint="Choose another name."
        )


def check_writable(target: Path, path: str, option: str) -> None:
    """Raise if no file can be written beside `target`, which was passed as `path`."""
    try:
        with TemporaryDirectory(dir=target.parent, prefix=".") as scratch:
            (Path(scratch) / target.name).touch()
    except OSError as error:
        raise FileAccessError(
            f"cannot be written: {error.strerror}", argument=option, value=path
        ) from error


def check_folder(path: str, option: str) -> Path:
    """Return a folder to write files to, made if it does not exist.

    Args:
        path: What was passed.
        option: The option that it was passed as.

    Raises:
        OSError: If it is a file, or cannot be written to.
    """
    folder = checks.check_length(option, checks.expand_home(path))
    if folder.exists() and not folder.is_dir():
        raise FolderExpectedError(
            "is a file", argument=option, value=path, hint="Choose another name."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        scratch_in(folder).cleanup()
    except OSError as error:
        raise FileAccessError(
            f"cannot be written to: {error.strerror}", argument=option, value=path
        ) from error
    return folder


def scratch_in(folder: Path) -> "TemporaryDirectory[str]":
    """Return a hidden folder for files that are not complete."""
    return TemporaryDirectory(
        dir=folder, prefix=".", suffix=SCRATCH_SUFFIX, ignore_cleanup_errors=True
    )


def free_path(target: Path) -> Path:
    """Return the path, with a number in its name if the file exists."""
    return next(path for path in numbered(target) if not os.path.lexists(path))


def put_free(complete: Path, target: Path) -> Path:
    """Give a complete file its name, with a number in it if there is such a file; return it."""
    return next(path for path in numbered(target) if put_new(complete, path))


def put_new(complete: Path, target: Path) -> bool:
    """Give a complete file its name, unless there is such a file; return whether it was given.

    Args:
        complete: The file, on the disk of `target`. It may keep its own name, too.
        target: The name.
    """
    try:
        os.link(complete, target)  # does not replace a file, unlike a rename
    except FileExistsError:
        return False
    except OSError:  # the file system has no links
        if os.path.lexists(target):
            return False
        complete.rename(target)
    return True


def numbered(target: Path) -> Iterator[Path]:
    """Yield a path, and then the same with the numbers 2, 3, ... in its name."""
    others = (target.with_stem(f"{target.stem}-{number}") for number in count(2))
    return chain([target], others)


@contextmanager
def csv_file(
    path: str, option: str, columns: Sequence[str], *, overwrite: bool
) -> Iterator[AddRow]:
    """Write a CSV file, in UTF-8, row by row.

    A name that is not valid UTF-8 keeps its bytes.

    Args:
        path: What was passed.
        option: The option that it was passed as.
        columns: Names of the columns.
        overwrite: Whether a file of that name may be replaced.

    Yields:
        A function that writes a row, at once.

    Raises:
        OSError: As `check_new_file`.
    """
    target = _check_csv(path, option, overwrite=overwrite)
    mode = "w" if overwrite else "x"
    with target.open(mode, encoding="utf-8", errors="surrogateescape", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()

        def add(row: Mapping[str, object]) -> None:
            writer.writerow(row)
            file.flush()

        yield add
