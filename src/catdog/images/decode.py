"""The one decoder: from an image file or its bytes to RGB pixels of a given size."""

from contextlib import suppress
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from catdog._utils.errors import InvalidValueError
from catdog.images.containers import open_image
from catdog.images.endings import EMPTY_END, has_empty_end
from catdog.images.formats import FORMATS
from catdog.images.greys import black_is_zero, deep_to_rgb, is_deep
from catdog.images.limits import TOO_MANY_PIXELS, own_limits
from catdog.images.notes import Note, range_notes, size_notes
from catdog.typing import ImageSize


def decode_image(
    source: Path | bytes, image_size: ImageSize, *, name: str = "from bytes"
) -> NDArray[np.uint8]:
    """Decode an image as RGB, upright, and resize it to `image_size`.

    Training, evaluation and plots all use this decoder, so an image has the same pixels everywhere.
    Resizing is bilinear, without antialiasing, and does not keep the aspect ratio. Up to rounding
    to whole numbers, `keras.utils.image_dataset_from_directory` gives the same pixels. Values of
    16 bits are scaled by their range, 0 to 65535; `catdog.images.greys` has the rule.

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
    height, width = image_size
    return np.asarray(stretch(read_rgb(source, name=name), width, height))


def read_rgb(
    source: Path | bytes, *, name: str = "from bytes", notes: list[Note] | None = None
) -> Image.Image:
    """Decode an image as RGB, upright, at its own size; see `decode_image`.

    Args:
        source: Path of an image file, or the bytes of one.
        name: Name of an image from bytes in errors and notes.
        notes: Receives the notes on the image, such as that it is dark.
    """
    called = name if isinstance(source, bytes) else str(source)
    try:
        content = BytesIO(source) if isinstance(source, bytes) else source.open("rb")
        with content, own_limits(), open_image(content) as image:
            load_pixels(image, called, notes)
            if has_empty_end(content, image.format):
                raise InvalidValueError(EMPTY_END)
            turn_upright(image)
            return to_rgb(black_is_zero(image))
    except Exception as error:  # Pillow raises many kinds
        raise InvalidValueError(f"Cannot read the image {called}: {_reason(error)}") from error


def load_pixels(image: Image.Image, name: str, notes: list[Note] | None) -> None:
    """Load the pixels of an opened image, and add to the notes on it, if they are wanted."""
    deep = is_deep(image)
    image.load()
    if notes is not None:
        notes += [*size_notes(image, name), *range_notes(image, name, deep=deep)]


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


def upright_copy(image: Image.Image) -> Image.Image:
    """Return an upright copy of an image, by its EXIF data in memory."""
    turned = black_is_zero(image).copy()
    with suppress(Exception):  # `copy` drops changes of the EXIF data after the file was opened
        turned.getexif().update(image.getexif())
    turn_upright(turned)
    return turned


def stretch(image: Image.Image, width: int, height: int) -> Image.Image:
    """Resize an image by bilinear interpolation; `Image.resize` would antialias."""
    scale = (image.width / width, 0, 0, 0, image.height / height, 0)
    return image.transform(
        (width, height), Image.Transform.AFFINE, scale, Image.Resampling.BILINEAR
    )


def to_rgb(image: Image.Image) -> Image.Image:
    """Convert an image of any mode to RGB; the background of transparent pixels is white."""
    if image.mode == "F" or image.mode.startswith("I"):
        return deep_to_rgb(image)
    if image.mode in ("RGBa", "La"):  # with premultiplied colours
        image = image.convert("RGBA" if image.mode == "RGBa" else "LA")
    if image.format == "BMP" and "A" in image.getbands() and image.getextrema()[-1] == (0, 0):
        return image.convert("RGB")  # many programs leave the fourth byte of a pixel empty
    if "A" in image.getbands() or "transparency" in image.info:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")
