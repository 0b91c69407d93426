"""Load the pixels of an image completely, and correct what Pillow gets wrong in rare formats."""

from io import BytesIO
from typing import BinaryIO

from PIL import Image, ImageFile
from PIL.TiffImagePlugin import TiffImageFile

from catdog.images.complete import load_complete
from catdog.images.first_frame import first_frame_box
from catdog.images.greys import is_deep
from catdog.images.notes import Note, pixel_notes, size_notes
from catdog.images.tiff_layouts import correct_pixels, correct_tiles
from catdog.images.transparency import on_white_canvas, transparent_key

# Pillow images of the user in these formats are checked; others are loaded as Pillow does.
_CHECKED = ("GIF", "JPEG", "MPO", "PNG", "WEBP")


def load_pixels(
    image: Image.Image,
    name: str,
    notes: list[Note] | None = None,
    *,
    file: BinaryIO | None = None,
    min_side: int | None = None,
) -> Image.Image:
    """Load the pixels of an opened image.

    Args:
        image: The image, of any mode; a Pillow image of the user may be loaded already.
        name: Name of the image in notes.
        notes: Receives the notes on the image, such as that it is dark.
        file: The file that it was opened from, if it is at hand.
        min_side: Load a JPEG image at a smaller size, which is faster; its sides have at least so
            many pixels.

    Returns:
        The image, or one with the same pixels and the right transparency.

    Raises:
        TruncatedImageError: If a part of the image is missing, where Pillow sees no error.
        UnsupportedFormatError: If it is a TIFF image of a kind that Pillow reads wrongly.
    """
    if isinstance(image, TiffImageFile):
        correct_tiles(image)
    deep = is_deep(image)
    file = file or _unread_file(image)
    key, box = transparent_key(image), first_frame_box(image, file)
    if notes is not None:
        notes += size_notes(image, name)
    if min_side is not None:
        image.draft(None, (min_side, min_side))
    if file and isinstance(image, ImageFile.ImageFile):
        load_complete(image, file)
    image.load()
    if isinstance(image, TiffImageFile):
        image = correct_pixels(image)
    if key is not None:
        image = image.copy()
        image.info["transparency"] = key
    if box:
        image = on_white_canvas(image, box)
    if notes is not None:
        notes += pixel_notes(image, name, deep=deep)
    return image


def _unread_file(image: Image.Image) -> BinaryIO | None:
    """Return the file of a Pillow image of the user that is not loaded yet, at its first frame."""
    file = getattr(image, "fp", None)
    if file is None or image.format not in _CHECKED or image.tell():
        return None
    file.seek(0)
    return BytesIO(file.read())
