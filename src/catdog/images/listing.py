"""The files below a folder."""

import os
from collections.abc import Iterator
from pathlib import Path

from catdog.images.formats import is_hidden, is_system_file
from catdog.images.identify import is_image_file


def entries(folder: Path) -> list[Path]:
    """Return the files and folders directly in `folder`, sorted.

    There are none if the folder cannot be listed: `walk` yields it then, so that it is reported.
    """
    try:
        # On Windows, paths compare without case.
        return sorted(folder.iterdir(), key=lambda path: path.name)
    except OSError:
        return []


def can_be_listed(folder: Path) -> bool:
    """Return whether the disk and the permissions allow to list a folder."""
    try:
        os.scandir(folder).close()
    except OSError:
        return False
    return True


def subfolders(folder: Path) -> list[Path]:
    """Return the folders directly in `folder`, sorted, without hidden and system folders."""
    return [
        path
        for path in entries(folder)
        if not is_hidden(path.name) and not is_system_file(path.name) and path.is_dir()
    ]


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


def folders_below(folder: Path) -> Iterator[Path]:
    """Yield a folder and all folders below it, without hidden and system folders and links."""
    waiting = [folder]
    while waiting:
        inside = waiting.pop()
        yield inside
        waiting += [path for path in subfolders(inside) if not path.is_symlink()]


def single_folder_below(folder: Path) -> Path:
    """Return the folder below folders that hold one folder each and no image."""
    while len(inside := subfolders(folder)) == 1 and not has_direct_images(folder):
        if inside[0].is_symlink():
            break
        folder = inside[0]
    return folder


def images_in(folder: Path) -> Iterator[Path]:
    """Yield the images directly in `folder`, sorted."""
    for path in entries(folder):
        if is_image_file(path) and not path.is_dir():
            yield path


def has_direct_images(folder: Path) -> bool:
    """Return whether images are directly in a folder, not in folders below it."""
    return any(True for _ in images_in(folder))


def hidden_folders(folder: Path) -> list[Path]:
    """Return the folders in `folder` whose names begin with a dot, and that hold images."""
    return [
        path
        for path in entries(folder)
        if is_hidden(path.name) and path.is_dir() and any(map(is_image_file, walk(path)))
    ]
