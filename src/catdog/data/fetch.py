"""Data sets known by name: downloaded or drawn once into Keras' cache, atomically."""

import os
import stat
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path, PureWindowsPath

from catdog._utils.download import download
from catdog._utils.errors import FileAccessError, FolderExpectedError, HintCode
from catdog._utils.keras_cache import DISK_TROUBLE, cache_folder, cached_path, write_to_cache
from catdog.data import synthetic

CATS_AND_DOGS_URL = "https://storage.googleapis.com/mledu-datasets/cats_and_dogs_filtered.zip"
CATS_AND_DOGS_COUNTS: Mapping[str, int] = {"train": 1000, "validation": 500}  # of each class
CLASS_NAMES = ("cats", "dogs")
MAX_UNPACKED = 2**30  # bytes; an archive that unpacks to more is not ours

_FOLDER = "datasets/cats_and_dogs_filtered"
_FALLBACK_HINT = 'Or use the built-in images: load_datasets("synthetic").'


class _BrokenArchiveError(Exception):
    """The archive is no zip file, is damaged, or holds something else."""


def fetch_cats_and_dogs() -> Path:
    """Return the folder of `cats_and_dogs_filtered`, downloaded (68.6 MB) unless it is cached."""
    folder = cached_path(_FOLDER)
    if _is_cached(folder, CATS_AND_DOGS_COUNTS):
        return folder
    archive = cached_path(f"{_FOLDER}.zip")
    if not archive.is_file():
        download(
            CATS_AND_DOGS_URL,
            archive,
            fallback_hint=_FALLBACK_HINT,
            fallback_code=HintCode.USE_SYNTHETIC,
        )
    try:
        _unpack(archive, folder)
    except _BrokenArchiveError as broken:
        _unpack_anew(broken, folder)
    return folder


def draw_synthetic() -> Path:
    """Return the folder of the built-in images, drawn unless they are cached."""
    folder = cached_path(f"datasets/catdog_synthetic_{synthetic.VERSION}")
    if not _is_cached(folder, synthetic.COUNTS):
        write_to_cache(folder, synthetic.write_images)
    return folder


KNOWN: Mapping[str, Callable[[], Path]] = {
    "cats_and_dogs_filtered": fetch_cats_and_dogs,
    "synthetic": draw_synthetic,
}


def _is_cached(folder: Path, counts: Mapping[str, int]) -> bool:
    """Return whether the data set is there; raise if a part is missing or a file is in its place.

    Nothing is removed: a user may have changed the folder by hand.
    """
    for path in (folder.parent, folder):
        if path.exists() and not path.is_dir():
            raise FolderExpectedError(
                f"{path} is a file, where a folder of images belongs",
                hint="Move it away and try again.",
            )
    if not folder.exists():
        return False
    if missing := _missing_images(folder, counts):
        raise FileAccessError(
            f"{folder} is not whole: it holds {missing}",
            hint="Move the folder away and try again: it is then made again.",
        )
    return True


def _missing_images(folder: Path, counts: Mapping[str, int]) -> str:
    """Return what is missing, such as "999 instead of 1000 in train/cats"; "" if nothing is."""
    nested = folder / folder.name  # as the archive unpacks
    root = nested if nested.is_dir() else folder
    found = {
        f"{split}/{name}": (_count_files(root / split / name), expected)
        for split, expected in counts.items()
        for name in CLASS_NAMES
    }
    return ", ".join(
        f"{count} instead of {expected} in {place}"
        for place, (count, expected) in found.items()
        if count < expected
    )


def _count_files(folder: Path) -> int:
    if not folder.is_dir():
        return 0
    return sum(not path.name.startswith(".") for path in folder.iterdir())


def _unpack(archive: Path, folder: Path) -> None:
    """Unpack the archive, unless another process has done so meanwhile."""

    def extract(scratch: Path) -> None:
        try:
            with zipfile.ZipFile(archive) as content:
                _check_members(content)
                content.extractall(scratch)
        except Exception as error:  # zipfile raises many kinds, OSError for bad offsets too
            if isinstance(error, OSError) and error.errno in DISK_TROUBLE:
                raise
            raise _BrokenArchiveError(f"{archive} is broken ({error})") from error
        if missing := _missing_images(scratch, CATS_AND_DOGS_COUNTS):
            raise _BrokenArchiveError(f"{archive} is not the right one: it holds {missing}")

    if not os.access(archive, os.R_OK):
        raise FileAccessError(f"{archive} may not be read", hint="Give yourself the permission to.")
    if not folder.is_dir():
        write_to_cache(folder, extract)


def _unpack_anew(broken: _BrokenArchiveError, folder: Path) -> None:
    """Download the archive in place of the broken one, once, and unpack it."""
    archive = cache_folder() / f"{_FOLDER}.zip"  # the broken one may lie where none can be written
    try:
        download(
            CATS_AND_DOGS_URL,
            archive,
            fallback_hint=_FALLBACK_HINT,
            fallback_code=HintCode.USE_SYNTHETIC,
        )
    except FileAccessError as error:
        raise FileAccessError(
            f"{broken}. {error.rule}", hint=_FALLBACK_HINT, hint_code=HintCode.USE_SYNTHETIC
        ) from error
    try:
        _unpack(archive, folder)
    except _BrokenArchiveError as again:
        raise FileAccessError(
            f"{again}, though it was downloaded again from {CATS_AND_DOGS_URL}. Try again later, "
            "or put a complete file there by hand",
            hint=_FALLBACK_HINT,
            hint_code=HintCode.USE_SYNTHETIC,
        ) from again


def _check_members(content: zipfile.ZipFile) -> None:
    """Refuse members with paths outside the folder, links, and archives that unpack to too much."""
    for member in content.infolist():
        path = PureWindowsPath(member.filename)  # knows drives and both slashes
        if path.anchor or ".." in path.parts:
            raise ValueError(f"its member {member.filename!r} leads out of the folder")
        if stat.S_ISLNK(member.external_attr >> 16):
            raise ValueError(f"its member {member.filename!r} is a link")
    size = sum(member.file_size for member in content.infolist())
    if size > MAX_UNPACKED:
        raise ValueError(f"it unpacks to {size} bytes, more than {MAX_UNPACKED}")
