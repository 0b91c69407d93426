"""Keras' cache folder: where things lie in it, and how they get there whole."""

import errno
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

SCRATCH_SUFFIX = ".catdog-partial"
LEFTOVER_SECONDS = 24 * 60 * 60.0  # nothing of ours takes that long


def cache_folder() -> Path:
    """Return Keras' cache folder, made if need be: `KERAS_HOME`, else `~/.keras`.

    Like `keras.utils.get_file`, falls back to the temporary folder where this cannot be written
    to. `KERAS_HOME` is read on each call; Keras itself reads it once, when it is imported.
    """
    folder = _keras_home()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return _fallback()
    return folder if os.access(folder, os.W_OK) else _fallback()


def cached_path(name: str) -> Path:
    """Return where a file or folder of the cache lies, or else where it is to be put.

    What lies in `KERAS_HOME` is found there even if nothing can be written there, as in a cache
    that a class room shares. What killed runs left behind a day ago is removed.

    Args:
        name: Path below the cache folder, such as `"models/weights.h5"`.
    """
    own = cache_folder() / name
    _remove_leftovers(own.parent)
    shared = _keras_home() / name
    return shared if os.access(shared, os.R_OK) else own


def land(target: Path, make: Callable[[Path], object], *, size: int | None = None) -> None:
    """Make a file or folder under a scratch name, then rename it: `target` is whole or absent.

    A file takes the place of an older one. A folder does not: whoever lands second takes what is
    there, and so does, on Windows, who finds the older file in use.

    Args:
        target: Where the file or folder is to be.
        make: Is called with the path at which to make it, on the same disk.
        size: How many bytes it takes, if that is known.

    Raises:
        OSError: If it cannot be made or written; the message names the folder and the way out.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            dir=target.parent,
            prefix=f".{target.name}-",
            suffix=SCRATCH_SUFFIX,
            ignore_cleanup_errors=True,
        ) as scratch:
            content = Path(scratch) / target.name
            make(content)
            _rename(content, target)
    except OSError as error:
        if trouble := _disk_trouble(error, target.parent, size):
            raise OSError(trouble) from error
        raise


def _rename(content: Path, target: Path) -> None:
    """Rename, or leave `target` as it is where another process was faster."""
    try:
        content.replace(target)
    except OSError:
        landed = target.is_dir() if content.is_dir() else target.is_file()
        if not landed:
            raise


def _disk_trouble(error: OSError, folder: Path, size: int | None) -> str | None:
    """Say what stands in the way of writing to `folder`, and what to do; `None` if nothing does."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        needed = f" ({size / 1e6:.1f} MB are needed)" if size else ""
        return (
            f"{folder} lies on a disk with no space left{needed}. Free some, or set the "
            "environment variable KERAS_HOME to a folder on another disk."
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return (
            f"{folder} may not be written to. Set the environment variable KERAS_HOME to a folder "
            "of your own."
        )
    return None


def _remove_leftovers(folder: Path) -> None:
    """Remove the scratch folders of killed runs; those of running ones are younger."""
    for scratch in folder.glob(f".*{SCRATCH_SUFFIX}"):
        with suppress(OSError):  # another process may remove it too
            changed = max(path.stat().st_mtime for path in (scratch, *scratch.iterdir()))
            if time.time() - changed > LEFTOVER_SECONDS:
                shutil.rmtree(scratch)


def _keras_home() -> Path:
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras").expanduser()


def _fallback() -> Path:
    folder = Path(tempfile.gettempdir()) / ".keras"
    folder.mkdir(exist_ok=True)
    return folder
