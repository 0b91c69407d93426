"""A lock between processes, which ends with the process that holds it, however that ends."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError as error:  # its number depends on the version of the C library
            raise BlockingIOError(error.errno, error.strerror) from error
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def try_lock(path: Path) -> Iterator[bool]:
    """Hold a lock within this block, or yield `False` at once if another process holds it.

    Threads of one process need a lock of their own as well: some network file systems separate
    processes only.

    Args:
        path: The file that stands for the lock; it is made, and stays empty.

    Raises:
        OSError: If it cannot be made, or the file system has no locks.
    """
    with path.open("ab") as file:  # closing it ends the lock
        try:
            _lock(file.fileno())
        except BlockingIOError:
            yield False
        else:
            yield True
