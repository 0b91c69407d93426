"""PNG images of which rows are missing, although the compressed data are complete.

Pillow gives no error for them: the missing rows are black or transparent.
"""

import zlib
from collections.abc import Iterator
from typing import BinaryIO

from PIL import Image

_SIGNATURE_BYTES = 8
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
_BLOCK_BYTES = 2**16
_ONE_PASS = ((0, 0, 1, 1),)
# The seven passes of an interlaced image: first column, first row, steps between them.
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
           (0, 1, 1, 2))  # fmt: skip


def has_missing_rows(image: Image.Image, file: BinaryIO) -> bool:
    """Return whether a loaded PNG image has fewer rows than its header says.

    The data are counted only if one of the last rows is empty.

    Args:
        image: The image, loaded completely.
        file: The opened file; its position changes.
    """
    last_rows = range(max(0, image.height - 2), image.height)  # interlacing ends in one of these
    if len(last_rows) == 2 and all(_is_filled(image, row) for row in last_rows):
        return False
    file.seek(_SIGNATURE_BYTES + 8)
    header = file.read(13)
    expected = _count_bytes(*image.size, bits=header[8] * _CHANNELS[header[9]],
                            passes=_PASSES if header[12] else _ONE_PASS)  # fmt: skip
    unpacked = 0
    inflate = zlib.decompressobj()
    for block in _image_data(file):
        while block and unpacked < expected:
            unpacked += len(inflate.decompress(block, 16 * _BLOCK_BYTES))
            block = inflate.unconsumed_tail
    return unpacked < expected


def _is_filled(image: Image.Image, row: int) -> bool:
    return any(image.crop((0, row, image.width, row + 1)).tobytes())


def _count_bytes(width: int, height: int, *, bits: int, passes: tuple[tuple[int, ...], ...]) -> int:
    """Return how many bytes the rows of all passes have, with one byte for the filter of each."""
    total = 0
    for left, top, across, down in passes:
        columns = -(-(width - left) // across)
        rows = -(-(height - top) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + -(-columns * bits // 8))
    return total


def _image_data(file: BinaryIO) -> Iterator[bytes]:
    """Yield the compressed data of the first image in a file."""
    file.seek(_SIGNATURE_BYTES)
    begun = False
    while len(start := file.read(8)) == 8:
        length = int.from_bytes(start[:4], "big")
        if start[4:] == b"IDAT":
            begun = True
            for done in range(0, length, _BLOCK_BYTES):
                yield file.read(min(_BLOCK_BYTES, length - done))
            file.seek(4, 1)  # the checksum
        elif begun:
            return
        else:
            file.seek(length + 4, 1)
