"""The image formats that are read, and the signatures and suffixes of formats."""

import re
from collections.abc import Mapping
from pathlib import Path

# The one list of the formats that are read. Pillow reads more; some of those formats run programs.
# The content decides the format of a file; a suffix may be wrong.
SUFFIXES: Mapping[str, frozenset[str]] = {
    "AVIF": frozenset({".avif", ".avifs"}),
    "BMP": frozenset({".bmp"}),
    "GIF": frozenset({".gif"}),
    "HEIC": frozenset({".heic", ".heics", ".heif", ".heifs", ".hif"}),
    "JPEG": frozenset({".jfif", ".jpe", ".jpeg", ".jpg"}),
    "PNG": frozenset({".png"}),
    "TIFF": frozenset({".tif", ".tiff"}),
    "WEBP": frozenset({".webp"}),
}
FORMATS = tuple(SUFFIXES)
SIGNATURE_BYTES = 64  # the longest signature is shorter
SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM", b"RIFF")
# Other names of these formats: of Pillow for a JPEG file of a phone, which may hold a second image,
# and of pi-heif.
_OTHER_NAMES = {"MPO": "JPEG", "HEIF": "HEIC"}

# The formats whose signature alone makes a file an image. AVIF and HEIC share a container, whose
# first bytes list what it holds.
CONTAINERS: Mapping[str, re.Pattern[bytes]] = {
    "AVIF": re.compile(rb"....ftyp(avi[fs]|m[is]f1.{4,40}avi[fs])", re.DOTALL),
    "HEIC": re.compile(rb"....ftyp(hei|hev|mif1|msf1)", re.DOTALL),
    "TIFF": re.compile(rb"II[*+]\0|MM\0[*+]"),
}

# Signatures of formats that are not read: such images are reported, never skipped silently.
OTHER_SIGNATURES: Mapping[str, re.Pattern[bytes]] = {
    "JPEG 2000": re.compile(rb"\0\0\0\x0cjP  "),
    "JPEG XL": re.compile(rb"\xff\x0a|\0\0\0\x0cJXL "),
    "PSD": re.compile(rb"8BPS"),
}
# Suffixes of formats that are not read: some have no signature, or share one.
OTHER_SUFFIXES = frozenset(
    {".arw", ".cr2", ".cr3", ".dng", ".ico", ".jp2", ".jxl", ".nef", ".orf", ".pbm", ".pcx", ".pgm",
     ".ppm", ".psd", ".raf", ".rw2", ".svg", ".tga"}
)  # fmt: skip

_IMAGE_SUFFIXES = frozenset.union(*SUFFIXES.values())

# Files and folders that systems and programs write, in lower case. Some hold images, or copies.
_SYSTEM_FILES = frozenset(
    {"#recycle", "$recycle.bin", ".@__thumb", ".appledouble", ".cache", ".ds_store", ".dvc",
     ".fseventsd", ".git", ".hg", ".ipynb_checkpoints", ".picasaoriginals", ".spotlight-v100",
     ".svn", ".thumbnails", ".trash", ".trashes", ".venv", "@eadir", "desktop.ini",
     "ehthumbs.db", "lost+found", "system volume information", "thumbs.db"}
)  # fmt: skip


class UnsupportedFormatError(ValueError):
    """An image has a format that is not read, or not with the packages that are installed."""


def format_name(name: str | None) -> str:
    """Return the name in `FORMATS` of a format, by the name that its decoder gives to it."""
    return _OTHER_NAMES.get(str(name), str(name))


def find_container(start: bytes) -> str | None:
    """Return "AVIF", "HEIC" or "TIFF" if a file begins like one, by its first 64 bytes."""
    return next((name for name, pattern in CONTAINERS.items() if pattern.match(start)), None)


def is_image_name(path: Path) -> bool:
    """Return whether the suffix is that of an image, and the file is not a system file."""
    return path.suffix.lower() in _IMAGE_SUFFIXES and not is_system_file(path.name)


def is_system_file(name: str) -> bool:
    """Return whether a system or program wrote a file or folder: `._a.jpg`, `Thumbs.db`, `.git`."""
    return name.startswith(("._", "__MACOSX", ".Trash-")) or name.lower() in _SYSTEM_FILES


def is_hidden(name: str) -> bool:
    """Return whether a file or folder is hidden, and is not a system file: `.22 rifle`."""
    return name.startswith(".") and not is_system_file(name)
