"""Atomic writes of files and folders."""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

SCRATCH_SUFFIX = ".catdog-partial"


def write_durably(path: Path, *parts: "bytes | memoryview") -> None:
    """Write a file, and wait until the disk has its content.

    Otherwise, after a power failure, a new name could be on the disk without the content.
    """
    with path.open("wb") as file:
        for part in parts:
            file.write(part)
        file.flush()
        os.fsync(file.fileno())


def atomic_write(target: Path, make: Callable[[Path], object]) -> None:
    """Write a file or folder atomically: in a scratch folder beside `target`, then renamed.

    Args:
        target: Path of the file or folder, in a folder that exists. An older file is replaced; a
            link stays, and what it leads to is replaced. The new file has the permissions of the
            older one.
        make: Is called with the path at which to make it.

    Raises:
        OSError: If it cannot be made or renamed; `target` is unchanged.
    """
    target = Path(os.path.realpath(target))
    with TemporaryDirectory(
        dir=target.parent,
        prefix=".",  # short: the name of the target would make it longer than names may be
        suffix=SCRATCH_SUFFIX,
        ignore_cleanup_errors=True,
    ) as scratch:
        content = Path(scratch) / target.name
        make(content)
        if target.is_file() and content.is_file():
            content.chmod(stat.S_IMODE(target.stat().st_mode))
        content.replace(target)
