"""The files below a folder."""

import os
from collections.abc import Iterator
from pathlib import Path

from catdog.images.formats import is_hidden, is_system_file


def subfolders(folder: Path) -> list[Path]:
    """Return the folders directly in `folder`, sorted, without hidden and system folders."""
    found = (
        path
        for path in folder.iterdir()
        if not is_hidden(path.name) and not is_system_file(path.name) and path.is_dir()
    )
    return sorted(found, key=lambda path: path.name)  # on Windows, paths compare without case


def walk(folder: Path, *, hidden: bool = False) -> Iterator[Path]:
    """Yield the files in `folder` and in all folders below it, unordered, without system files.

    Links to folders are yielded as files. A folder that cannot be listed is yielded itself, so that
    the caller can report it.

    Args:
        folder: Where to begin.
        hidden: Yield hidden files and files in hidden folders as well.
    """
    waiting = [str(folder)]
    while waiting:
        inside = waiting.pop()
        try:
            with os.scandir(inside) as found:
                entries = list(found)
        except OSError:
            yield Path(inside)
            continue
        for entry in entries:
            if is_system_file(entry.name) or (is_hidden(entry.name) and not hidden):
                continue
            if entry.is_dir(follow_symlinks=False):  # a link could lead back to its parent
                waiting.append(entry.path)
            else:
                yield Path(entry.path)
