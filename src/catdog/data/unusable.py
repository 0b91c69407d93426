"""Why a file cannot be used: the reason of an image that cannot be opened or loaded."""

from pathlib import Path
from typing import BinaryIO

from PIL import UnidentifiedImageError

from catdog.data.findings import BadReason
from catdog.images.formats import (
    OTHER_SUFFIXES,
    SIGNATURE_BYTES,
    SIGNATURES,
    UnsupportedFormatError,
    find_container,
)
from catdog.images.identify import find_other_format, is_named_as_image


class Unusable(Exception):
    """A file cannot be used; holds the reason."""

    def __init__(self, reason: BadReason, detail: str) -> None:
        """Store the code of the reason, and more about it."""
        super().__init__(detail)
        self.reason: BadReason = reason


def raise_system_error(error: Exception) -> None:
    """Raise the error if it comes from the disk or the memory: then the image may be good."""
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno):
        raise error


def explain_unopened(content: BinaryIO, path: Path, size: int, error: Exception) -> None:
    """Raise the reason why an image cannot be opened; do nothing if it is not an image.

    Args:
        content: The opened file; its position changes.
        path: Where it is.
        size: Its length in bytes.
        error: What was raised.

    Raises:
        Unusable: If it is an image by content or name.
    """
    content.seek(0)
    start = content.read(SIGNATURE_BYTES)
    if isinstance(error, UnsupportedFormatError):
        raise Unusable("unsupported_format", str(error)) from error
    if name := find_other_format(start):
        raise Unusable("unsupported_format", f"{name} by its content") from error
    is_container = find_container(start) is not None
    if not is_container and not is_named_as_image(path):
        return
    if size == 0:
        raise Unusable("empty_file", "") from error
    if path.suffix.lower() in OTHER_SUFFIXES:
        raise Unusable("unsupported_format", f"{path.suffix.lower()} by its name") from error
    if is_container or start.startswith(SIGNATURES):
        raise broken(content, size, error) from error
    raise Unusable("not_an_image", "no signature of an image format") from error


def broken(content: BinaryIO, size: int, error: Exception) -> Unusable:
    """Return the error of an image that cannot be loaded, by the message of Pillow's decoder."""
    if isinstance(error, UnsupportedFormatError):
        return Unusable("unsupported_format", str(error))
    is_truncated = "truncated" in str(error).lower() or _is_truncated_webp(content, size)
    is_unknown = isinstance(error, UnidentifiedImageError)  # its message shows an object in memory
    detail = "it begins like an image, but cannot be read" if is_unknown else str(error)
    return Unusable("truncated" if is_truncated else "undecodable", detail or repr(error))


def _is_truncated_webp(content: BinaryIO, size: int) -> bool:
    """Return whether a WebP file is shorter than its header says; its decoder gives no reason."""
    content.seek(0)
    start = content.read(8)
    return start.startswith(b"RIFF") and int.from_bytes(start[4:], "little") + 8 > size
