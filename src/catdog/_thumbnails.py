"""Pictures as figures show them: upright, in their own shape, and not too large."""

from contextlib import suppress
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from catdog._pictures import Source, read_pixels
from catdog._types import ImageSize
from catdog.data._decode import FORMATS

SIDE = 320  # pixels; a figure shows no more of a picture


def thumbnail(source: Source) -> NDArray[np.uint8]:
    """Return a picture whose longer side has at most 320 pixels, shape `(height, width, 3)`.

    Raises:
        OSError: If a file is missing, or may not be read.
        ValueError: If it is no picture; the message names it and says why.
    """
    read_pixels(source, (1, 1))  # says what is wrong with it
    height, width = upright_size(source)
    factor = min(1, SIDE / max(height, width))
    size = max(1, round(factor * height)), max(1, round(factor * width))
    return np.clip(np.rint(read_pixels(source, size)), 0, 255).astype(np.uint8)


def upright_size(source: Source) -> ImageSize:
    """Return height and width in pixels of a picture that can be read, once it is upright."""
    content = source.content
    if isinstance(content, np.ndarray):
        height, width = content.shape[:2]
        return height, width
    if isinstance(content, Image.Image):
        picture = content.copy()
    else:
        file = BytesIO(content) if isinstance(content, bytes) else content
        picture = Image.open(file, formats=FORMATS)
    with picture, suppress(Exception):  # broken EXIF: the picture stays as it is
        ImageOps.exif_transpose(picture, in_place=True)
    return picture.height, picture.width
