"""Read images in all forms that users pass: files, folders, bytes, arrays and Pillow images."""

import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import TextIOBase
from os import PathLike
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from PIL import Image

from catdog._utils import checks
from catdog._utils.errors import (
    InvalidTypeError,
    InvalidValueError,
    MissingFileError,
    UsageWarning,
)
from catdog._utils.text import counted, printable, with_lines
from catdog.images.arrays import Pixels, check_array
from catdog.images.decode import image_error, read_rgb, to_rgb, upright
from catdog.images.formats import FORMATS, is_hidden
from catdog.images.identify import is_image_file
from catdog.images.limits import own_limits
from catdog.images.listing import walk
from catdog.images.loading import load_pixels, reopen_large
from catdog.images.notes import Note
from catdog.images.resize import resize
from catdog.images.scale import Size, least_size
from catdog.typing import ImageSize

_HIDDEN = " (hidden)"  # after the name of an image that is passed over
_LOADING = Lock()  # a Pillow image loads lazily, and may be in a list twice


@dataclass(frozen=True, eq=False, slots=True)
class ImageSource:
    """An image that a user passed, not read yet.

    Attributes:
        content: Path of the file, or the image itself.
        name: Name of the image in errors.
    """

    content: Path | bytes | Image.Image | Pixels
    name: str


def iter_images(images: Any, name: str = "images") -> Iterator[ImageSource]:
    """Yield the images that a user passed, in their order; those of a folder are sorted by name.

    Args:
        images: A path, bytes, an open file, a Pillow image, an array of one image or of several,
            an `ImageSource`, or an iterable of any of these.
        name: Name of the argument in errors.

    Raises:
        TypeError: If `images` is none of these, or an array that does not hold numbers.
        ValueError: If an array does not hold RGB pixels in `[0, 255]`, a folder holds no images, or
            what yields images yields one object twice in a row.
    """
    if isinstance(images, ImageSource):
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
        yield from _each_of(images, name)
    else:
        raise InvalidTypeError(
            "must be an image file, a folder, bytes, an array, a Pillow image, or a list of "
            f"these, not {type(images).__name__}",
            argument=name,
            hint='If it is what load_datasets returns, pass data.paths("test"), for example.',
        )


def _each_of(images: Iterable[Any], name: str) -> Iterator[ImageSource]:
    """Yield the images of an iterable.

    They are read later, several at once. So what yields them must not put each into one object, as
    an iterator over the frames of a Pillow image does, or one that fills a buffer: all would be the
    last. A sequence holds its images already; it may hold one twice.
    """
    are_made = not isinstance(images, Sequence)
    previous = None
    for number, image in enumerate(images):
        if are_made and _is_same_memory(image, previous):
            raise InvalidValueError(
                f"yields the object of {name}[{number - 1}] again as {name}[{number}], so both are "
                "the same image when they are read",
                argument=name,
                hint="Yield copies: (image.copy() for image in images).",
            )
        yield from iter_images(image, f"{name}[{number}]")
        previous = image


def _is_same_memory(image: Any, other: Any) -> bool:
    """Return whether two images are one Pillow image, or one array or views of the same values."""
    if isinstance(image, np.ndarray) and isinstance(other, np.ndarray):
        first, second = image.__array_interface__, other.__array_interface__
        return all(first[key] == second[key] for key in ("data", "shape", "strides"))
    return image is other and isinstance(image, Image.Image)


def _is_data(images: Any) -> bool:
    """Return whether iteration would yield something other than images."""
    return isinstance(images, Mapping | TextIOBase) or any(
        hasattr(images, attribute)
        for attribute in ("label_counts", "element_spec")  # Datasets, tf.data
    )


def _each_file(value: "str | PathLike[str]", name: str) -> Iterator[ImageSource]:
    """Yield an image file, or the images in a folder and in all folders below it."""
    if not str(value):
        raise InvalidValueError(
            "is an empty path", argument=name, hint="Pass an image file or a folder."
        )
    if re.match("[a-z]+://", str(value), re.IGNORECASE):
        raise InvalidValueError(
            "is an address",
            argument=name,
            value=value,
            hint="Download the image, and pass the file.",
        )
    path = checks.expand_home(value)
    for file in _images_in(path) if _is_folder(path) else [path]:
        yield ImageSource(file, str(file))


def _images_in(folder: Path) -> list[Path]:
    """Return the images in a folder and in all folders below it; warn of the other files."""
    images: list[Path] = []
    passed_over: list[str] = []
    for file in sorted(walk(folder, hidden=True), key=lambda file: file.parts):
        inside = file.relative_to(folder)
        name = printable(inside.as_posix())
        if any(map(is_hidden, inside.parts)):
            if is_image_file(file):
                passed_over.append(name + _HIDDEN)
        elif is_image_file(file):
            images.append(file)
        else:
            passed_over.append(f"{name} (a link to a folder)" if file.is_dir() else name)
    if not images:
        hidden = any(name.endswith(_HIDDEN) for name in passed_over)
        raise InvalidValueError(
            f"The folder {folder} holds no images{', but hidden ones' if hidden else ''}",
            hint=f"The formats that are read are {', '.join(FORMATS)}.",
        )
    _warn_passed_over(passed_over, folder)
    return images


def _warn_passed_over(names: Sequence[str], folder: Path) -> None:
    """Warn of the files in a folder that are not images, as a scan reports them."""
    if names:
        files = f"{counted(len(names), 'file')} in {printable(folder)}"
        verb = "was" if len(names) == 1 else "were"
        sentence = f"{files} {verb} passed over: hidden, or no image"
        warnings.warn(UsageWarning(with_lines(sentence, names)), stacklevel=2)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # no permission, or too long a name: the error comes when the file is read
        return False


def _each_of_array(array: Pixels, name: str) -> Iterator[ImageSource]:
    """Yield the images of an array of pixels, or of paths, such as a column of a table."""
    if array.ndim == 1 and array.dtype.kind in "OU":
        yield from iter_images(array.tolist(), name)
    elif check_array(array, name).ndim == 3:
        yield ImageSource(array, name)
    else:
        for number, image in enumerate(array):
            yield ImageSource(image, f"{name}[{number}]")


def read_pixels(
    source: ImageSource, image_size: ImageSize, notes: list[Note] | None = None
) -> Pixels:
    """Read an image as for training: RGB, upright, resized.

    Args:
        source: The image. An array of the right size is returned as it is. The values of an array
            of another size are rounded to whole numbers first, as in files.
        image_size: Height and width in pixels.
        notes: Receives the notes on the image, such as that it is dark.

    Returns:
        Shape `(height, width, 3)`, range `[0, 255]`; `uint8`, or the dtype of an array.

    Raises:
        OSError: If a file is missing, or there is no permission to read it.
        ValueError: If it is not an image; the message names the image and the reason.
    """
    content = source.content
    if isinstance(content, np.ndarray) and content.shape[:2] == image_size:
        return content
    return resize(read_image(source, notes, least=least_size(image_size)), image_size)


def read_image(
    source: ImageSource, notes: list[Note] | None = None, *, least: Size | None = None
) -> Image.Image:
    """Read an image as RGB, upright; raises what `read_pixels` raises.

    Args:
        source: The image.
        notes: Receives the notes on the image.
        least: Width and height in pixels that a large JPEG must still have when it is decoded at a
            reduced scale; a Pillow image is, if it is not loaded yet. `None` decodes at its own
            size.
    """
    content = source.content
    if isinstance(content, np.ndarray):
        return Image.fromarray(np.rint(content).astype(np.uint8))
    if isinstance(content, Image.Image):
        return _to_upright_rgb(content, source.name, notes, least)
    if isinstance(content, Path):
        check_file(content)
    return read_rgb(content, name=source.name, notes=notes, least=least)


def _to_upright_rgb(
    image: Image.Image, name: str, notes: list[Note] | None, least: Size | None
) -> Image.Image:
    """Return a Pillow image as RGB, upright; the pixels of the user's image are not changed."""
    try:
        with _LOADING, own_limits():
            image = image if least is None else reopen_large(image, least)
            image = load_pixels(image, name, notes, least=least)
        return to_rgb(upright(image))
    except Exception as error:  # Pillow raises many kinds
        if isinstance(error, AssertionError) and getattr(image, "fp", None) is None:
            raise InvalidValueError(
                f"Cannot read the image {name}: its file was closed before the pixels were loaded",
                hint="Load them first: image.load().",
            ) from error
        raise image_error(name, error) from error


def check_file(path: Path) -> None:
    """Raise if there is no regular file at a path; a read from a pipe could block forever."""
    checks.check_length(None, path)
    if not path.exists():
        raise MissingFileError(f"The image {path} does not exist")
    if path.is_dir():
        raise InvalidValueError(
            f"Cannot list the folder {path}", hint="Check its permissions, or pass its files."
        )
    if not path.is_file():
        raise InvalidValueError(f"Cannot read the image {path}: it is not a regular file")
