"""Image files that Pillow does not write."""

import struct
import zlib
from collections.abc import Iterable
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6  # PNG's colour types
PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
          (0, 1, 1, 2))  # fmt: skip


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(
    size: tuple[int, int],
    depth: int,
    colour_type: int,
    data: bytes,
    *,
    before: Iterable[bytes] = (),
    after: Iterable[bytes] = (),
    interlaced: bool = False,
) -> bytes:
    """Return a PNG file of `(width, height)` pixels from its compressed data."""
    header = struct.pack(">IIBBBBB", *size, depth, colour_type, 0, 0, interlaced)
    chunks = [chunk(b"IHDR", header), *before, chunk(b"IDAT", data), *after, chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def rows(values: NDArray[Any]) -> bytes:
    """Return the rows of an image as PNG has them, without a filter, not compressed."""
    values = values.astype(">u2") if values.dtype == np.uint16 else values
    return b"".join(b"\0" + row.tobytes() for row in values)


def interlaced_rows(values: NDArray[Any]) -> bytes:
    passes = (values[y::down, x::across] for x, y, across, down in PASSES)
    return b"".join(rows(each) for each in passes if each.size)


def packed_rows(values: NDArray[Any], bits: int) -> bytes:
    """Return the rows of an image of 1, 2 or 4 bits a pixel; the width fills whole bytes."""
    each = np.unpackbits(values.astype(np.uint8)[..., None], axis=-1)[..., -bits:]
    return rows(np.packbits(each.reshape(len(values), -1), axis=-1))


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def noise(height: int = 48, width: int = 64, channels: int = 3, *, lowest: int = 0) -> NDArray[Any]:
    shape = (height, width, channels)
    return np.random.default_rng(0).integers(lowest, 256, shape, dtype=np.uint8)
