"""The one decoder: from an image file or its bytes to RGB pixels of a given size."""

from contextlib import suppress
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from catdog._utils.errors import InvalidValueError
from catdog.images.containers import open_image, open_once
from catdog.images.formats import FORMATS
from catdog.images.greys import black_is_zero, deep_to_rgb, is_wide
from catdog.images.limits import TOO_MANY_PIXELS, own_limits
from catdog.images.loading import load_pixels
from catdog.images.notes import Note
from catdog.images.resize import resize
from catdog.images.scale import Size, least_size
from catdog.images.transparency import is_transparent, over_white
from catdog.typing import ImageSize


def decode_image(
    source: Path | bytes, image_size: ImageSize, *, name: str = "from bytes"
) -> NDArray[np.uint8]:
    """Decode an image as RGB, upright, and resize it to `image_size`.

    Training, evaluation and plots all use this decoder, so an image has the same pixels everywhere.
    Resizing is bilinear, without antialiasing, and does not keep the aspect ratio. Rounded down to
    whole numbers, `keras.utils.image_dataset_from_directory` gives the same pixels, unless a JPEG
    is at least four times as large as `image_size`: it is decoded at a reduced scale, see
    `catdog.images.scale`. Values of 16 bits are scaled by their range, 0 to 65535;
    `catdog.images.greys` has the rule.

    Args:
        source: Path of an image file, or the bytes of one, in one of `FORMATS`. Of several frames
            or pages, the first is read; of a HEIC file, the one that it shows.
        image_size: Height and width in pixels of the result.
        name: Name of an image from bytes in errors.

    Returns:
        Pixels of shape `(height, width, 3)`, dtype `uint8`, range `[0, 255]`.

    Raises:
        ValueError: If the image cannot be read, is truncated, or has more than 178 million pixels;
            the message names the image and the reason.
    """
    return resize(read_rgb(source, name=name, least=least_size(image_size)), image_size)


def read_rgb(
    source: Path | bytes,
    *,
    name: str = "from bytes",
    notes: list[Note] | None = None,
    least: Size | None = None,
) -> Image.Image:
    """Decode an image as RGB, upright; see `decode_image`.

    Args:
        source: Path of an image file, or the bytes of one.
        name: Name of an image from bytes in errors and notes.
        notes: Receives the notes on the image, such as that it is dark.
        least: Width and height in pixels, upright, that a large JPEG must still have when it is
            decoded at a reduced scale. `None` decodes at its own size.
    """
    called = name if isinstance(source, bytes) else str(source)
    try:
        content = BytesIO(source) if isinstance(source, bytes) else open_once(source)
        with content, own_limits(), open_image(content) as image:
            loaded = load_pixels(image, called, notes, file=content, least=least)
            turn_upright(loaded)
            return to_rgb(black_is_zero(loaded))
    except Exception as error:  # Pillow raises many kinds
        raise image_error(called, error) from error


def image_error(name: str, error: Exception) -> InvalidValueError:
    """Return the error of an image that cannot be read, with its name and the reason."""
    return InvalidValueError(f"Cannot read the image {name}: {_reason(error)}")


def _reason(error: Exception) -> str:
    """Return why an image cannot be decoded."""
    if isinstance(error, Image.DecompressionBombError):
        return TOO_MANY_PIXELS
    if isinstance(error, UnidentifiedImageError):  # its message shows an object in memory
        return f"it is none of {', '.join(FORMATS)}, or damaged; save it as JPEG or PNG"
    return (str(error) or repr(error)).rstrip(".")


def turn_upright(image: Image.Image) -> None:
    """Rotate or mirror an image in place, by its EXIF orientation; ignore broken EXIF data."""
    with suppress(Exception):  # the pixels can be used without the EXIF data
        ImageOps.exif_transpose(image, in_place=True)


def upright(image: Image.Image) -> Image.Image:
    """Return an image upright, by its EXIF data in memory: itself if it is, else a copy."""
    dark = black_is_zero(image)
    with suppress(Exception):
        if image.getexif().get(ExifTags.Base.Orientation, 1) == 1:
            return dark
    turned = dark.copy()
    with suppress(Exception):  # `copy` drops changes of the EXIF data after the file was opened
        turned.getexif().update(image.getexif())
    turn_upright(turned)
    return turned


def to_rgb(image: Image.Image) -> Image.Image:
    """Return an image of any mode as RGB; the background of transparent pixels is white.

    An RGB image is returned as it is: a copy of a large one would need as much memory again.
    """
    if is_wide(image):
        return deep_to_rgb(image)
    if is_transparent(image):
        return over_white(image)
    return image if image.mode == "RGB" else image.convert("RGB")
