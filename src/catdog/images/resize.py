"""The one definition of resizing: bilinear at pixel centres, without antialiasing.

The arithmetic is that of `tf.image.resize` in `float32`, step by step, so that the kernels of
TensorFlow give the same pixels (TensorFlow 2.21; on processors on which these kernels fuse
multiplication and addition, single values differ by 1). Values are rounded down to whole numbers.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from catdog.images.limits import own_limits
from catdog.typing import ImageSize

_BLOCK_PIXELS = 2**17  # of the image; a copy of a large image would need as much memory again
_BYTES = 4  # a pixel, as Pillow stores RGB: whole numbers of 4 bytes are collected fast


def resize(image: Image.Image, image_size: ImageSize) -> NDArray[np.uint8]:
    """Resize an RGB image; the aspect ratio is not kept.

    Args:
        image: The image, loaded.
        image_size: Height and width in pixels of the result.

    Returns:
        Pixels of shape `(height, width, 3)`, range `[0, 255]`.
    """
    if image.size == image_size[::-1]:
        return np.asarray(image)
    height, width = image_size
    rows, columns = _neighbours(image.height, height), _neighbours(image.width, width)
    resized = np.empty((height, width, _BYTES), np.uint8)
    block = max(1, _BLOCK_PIXELS * height // (image.width * image.height))
    with own_limits():  # Pillow has one for cropping, too
        for start in range(0, height, block):
            some = slice(start, start + block)
            resized[some] = _resize_block(image, rows.part(some), columns)
    return _without_fourth(resized)


def _without_fourth(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the first three channels, without gaps; channel by channel is ten times faster."""
    three = np.empty((*pixels.shape[:2], 3), np.uint8)
    for channel in range(3):
        three[:, :, channel] = pixels[:, :, channel]
    return three


class _Neighbours(NamedTuple):
    """The two nearest rows or columns of each new one, and the weight of the second."""

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    weight: NDArray[np.float32]

    def part(self, some: slice) -> "_Neighbours":
        """Return some of them."""
        return _Neighbours(self.first[some], self.second[some], self.weight[some])


def _neighbours(before: int, after: int) -> _Neighbours:
    """Return the neighbours of each new row or column, where `before` of them become `after`."""
    half = np.float32(0.5)
    centre = (np.arange(after, dtype=np.float32) + half) * (np.float32(before) / np.float32(after))
    centre -= half
    below = np.floor(centre)
    first = np.maximum(below, 0).astype(np.intp)
    second = np.minimum(np.ceil(centre), before - 1).astype(np.intp)
    return _Neighbours(first, second, centre - below)


def _resize_block(
    image: Image.Image, rows: _Neighbours, columns: _Neighbours
) -> NDArray[np.float32]:
    """Return some rows of a resized image, shape `(rows, width, 4)`; the last channel is empty."""
    top, bottom = int(rows.first[0]), int(rows.second[-1]) + 1
    is_whole = bottom - top == image.height
    part = image if is_whole else image.crop((0, top, image.width, bottom))
    pixels = np.frombuffer(part.tobytes("raw", "RGBX"), np.uint32).reshape(part.height, part.width)
    weight = columns.weight.repeat(_BYTES)
    upper, lower = (
        _mix_columns(pixels.take(each - top, axis=0), columns, weight)
        for each in (rows.first, rows.second)
    )
    lower -= upper
    lower *= rows.weight[:, np.newaxis]
    lower += upper
    return lower.reshape(len(rows.first), -1, _BYTES)


def _mix_columns(
    pixels: NDArray[np.uint32], columns: _Neighbours, weight: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return pixels at the new columns, shape `(rows, width * 4)`."""
    left = pixels.take(columns.first, axis=1).view(np.uint8)
    right = pixels.take(columns.second, axis=1).view(np.uint8)
    mixed = np.subtract(right, left, dtype=np.float32)
    mixed *= weight
    mixed += left
    return mixed
