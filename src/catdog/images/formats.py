"""Which image formats are read, and how a file shows its format."""

import re
from collections.abc import Mapping
from pathlib import Path

# The formats that are read, by their names in Pillow, which knows more, some of them programs.
# A file is known by its content; its suffix only tells what its owner believes it to be.
SUFFIXES: Mapping[str, frozenset[str]] = {
    "BMP": frozenset({".bmp"}),
    "GIF": frozenset({".gif"}),
    "JPEG": frozenset({".jfif", ".jpe", ".jpeg", ".jpg"}),
    "PNG": frozenset({".png"}),
    "WEBP": frozenset({".webp"}),
}
FORMATS = tuple(SUFFIXES)
SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM", b"RIFF")

# Images in a format that is not read: they must be reported, never skipped in silence.
OTHER_SIGNATURES: Mapping[str, re.Pattern[bytes]] = {
    "AVIF": re.compile(rb"....ftyp(avif|avis)", re.DOTALL),
    "HEIC": re.compile(rb"....ftyp(hei|hev|mif1|msf1)", re.DOTALL),
    "JPEG 2000": re.compile(rb"\0\0\0\x0cjP  "),
    "JPEG XL": re.compile(rb"\xff\x0a|\0\0\0\x0cJXL "),
    "PSD": re.compile(rb"8BPS"),
    "TIFF or a camera's raw format": re.compile(rb"II\*\0|MM\0\*"),
}
# Of these, not all have a signature, or one that is theirs alone.
OTHER_SUFFIXES = frozenset(
    {".arw", ".avif", ".cr2", ".cr3", ".dng", ".heic", ".heif", ".hif", ".ico", ".jp2", ".jxl",
     ".nef", ".orf", ".pbm", ".pcx", ".pgm", ".ppm", ".psd", ".raf", ".rw2", ".svg", ".tga", ".tif",
     ".tiff"}
)  # fmt: skip

_IMAGE_SUFFIXES = frozenset.union(*SUFFIXES.values())

# What systems and archives leave behind, in lower case.
_SYSTEM_FILES = frozenset(
    {"thumbs.db", "ehthumbs.db", "desktop.ini", "@eadir", "$recycle.bin",
     "system volume information"}
)  # fmt: skip


def is_image_name(path: Path) -> bool:
    """Return whether the suffix is that of an image, and the file is no system file."""
    return path.suffix.lower() in _IMAGE_SUFFIXES and not is_system_file(path.name)


def is_system_file(name: str) -> bool:
    """Return whether a file is hidden or a system's: `.DS_Store`, `._cat.jpg`, `Thumbs.db`."""
    return name.startswith((".", "__MACOSX")) or name.lower() in _SYSTEM_FILES
