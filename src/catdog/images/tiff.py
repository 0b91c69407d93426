"""TIFF files: whether their parts are there, and whether they are raw files of a camera."""

import os
import re
import struct
from typing import BinaryIO

from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from catdog.images.endings import EMPTY_END

_TYPE_BYTES = {2: 1, 3: 2, 4: 4, 5: 8, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_HEADER_BYTES = 8
_TAIL_BYTES = 64  # fewer zeros may be the end of an image

# Compressed pixels never end in many zeros; the decoders of some accept them (libtiff 4.7).
_NEVER_END_IN_ZEROS = frozenset(
    {"jpeg", "lzma", "tiff_adobe_deflate", "tiff_deflate", "tiff_jpeg", "tiff_lzw", "webp", "zstd"}
)
# Tags, by their names in the specification.
_NEW_SUBFILE_TYPE, _STRIP_OFFSETS, _STRIP_COUNTS = 254, 273, 279
_TILE_OFFSETS, _TILE_COUNTS, _JPEG_TABLES, _DNG_VERSION = 324, 325, 347, 50706
_DESCRIPTION = 270
_IMAGES_OF_IMAGEJ = re.compile(r"ImageJ=.*^images=(\d+)", re.DOTALL | re.MULTILINE)
_JPEG_END = b"\xff\xd9"
_LAST_OF_PIXELS = 532  # tags above it hold metadata, without which the image can be read
_CANON = b"\x10\0\0\0CR\2\0"  # the position of the directory, and a signature
_PREVIEW = 1  # a bit of NewSubfileType: a smaller copy of another image in the file


def is_stack(image: Image.Image) -> bool:
    """Return whether an image is the first of several that ImageJ has written behind one directory.

    Pillow counts directories. ImageJ writes only one for more than 4 GB, and says in its
    description how many images there are.
    """
    if not isinstance(image, TiffImageFile):
        return False
    found = _IMAGES_OF_IMAGEJ.match(str(image.tag_v2.get(_DESCRIPTION, "")))
    return found is not None and int(found[1]) > 1


def check_directory(file: BinaryIO) -> None:
    """Raise an error if the description of the first image reaches beyond the end of a file.

    It often lies behind the pixels. Pillow warns, and reads what is there.

    Args:
        file: The opened file; its position changes.

    Raises:
        ValueError: If a part of it is missing.
    """
    size = file.seek(0, os.SEEK_END)
    try:
        end = _end_of_directory(file)
    except (struct.error, OverflowError):  # nothing is left to be read
        end = size + 1
    if end > size:
        raise ValueError("image file is truncated (the description of the image is missing)")


def _end_of_directory(file: BinaryIO) -> int:
    """Return the position behind the first directory, and behind the values that it points to."""

    def read(layout: str) -> tuple[int, ...]:
        layout = order + layout
        return struct.unpack(layout, file.read(struct.calcsize(layout)))

    file.seek(0)
    order = "<" if file.read(2) == b"II" else ">"
    is_big = read("H") == (43,)  # with positions of 64 bits
    number, count = ("Q", "Q") if is_big else ("I", "H")
    if is_big:
        file.seek(8)
    (start,) = read(number)
    file.seek(start)
    (n_entries,) = read(count)
    if not n_entries:  # the directory is filled up with zeros
        raise struct.error
    entries = [read(f"HH{number}{number}") for _ in range(n_entries)]
    ends = [file.tell() + struct.calcsize(number)]  # the position of the next directory follows
    for tag, kind, n_values, position in entries:
        n_bytes = n_values * _TYPE_BYTES.get(kind, 1)
        if tag <= _LAST_OF_PIXELS and n_bytes > struct.calcsize(number):  # else the value is here
            ends.append(position + n_bytes)
    return max(ends)


def is_raw(file: BinaryIO, image: TiffImageFile) -> bool:
    """Return whether a TIFF file is a raw file of a camera, whose first image is a preview."""
    file.seek(4)
    return (
        file.read(len(_CANON)) == _CANON
        or _DNG_VERSION in image.tag_v2
        or bool(image.tag_v2.get(_NEW_SUBFILE_TYPE, 0) & _PREVIEW)
    )


def check_pixels(file: BinaryIO, image: TiffImageFile) -> None:
    """Raise an error if pixels are missing: beyond the end of a file, or zeros instead.

    Pillow finds the end of pixels that are not compressed. Zeros are there if a download was cut
    off: instead of compressed pixels, and instead of the numbers that say where pixels are.

    Args:
        file: The opened file; its position changes.
        image: What Pillow opened from it.

    Raises:
        ValueError: If a part of the pixels is missing.
    """
    compression, tags = image.info.get("compression"), image.tag_v2
    offsets = tags.get(_STRIP_OFFSETS) or tags.get(_TILE_OFFSETS, ())
    counts = tags.get(_STRIP_COUNTS) or tags.get(_TILE_COUNTS, ())
    is_raw = compression == "raw"
    if min(offsets, default=_HEADER_BYTES) < _HEADER_BYTES or (0 in counts and not is_raw):
        raise ValueError("image file is truncated (a part of the pixels is missing)")
    if is_raw:
        return
    offset, count = max(zip(offsets, counts, strict=False), default=(0, 0))
    missing = offset + count - file.seek(0, os.SEEK_END)
    if missing > 0:
        raise ValueError(f"image file is truncated ({missing} bytes are missing)")
    if not tags.get(_JPEG_TABLES, _JPEG_END).endswith(_JPEG_END):
        raise ValueError(f"image file is truncated: {EMPTY_END}")
    if count and compression in _NEVER_END_IN_ZEROS:
        tail = min(count, _TAIL_BYTES)  # compressed pixels never are zeros alone
        file.seek(offset + count - tail)
        if not any(file.read(tail)):
            raise ValueError(f"image file is truncated: {EMPTY_END}")
