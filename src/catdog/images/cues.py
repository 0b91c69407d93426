"""Cues of an image that are not its content: size, format, brightness, colour, border, camera."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from catdog.images.quality import luma
from catdog.images.reduced import ReducedImage

LONGER_SIDE = 128  # pixels; enough for means
BORDER_SHARE = 1 / 32  # width of the border, as a share of the longer side


class ImageCues(NamedTuple):
    """The cues of one image: numbers, or the name of a category.

    Attributes:
        image_size: Width and height in pixels, upright.
        aspect_ratio: Width divided by height.
        file_format: Format by its content.
        file_size: Length of the file in bytes.
        jpeg_quality: Mean step of the JPEG quantization tables; empty for other formats.
        brightness: Mean of the luma, from 0 to 255.
        colour_cast: Mean of red minus that of green, and mean of blue minus that of green. In the
            grey-world model both are 0.
        border: Mean and standard deviation of red, green and blue in the outer ring of pixels.
        camera: Maker and model of the camera; empty if unknown.
    """

    image_size: tuple[float, float]
    aspect_ratio: tuple[float]
    file_format: str
    file_size: tuple[float]
    jpeg_quality: str
    brightness: tuple[float]
    colour_cast: tuple[float, float]
    border: tuple[float, ...]
    camera: str


def find_cues(image: ReducedImage) -> ImageCues:
    """Compute the cues of an image from its file and a small copy.

    Source: G. Buchsbaum, "A Spatial Processor Model for Object Colour Perception", Journal of the
    Franklin Institute 310 (1980), for the grey-world model.
    """
    width, height = image.size
    red, green, blue = image.pixels.mean(axis=(0, 1)).tolist()
    ring = border_pixels(image.pixels)
    return ImageCues(
        image_size=(width, height),
        aspect_ratio=(width / height,),
        file_format=image.format,
        file_size=(image.file_size,),
        jpeg_quality=image.jpeg_tables,
        brightness=(float(luma(image.pixels).mean()),),
        colour_cast=(red - green, blue - green),
        border=(*ring.mean(axis=0).tolist(), *ring.std(axis=0).tolist()),
        camera=image.camera,
    )


def border_pixels(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the outer ring of an image, a thirty-second of its longer side wide.

    Args:
        pixels: Shape `(height, width, 3)`.

    Returns:
        Shape `(n, 3)`.
    """
    width = max(1, round(BORDER_SHARE * max(pixels.shape[:2])))
    is_border = np.ones(pixels.shape[:2], bool)
    is_border[width:-width, width:-width] = False
    ring: NDArray[np.uint8] = pixels[is_border]
    return ring
