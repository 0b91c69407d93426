"""The reference: what every way of reading an image must give, in plain NumPy and Pillow."""

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from catdog.typing import ImageSize


def read(content: bytes, size: ImageSize) -> NDArray[np.uint8]:
    """Return the pixels of an opaque image file of 8 bits a channel at a size."""
    image = Image.open(BytesIO(content))
    width, height = image.size
    upright = ImageOps.exif_transpose(image).size
    if image.format == "JPEG":
        for number in (8, 4, 2):
            needed = 2 * number * size[1], 2 * number * size[0]
            if upright[0] >= needed[0] and upright[1] >= needed[1]:
                image = Image.open(BytesIO(content))
                image.draft(None, (width // number, height // number))
                assert image.size == (-(-width // number), -(-height // number))
                break
    return resize(np.asarray(ImageOps.exif_transpose(image).convert("RGB")), size)


def resize(pixels: NDArray[np.uint8], size: ImageSize) -> NDArray[np.uint8]:
    """Resize by bilinear interpolation at pixel centres, in `float32`, rounded down."""
    resized = np.empty((*size, 3), np.float32)
    columns = [neighbours(pixels.shape[1], size[1], column) for column in range(size[1])]
    for row in range(size[0]):
        top, bottom, down = neighbours(pixels.shape[0], size[0], row)
        for column, (left, right, across) in enumerate(columns):
            corners = pixels[[top, top, bottom, bottom], [left, right, left, right]]
            a, b, c, d = corners.astype(np.float32)
            upper = a + (b - a) * across
            lower = c + (d - c) * across
            resized[row, column] = upper + (lower - upper) * down
    return resized.astype(np.uint8)


def neighbours(before: int, after: int, position: int) -> tuple[int, int, np.float32]:
    """Return the two rows or columns around the centre of a new one, and the second's weight."""
    scale, half = np.float32(before) / np.float32(after), np.float32(0.5)
    centre = (np.float32(position) + half) * scale - half
    first = np.floor(centre)
    return max(int(first), 0), min(int(np.ceil(centre)), before - 1), centre - first
