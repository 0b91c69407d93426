"""The one decoder: a picture file or its bytes becomes RGB pixels of a given size."""

from collections.abc import Mapping
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from catdog._types import ImageSize

# The formats that are read, by their names in Pillow, which knows more, some of them programs.
# A file is known by its content; its suffix only tells what its owner believes it to be.
SUFFIXES: Mapping[str, frozenset[str]] = {
    "BMP": frozenset({".bmp"}),
    "GIF": frozenset({".gif"}),
    "JPEG": frozenset({".jfif", ".jpe", ".jpeg", ".jpg"}),
    "PNG": frozenset({".png"}),
    "WEBP": frozenset({".webp"}),
}
FORMATS = tuple(SUFFIXES)


def decode_image(
    source: Path | bytes, image_size: ImageSize, *, name: str = "from bytes"
) -> NDArray[np.uint8]:
    """Read a picture as RGB, upright, and stretched to `image_size`.

    Training, evaluation and the plots all come through here, so a picture has the same pixels
    everywhere. Resizing is bilinear without antialiasing and without regard to the aspect ratio:
    what `keras.utils.image_dataset_from_directory` does, in whole numbers.

    Args:
        source: Path of a picture file, or the bytes of one. BMP, GIF (its first frame), JPEG, PNG
            and WebP are read.
        image_size: Height and width in pixels of the result.
        name: What to call a picture from bytes in errors.

    Returns:
        Pixels of shape `(height, width, 3)`, dtype `uint8`, range `[0, 255]`.

    Raises:
        ValueError: If the picture cannot be read; the message names it and says why.
    """
    height, width = image_size
    try:
        content = BytesIO(source) if isinstance(source, bytes) else source
        with Image.open(content, formats=FORMATS) as picture:
            picture.load()
            _turn_upright(picture)
            rgb = to_rgb(picture)
    except Exception as error:  # Pillow raises many kinds
        called = name if isinstance(source, bytes) else str(source)
        unknown = isinstance(error, UnidentifiedImageError)  # its words name an object in memory
        known = f"it is none of {', '.join(FORMATS)}, or damaged; save it as JPEG or PNG"
        reason = known if unknown else str(error) or repr(error)
        raise ValueError(f"Cannot read the picture {called}: {reason}") from error
    return np.asarray(stretch(rgb, width, height))


def _turn_upright(picture: Image.Image) -> None:
    """Turn a picture as its EXIF orientation says; a picture with broken EXIF stays as it is."""
    with suppress(Exception):  # the pixels are good all the same
        ImageOps.exif_transpose(picture, in_place=True)


def stretch(picture: Image.Image, width: int, height: int) -> Image.Image:
    """Sample the picture at the pixel centres of the new size (`Image.resize` would antialias)."""
    scale = (picture.width / width, 0, 0, 0, picture.height / height, 0)
    return picture.transform(
        (width, height), Image.Transform.AFFINE, scale, Image.Resampling.BILINEAR
    )


def to_rgb(picture: Image.Image) -> Image.Image:
    """Convert any mode to RGB; transparent pixels are laid over white."""
    if picture.mode.startswith("I"):  # 16 bits a pixel, which convert() would cut off at 255
        grey = np.clip(np.asarray(picture) // 257, 0, 255)
        return Image.fromarray(grey.astype(np.uint8)).convert("RGB")
    if "A" in picture.getbands() or "transparency" in picture.info:
        rgba = picture.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return picture.convert("RGB")
