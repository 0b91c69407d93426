"""Scan every file of a folder: is it an image, is it complete, is it a duplicate?"""

import hashlib
import os
import stat
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from os import PathLike
from pathlib import Path
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from catdog._utils.progress import progress
from catdog._utils.public import public
from catdog._utils.text import printable
from catdog.data.layout import File, Layout, find_layout
from catdog.data.report import BadReason, Finding, ImageFile, Reason, ScanReport
from catdog.data.source import find_source
from catdog.images.formats import (
    FORMATS,
    OTHER_SIGNATURES,
    OTHER_SUFFIXES,
    SIGNATURES,
    SUFFIXES,
    is_image_name,
)
from catdog.typing import SPLITS

SMALL_SIDE = 32  # pixels; a side shorter than this is reported


class _Unusable(Exception):
    """A file that cannot be used, and why."""

    def __init__(self, reason: BadReason, detail: str) -> None:
        super().__init__(detail)
        self.reason: BadReason = reason


@public
def scan_images(folder: "str | PathLike[str]") -> ScanReport:
    """Scan a folder of images for files that cannot be used.

    Every file in the class folders is read once, on all processor cores; a scan that takes longer
    than a second shows its progress. Nothing is changed, moved or deleted. A file is known by its
    content, not by its name.

    These files cannot be used, and `load_datasets` refuses them or leaves them out: files of zero
    bytes, files that are no image though their name says so, images in a format that catdog
    does not read (HEIC, TIFF), truncated and damaged ones, ones of more than 179 million pixels,
    files that cannot be opened, one and the same image in two classes, and
    duplicates in two of `train/`, `validation/` and `test/` (the file to evaluate on is
    usable, the one to train on is not).

    These are worth a look: images whose suffix is that of another format, animated ones, ones
    with a side of less than 32 pixels, duplicates (of the same class, in the same folder or
    where the split is still to be made), files that are no images, and images that lie in no
    class folder.

    Args:
        folder: A folder as `load_datasets` takes it, or the name of a data set (which is fetched if
            it is not there yet).

    Returns:
        The images of each class, and every finding by file and reason.

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
    """Scan every file of a folder whose layout is known."""
    readable: list[ImageFile] = []
    findings = [Finding(path, "outside_class_folder", "", None, None) for path in layout.strays]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="PIL")  # they would name no file
        scanned = list(_scan_files(layout))
    for file, (image, reasons) in zip(layout.files, scanned, strict=True):
        class_name = layout.class_names[file.label]
        findings += [
            Finding(file.path, reason, detail, class_name, file.split) for reason, detail in reasons
        ]
        if image:
            readable.append(image)
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


_ScannedFile = tuple[ImageFile | None, list[tuple[Reason, str]]]


def _scan_files(layout: Layout) -> Iterator[_ScannedFile]:
    """Scan the files in parallel; Pillow and hashlib release the GIL."""
    pool = ThreadPoolExecutor(os.cpu_count())
    doing = f"Scanning the images of {printable(layout.root.name)}"
    try:
        with progress(doing, len(layout.files)) as advance:
            for result in pool.map(_scan_file, layout.files):
                yield result
                advance(1)
    finally:  # on Ctrl-C too, thousands of files may still wait
        pool.shutdown(cancel_futures=True)


def _scan_file(file: File) -> _ScannedFile:
    """Read one file; return it if it is a usable image, and its findings."""
    try:
        status = file.path.stat()
        if stat.S_ISDIR(status.st_mode) and not file.path.is_symlink():
            return None, [("unreadable", "a folder that may not be listed")]
        if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for ever
            return None, [("other_file", "not a regular file, or a link to a folder")]
        with file.path.open("rb") as content:
            notes = _inspect(content, file.path, status.st_size)
            if notes is None:  # a film, say, which may be long
                return None, [("other_file", "")]
            content.seek(0)
            sha256 = hashlib.file_digest(content, "sha256").hexdigest()
    except _Unusable as error:
        return None, [(error.reason, str(error))]
    except OSError as error:
        return None, [("unreadable", error.strerror or str(error))]
    return ImageFile(file.path, file.label, file.split, status.st_size, sha256), notes


def _inspect(content: BinaryIO, path: Path, size: int) -> list[tuple[Reason, str]] | None:
    """Decode a file; return what is odd about it, or `None` if it neither is nor claims an image.

    Raises:
        _Unusable: If it claims to be an image and cannot be used.
    """
    try:
        image = Image.open(content, formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise _Unusable("too_many_pixels", str(error)) from error
    except Exception as error:  # Pillow's plugins raise many kinds
        _pass_on_disk_errors(error)
        return _explain_unopened(content, path, size, error)
    with image:
        oddities = list(_oddities(image, path))
        image.draft(None, (1, 1))  # a JPEG's bits are all read, but few pixels computed
        try:
            image.load()
        except Exception as error:
            _pass_on_disk_errors(error)
            raise _broken(content, size, error) from error
    return oddities


def _pass_on_disk_errors(error: Exception) -> None:
    """Raise errors of the disk: they are not the fault of the image."""
    if isinstance(error, OSError) and error.errno:
        raise error


def _explain_unopened(
    content: BinaryIO, path: Path, size: int, error: Exception
) -> list[tuple[Reason, str]] | None:
    """Raise why a file is not read; return `None` if neither content nor name is an image."""
    content.seek(0)
    start = content.read(16)
    for name, signature in OTHER_SIGNATURES.items():
        if signature.match(start):
            raise _Unusable("unsupported_format", f"{name} by its content") from error
    other = path.suffix.lower() in OTHER_SUFFIXES
    if not other and not is_image_name(path):
        return None
    if size == 0:
        raise _Unusable("empty_file", "") from error
    if other:
        raise _Unusable("unsupported_format", f"{path.suffix.lower()} by its name") from error
    if start.startswith(SIGNATURES):
        raise _broken(content, size, error) from error
    raise _Unusable("not_an_image", "the content is that of no image catdog knows") from error


def _broken(content: BinaryIO, size: int, error: Exception) -> _Unusable:
    """Return whether a file is truncated or damaged, by the messages of Pillow's decoders."""
    cut = "truncated" in str(error).lower() or _is_cut_webp(content, size)
    unknown = isinstance(error, UnidentifiedImageError)  # its words name an object in memory
    detail = "it begins like an image, but cannot be read" if unknown else str(error)
    return _Unusable("truncated" if cut else "undecodable", detail or repr(error))


def _is_cut_webp(content: BinaryIO, size: int) -> bool:
    """Return whether a WebP file is shorter than its header says; its decoder does not say why."""
    content.seek(0)
    start = content.read(8)
    return start.startswith(b"RIFF") and int.from_bytes(start[4:], "little") + 8 > size


def _oddities(image: Image.Image, path: Path) -> Iterator[tuple[Reason, str]]:
    """Yield notes about an image that can be used."""
    # A phone's JPEG may have a second image behind it, which Pillow calls MPO.
    name = "JPEG" if image.format == "MPO" else str(image.format)
    if path.suffix.lower() not in SUFFIXES[name]:
        yield "wrong_extension", f"{name} by its content"
    with suppress(Exception):  # the first frame may be whole though the next is not
        if image.format != "MPO" and getattr(image, "is_animated", False):
            yield "animated", ""
    if min(image.size) < SMALL_SIDE:
        yield "very_small", f"{image.width} x {image.height} pixels"


def _compare(images: Iterable[ImageFile], layout: Layout) -> Iterator[Finding]:
    """Yield a finding for each file whose content is there more than once."""
    by_content: defaultdict[str, list[ImageFile]] = defaultdict(list)
    for image in images:
        by_content[image.sha256].append(image)
    for duplicates in by_content.values():
        for image, reason, other in _compare_duplicates(duplicates):
            class_name = layout.class_names[image.label]
            yield Finding(image.path, reason, "", class_name, image.split, other.path)


def _compare_duplicates(
    duplicates: Sequence[ImageFile],
) -> Iterator[tuple[ImageFile, Reason, ImageFile]]:
    """Yield which duplicates of one image cannot be used or are redundant, and why.

    Duplicates with several labels cannot be used. Otherwise the file in the test set stays, or
    else the one in the validation set, so that no image to evaluate on is trained on.
    """
    if len({image.label for image in duplicates}) > 1:
        one = duplicates[0]
        other = next(each for each in duplicates if each.label != one.label)
        for image in duplicates:
            yield image, "conflicting_labels", one if image.label != one.label else other
        return
    kept = max(duplicates, key=_held_out)
    for image in duplicates:
        if image.split != kept.split:
            yield image, "split_overlap", kept
        elif image is not kept:
            yield image, "duplicate", kept


def _held_out(image: ImageFile) -> int:
    """Rank the test set highest; without split folders all are equal."""
    return SPLITS.index(image.split) if image.split else 0
