"""Look at every file of a folder once: is it a picture, is it whole, is it there twice?"""

import hashlib
import os
import re
import stat
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from os import PathLike
from pathlib import Path
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from catdog._progress import progress
from catdog._text import printable
from catdog._types import SPLITS
from catdog.data._decode import FORMATS, SUFFIXES
from catdog.data._layout import File, Layout, find_layout, is_picture_name
from catdog.data._report import BadReason, Finding, Picture, Reason, ScanReport
from catdog.data._source import find_source

SMALL_SIDE = 32  # pixels; a side shorter than this is reported

_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM", b"RIFF")
# Pictures all the same, which must not be left out without a word.
_OTHER_SIGNATURES: Mapping[str, re.Pattern[bytes]] = {
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


class _Unusable(Exception):
    """A file that cannot be used, and why."""

    def __init__(self, reason: BadReason, detail: str) -> None:
        super().__init__(detail)
        self.reason: BadReason = reason


def scan_images(folder: "str | PathLike[str]") -> ScanReport:
    """Look at every file of a folder of pictures, and say what is wrong with which.

    Every file in the class folders is read once, on all processor cores; a scan that takes longer
    than a second shows its progress. Nothing is changed, moved or deleted. A file is known by its
    content, not by its name.

    These files cannot be used, and `load_datasets` refuses them or leaves them out: files of zero
    bytes, files that are no picture though their name says so, pictures in a format that catdog
    does not read (HEIC, TIFF), truncated and damaged ones, ones of more than 179 million pixels,
    files that cannot be opened, one and the same picture in two classes, and
    copies of a picture in two of `train/`, `validation/` and `test/` (the copy to judge by is
    usable, the one to train on is not).

    These are worth a look: pictures whose suffix is that of another format, animated ones, ones
    with a side of less than 32 pixels, exact copies (of the same class, in the same folder or
    where the split is still to be made), files that are no pictures, and pictures that lie in no
    class folder.

    Args:
        folder: A folder as `load_datasets` takes it, or the name of a data set (which is fetched if
            it is not there yet).

    Returns:
        The pictures of each class, and every finding by file and reason.

    Raises:
        FileNotFoundError: If the folder does not exist.
        NotADirectoryError: If it is a file.
        OSError: If the data set cannot be fetched.
        TypeError: If it is neither a name nor a path.
        ValueError: If its layout is not understood.

    Example:
        ```python
        from catdog import scan_images

        report = scan_images("synthetic")
        print(report)
        for row in report.rows():
            print(row["path"], row["reason"], row["detail"])
        ```
    """
    return scan_layout(find_layout(find_source("folder", folder)))


def scan_layout(layout: Layout) -> ScanReport:
    """Look at every file of a folder whose layout is known."""
    readable: list[Picture] = []
    findings = [Finding(path, "outside", "", None, None) for path in layout.strays]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="PIL")  # they would name no file
        looks = list(_look_at_all(layout))
    for file, (picture, reasons) in zip(layout.files, looks, strict=True):
        class_name = layout.class_names[file.label]
        findings += [
            Finding(file.path, reason, detail, class_name, file.split) for reason, detail in reasons
        ]
        if picture:
            readable.append(picture)
    findings += _compare(readable, layout)
    bad = {finding.path for finding in findings if finding.bad}
    findings = [each for each in findings if each.bad or each.path not in bad]
    findings.sort(key=lambda finding: finding.path.parts)
    return ScanReport(
        layout.root,
        layout.class_names,
        layout.splits,
        len(layout.files),
        tuple(findings),
        tuple(readable),
    )


_Look = tuple[Picture | None, list[tuple[Reason, str]]]


def _look_at_all(layout: Layout) -> Iterator[_Look]:
    """Look at the files in parallel; Pillow and hashlib let other threads run meanwhile."""
    pool = ThreadPoolExecutor(os.cpu_count())
    doing = f"Looking at the pictures of {printable(layout.root.name)}"
    try:
        with progress(doing, len(layout.files)) as advance:
            for look in pool.map(_look_at, layout.files):
                yield look
                advance(1)
    finally:  # on Ctrl-C too, thousands of files may still wait
        pool.shutdown(cancel_futures=True)


def _look_at(file: File) -> _Look:
    """Read one file; return it as a picture if it is one, and what there is to say about it."""
    try:
        status = file.path.stat()
        if stat.S_ISDIR(status.st_mode) and not file.path.is_symlink():
            return None, [("cannot be opened", "a folder that may not be listed")]
        if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for ever
            return None, [("other file", "not a regular file, or a link to a folder")]
        with file.path.open("rb") as content:
            notes = _inspect(content, file.path, status.st_size)
            if notes is None:  # a film, say, which may be long
                return None, [("other file", "")]
            content.seek(0)
            sha256 = hashlib.file_digest(content, "sha256").hexdigest()
    except _Unusable as error:
        return None, [(error.reason, str(error))]
    except OSError as error:
        return None, [("cannot be opened", error.strerror or str(error))]
    return Picture(file.path, file.label, file.split, status.st_size, sha256), notes


def _inspect(content: BinaryIO, path: Path, size: int) -> list[tuple[Reason, str]] | None:
    """Decode a file; return what is odd about it, or `None` if it neither is nor claims a picture.

    Raises:
        _Unusable: If it claims to be a picture and cannot be used.
    """
    try:
        picture = Image.open(content, formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise _Unusable("too many pixels", str(error)) from error
    except Exception as error:  # Pillow's plugins raise many kinds
        _pass_on_disk_errors(error)
        return _explain_unopened(content, path, size, error)
    with picture:
        oddities = list(_oddities(picture, path))
        picture.draft(None, (1, 1))  # a JPEG's bits are all read, but few pixels computed
        try:
            picture.load()
        except Exception as error:
            _pass_on_disk_errors(error)
            raise _broken(content, size, error) from error
    return oddities


def _pass_on_disk_errors(error: Exception) -> None:
    """Raise what is the disk's fault, not the picture's."""
    if isinstance(error, OSError) and error.errno:
        raise error


def _explain_unopened(
    content: BinaryIO, path: Path, size: int, error: Exception
) -> list[tuple[Reason, str]] | None:
    """Say why a file is not read; `None` if it neither is a picture nor is named like one."""
    content.seek(0)
    start = content.read(16)
    for name, signature in _OTHER_SIGNATURES.items():
        if signature.match(start):
            raise _Unusable("format not read", f"{name} by its content") from error
    other = path.suffix.lower() in OTHER_SUFFIXES
    if not other and not is_picture_name(path):
        return None
    if size == 0:
        raise _Unusable("zero bytes", "") from error
    if other:
        raise _Unusable("format not read", f"{path.suffix.lower()} by its name") from error
    if start.startswith(_SIGNATURES):
        raise _broken(content, size, error) from error
    raise _Unusable("not a picture", "the content is that of no picture catdog knows") from error


def _broken(content: BinaryIO, size: int, error: Exception) -> _Unusable:
    """Tell what is cut off from what is damaged, by the words of Pillow's decoders."""
    cut = "truncated" in str(error).lower() or _is_cut_webp(content, size)
    unknown = isinstance(error, UnidentifiedImageError)  # its words name an object in memory
    detail = "it begins like a picture, but cannot be read" if unknown else str(error)
    return _Unusable("truncated" if cut else "cannot be decoded", detail or repr(error))


def _is_cut_webp(content: BinaryIO, size: int) -> bool:
    """Tell whether a WebP file is shorter than its header says; its decoder does not say why."""
    content.seek(0)
    start = content.read(8)
    return start.startswith(b"RIFF") and int.from_bytes(start[4:], "little") + 8 > size


def _oddities(picture: Image.Image, path: Path) -> Iterator[tuple[Reason, str]]:
    """Yield what is odd about a picture that can be used."""
    # A phone's JPEG may have a second picture behind it, which Pillow calls MPO.
    name = "JPEG" if picture.format == "MPO" else str(picture.format)
    if path.suffix.lower() not in SUFFIXES[name]:
        yield "wrong extension", f"{name} by its content"
    with suppress(Exception):  # the first frame may be whole though the next is not
        if picture.format != "MPO" and getattr(picture, "is_animated", False):
            yield "animated", ""
    if min(picture.size) < SMALL_SIDE:
        yield "very small", f"{picture.width} x {picture.height} pixels"


def _compare(pictures: Iterable[Picture], layout: Layout) -> Iterator[Finding]:
    """Yield a finding for each copy of a picture that is there more than once."""
    by_content: defaultdict[str, list[Picture]] = defaultdict(list)
    for picture in pictures:
        by_content[picture.sha256].append(picture)
    for copies in by_content.values():
        for picture, reason, other in _judge_copies(copies):
            class_name = layout.class_names[picture.label]
            yield Finding(picture.path, reason, "", class_name, picture.split, other.path)


def _judge_copies(copies: Sequence[Picture]) -> Iterator[tuple[Picture, Reason, Picture]]:
    """Yield which of the copies of one picture may not be used or are superfluous, and why.

    Copies with several labels are all wrong. Else the copy in the set that is held out most stays,
    so that no picture to judge by was trained on.
    """
    if len({picture.label for picture in copies}) > 1:
        one = copies[0]
        other = next(copy for copy in copies if copy.label != one.label)
        for picture in copies:
            yield picture, "two labels", one if picture.label != one.label else other
        return
    kept = max(copies, key=_held_out)
    for picture in copies:
        if picture.split != kept.split:
            yield picture, "in two splits", kept
        elif picture is not kept:
            yield picture, "duplicate", kept


def _held_out(picture: Picture) -> int:
    """Rank the test set highest; without split folders all are equal."""
    return SPLITS.index(picture.split) if picture.split else 0
