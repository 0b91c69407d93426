"""Read several images at once: what every reader returns, and the one that needs Pillow alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from catdog.images.arrays import Pixels
from catdog.images.inputs import ImageSource, read_pixels
from catdog.images.notes import Note
from catdog.typing import ImageSize


class ReadImage(NamedTuple):
    """The pixels of an image, or why it cannot be read, and the notes on it."""

    pixels: Pixels | Exception
    notes: list[Note]


@dataclass(frozen=True)
class Reader:
    """A way to read images.

    Attributes:
        chunk_size: How many images to read in one call.
        read: A function from images, and the height and width of the results, to what was read.
    """

    chunk_size: int
    read: Callable[[Sequence[ImageSource], ImageSize], list[ReadImage]]


def read_each(sources: Sequence[ImageSource], image_size: ImageSize) -> list[ReadImage]:
    """Read images one by one, as `read_pixels` does."""
    return [_read(source, image_size) for source in sources]


def _read(source: ImageSource, image_size: ImageSize) -> ReadImage:
    notes: list[Note] = []
    try:
        return ReadImage(read_pixels(source, image_size, notes), notes)
    except (OSError, ValueError) as error:
        return ReadImage(error, notes)


ONE_BY_ONE = Reader(1, read_each)
