"""The boxes that AVIF and HEIC files are made of: whether the end of a file is there.

Decoders do not say so. A photo of a phone is a grid of tiles, and libheif (1.23) returns a grid of
which only the first tiles are there. Other decoders accept zeros where a download was cut off.
"""

import os
from collections.abc import Iterator
from typing import BinaryIO

from catdog.images.endings import EMPTY_END, ends_in_zeros

_NEEDED = (b"ftyp", b"mdat", b"meta", b"moov")
_PADDING = (b"free", b"skip")


def check_boxes(file: BinaryIO) -> None:
    """Raise an error if a box that the image needs is not complete, or the file ends in zeros.

    Args:
        file: The opened file; its position changes.

    Raises:
        ValueError: If the end of the file is missing.
    """
    size = file.seek(0, os.SEEK_END)
    kind, end = b"", 0
    for kind, end in _boxes(file, size):
        if end > size and kind in _NEEDED:  # others are of programs that append something
            raise ValueError(f"image file is truncated ({end - size} bytes are missing)")
    if kind not in _PADDING and ends_in_zeros(file):
        raise ValueError(f"image file is truncated: {EMPTY_END}")


def _boxes(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int]]:
    """Yield the kind of each outer box, and the position in the file where it should end."""
    start = 0
    while start + 8 <= size:
        file.seek(start)
        length, kind = int.from_bytes(file.read(4), "big"), file.read(4)
        if length == 1:  # a longer number follows
            length = int.from_bytes(file.read(8), "big")
        if not kind.isalnum():  # zeros, or what is no box
            return
        end = start + length if length >= 8 else size  # the last box may have the length 0
        yield kind, end
        start = end
