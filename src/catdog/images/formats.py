"""The image formats that are read, and the signatures and suffixes of formats."""

import re
from collections.abc import Mapping
from pathlib import Path

# The formats that are read, by their names in Pillow. Pillow reads more; some of those formats
# run programs. The content decides the format of a file; a suffix may be wrong.
SUFFIXES: Mapping[str, frozenset[str]] = {
    "BMP": frozenset({".bmp"}),
    "GIF": frozenset({".gif"}),
    "JPEG": frozenset({".jfif", ".jpe", ".jpeg", ".jpg"}),
    "PNG": frozenset({".png"}),
    "WEBP": frozenset({".webp"}),
}
FORMATS = tuple(SUFFIXES)
SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM", b"RIFF")

# Signatures of formats that are not read: such images are reported, never skipped silently.
OTHER_SIGNATURES: Mapping[str, re.Pattern[bytes]] = {
    "AVIF": re.compile(rb"....ftyp(avif|avis)", re.DOTALL),
    "HEIC": re.compile(rb"....ftyp(hei|hev|mif1|msf1)", re.DOTALL),
    "JPEG 2000": re.compile(rb"\0\0\0\x0cjP  "),
    "JPEG XL": re.compile(rb"\xff\x0a|\0\0\0\x0cJXL "),
    "PSD": re.compile(rb"8BPS"),
    "TIFF or a camera's raw format": re.compile(rb"II\*\0|MM\0\*"),
}
# Suffixes of formats that are not read: some have no signature, or share one.
OTHER_SUFFIXES = frozenset(
    {".arw", ".avif", ".cr2", ".cr3", ".dng", ".heic", ".heif", ".hif", ".ico", ".jp2", ".jxl",
     ".nef", ".orf", ".pbm", ".pcx", ".pgm", ".ppm", ".psd", ".raf", ".rw2", ".svg", ".tga", ".tif",
     ".tiff"}
)  # fmt: skip

_IMAGE_SUFFIXES = frozenset.union(*SUFFIXES.values())

# Files and folders that systems and programs write, in lower case. Some hold images, or copies.
_SYSTEM_FILES = frozenset(
    {"$recycle.bin", ".@__thumb", ".appledouble", ".cache", ".ds_store", ".dvc", ".fseventsd",
     ".git", ".hg", ".ipynb_checkpoints", ".picasaoriginals", ".spotlight-v100", ".svn",
     ".thumbnails", ".trash", ".trashes", ".venv", "@eadir", "desktop.ini", "ehthumbs.db",
     "system volume information", "thumbs.db"}
)  # fmt: skip


def is_image_name(path: Path) -> bool:
    """Return whether the suffix is that of an image, and the file is not a system file."""
    return path.suffix.lower() in _IMAGE_SUFFIXES and not is_system_file(path.name)


def is_system_file(name: str) -> bool:
    """Return whether a system or program wrote a file or folder: `._a.jpg`, `Thumbs.db`, `.git`."""
    return name.startswith(("._", "__MACOSX", ".Trash-")) or name.lower() in _SYSTEM_FILES


def is_hidden(name: str) -> bool:
    """Return whether a file or folder is hidden, and is not a system file: `.22 rifle`."""
    return name.startswith(".") and not is_system_file(name)
