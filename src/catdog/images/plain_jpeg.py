"""Plain JPEG files: those that every version of libjpeg decodes to the same pixels.

TensorFlow has a libjpeg of its own. Where both decode alike, its kernels read the training images.
Damaged data that no scan detects, such as a changed byte, may become other pixels in each.
"""

from io import BytesIO
from typing import BinaryIO, NamedTuple

from PIL import Image

from catdog.images.jpeg_scans import has_clean_end, is_in_order, read_structure
from catdog.images.scale import Size, find_denominator, is_sideways, read_orientation

_FRAMES = (0xC0, 0xC1, 0xC2)  # baseline, extended and progressive, all with Huffman codes
# Sampling of the brightness, where each of the colours has 1 x 1: 4:4:4, 4:2:2 and 4:2:0. Versions
# of libjpeg-turbo differ in how they enlarge colours of other samplings.
_SAMPLINGS = ((1, 1), (2, 1), (2, 2))
_MAX_PIXELS = 2**29 // 3  # TensorFlow 2.21 decodes fewer bytes than 2 ** 29


class PlainJpeg(NamedTuple):
    """What must be known of a plain JPEG file, to decode it.

    Attributes:
        size: Width and height in pixels, as in the file.
        orientation: EXIF orientation, from 1 to 8.
        is_in_order: Whether only blocks at its end can be missing; see `jpeg_scans.is_in_order`.
    """

    size: Size
    orientation: int
    is_in_order: bool

    def denominator(self, least: Size) -> int:
        """Return the denominator of the scale that leaves a width and a height, upright."""
        return find_denominator(self.size, least[::-1] if is_sideways(self.orientation) else least)


def find_plain_jpeg(image: Image.Image, file: BinaryIO) -> PlainJpeg | None:
    """Return what must be known of an image to decode it, if it is a plain JPEG file.

    Args:
        image: The image, not loaded yet.
        file: The file that it was opened from.
    """
    if image.format != "JPEG" or not isinstance(file, BytesIO):
        return None
    samplings = [(across, down) for _, across, down, _ in getattr(image, "layer", ())]
    is_plain = image.mode == "L" or (
        image.mode == "RGB" and samplings[0] in _SAMPLINGS and samplings[1:] == [(1, 1), (1, 1)]
    )
    content = file.getvalue()
    if not is_plain or image.width * image.height > _MAX_PIXELS:
        return None
    structure = read_structure(content)
    if structure is None or structure.frame not in _FRAMES or not has_clean_end(content, structure):
        return None
    return PlainJpeg(image.size, read_orientation(image), is_in_order(content, structure))
