"""Find the folder of a data set, by its name or path."""

from os import PathLike
from pathlib import Path

from catdog._utils import checks
from catdog._utils.errors import (
    FileAccessError,
    FolderExpectedError,
    InvalidTypeError,
    MissingFileError,
)
from catdog.data import fetch
from catdog.images.listing import can_be_listed


def find_source(argument: str, source: "str | PathLike[str]") -> Path:
    """Return the folder of a known data set, fetched if necessary, or a folder of the user.

    Args:
        argument: Name of the argument that `source` was passed as, for the errors.
        source: The name of a data set, or a folder.

    Raises:
        FileNotFoundError: If there is no such data set and no such folder.
        NotADirectoryError: If `source` is a file.
        OSError: If the data set cannot be fetched.
        TypeError: If `source` is neither a name nor a path.
    """
    if isinstance(source, str) and source in fetch.KNOWN:
        return fetch.KNOWN[source]()
    if not isinstance(source, str | PathLike) or not str(source):
        raise InvalidTypeError(
            f"must be a folder or the name of a data set, not {source!r}", argument=argument
        )
    folder = checks.expand_home(source).absolute()  # valid after a change of the working folder
    checks.check_length(argument, folder)
    if not folder.exists():
        raise MissingFileError(
            "is neither a folder that exists nor the name of a data set",
            argument=argument,
            value=str(source),
            hint=checks.suggest(source, fetch.KNOWN),
        )
    if not folder.is_dir():
        raise FolderExpectedError(
            "is a file",
            argument=argument,
            value=str(source),
            hint="Pass the folder of the class folders.",
        )
    if not can_be_listed(folder):
        raise FileAccessError(
            "cannot be listed",
            argument=argument,
            value=str(source),
            hint="Ask for the permission to read it.",
        )
    return folder
