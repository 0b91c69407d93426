"""Images as figures show them: upright, in their own shape, and not too large."""

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from catdog.images.decode import turn_upright, upright_copy
from catdog.images.formats import FORMATS
from catdog.images.inputs import ImageSource, read_pixels
from catdog.typing import ImageSize

SIDE = 320  # pixels; a figure shows no more of an image


def thumbnail(source: ImageSource) -> NDArray[np.uint8]:
    """Return an image whose longer side has at most 320 pixels, shape `(height, width, 3)`.

    Raises:
        OSError: If a file is missing, or may not be read.
        ValueError: If it is no image; the message names it and says why.
    """
    read_pixels(source, (1, 1))  # says what is wrong with it
    height, width = upright_size(source)
    factor = min(1, SIDE / max(height, width))
    size = max(1, round(factor * height)), max(1, round(factor * width))
    return np.clip(np.rint(read_pixels(source, size)), 0, 255).astype(np.uint8)


def upright_size(source: ImageSource) -> ImageSize:
    """Return height and width in pixels of an image that can be read, once it is upright."""
    content = source.content
    if isinstance(content, np.ndarray):
        height, width = content.shape[:2]
        return height, width
    if isinstance(content, Image.Image):
        return upright_copy(content).size[::-1]
    file = BytesIO(content) if isinstance(content, bytes) else content
    with Image.open(file, formats=FORMATS) as image:
        turn_upright(image)
        return image.height, image.width
