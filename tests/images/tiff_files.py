"""Write TIFF files of kinds that Pillow reads, but does not write."""

import struct
from io import BytesIO
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 256, 257, 258, 259, 262
OFFSETS, SAMPLES, ROWS, COUNTS, EXTRA, SAMPLE_FORMAT = 273, 277, 278, 279, 338, 339
SHORT, LONG = 3, 4


def tiff(
    values: NDArray[Any],
    photometric: int = 1,
    *,
    order: Literal["<", ">"] = "<",
    tags: dict[int, list[int]] | None = None,
    strips: tuple[bytes, ...] = (),
) -> bytes:
    """Return a TIFF file with its directory first and its pixels last.

    Args:
        values: Shape `(height, width)` or `(height, width, channels)`, of any dtype.
        photometric: What the values mean: 0 and 1 are greys (white, black is zero), 2 is RGB, 5
            CMYK, 8 LAB.
        order: The order of the bytes, "<" or ">".
        tags: More tags, or other values of those that are written.
        strips: The pixels, compressed or in planes; those of `values` if empty.
    """
    channels = values.shape[2] if values.ndim == 3 else 1
    strips = strips or (values.astype(values.dtype.newbyteorder(order)).tobytes(),)
    written = {
        WIDTH: [values.shape[1]],
        HEIGHT: [values.shape[0]],
        BITS: [values.itemsize * 8] * channels,
        COMPRESSION: [1],
        PHOTOMETRIC: [photometric],
        OFFSETS: [0] * len(strips),
        SAMPLES: [channels],
        ROWS: [values.shape[0]],
        COUNTS: [len(strip) for strip in strips],
        SAMPLE_FORMAT: [{"u": 1, "i": 2, "f": 3}[values.dtype.kind]] * channels,
    } | (tags or {})
    for _ in range(2):  # the position of the pixels is known when all else is packed
        head = _directory(written, order)
        written[OFFSETS] = [len(head) + sum(written[COUNTS][:n]) for n in range(len(strips))]
    return head + b"".join(strips)


def _directory(tags: dict[int, list[int]], order: str) -> bytes:
    """Return the head of a file, its only directory, and the values that do not fit into it."""
    after = 8 + 2 + 12 * len(tags) + 4
    outside = b""
    entries = b""
    for tag, numbers in sorted(tags.items()):
        kind = LONG if tag in (OFFSETS, COUNTS) else SHORT
        content = struct.pack(f"{order}{len(numbers)}{'I' if kind == LONG else 'H'}", *numbers)
        if len(content) > 4:
            outside += content
            content = struct.pack(f"{order}I", after + len(outside) - len(content))
        entries += struct.pack(f"{order}HHI", tag, kind, len(numbers)) + content.ljust(4, b"\0")
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IH", 8, len(tags))
    return head + entries + bytes(4) + outside


def directory_first(image: Image.Image, compression: str) -> bytes:
    """Return a compressed RGB image as a TIFF file whose pixels come last, as cameras write it."""
    buffer = BytesIO()
    if compression == "jpeg":
        image.save(buffer, "JPEG", keep_rgb=True)
        return tiff(np.asarray(image), 2, tags={COMPRESSION: [7]}, strips=(buffer.getvalue(),))
    image.save(buffer, "TIFF", compression=compression, strip_size=2**20)
    buffer.seek(0)
    found = TiffImagePlugin.TiffImageFile(buffer).tag_v2
    (offset,), (count,) = found[OFFSETS], found[COUNTS]
    tags = {COMPRESSION: [found[COMPRESSION]]} | ({317: [found[317]]} if 317 in found else {})
    strip = buffer.getvalue()[offset : offset + count]
    return tiff(np.asarray(image), found[PHOTOMETRIC], tags=tags, strips=(strip,))
