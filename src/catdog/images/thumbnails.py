"""Thumbnails: for figures, with their own aspect ratio, and tiny ones to compare images by."""

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from catdog.images.containers import open_image
from catdog.images.decode import to_rgb, turn_upright, upright
from catdog.images.greys import black_is_zero
from catdog.images.inputs import ImageSource, read_image
from catdog.images.limits import own_limits
from catdog.images.resize import resize
from catdog.images.scale import least_size
from catdog.typing import ImageSize

MAX_THUMBNAIL_PIXELS = 320  # pixels; figures show no finer detail
TINY_SIDE = 16  # pixels; finer detail differs between copies of an image, and frames of a video
TINY_LEAST = (2 * TINY_SIDE, 2 * TINY_SIDE)  # pixels that a reduced JPEG has, to make one of it


def thumbnail(source: ImageSource) -> NDArray[np.uint8]:
    """Read an image, and reduce it so that its longer side has at most 320 pixels.

    A JPEG that is much larger is decoded at a reduced scale, as for a model.

    Returns:
        Shape `(height, width, 3)`, `uint8`, range `[0, 255]`.

    Raises:
        OSError: If a file is missing, or there is no permission to read it.
        ValueError: If it is not an image; the message names the image and the reason.
    """
    image = read_image(source, least=least_size((MAX_THUMBNAIL_PIXELS, MAX_THUMBNAIL_PIXELS)))
    factor = min(1, MAX_THUMBNAIL_PIXELS / max(image.size))
    width, height = (max(1, round(factor * side)) for side in image.size)
    return resize(image, (height, width))


def upright_size(source: ImageSource) -> ImageSize:
    """Return height and width in pixels of an image that can be read, once it is upright."""
    content = source.content
    if isinstance(content, np.ndarray):
        height, width = content.shape[:2]
        return height, width
    if isinstance(content, Image.Image):
        return upright(content).size[::-1]
    file = BytesIO(content) if isinstance(content, bytes) else content.open("rb")
    with file, own_limits(), open_image(file) as image:
        turn_upright(image)
        return image.height, image.width


def tiny_thumbnail(image: Image.Image) -> bytes:
    """Reduce a loaded image to 16 x 16 pixels, antialiased and upright, to compare it with others.

    Args:
        image: The image, as Pillow has loaded it, of any size. It is turned upright in place.

    Returns:
        The `uint8` values of shape `(16, 16, 3)`, RGB.
    """
    turn_upright(image)
    is_averaged_well = (
        image.mode in ("RGB", "L", "RGBA", "LA")
        and "transparency" not in image.info
        and image.format != "BMP"  # whose alpha may be empty
    )
    # Boxes of pixels are averaged first: on large images many times faster than without.
    small = (image if is_averaged_well else to_rgb(black_is_zero(image))).resize(
        (TINY_SIDE, TINY_SIDE), Image.Resampling.BILINEAR, reducing_gap=2.0
    )
    return to_rgb(small).tobytes()
