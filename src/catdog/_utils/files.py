"""Atomic writes of files and folders."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

SCRATCH_SUFFIX = ".catdog-partial"


def atomic_write(target: Path, make: Callable[[Path], object]) -> None:
    """Write a file or folder atomically: under a scratch name beside `target`, then renamed.

    Args:
        target: Where it is to be, in a folder that exists. A file is replaced.
        make: Is called with the path at which to make it.

    Raises:
        OSError: If it cannot be made or renamed; `target` is as before.
    """
    with TemporaryDirectory(
        dir=target.parent,
        prefix=".",  # not longer than a file's name may be
        suffix=SCRATCH_SUFFIX,
        ignore_cleanup_errors=True,
    ) as scratch:
        content = Path(scratch) / target.name
        make(content)
        content.replace(target)
