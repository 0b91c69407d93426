"""Read a small copy of an image file, together with the properties of the file."""

import os
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from catdog._utils.threads import map_in_threads
from catdog.images.containers import open_image
from catdog.images.decode import image_error, to_rgb, turn_upright
from catdog.images.formats import format_name
from catdog.images.greys import black_is_zero
from catdog.images.limits import own_limits
from catdog.images.loading import load_pixels

Result = TypeVar("Result")
_MAKE, _MODEL = 0x010F, 0x0110  # EXIF tags


@dataclass(frozen=True, slots=True)
class ReducedImage:
    """A small copy of an image, and properties of its file.

    Attributes:
        pixels: Shape `(height, width, 3)`, `uint8`, range `[0, 255]`, upright.
        size: Width and height of the image itself in pixels, upright.
        file_size: Length of the file in bytes.
        format: Format by its content, such as `"JPEG"`.
        jpeg_tables: The mean quantization step of the JPEG tables, such as `"mean step 12.31"`. A
            higher step means a lower quality. Empty if it is no JPEG file.
        camera: Maker and model of the camera by the EXIF data; empty if they are unknown.
    """

    pixels: NDArray[np.uint8]
    size: tuple[int, int]
    file_size: int
    format: str
    jpeg_tables: str
    camera: str


def read_reduced(path: Path, longer_side: int) -> ReducedImage:
    """Decode an image file as RGB, upright, and reduce it with antialiasing.

    A JPEG file is decoded at an eighth, a quarter or half of its size, which is faster, if that
    leaves at least twice the size of the copy.

    Args:
        path: The image file.
        longer_side: Longer side of the copy in pixels. A smaller image keeps its size.

    Raises:
        ValueError: If the image cannot be read; the message names it and the reason.
    """
    try:
        with path.open("rb") as content, own_limits(), open_image(content) as file:
            size = file.size
            file_size = os.fstat(content.fileno()).st_size
            least = min(_fit(size, 2 * longer_side))  # at twice, as sharp as without it
            image = load_pixels(file, str(path), file=content, least=(least, least))
            loaded = image.size
            camera = _camera(file)  # not before: it loads the pixels of a PNG file
            turn_upright(image)
            size = size if image.size == loaded else size[::-1]
            small = to_rgb(black_is_zero(image)).resize(
                _fit(size, longer_side), Image.Resampling.BILINEAR
            )
            name = format_name(file.format)
            return ReducedImage(
                np.asarray(small), size, file_size, name, _jpeg_tables(file), camera
            )
    except Exception as error:  # Pillow raises many kinds
        raise image_error(str(path), error) from error


def _fit(size: tuple[int, int], longer_side: int) -> tuple[int, int]:
    """Return the size with the longer side reduced to `longer_side`; a smaller size is kept."""
    factor = min(1, longer_side / max(size))
    width, height = (max(1, round(factor * side)) for side in size)
    return width, height


def _camera(file: Image.Image) -> str:
    """Return maker and model of the camera by the EXIF data, as far as they are known."""
    with suppress(Exception):  # the pixels can be used without the EXIF data
        exif = file.getexif()
        names = (str(exif.get(tag, "")).strip(" \0") for tag in (_MAKE, _MODEL))
        return " ".join(filter(None, names))
    return ""


def _jpeg_tables(file: Image.Image) -> str:
    """Return the mean step of the quantization tables of a JPEG file; empty for other formats."""
    tables = getattr(file, "quantization", None)  # of JPEG files only
    if not tables:
        return ""
    return f"mean step {np.mean([np.mean(table) for table in tables.values()]):.2f}"


def map_reduced(
    function: Callable[[ReducedImage], Result],
    paths: Sequence[Path],
    longer_side: int,
    description: str,
) -> list[Result]:
    """Call a function for a small copy of each image file, in parallel threads.

    Args:
        function: Computes what is kept of an image; all copies would fill the memory.
        paths: The image files.
        longer_side: Longer side of the copies in pixels.
        description: Name of the task, for the progress bar.

    Raises:
        ValueError: If an image cannot be read; the message names it and the reason.
    """

    def read(path: Path) -> Result:
        return function(read_reduced(path, longer_side))

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="PIL")  # they do not name the file
        return list(map_in_threads(read, paths, description))
