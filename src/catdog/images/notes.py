"""Notes on images that can be used: what you should check, and the warnings about it."""

import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from PIL import Image

from catdog._utils.errors import UsageWarning
from catdog._utils.text import counted, printable, with_lines
from catdog.images.greys import unfilled_range
from catdog.images.limits import LARGE_PIXELS
from catdog.images.transparency import nearly_invisible, white_on_transparency

ImageNote = Literal["unfilled_range", "transparent", "very_large"]

IMAGE_NOTES: tuple[ImageNote, ...] = get_args(ImageNote)

# What follows the number of images in a warning, and what the user can do.
_WARNINGS: Mapping[ImageNote, tuple[str, str]] = {
    "unfilled_range": (
        "dark or flat, because the values do not fill their range",
        "If white has another value in them, such as 4095 for 12 bits or 1.0 for floats, multiply "
        "all images by the same factor, so that white is 65535 (or 255 for floats and 8 bits). If "
        "black is not zero in them, subtract it before, the same from all.",
    ),
    "transparent": (
        "white, because pixels that are transparent are laid over white",
        "If something can be seen in other programs, save them without transparency, on a ground "
        "of another colour.",
    ),
    "very_large": (
        f"of more than {LARGE_PIXELS // 10**6} million pixels, which take much time and memory",
        "Save smaller copies; models see a few hundred pixels a side.",
    ),
}


@dataclass(frozen=True, slots=True)
class Note:
    """A note on an image that can be used.

    Attributes:
        reason: Code of the note, as in a scan report.
        detail: More about it.
        name: Name of the image.
    """

    reason: ImageNote
    detail: str
    name: str


def size_notes(image: Image.Image, name: str) -> Iterator[Note]:
    """Yield the notes on the size of an image, which need not be loaded."""
    if image.width * image.height > LARGE_PIXELS:
        yield Note("very_large", f"{image.width} x {image.height} pixels", name)


def pixel_notes(image: Image.Image, name: str, *, deep: bool) -> Iterator[Note]:
    """Yield the notes on the pixels of a loaded image; `deep` is what `is_deep` returned before."""
    if detail := unfilled_range(image, deep):
        yield Note("unfilled_range", detail, name)
    if detail := nearly_invisible(image) or white_on_transparency(image):
        yield Note("transparent", detail, name)


def warn_of_notes(notes: Iterable[Note], *, stacklevel: int) -> None:
    """Warn once for each kind of note, with the images that it is about and what to do."""
    notes = list(notes)
    for reason, (sentence, hint) in _WARNINGS.items():
        lines = [
            f"{printable(note.name)}: {note.detail}" for note in notes if note.reason == reason
        ]
        if lines:
            listed = with_lines(f"{counted(len(lines), 'image')} {sentence}", lines)
            warnings.warn(UsageWarning(f"{listed}\n", hint=hint), stacklevel=stacklevel + 1)
