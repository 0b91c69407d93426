"""catdog's own limits for reading images, whatever other code has set in Pillow.

Pillow has settings for the whole process, which many libraries change. They would decide which
files are used, and so how a folder is split:

- `PIL.ImageFile.LOAD_TRUNCATED_IMAGES`: whether the missing part of a file becomes grey or black;
- `PIL.Image.MAX_IMAGE_PIXELS`: above it Pillow warns, and above twice that it raises an error.
"""

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from PIL import Image, ImageFile

MAX_PIXELS = 178_956_970  # twice Pillow's default; 512 MiB as RGB. Larger images are refused.
LARGE_PIXELS = MAX_PIXELS // 2  # images with more pixels are read, with a note

TOO_MANY_PIXELS = (
    f"it has more than {MAX_PIXELS // 10**6} million pixels; save a smaller copy of it"
)


class _ThisThread(threading.local):
    """Whether this thread reads an image for catdog."""

    reads = False


_this_thread = _ThisThread()


class _LoadTruncated(int):
    """False in threads that read for catdog; in all others, what was set."""

    def __bool__(self) -> bool:
        return not _this_thread.reads and int(self) != 0


class _MaxPixels(float):
    """catdog's limit, without a warning, in threads that read for it; in others, what was set.

    Pillow compares `pixels > 2 * MAX_IMAGE_PIXELS` and `pixels > MAX_IMAGE_PIXELS` (11.0 to 13.0).
    """

    def __rmul__(self, factor: float) -> float:
        return MAX_PIXELS if _this_thread.reads else factor * float(self)

    def __lt__(self, pixels: float) -> bool:
        return not _this_thread.reads and float(self) < pixels


@dataclass
class _Setting:
    """A setting of a module of Pillow, which is replaced while images are read."""

    module: ModuleType
    name: str
    wrap: Callable[[Any], _LoadTruncated | _MaxPixels]
    original: Any = None

    def replace(self) -> None:
        """Replace the value, unless that has been done."""
        value = getattr(self.module, self.name)
        if not isinstance(value, _LoadTruncated | _MaxPixels):
            self.original = value
            setattr(self.module, self.name, self.wrap(value))

    def restore(self) -> None:
        """Set the value that was replaced, unless other code has set another one since."""
        if isinstance(getattr(self.module, self.name), _LoadTruncated | _MaxPixels):
            setattr(self.module, self.name, self.original)


class _Limits:
    """Replaces Pillow's settings from the first thread that reads until the last one is done."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._readers = 0
        self._settings = (
            _Setting(ImageFile, "LOAD_TRUNCATED_IMAGES", lambda value: _LoadTruncated(bool(value))),
            _Setting(
                Image,
                "MAX_IMAGE_PIXELS",
                lambda value: _MaxPixels(math.inf if value is None else value),
            ),
        )

    def begin(self) -> None:
        with self._lock:
            self._readers += 1
            for setting in self._settings:
                setting.replace()

    def end(self) -> None:
        with self._lock:
            self._readers -= 1
            if not self._readers:
                for setting in self._settings:
                    setting.restore()


_limits = _Limits()


@contextmanager
def own_limits() -> Iterator[None]:
    """Let this thread open and load images by catdog's limits; other threads keep their own.

    A truncated image is an error; so is one of more than `MAX_PIXELS`, as
    `PIL.Image.DecompressionBombError`. Once no thread reads, Pillow's settings are as they were.
    """
    _limits.begin()
    before = _this_thread.reads  # an outer block may be open
    _this_thread.reads = True
    try:
        yield
    finally:
        _this_thread.reads = before
        _limits.end()
