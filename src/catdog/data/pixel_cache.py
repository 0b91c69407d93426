"""A cache of decoded images on disk: one file for each image size, shared by all processes.

The file begins with a header that names the size and all that determines the pixels. Records of one
length follow: the SHA-256 hash of the image file, a checksum, and the pixels. A complete record
never changes. What a killed process leaves of a record does not count, and the next record is
written over it. One process writes at a time; others do not wait for it, and write later.

The file is read, not mapped into memory. The pages of a mapped file count as memory of the process,
and if another process shortens the file, reading them ends the process with a signal.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import platform
import shutil
import warnings
import zlib
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from threading import Lock

import numpy as np
import PIL
from numpy.typing import NDArray
from PIL import features

from catdog._utils.errors import UsageWarning
from catdog._utils.file_lock import try_lock
from catdog._utils.text import printable
from catdog.typing import ImageSize

SUFFIX = ".catdog-pixels"
LOCK_SUFFIX = f"{SUFFIX}-lock"
PIXEL_CONTRACT = 1  # changes when the same image file is decoded to other pixels than before
MIN_FREE_BYTES = 2**30  # stay free on the disk: a training must be able to save its model
_MAGIC = b"catdog decoded images, format 1\n"
_KEY_BYTES = hashlib.sha256().digest_size
_CHECKSUM_BYTES = 4
_HEAD_BYTES = _KEY_BYTES + _CHECKSUM_BYTES
# What may decode images to other pixels in another version: libraries of Pillow, and packages.
_CODECS = ("libjpeg_turbo", "webp", "avif")
_PACKAGES = ("tensorflow", "pi-heif")

# Of all caches of the process: the lock of a file may separate processes only.
_LOCK = Lock()


def pixel_cache_files(folder: Path) -> list[Path]:
    """Return the files of all caches in a folder; a file of another origin is not one of them."""
    caches = [file for file in folder.glob(f"*{SUFFIX}") if _is_own(file)]
    return [*caches, *folder.glob(f"*{LOCK_SUFFIX}")]


class PixelCache:
    """Decoded images of one size in a folder, by the hash of their files.

    No method raises if the disk is full, the folder cannot be written to, or the file is damaged.
    The images are then decoded instead, and a warning says why, once.

    Attributes:
        path: The file; it exists once an image was written.
    """

    def __init__(self, folder: Path, image_size: ImageSize) -> None:
        """Find the images of `image_size` in a folder, which need not exist."""
        height, width = image_size
        self._header = _header(image_size)
        versions = hashlib.sha256(self._header).hexdigest()[:16]
        self.path = folder / f"{height}x{width}-{versions}{SUFFIX}"
        self._shape = (height, width, 3)
        self._record_bytes = _HEAD_BYTES + height * width * 3
        self._offsets: dict[bytes, int] = {}  # where the record of each key begins
        self._end = 0  # of the last record in `_offsets`; 0 if the header was not found yet
        self._is_readable = self._is_writable = True
        self._warned: set[str] = set()
        self._read_record(b"")  # warns here, not in a thread, of a file that is no cache

    def read(self, sha256: str) -> NDArray[np.uint8] | None:
        """Return the pixels of an image, shape `(height, width, 3)`; `None` if it is not cached.

        Args:
            sha256: Hash of the image file, in hexadecimal digits.
        """
        key = bytes.fromhex(sha256)
        record = self._read_record(key)
        if record is None:
            return None
        pixels = memoryview(record)[_HEAD_BYTES:]
        if len(record) != self._record_bytes or record[:_HEAD_BYTES] != _head(key, pixels):
            self._forget(key, record)
            return None
        return np.frombuffer(pixels, np.uint8).reshape(self._shape)

    def has(self, sha256: str) -> bool:
        """Return whether an image was found in the file, or written to it."""
        return bytes.fromhex(sha256) in self._offsets

    def write(self, sha256: str, pixels: NDArray[np.uint8]) -> None:
        """Write the pixels of an image, unless they are cached or another process writes just now.

        Args:
            sha256: Hash of the image file, in hexadecimal digits.
            pixels: Shape `(height, width, 3)`.
        """
        if not self._is_writable:
            return
        key, content = bytes.fromhex(sha256), pixels.tobytes()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with _LOCK, try_lock(self.path.with_suffix(LOCK_SUFFIX)) as is_ours:
                if is_ours:
                    self._append(key, _head(key, content) + content)
        except OSError as error:
            self._is_writable = False
            self._warn(f"takes no more images: {error.strerror or error}")

    def _read_record(self, key: bytes) -> bytes | None:
        """Return the record of a key, which may be damaged; `None` if there is none."""
        if not self._is_readable:
            return None
        try:
            with self.path.open("rb", buffering=0) as file:
                with _LOCK:
                    if key not in self._offsets:
                        self._find_new_records(file)
                    offset = self._offsets.get(key)
                if offset is None:
                    return None
                file.seek(offset)
                return file.read(self._record_bytes)
        except FileNotFoundError:  # not written yet, or deleted by another process
            return None
        except OSError as error:
            self._is_readable = self._is_writable = False
            self._warn(f"is not used: {error.strerror or error}")
            return None

    def _find_new_records(self, file: io.FileIO) -> None:
        """Find the records that any process has written since the last call.

        Raises:
            OSError: If the file cannot be read, or is not a cache of this size.
        """
        size = os.fstat(file.fileno()).st_size
        if size < self._end:  # another process has deleted the file, and begun it again
            self._offsets.clear()
            self._end = 0
        if not self._end:
            start = file.read(len(self._header))
            if not self._header.startswith(start):
                raise OSError(errno.EINVAL, "it is damaged, or not written by catdog")
            if start != self._header:  # a process is writing it, or was killed
                return
            self._end = len(start)
        while self._end + self._record_bytes <= size:
            file.seek(self._end)
            self._offsets[file.read(_KEY_BYTES)] = self._end
            self._end += self._record_bytes

    def _forget(self, key: bytes, record: bytes) -> None:
        """Forget where a record is that was not found there, so that `write` writes it again."""
        is_damaged = record[:_KEY_BYTES] == key
        with _LOCK:
            if is_damaged:
                self._offsets.pop(key, None)
            else:  # another process has deleted the file, and begun it again
                self._offsets.clear()
                self._end = 0
        if is_damaged:
            self._warn("holds damaged images, which are decoded again")

    def _append(self, key: bytes, record: bytes) -> None:
        """Write a record behind the last complete one, while no other process writes."""
        if shutil.disk_usage(self.path.parent).free < MIN_FREE_BYTES + len(record):
            raise OSError(errno.ENOSPC, "less than 1 GiB of the disk is free")
        self.path.touch()
        with self.path.open("r+b", buffering=0) as file:
            self._find_new_records(file)
            if key in self._offsets:
                return
            if not self._end:
                file.seek(0)
                _write_all(file, self._header)
                self._end = len(self._header)
            file.seek(self._end)
            _write_all(file, record)
        self._offsets[key] = self._end
        self._end += len(record)

    def _warn(self, what: str) -> None:
        """Warn once of what is wrong with the file."""
        with _LOCK:
            is_new = what not in self._warned
            self._warned.add(what)
        if is_new:
            sentence = f"The cache of decoded images {printable(self.path)} {what}."
            hint = "Images that are not cached are decoded in every epoch."
            warnings.warn(UsageWarning(sentence, hint=hint), stacklevel=2)


def _is_own(file: Path) -> bool:
    """Return whether a file is a cache, perhaps one that is not complete yet."""
    with suppress(OSError), file.open("rb") as opened:
        return _MAGIC.startswith(opened.read(len(_MAGIC)))
    return False


def _header(image_size: ImageSize) -> bytes:
    """Return the start of a file: the image size, and all that the pixels of a file depend on."""
    height, width = image_size
    codecs = [f"{name} {features.version(name)}" for name in _CODECS]
    decoders = [f"pillow {PIL.__version__}", *codecs]
    for package in _PACKAGES:
        with suppress(PackageNotFoundError):
            decoders.append(f"{package} {version(package)}")
    size = f"{height} x {width} x 3 bytes"
    parts = [size, f"pixels {PIXEL_CONTRACT}", *decoders, platform.machine()]
    return _MAGIC + "".join(f"{part}\n" for part in parts).encode()


def _head(key: bytes, pixels: bytes | memoryview) -> bytes:
    """Return what a record holds before the pixels: the key, and a checksum of key and pixels."""
    return key + zlib.crc32(pixels, zlib.crc32(key)).to_bytes(_CHECKSUM_BYTES, "little")


def _write_all(file: io.FileIO, content: bytes) -> None:
    """Write all bytes; one call of the system may write fewer, as on a disk that is nearly full."""
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) :]
