"""Images as users have them (files, folders, bytes, arrays, Pillow's images), one by one."""

import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import TextIOBase
from os import PathLike
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from catdog._utils import checks
from catdog._utils.errors import InvalidTypeError, InvalidValueError, MissingFileError
from catdog.images.decode import decode_image, stretch, to_rgb, upright_copy
from catdog.images.formats import FORMATS, OTHER_SUFFIXES, is_image_name
from catdog.images.listing import walk
from catdog.typing import ImageSize

Pixels = NDArray[Any]
_loading = Lock()  # the same lazy image of Pillow's may be in a list twice


@dataclass(frozen=True, eq=False, slots=True)
class ImageSource:
    """An image that was passed, not read yet.

    Attributes:
        content: Where it is, or what it is.
        name: What to call it in errors.
    """

    content: Path | bytes | Image.Image | Pixels
    name: str


def iter_images(images: Any, name: str = "images") -> Iterator[ImageSource]:
    """Yield the images of what a user passed, in its order; those of a folder by their names.

    Args:
        images: A path, bytes, an open file, one of Pillow's images, an array of one image or of
            several, a `ImageSource`, or an iterable of any of these.
        name: What to call it in errors.

    Raises:
        TypeError: If it is something else, or an array of no numbers.
        ValueError: If an array is not one of RGB pixels in `[0, 255]`, or a folder holds no
            images.
    """
    if isinstance(images, ImageSource):  # found before: no folder, and no "~" to expand
        yield images
    elif isinstance(images, str | PathLike):
        yield from _each_file(images, name)
    elif isinstance(images, bytes | bytearray | memoryview):
        yield ImageSource(bytes(images), name)
    elif isinstance(images, Image.Image):
        yield ImageSource(images, name)
    elif hasattr(images, "read") and not isinstance(images, TextIOBase):
        yield from iter_images(images.read(), name)
    elif hasattr(images, "__array__"):
        yield from _each_of_array(np.asarray(images), name)
    elif isinstance(images, Iterable) and not _is_data(images):
        for number, image in enumerate(images):
            yield from iter_images(image, f"{name}[{number}]")
    else:
        raise InvalidTypeError(
            "must be an image file, a folder, bytes, an array, an image of Pillow's, or a "
            f"list of these, not {type(images).__name__}",
            argument=name,
            hint='Of what load_datasets returns, pass data.paths("test"), say.',
        )


def _is_data(images: Any) -> bool:
    """Tell what yields something else than images when it is iterated over."""
    return isinstance(images, Mapping | TextIOBase) or any(
        hasattr(images, mark)
        for mark in ("label_counts", "element_spec")  # Datasets, tf.data
    )


def _each_file(given: "str | PathLike[str]", name: str) -> Iterator[ImageSource]:
    """Yield a file, or the images in a folder and below it."""
    if not str(given):
        raise InvalidValueError(
            "is an empty path", argument=name, hint="Pass an image file or a folder."
        )
    if re.match("[a-z]+://", str(given), re.IGNORECASE):
        raise InvalidValueError(
            "is an address",
            argument=name,
            value=given,
            hint="Download the image, and pass the file.",
        )
    path = checks.expand_home(given)
    if not _is_folder(path):
        yield ImageSource(path, str(path))
        return
    inside = sorted(filter(_claims_image, walk(path)), key=lambda file: file.parts)
    if not inside:
        raise InvalidValueError(
            f"The folder {path} holds no images, by the names of its files",
            hint=f"Those that are read are {', '.join(FORMATS)}.",
        )
    for file in inside:
        yield ImageSource(file, str(file))


def _claims_image(path: Path) -> bool:
    """Tell an image by its name; what cannot be read must not be left out without a word.

    A folder is among the files if it cannot be listed, or if it is a link, which is not followed.
    """
    try:
        if path.is_dir():
            return not path.is_symlink()
    except OSError:  # may not be looked at: reading it says so
        return True
    return is_image_name(path) or path.suffix.lower() in OTHER_SUFFIXES


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # may not be looked at, or has too long a name: reading it says so
        return False


def _each_of_array(array: Pixels, name: str) -> Iterator[ImageSource]:
    """Yield the images of an array, or of a table's column."""
    if array.ndim == 1 and array.dtype.kind in "OU":
        yield from iter_images(array.tolist(), name)
    elif _check_array(array, name).ndim == 3:
        yield ImageSource(array, name)
    else:
        for number, image in enumerate(array):
            yield ImageSource(image, f"{name}[{number}]")


def _check_array(array: Pixels, name: str) -> Pixels:
    """Return an array if it is of RGB pixels in `[0, 255]`."""
    if array.dtype.kind not in "uif":
        raise InvalidTypeError(
            f"must hold whole numbers or floats, not {array.dtype}", argument=name
        )
    shape = array.shape
    if array.ndim not in (3, 4) or shape[-1] != 3 or 0 in shape[-3:]:
        first = "np.moveaxis(array, -3, -1) puts the colours last. " if 3 in shape[-3:-2] else ""
        raise InvalidValueError(
            "must be RGB pixels, one image (height, width, 3) or several (n, height, "
            f"width, 3), not shape {shape}",
            argument=name,
            hint=(
                f"{first}Grey or transparent images can be passed as PIL.Image.fromarray(array)."
            ),
        )
    if not array.size:
        return array
    low, high = float(array.min()), float(array.max())
    if not np.isfinite([low, high]).all():
        raise InvalidValueError(
            "must hold finite values, but some are NaN or infinite", argument=name
        )
    if low < 0 or high > 255:
        raise InvalidValueError(
            f"must hold pixels in [0, 255], but its values run from {low:g} to {high:g}",
            argument=name,
            hint="Pass the pixels as they are in the file: the models do their own scaling.",
        )
    if array.dtype.kind == "f" and 0 < high <= 1:
        warnings.warn(
            f"No value of {name} is above {high:g}: a black image, if pixels are in [0, 255]. If "
            "these are in [0, 1], multiply them by 255.",
            stacklevel=2,
        )
    return array


def read_pixels(source: ImageSource, image_size: ImageSize) -> Pixels:
    """Return the pixels of an image, read, turned and stretched as those of the training are.

    Args:
        source: The image. An array of the right size is taken as it is; one of another size is
            rounded to whole numbers first, which is what files hold.
        image_size: Height and width in pixels.

    Returns:
        Shape `(height, width, 3)`, range `[0, 255]`; `uint8`, or as the array was.

    Raises:
        OSError: If a file is missing, or may not be read.
        ValueError: If it is no image; the message names it and says why.
    """
    content = source.content
    if isinstance(content, np.ndarray):
        if content.shape[:2] == image_size:
            return content
        return _stretched(Image.fromarray(np.rint(content).astype(np.uint8)), image_size)
    if isinstance(content, Image.Image):
        return _stretched(_as_rgb(content, source.name), image_size)
    if isinstance(content, Path):
        _check_file(content)
    return decode_image(content, image_size, name=source.name)


def _stretched(image: Image.Image, image_size: ImageSize) -> Pixels:
    height, width = image_size
    return np.asarray(stretch(image, width, height))


def _as_rgb(image: Image.Image, name: str) -> Image.Image:
    """Return an image of Pillow's as RGB, upright; it stays as it is itself."""
    try:
        with _loading:
            image.load()
        return to_rgb(upright_copy(image))  # the user's own image stays as it is
    except Exception as error:  # Pillow raises many kinds
        raise ValueError(f"Cannot read the image {name}: {str(error) or repr(error)}") from error


def _check_file(path: Path) -> None:
    """Raise if there is no file at a path; reading a pipe would wait for ever."""
    if not path.exists():
        raise MissingFileError(f"The image {path} does not exist")
    if path.is_dir():
        raise InvalidValueError(f"Cannot list the folder {path}", hint="May you read it?")
    if not path.is_file():
        raise InvalidValueError(f"Cannot read the image {path}: it is no regular file")
