"""Open image files of every format that is read; their pixels are not decoded yet.

Pillow finds the format of most files. AVIF, HEIC and TIFF files are passed to their decoders, so
that an error has the decoder's reason, and the decoder of HEIC files need not be registered in
Pillow, where all code of the process would meet it. It is an extra package, and loaded when the
first HEIC file is opened.
"""

from collections.abc import Callable, Mapping
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image, features
from PIL.AvifImagePlugin import AvifImageFile
from PIL.TiffImagePlugin import TiffImageFile

from catdog.images.boxes import check_boxes
from catdog.images.endings import EMPTY_END, ends_in_zeros
from catdog.images.formats import (
    CONTAINERS,
    FORMATS,
    SIGNATURE_BYTES,
    UnsupportedFormatError,
    find_container,
)
from catdog.images.limits import MAX_PIXELS, TOO_MANY_PIXELS
from catdog.images.memory import keep_freed_memory
from catdog.images.tiff import check_directory, check_pixels, is_raw

_JPEG = b"\xff\xd8\xff"
_FOUND_BY_PILLOW = tuple(name for name in FORMATS if name not in CONTAINERS)


def open_once(path: Path) -> BytesIO | BufferedReader:
    """Open a file; the bytes of a JPEG are read once, here, however often they are used."""
    file = path.open("rb")
    if file.peek(len(_JPEG)).startswith(_JPEG):
        with file:
            return BytesIO(file.read())
    return file


def open_image(file: BinaryIO) -> Image.Image:
    """Open an image file, and read its size and mode.

    Args:
        file: The opened file, at its beginning. It stays open, and must until the image is loaded.

    Raises:
        PIL.Image.DecompressionBombError: If the image has too many pixels.
        PIL.UnidentifiedImageError: If it has no format that Pillow finds.
        UnsupportedFormatError: If a package is missing, or it is a raw file of a camera.
        Exception: If it is truncated or damaged; decoders raise many kinds.
    """
    keep_freed_memory()
    container = find_container(file.read(SIGNATURE_BYTES))
    file.seek(0)
    if container is None:
        return Image.open(file, formats=_FOUND_BY_PILLOW)
    image = _OPENERS[container](file)
    if image.width * image.height > MAX_PIXELS:  # as Image.open does
        raise Image.DecompressionBombError(TOO_MANY_PIXELS)
    return image


def _open_avif(file: BinaryIO) -> Image.Image:
    if not features.check("avif"):
        raise UnsupportedFormatError(
            "it is AVIF, which this build of Pillow does not read; save it as JPEG or PNG"
        )
    check_boxes(file)
    file.seek(0)
    return AvifImageFile(file)


def _open_heic(file: BinaryIO) -> Any:
    try:
        import pi_heif
    except ImportError as error:
        raise UnsupportedFormatError(
            "it is HEIC, which needs one more package; install it with the Python that you use, in "
            'a copy of the source of catdog: python -m pip install ".[heif]"'
        ) from error
    check_boxes(file)
    file.seek(0)
    try:
        return pi_heif.HeifImageFile(file)
    except SyntaxError as error:
        if str(error) == "not identified by this driver":  # with another codec, for example
            raise SyntaxError("it holds no image that pi-heif can decode") from error
        raise


def _open_tiff(file: BinaryIO) -> Image.Image:
    check_directory(file)
    file.seek(0)
    try:
        image = TiffImageFile(file)
    except SyntaxError as error:
        if ends_in_zeros(file):
            raise ValueError(f"image file is truncated: {EMPTY_END}") from error
        if str(error) == "unknown pixel mode" or isinstance(error.__cause__, KeyError):
            raise UnsupportedFormatError(
                f"it is a kind of TIFF that Pillow does not read ({error}); save it as JPEG or PNG"
            ) from error
        raise
    if is_raw(file, image):
        raise UnsupportedFormatError(
            "it is a camera's raw format, or begins with a reduced image; save it as JPEG or PNG"
        )
    check_pixels(file, image)
    return image


_OPENERS: Mapping[str, Callable[[BinaryIO], Image.Image]] = {
    "AVIF": _open_avif,
    "HEIC": _open_heic,
    "TIFF": _open_tiff,
}
