"""Load the pixels of an image completely, and correct what Pillow gets wrong in rare formats."""

from contextlib import suppress
from io import BytesIO
from typing import BinaryIO

from PIL import Image, ImageFile
from PIL.TiffImagePlugin import TiffImageFile

from catdog.images.complete import load_complete
from catdog.images.containers import open_image
from catdog.images.first_frame import first_frame_box
from catdog.images.greys import is_deep
from catdog.images.notes import Note, pixel_notes, size_notes
from catdog.images.palettes import check_palette
from catdog.images.scale import Size, denominator_of, reduce_scale
from catdog.images.tiff_layouts import correct_pixels, correct_tiles
from catdog.images.transparency import on_white_canvas, transparent_key

# Pillow images of the user in these formats are checked; others are loaded as Pillow does.
_CHECKED_ON_OPENING = ("AVIF", "TIFF")
_CHECKED = (*_CHECKED_ON_OPENING, "GIF", "JPEG", "MPO", "PNG", "WEBP")


def load_pixels(
    image: Image.Image,
    name: str,
    notes: list[Note] | None = None,
    *,
    file: BinaryIO | None = None,
    least: Size | None = None,
) -> Image.Image:
    """Load the pixels of an opened image.

    Args:
        image: The image, of any mode; a Pillow image of the user may be loaded already.
        name: Name of the image in notes.
        notes: Receives the notes on the image, such as that it is dark.
        file: The file that it was opened from, if it is at hand.
        least: Load a large JPEG image at a reduced scale, which is faster, with at least this width
            and height in pixels, upright.

    Returns:
        The image, or one with the same pixels and the right transparency.

    Raises:
        TruncatedImageError: If a part of the image is missing, where Pillow sees no error.
        ValueError: If pixels name a colour that its palette does not have.
        UnsupportedFormatError: If it is a TIFF image of a kind that Pillow reads wrongly.
    """
    if isinstance(image, TiffImageFile):
        correct_tiles(image)
    deep = is_deep(image)
    if file is None and (file := _unread_file(image)) and image.format in _CHECKED_ON_OPENING:
        open_image(file)
    key, box = transparent_key(image), first_frame_box(image, file)
    if notes is not None:
        notes += size_notes(image, name)
    if least is not None:
        reduce_scale(image, least)
    if file and isinstance(image, ImageFile.ImageFile):
        load_complete(image, file)
    image.load()
    check_palette(image, box)
    if isinstance(image, TiffImageFile):
        image = correct_pixels(image)
    if key is not None:  # in place: in a loaded image of the user, it is not known any more
        image.info["transparency"] = key
    if box:
        image = on_white_canvas(image, box)
    if notes is not None:
        notes += pixel_notes(image, name, deep=deep)
    return image


def reopen_large(image: Image.Image, least: Size) -> Image.Image:
    """Return a large JPEG image of the user, opened once more; others are returned as they are.

    The copy is decoded at a reduced scale, as the file would be. The image of the user keeps its
    size, and is not loaded, so that a second call finds the same.

    Args:
        image: The image; it is opened again if it is not loaded yet.
        least: The width and height in pixels that it must still have, upright.
    """
    if denominator_of(image, least) == 1 or (file := _unread_file(image)) is None:
        return image
    again = open_image(file)
    if again.size != image.size:  # the user has called `draft`
        return image
    with suppress(Exception):  # of broken EXIF data
        again.getexif().update(image.getexif())
    return again


def _unread_file(image: Image.Image) -> BinaryIO | None:
    """Return the file of a Pillow image of the user that is not loaded yet, at its first frame."""
    file = getattr(image, "fp", None)
    if file is None or image.format not in _CHECKED or image.tell():
        return None
    file.seek(0)
    return BytesIO(file.read())
