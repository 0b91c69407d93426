"""Scan a folder for files that are not images, damaged images and duplicates."""

import hashlib
import os
import stat
import warnings
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from os import PathLike
from pathlib import Path
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from catdog._utils.progress import progress
from catdog._utils.public import public
from catdog._utils.text import composed, printable
from catdog.data.duplicates import group_by_content
from catdog.data.layout import File, Layout, find_layout
from catdog.data.report import BadReason, Finding, ImageFile, Reason, ScanReport
from catdog.data.source import find_source
from catdog.images.endings import EMPTY_END, has_empty_end
from catdog.images.formats import FORMATS, OTHER_SUFFIXES, SIGNATURES, SUFFIXES
from catdog.images.greys import is_deep
from catdog.images.identify import SIGNATURE_BYTES, find_other_format, is_named_as_image
from catdog.images.limits import TOO_MANY_PIXELS, own_limits
from catdog.images.notes import range_notes, size_notes
from catdog.typing import SPLITS

SMALL_SIDE_PIXELS = 32  # pixels; a side shorter than this is reported


class _Unusable(Exception):
    """A file cannot be used; holds the reason."""

    def __init__(self, reason: BadReason, detail: str) -> None:
        super().__init__(detail)
        self.reason: BadReason = reason


@public
def scan_images(folder: "str | PathLike[str]") -> ScanReport:
    """Scan a folder of images for files that cannot be used.

    Every file in the class folders is read once, on all processor cores. A scan that takes longer
    than a second shows its progress. No file is changed, moved or deleted. The format of a file is
    detected from its content, not from its name.

    Files that cannot be used, which `load_datasets` refuses or leaves out:

    - empty files, and files with the name of an image that are not images;
    - images in a format that catdog does not read (HEIC, TIFF);
    - truncated and damaged images, and images of more than 178 million pixels;
    - files that cannot be opened;
    - duplicates in two classes;
    - duplicates in two of `train/`, `validation/` and `test/`. The file to evaluate on can be used,
      the file to train on cannot.

    Files that are reported, but cause no error:

    - images with the suffix of another format, animated images, images with a side of less than 32
      pixels or with more than 89 million pixels, and images of 16 bits that are dark, because
      their values do not fill their range;
    - duplicates in one class that cannot be in two splits;
    - names that look the same, because they differ only in how Unicode writes accents;
    - files that are not images, links to folders, and images in no class folder, in hidden folders
      and in folders of images to predict, which are not used.

    Args:
        folder: A folder as `load_datasets` takes it, or the name of a data set, which is fetched if
            necessary.

    Returns:
        The images of each class, and every finding by file and reason.

    Raises:
        FileNotFoundError: If the folder does not exist.
        NotADirectoryError: If `folder` is a file.
        OSError: If the data set cannot be fetched.
        TypeError: If `folder` is neither a name nor a path.
        ValueError: If the layout of the folder is not understood.

    Example:
        ```python
        from catdog import scan_images

        report = scan_images("synthetic")
        print(report)
        for row in report.rows():
            print(row["path"], row["reason"], row["detail"])
        ```
    """
    layout = find_layout(find_source("folder", folder), grouped=True)
    for doubt in layout.doubts:
        warnings.warn(doubt, stacklevel=2)
    return scan_layout(layout)


def scan_layout(layout: Layout) -> ScanReport:
    """Scan every file of a folder whose layout is known."""
    readable: list[ImageFile] = []
    findings = [Finding(path, reason, "", None, None) for path, reason in layout.ignored]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="PIL")  # they do not name the file
        scanned = list(_scan_files(layout))
    for file, (image, reasons) in zip(layout.files, scanned, strict=True):
        class_name = layout.class_names[file.label]
        findings += [
            Finding(file.path, reason, detail, class_name, file.split) for reason, detail in reasons
        ]
        if image:
            readable.append(image)
    findings += _find_duplicates(readable, layout)
    findings += _find_confusable_names(readable, layout)
    bad = {finding.path for finding in findings if finding.bad}
    findings = [finding for finding in findings if finding.bad or finding.path not in bad]
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
    """Scan the files in parallel threads; Pillow and hashlib release the GIL."""
    pool = ThreadPoolExecutor(os.cpu_count())
    doing = f"Scanning the images of {printable(layout.root.name)}"
    try:
        with progress(doing, len(layout.files)) as advance:
            for result in pool.map(_scan_file, layout.files):
                yield result
                advance(1)
    finally:  # after Ctrl-C, do not scan the thousands of files that may be left
        pool.shutdown(cancel_futures=True)


def _scan_file(file: File) -> _ScannedFile:
    """Read a file; return the image, `None` if it cannot be used, and the findings."""
    try:
        status = file.path.stat()
        if stat.S_ISDIR(status.st_mode) and not file.path.is_symlink():
            return None, [("unreadable", "a folder that cannot be listed")]
        if stat.S_ISDIR(status.st_mode):
            return None, [("linked_folder", "")]
        if not stat.S_ISREG(status.st_mode):  # to open a pipe could block forever
            return None, [("other_file", "not a regular file")]
        with file.path.open("rb") as content:
            with own_limits():
                notes = _inspect(content, file.path, status.st_size)
            if notes is None:  # a film, for example: too long to hash
                return None, [("other_file", "")]
            content.seek(0)
            sha256 = hashlib.file_digest(content, "sha256").hexdigest()
    except _Unusable as error:
        return None, [(error.reason, str(error))]
    except OSError as error:
        return None, [("unreadable", error.strerror or str(error))]
    return ImageFile(file.path, file.label, file.split, status.st_size, sha256), notes


def _inspect(content: BinaryIO, path: Path, size: int) -> list[tuple[Reason, str]] | None:
    """Decode a file; return notes on it, or `None` if it is not an image by content or name.

    Raises:
        _Unusable: If it is an image by content or name, and cannot be used.
    """
    try:
        image = Image.open(content, formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise _Unusable("too_many_pixels", TOO_MANY_PIXELS) from error
    except Exception as error:  # Pillow's plugins raise many kinds
        _raise_disk_error(error)
        return _explain_unopened(content, path, size, error)
    with image:
        notes = list(_notes(image, path))
        deep = is_deep(image)
        image.draft(None, (1, 1))  # faster: a JPEG is read completely, but at a smaller size
        try:
            image.load()
        except Exception as error:
            _raise_disk_error(error)
            raise _broken(content, size, error) from error
        if has_empty_end(content, image.format):
            raise _Unusable("truncated", EMPTY_END)
        notes += [(note.reason, note.detail) for note in range_notes(image, path.name, deep=deep)]
    return notes


def _raise_disk_error(error: Exception) -> None:
    """Raise the error if it comes from the disk: then the image may be good."""
    if isinstance(error, OSError) and error.errno:
        raise error


def _explain_unopened(
    content: BinaryIO, path: Path, size: int, error: Exception
) -> list[tuple[Reason, str]] | None:
    """Raise the reason why an image cannot be opened; return `None` if it is not an image."""
    content.seek(0)
    start = content.read(SIGNATURE_BYTES)
    if name := find_other_format(start):
        raise _Unusable("unsupported_format", f"{name} by its content") from error
    if not is_named_as_image(path):
        return None
    if size == 0:
        raise _Unusable("empty_file", "") from error
    if path.suffix.lower() in OTHER_SUFFIXES:
        raise _Unusable("unsupported_format", f"{path.suffix.lower()} by its name") from error
    if start.startswith(SIGNATURES):
        raise _broken(content, size, error) from error
    raise _Unusable("not_an_image", "no signature of an image format") from error


def _broken(content: BinaryIO, size: int, error: Exception) -> _Unusable:
    """Return the error of a truncated or damaged image, by the message of Pillow's decoder."""
    is_truncated = "truncated" in str(error).lower() or _is_truncated_webp(content, size)
    is_unknown = isinstance(error, UnidentifiedImageError)  # its message shows an object in memory
    detail = "it begins like an image, but cannot be read" if is_unknown else str(error)
    return _Unusable("truncated" if is_truncated else "undecodable", detail or repr(error))


def _is_truncated_webp(content: BinaryIO, size: int) -> bool:
    """Return whether a WebP file is shorter than its header says; its decoder gives no reason."""
    content.seek(0)
    start = content.read(8)
    return start.startswith(b"RIFF") and int.from_bytes(start[4:], "little") + 8 > size


def _notes(image: Image.Image, path: Path) -> Iterator[tuple[Reason, str]]:
    """Yield notes about an image that can be used."""
    # A JPEG file of a phone may hold a second image; Pillow calls that format MPO.
    name = "JPEG" if image.format == "MPO" else str(image.format)
    if path.suffix.lower() not in SUFFIXES[name]:
        yield "wrong_extension", f"{name} by its content"
    with suppress(Exception):  # the first frame may be complete although the next one is not
        if image.format != "MPO" and getattr(image, "is_animated", False):
            yield "animated", ""
    if min(image.size) < SMALL_SIDE_PIXELS:
        yield "very_small", f"{image.width} x {image.height} pixels"
    for note in size_notes(image, path.name):
        yield note.reason, note.detail


def _find_duplicates(images: Iterable[ImageFile], layout: Layout) -> Iterator[Finding]:
    """Yield the findings about duplicates."""
    for group in group_by_content(images, lambda image: image.sha256):
        for image, reason, other in _compare_duplicates(group):
            class_name = layout.class_names[image.label]
            yield Finding(image.path, reason, "", class_name, image.split, other.path)


def _find_confusable_names(images: Iterable[ImageFile], layout: Layout) -> Iterator[Finding]:
    """Yield a finding for each file whose name looks the same as that of a file before it."""
    first: dict[str, ImageFile] = {}
    for image in images:
        other = first.setdefault(composed(str(image.path)), image)
        if other is not image:
            class_name = layout.class_names[image.label]
            detail = f"looks the same as the name of {other.path.name!a}"
            yield Finding(image.path, "confusable_name", detail, class_name, image.split)


def _compare_duplicates(
    duplicates: Sequence[ImageFile],
) -> Iterator[tuple[ImageFile, Reason, ImageFile]]:
    """Yield the files of a group of duplicates that have a finding: file, reason, other file.

    Duplicates with several labels cannot be used. Otherwise one file has no finding: the first one
    in the test set, else in the validation set, else in the training set. So no image to evaluate
    on is trained on.
    """
    if len({image.label for image in duplicates}) > 1:
        first = duplicates[0]
        other = next(image for image in duplicates if image.label != first.label)
        for image in duplicates:
            yield image, "conflicting_labels", other if image.label == first.label else first
        return
    kept = max(duplicates, key=_split_rank)
    for image in duplicates:
        if image.split != kept.split:
            yield image, "split_overlap", kept
        elif image is not kept:
            yield image, "duplicate", kept


def _split_rank(image: ImageFile) -> int:
    """Return the rank of the image's split: the test set is highest; 0 without split folders."""
    return SPLITS.index(image.split) if image.split else 0
