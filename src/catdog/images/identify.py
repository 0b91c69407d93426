"""The one rule for which files are images, for scans and for folders of images to predict."""

import stat
from pathlib import Path

from PIL import Image

from catdog.images.containers import open_image
from catdog.images.formats import (
    OTHER_SIGNATURES,
    OTHER_SUFFIXES,
    SIGNATURE_BYTES,
    SIGNATURES,
    find_container,
    is_image_name,
)
from catdog.images.limits import own_limits


def is_image_file(path: Path) -> bool:
    """Return whether a file counts as an image: by its name, or by its content.

    An image that cannot be read counts, because it must be reported: a file with the name of an
    image and other content, an image in a format that is not read, a broken link, a folder that
    cannot be listed. A pipe, a device and a link to a folder do not count.
    """
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            return not path.is_symlink()
        if not stat.S_ISREG(status.st_mode):  # to open a pipe could block forever
            return False
        return is_named_as_image(path) or _has_image_content(path)
    except OSError:  # no permission, or gone: the error comes when the file is read
        return True


def is_named_as_image(path: Path) -> bool:
    """Return whether the suffix is that of an image, in a format that is read or in another."""
    return is_image_name(path) or path.suffix.lower() in OTHER_SUFFIXES


def find_other_format(start: bytes) -> str | None:
    """Return the format of an image that catdog does not read, by its first bytes."""
    matches = (name for name, pattern in OTHER_SIGNATURES.items() if pattern.match(start))
    return next(matches, None)


def _has_image_content(path: Path) -> bool:
    """Return whether the content begins like an image, whose header can be read."""
    with path.open("rb") as file:
        start = file.read(SIGNATURE_BYTES)
        if not start.startswith(SIGNATURES):
            return (find_container(start) or find_other_format(start)) is not None
        file.seek(0)
        try:
            with own_limits(), open_image(file):
                return True
        except Image.DecompressionBombError:
            return True
        except Exception as error:  # Pillow's plugins raise many kinds
            return isinstance(error, OSError) and error.errno is not None
