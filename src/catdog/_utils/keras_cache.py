"""Paths in the cache folder of Keras, and atomic writes to it."""

import errno
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from catdog._utils.files import SCRATCH_SUFFIX, atomic_write

_FULL = (errno.ENOSPC, errno.EDQUOT)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
DISK_TROUBLE = (*_FULL, *_FORBIDDEN, errno.EIO)
LEFTOVER_SECONDS = 24 * 60 * 60.0  # longer than any write takes


def cache_folder() -> Path:
    """Return the cache folder of Keras: `KERAS_HOME`, otherwise `~/.keras`.

    The folder is made if it does not exist. If it is not writable, the temporary folder is used
    instead, as `keras.utils.get_file` does. `KERAS_HOME` is read on each call; Keras reads it once,
    when it is imported.
    """
    folder = _keras_home()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return _fallback()
    return folder if os.access(folder, os.W_OK) else _fallback()


class DiskError(OSError):
    """The cache folder is not writable; the message names it and says what to do."""


def cached_path(name: str) -> Path:
    """Return the path of a file or folder in the cache, whether it exists or not.

    A file in `KERAS_HOME` is found even if the folder is not writable, such as a shared cache.
    Scratch folders that killed processes left a day ago or earlier are removed.

    Args:
        name: Path below the cache folder, such as `"models/weights.h5"`.
    """
    own = cache_folder() / name
    _remove_leftovers(own.parent)
    shared = _keras_home() / name
    return shared if os.access(shared, os.R_OK) else own


def write_to_cache(
    target: Path, make: Callable[[Path], object], *, size: int | None = None
) -> None:
    """Write a file or folder to the cache atomically: `target` is complete or absent.

    An older file is replaced, an older folder is not. If the write fails, but another process has
    written the same file or folder meanwhile, that is used.

    Args:
        target: Path of the file or folder.
        make: Is called with the path at which to make it, on the same disk.
        size: Its size in bytes, if it is known.

    Raises:
        DiskError: If the disk is full, or not writable.
        OSError: If the write fails for another reason.
    """
    before = _stamp(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(target, make)
    except OSError as error:
        if _stamp(target) not in (None, before):
            return
        if trouble := _disk_trouble(error, target.parent, size):
            raise DiskError(trouble) from error
        raise


def _stamp(path: Path) -> tuple[int, int] | None:
    """Return values that change when a file or folder is replaced; `None` if it does not exist."""
    if not path.exists():
        return None
    status = path.stat()
    return status.st_ino, status.st_mtime_ns


def _disk_trouble(error: OSError, folder: Path, size: int | None) -> str | None:
    """Return why `folder` is not writable, and what to do; `None` for other errors."""
    if error.errno in _FULL:
        needed = f" ({size / 1e6:.1f} MB are needed)" if size else ""
        return (
            f"{folder} is on a full disk{needed}. Free some space, or set the "
            "environment variable KERAS_HOME to a folder on another disk."
        )
    if error.errno in _FORBIDDEN:
        return (
            f"{folder} is not writable. Set the environment variable KERAS_HOME to a folder "
            "of your own."
        )
    return None


def _remove_leftovers(folder: Path) -> None:
    """Remove scratch folders of killed processes; those of running processes are younger."""
    for scratch in folder.glob(f".*{SCRATCH_SUFFIX}"):
        with suppress(OSError):  # another process may remove it too
            changed = max(path.stat().st_mtime for path in (scratch, *scratch.iterdir()))
            if time.time() - changed > LEFTOVER_SECONDS:
                shutil.rmtree(scratch)


def _keras_home() -> Path:
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras").expanduser()
    return home.absolute()  # stays valid after a change of the current folder


def _fallback() -> Path:
    folder = Path(tempfile.gettempdir()) / ".keras"
    folder.mkdir(exist_ok=True)
    return folder
