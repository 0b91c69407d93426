"""Load images completely, or not at all: decoders accept images of which a part is missing."""

from typing import BinaryIO

from PIL import ImageFile

from catdog.images.endings import EMPTY_END, has_empty_end
from catdog.images.jpeg_scans import load_jpeg
from catdog.images.png_rows import has_missing_rows

_ENDS_EARLY = "the pixels end early"


class TruncatedImageError(ValueError):
    """A part of an image is missing."""


def load_complete(image: ImageFile.ImageFile, file: BinaryIO) -> None:
    """Load the pixels of an opened image.

    Args:
        image: The image, not loaded yet.
        file: The file that it was opened from; its position changes.

    Raises:
        TruncatedImageError: If a part of the image is missing, where Pillow sees no error. The
            errors that Pillow raises are of other types.
        ValueError: If a PNG image has numbers of colours, and no colours.
    """
    if image.format == "PNG" and image.mode == "P" and image.palette is None:
        raise ValueError("its palette is missing")
    if image.format in ("JPEG", "MPO"):
        file.seek(0)
        if not load_jpeg(image, file.read()):
            raise TruncatedImageError(_ENDS_EARLY)
    image.load()
    if has_empty_end(file, image.format):
        raise TruncatedImageError(EMPTY_END)
    if image.format == "PNG" and has_missing_rows(image, file):
        raise TruncatedImageError(_ENDS_EARLY)
