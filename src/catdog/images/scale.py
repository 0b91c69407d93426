"""The reduced scale at which a JPEG is decoded that is much larger than needed.

A photo of a phone has 25 times the width of what a model receives. libjpeg decodes a JPEG at 1/2,
1/4 or 1/8 of its size, in less time and memory, and each of its pixels is the mean of a block of
the image. So the image is antialiased, which bilinear interpolation alone is not.
"""

from contextlib import suppress

from PIL import ExifTags, Image

from catdog.typing import ImageSize

Size = tuple[int, int]  # width and height in pixels, as in Pillow

DENOMINATORS = (8, 4, 2)  # of the scales at which libjpeg decodes
OVERSIZE = 2  # a reduced image has at least this many times the width and height of the result
_SIDEWAYS = (5, 6, 7, 8)  # EXIF orientations of images whose width becomes the height


def least_size(image_size: ImageSize) -> Size:
    """Return the width and height that a reduced image has at least, to be resized afterwards."""
    height, width = image_size
    return OVERSIZE * width, OVERSIZE * height


def find_denominator(size: Size, least: Size) -> int:
    """Return the denominator of the scale at which a JPEG is decoded: 8, 4, 2 or 1.

    Args:
        size: Width and height of the image.
        least: The width and height that it must still have; both are as in the file, or both
            upright.
    """
    fits = min(own // needed for own, needed in zip(size, least, strict=True))
    return next((number for number in DENOMINATORS if fits >= number), 1)


def read_orientation(image: Image.Image) -> int:
    """Return the EXIF orientation of an image, from 1 to 8; 1 if it has none or another value."""
    with suppress(Exception):  # of damaged EXIF data
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
        return int(orientation) if orientation in range(1, 9) else 1
    return 1


def is_sideways(orientation: int) -> bool:
    """Return whether the width of an image of an EXIF orientation becomes its height."""
    return orientation in _SIDEWAYS


def denominator_of(image: Image.Image, least: Size) -> int:
    """Return the denominator of the scale at which an image is decoded; 1 for other formats.

    Args:
        image: The image, not loaded yet.
        least: The width and height that it must still have, upright.
    """
    if image.format not in ("JPEG", "MPO"):
        return 1
    turned = is_sideways(read_orientation(image))
    return find_denominator(image.size, least[::-1] if turned else least)


def reduce_scale(image: Image.Image, least: Size) -> None:
    """Let a JPEG image be decoded at the smallest scale that leaves `least`; others stay.

    Args:
        image: The image, not loaded yet.
        least: Width and height in pixels, upright.
    """
    number = denominator_of(image, least)
    if number > 1:  # Pillow finds the same number, from the size of the result
        image.draft(None, (image.width // number, image.height // number))
