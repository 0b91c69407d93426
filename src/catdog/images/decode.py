"""The one decoder: from an image file or its bytes to RGB pixels of a given size."""

from contextlib import suppress
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from catdog._utils.errors import InvalidValueError
from catdog.images.formats import FORMATS
from catdog.typing import ImageSize


def decode_image(
    source: Path | bytes, image_size: ImageSize, *, name: str = "from bytes"
) -> NDArray[np.uint8]:
    """Decode an image as RGB, upright, and resize it to `image_size`.

    Training, evaluation and plots all use this decoder, so an image has the same pixels everywhere.
    Resizing is bilinear, without antialiasing, and does not keep the aspect ratio. Up to rounding
    to whole numbers, `keras.utils.image_dataset_from_directory` gives the same pixels.

    Args:
        source: Path of an image file, or the bytes of one: BMP, GIF (its first frame), JPEG, PNG
            or WebP.
        image_size: Height and width in pixels of the result.
        name: Name of an image from bytes in errors.

    Returns:
        Pixels of shape `(height, width, 3)`, dtype `uint8`, range `[0, 255]`.

    Raises:
        ValueError: If the image cannot be read; the message names the image and the reason.
    """
    height, width = image_size
    return np.asarray(stretch(read_rgb(source, name=name), width, height))


def read_rgb(source: Path | bytes, *, name: str = "from bytes") -> Image.Image:
    """Decode an image as RGB, upright, at its own size; see `decode_image`."""
    try:
        content = BytesIO(source) if isinstance(source, bytes) else source
        with Image.open(content, formats=FORMATS) as image:
            image.load()
            turn_upright(image)
            return to_rgb(image)
    except Exception as error:  # Pillow raises many kinds
        called = name if isinstance(source, bytes) else str(source)
        raise InvalidValueError(f"Cannot read the image {called}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """Return why an image cannot be decoded."""
    if isinstance(error, UnidentifiedImageError):  # its message shows an object in memory
        return f"it is none of {', '.join(FORMATS)}, or damaged; save it as JPEG or PNG"
    return (str(error) or repr(error)).rstrip(".")


def turn_upright(image: Image.Image) -> None:
    """Rotate or mirror an image in place, by its EXIF orientation; ignore broken EXIF data."""
    with suppress(Exception):  # the pixels can be used without the EXIF data
        ImageOps.exif_transpose(image, in_place=True)


def upright_copy(image: Image.Image) -> Image.Image:
    """Return an upright copy of an image, by its EXIF data in memory."""
    turned = image.copy()
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
    if image.mode.startswith("I"):  # 16 bits a pixel; convert() would clip them at 255
        grey = np.clip(np.asarray(image) // 257, 0, 255)
        return Image.fromarray(grey.astype(np.uint8)).convert("RGB")
    if "A" in image.getbands() or "transparency" in image.info:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")
