"""Fetch the data sets that have a name: download or draw them once into Keras' cache."""

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
MAX_UNPACKED_BYTES = 2**30  # bytes; an archive that unpacks to more is not the published one

_FOLDER = "datasets/cats_and_dogs_filtered"
_FALLBACK_HINT = 'Or use the built-in images: load_datasets("synthetic").'


class _BrokenArchiveError(Exception):
    """The archive is not a zip file, is damaged, or holds something else."""


def fetch_cats_and_dogs() -> Path:
    """Return the folder of `cats_and_dogs_filtered`; download it (68.6 MB) if necessary."""
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
        _download_again(broken, folder)
    return folder


def draw_synthetic() -> Path:
    """Return the folder of the built-in images; draw them if necessary."""
    folder = cached_path(f"datasets/catdog_synthetic_{synthetic.VERSION}")
    if not _is_cached(folder, synthetic.COUNTS):
        write_to_cache(folder, synthetic.write_images)
    return folder


KNOWN: Mapping[str, Callable[[], Path]] = {
    "cats_and_dogs_filtered": fetch_cats_and_dogs,
    "synthetic": draw_synthetic,
}


def _is_cached(folder: Path, counts: Mapping[str, int]) -> bool:
    """Return whether a data set is cached; raise if images are missing, or its folder is a file.

    No file is removed, because a user may have changed the folder.
    """
    for path in (folder.parent, folder):
        if path.exists() and not path.is_dir():
            raise FolderExpectedError(
                f"{path} is a file, where a folder of images is expected",
                hint="Move it away and try again.",
            )
    if not folder.exists():
        return False
    if missing := _missing_images(folder, counts):
        raise FileAccessError(
            f"{folder} is not complete: it holds {missing}",
            hint="Move the folder away and try again: then it is created again.",
        )
    return True


def _missing_images(folder: Path, counts: Mapping[str, int]) -> str:
    """Return what is missing, such as `999 instead of 1000 in train/cats`; empty if complete."""
    nested = folder / folder.name  # the archive holds a folder of its own name
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
    """Unpack the archive, unless another process has unpacked it."""

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
        raise FileAccessError(f"{archive} cannot be read", hint="Change its permissions.")
    if not folder.is_dir():
        write_to_cache(folder, extract)


def _download_again(broken: _BrokenArchiveError, folder: Path) -> None:
    """Replace a broken archive by a new download, once, and unpack it."""
    archive = cache_folder() / f"{_FOLDER}.zip"  # the broken one may be in a read-only folder
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
            f"{again}, also after a second download from {CATS_AND_DOGS_URL}. Try again later, "
            "or put a complete file there by hand",
            hint=_FALLBACK_HINT,
            hint_code=HintCode.USE_SYNTHETIC,
        ) from again


def _check_members(content: zipfile.ZipFile) -> None:
    """Raise if a member is a link or outside the folder, or if all are larger than the limit."""
    for member in content.infolist():
        path = PureWindowsPath(member.filename)  # understands drives and both kinds of slash
        if path.anchor or ".." in path.parts:
            raise ValueError(f"its member {member.filename!r} leads out of the folder")
        if stat.S_ISLNK(member.external_attr >> 16):
            raise ValueError(f"its member {member.filename!r} is a link")
    size = sum(member.file_size for member in content.infolist())
    if size > MAX_UNPACKED_BYTES:
        raise ValueError(f"it unpacks to {size} bytes, more than {MAX_UNPACKED_BYTES}")
