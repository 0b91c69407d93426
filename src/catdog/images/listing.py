"""The files below a folder."""

import os
from collections.abc import Iterator
from pathlib import Path

from catdog.images.formats import is_system_file


def walk(folder: Path) -> Iterator[Path]:
    """Yield the files in `folder` and in all folders below it, unordered.

    Links to folders are yielded as files. A folder that cannot be listed is yielded itself, so that
    the caller can report it.
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
            if is_system_file(entry.name):
                continue
            if entry.is_dir(follow_symlinks=False):  # a link could lead back to its parent
                waiting.append(entry.path)
            else:
                yield Path(entry.path)
