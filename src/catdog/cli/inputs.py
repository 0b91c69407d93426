"""The images that a command names: files and folders, some of which may not be readable.

Nothing here imports Keras: `catdog predict` runs exported models without it.
"""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from catdog._utils.errors import InvalidValueError, UsageWarning
from catdog._utils.text import counted, printable
from catdog.cli.wording import worded
from catdog.images.inputs import ImageSource, check_file, iter_images


class NoImages(NamedTuple):
    """A path at which there are no images, and why."""

    path: Path
    error: str


def find_images(paths: Iterable[str]) -> Iterator[ImageSource | NoImages]:
    """Yield the images of each path, or the error of a path without images."""
    for path in paths:
        # The shell has replaced "~" by the home folder already, so "~cat.jpg" is a file's name.
        literal = Path(path).absolute() if path.startswith("~") else path
        try:
            yield from map(_checked, iter_images(literal, "PATH"))
        except (OSError, ValueError) as error:
            yield NoImages(Path(path), worded(error))


def _checked(source: ImageSource) -> ImageSource | NoImages:
    """Return an image, or the error if it is a file that is not there, such as a broken link."""
    if isinstance(source.content, Path):
        try:
            check_file(source.content)
        except (OSError, ValueError) as error:
            return NoImages(source.content, worded(error))
    return source


def outside(
    folder: Path, found: Sequence[ImageSource | NoImages], paths: Sequence[str], option: str
) -> list[ImageSource | NoImages]:
    """Return what is not below the folder that a command writes to; warn of what is.

    Args:
        folder: The folder.
        found: The images of `paths`.
        paths: What the user named as images.
        option: The option that the folder was passed as.

    Raises:
        ValueError: If the user named such an image, or the folder.
    """
    inside = [path for path in paths if _is_below(Path(path), folder)]
    if inside:
        raise InvalidValueError(
            f"is the folder of {printable(inside[0])}, which is to be read",
            argument=option,
            value=str(folder),
            hint="Choose another folder.",
        )
    kept = [
        item
        for item in found
        if isinstance(item, NoImages)
        or not (isinstance(item.content, Path) and _is_below(item.content, folder))
    ]
    if len(kept) < len(found):
        warnings.warn(
            UsageWarning(
                f"{counted(len(found) - len(kept), 'image')} in {printable(folder)} "
                f"were passed over, because {option} writes there."
            ),
            stacklevel=1,
        )
    return kept


def _is_below(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())
