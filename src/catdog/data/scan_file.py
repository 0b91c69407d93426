"""Scan one file: whether it is an image that can be used, and what is found about it."""

import hashlib
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from catdog.data.early_pixels import EarlyPixels
from catdog.data.findings import ImageFile, Reason
from catdog.data.layout import File
from catdog.data.unusable import Unusable, broken, explain_unopened, raise_system_error
from catdog.images.complete import TruncatedImageError
from catdog.images.containers import open_image, open_once
from catdog.images.formats import SUFFIXES, format_name
from catdog.images.greys import check_range
from catdog.images.limits import TOO_MANY_PIXELS, own_limits
from catdog.images.loading import load_pixels
from catdog.images.notes import Note
from catdog.images.plain_jpeg import PlainJpeg, find_plain_jpeg
from catdog.images.thumbnails import TINY_LEAST, tiny_thumbnail
from catdog.images.tiff import is_stack

SMALL_SIDE_PIXELS = 32  # pixels; a side shorter than this is reported


class ScannedFile(NamedTuple):
    """Findings about a file, and the image with its tiny thumbnail, if it can be decoded."""

    notes: list[tuple[Reason, str]]
    image: ImageFile | None = None
    thumbnail: bytes = b""


def scan_file(file: File, early: EarlyPixels | None) -> ScannedFile:
    """Read a file; return the image, if it can be used, and the findings."""
    try:
        status = file.path.stat()
        if stat.S_ISDIR(status.st_mode) and not file.path.is_symlink():
            return ScannedFile([("unreadable", "a folder that cannot be listed")])
        if stat.S_ISDIR(status.st_mode):
            return ScannedFile([("linked_folder", "")])
        if not stat.S_ISREG(status.st_mode):  # to open a pipe could block forever
            return ScannedFile([("other_file", "not a regular file")])
        with open_once(file.path) as content:
            with own_limits():
                inspected = inspect(content, file.path, status.st_size, early)
            if inspected is None:  # a film, for example: too long to hash
                return ScannedFile([("other_file", "")])
            content.seek(0)
            sha256 = hashlib.file_digest(content, "sha256").hexdigest()
    except Unusable as error:
        return ScannedFile([(error.reason, str(error))])
    except OSError as error:
        return ScannedFile([("unreadable", error.strerror or str(error))])
    if early and inspected.pixels is not None:
        early.keep(sha256, inspected.pixels)
    image = ImageFile(
        file.path,
        file.label,
        file.split,
        status.st_size,
        sha256,
        plain_jpeg=inspected.plain_jpeg,
    )
    return ScannedFile(inspected.notes, image, inspected.thumbnail)


class InspectedImage(NamedTuple):
    """Notes on an image that can be decoded, and what was found on the way."""

    notes: list[tuple[Reason, str]]
    thumbnail: bytes
    plain_jpeg: PlainJpeg | None
    pixels: NDArray[np.uint8] | None


def inspect(
    content: BinaryIO, path: Path, size: int, early: EarlyPixels | None
) -> InspectedImage | None:
    """Decode a file, or return `None` if it is no image at all, by its content and by its name.

    Args:
        content: The opened file, at its beginning.
        path: Where it is.
        size: Its length in bytes.
        early: Says whether the pixels are kept; `None` keeps none.

    Raises:
        Unusable: If it is an image by content or name, and cannot be used.
    """
    try:
        image = open_image(content)
    except Image.DecompressionBombError as error:
        raise Unusable("too_many_pixels", TOO_MANY_PIXELS) from error
    except Exception as error:  # Pillow's plugins raise many kinds
        raise_system_error(error)
        explain_unopened(content, path, size, error)
        return None
    with image:
        notes = list(_notes(image, path))
        found: list[Note] = []
        plain_jpeg = find_plain_jpeg(image, content)  # loading changes its size
        can_keep = early is not None and early.can_keep(image)
        try:
            # A JPEG is read completely, but at a smaller size, of which the thumbnail is made.
            loaded = load_pixels(image, path.name, found, file=content, least=TINY_LEAST)
        except TruncatedImageError as error:
            raise Unusable("truncated", str(error)) from error
        except Exception as error:
            raise_system_error(error)
            raise broken(content, size, error) from error
        try:
            check_range(loaded)
        except ValueError as error:
            raise Unusable("out_of_range", str(error)) from error
        notes += [(note.reason, note.detail) for note in found]
        thumbnail = tiny_thumbnail(loaded)
        pixels = early.resized(loaded) if early and can_keep else None
        return InspectedImage(notes, thumbnail, plain_jpeg, pixels)


def _notes(image: Image.Image, path: Path) -> Iterator[tuple[Reason, str]]:
    """Yield notes about an image that can be used."""
    name = format_name(image.format)
    if path.suffix.lower() not in SUFFIXES[name]:
        yield "wrong_extension", f"{name} by its content"
    with suppress(Exception):  # the first frame may be complete although the next one is not
        if (image.format != "MPO" and getattr(image, "is_animated", False)) or is_stack(image):
            yield "animated", ""
    if min(image.size) < SMALL_SIDE_PIXELS:
        yield "very_small", f"{image.width} x {image.height} pixels"
