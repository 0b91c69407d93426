"""The one decoder: an image file or its bytes becomes RGB pixels of a given size."""

from contextlib import suppress
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from catdog.images.formats import FORMATS
from catdog.typing import ImageSize


def decode_image(
    source: Path | bytes, image_size: ImageSize, *, name: str = "from bytes"
) -> NDArray[np.uint8]:
    """Read an image as RGB, upright, and stretched to `image_size`.

    Training, evaluation and the plots all come through here, so an image has the same pixels
    everywhere. Resizing is bilinear without antialiasing and without regard to the aspect ratio:
    what `keras.utils.image_dataset_from_directory` does, in whole numbers.

    Args:
        source: Path of an image file, or the bytes of one. BMP, GIF (its first frame), JPEG, PNG
            and WebP are read.
        image_size: Height and width in pixels of the result.
        name: What to call an image from bytes in errors.

    Returns:
        Pixels of shape `(height, width, 3)`, dtype `uint8`, range `[0, 255]`.

    Raises:
        ValueError: If the image cannot be read; the message names it and says why.
    """
    height, width = image_size
    try:
        content = BytesIO(source) if isinstance(source, bytes) else source
        with Image.open(content, formats=FORMATS) as image:
            image.load()
            turn_upright(image)
            rgb = to_rgb(image)
    except Exception as error:  # Pillow raises many kinds
        called = name if isinstance(source, bytes) else str(source)
        unknown = isinstance(error, UnidentifiedImageError)  # its words name an object in memory
        known = f"it is none of {', '.join(FORMATS)}, or damaged; save it as JPEG or PNG"
        reason = known if unknown else str(error) or repr(error)
        raise ValueError(f"Cannot read the image {called}: {reason}") from error
    return np.asarray(stretch(rgb, width, height))


def turn_upright(image: Image.Image) -> None:
    """Turn an image in place as its EXIF orientation says; with broken EXIF it stays as it is."""
    with suppress(Exception):  # the pixels are good all the same
        ImageOps.exif_transpose(image, in_place=True)


def upright_copy(image: Image.Image) -> Image.Image:
    """Return an upright copy of an image; its EXIF data may have been changed in memory."""
    turned = image.copy()
    with suppress(Exception):  # `copy` keeps the EXIF data of the file alone
        turned.getexif().update(image.getexif())
    turn_upright(turned)
    return turned


def stretch(image: Image.Image, width: int, height: int) -> Image.Image:
    """Sample the image at the pixel centres of the new size (`Image.resize` would antialias)."""
    scale = (image.width / width, 0, 0, 0, image.height / height, 0)
    return image.transform(
        (width, height), Image.Transform.AFFINE, scale, Image.Resampling.BILINEAR
    )


def to_rgb(image: Image.Image) -> Image.Image:
    """Convert any mode to RGB; transparent pixels are laid over white."""
    if image.mode.startswith("I"):  # 16 bits a pixel, which convert() would cut off at 255
        grey = np.clip(np.asarray(image) // 257, 0, 255)
        return Image.fromarray(grey.astype(np.uint8)).convert("RGB")
    if "A" in image.getbands() or "transparency" in image.info:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")
