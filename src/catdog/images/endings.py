"""Images whose file ends in empty bytes: a download that was cut off in a file of full length."""

import os
from typing import BinaryIO

EMPTY_END = "the end of the file is empty"
_TAIL_BYTES = 64  # fewer zeros may be the end of an image
_CHUNK_BYTES = 2**16
# What the file of a complete image ends with, before bytes with which some cameras fill it up.
_ENDS = {
    "GIF": b";",
    "JPEG": b"\xff\xd9",
    "MPO": b"\xff\xd9",
    "PNG": b"IEND\xaeB`\x82",
    "WEBP": None,
}


def has_empty_end(file: BinaryIO, image_format: str | None) -> bool:
    """Return whether a file ends in zeros where the end of the image should be.

    Decoders accept such images: the missing part is grey, black or wrong.

    Args:
        file: The opened file; its position changes.
        image_format: Pillow's name of the format.
    """
    if image_format not in _ENDS:  # a BMP file may end in black pixels
        return False
    size = file.seek(0, os.SEEK_END)
    if size < _TAIL_BYTES or any(_read(file, size - _TAIL_BYTES, _TAIL_BYTES)):
        return False
    end = _ENDS[image_format]
    return end is None or not _without_zeros(file, size).endswith(end)


def ends_in_zeros(file: BinaryIO) -> bool:
    """Return whether a file ends in 64 zeros, as if cut off and filled up; its position changes."""
    size = file.seek(0, os.SEEK_END)
    return not any(_read(file, max(0, size - _TAIL_BYTES), _TAIL_BYTES))


def _without_zeros(file: BinaryIO, size: int) -> bytes:
    """Return the last bytes before the zeros at the end of a file."""
    while size > 0:
        start = max(0, size - _CHUNK_BYTES)
        if content := _read(file, start, size - start).rstrip(b"\0"):
            end = start + len(content)
            return _read(file, max(0, end - 8), min(end, 8))  # may begin in the chunk before
        size = start
    return b""


def _read(file: BinaryIO, start: int, count: int) -> bytes:
    file.seek(start)
    return file.read(count)
