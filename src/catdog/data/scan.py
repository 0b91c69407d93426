"""Scan a folder for files that are not images, damaged images, duplicates and near duplicates."""

import hashlib
import stat
import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import BinaryIO, NamedTuple

from PIL import Image

from catdog._utils.errors import InvalidValueError, UsageWarning
from catdog._utils.public import public
from catdog._utils.text import printable
from catdog._utils.threads import map_in_threads
from catdog.data.bursts import find_bursts
from catdog.data.copies import (
    find_confusable_names,
    find_duplicates,
    mark_near_duplicates,
)
from catdog.data.corrections import (
    Decisions,
    correction_findings,
    read_corrections,
    record_decisions,
    relabelled,
    warn_unknown,
    without_left_out,
)
from catdog.data.findings import Finding, ImageFile, Reason
from catdog.data.layout import File, Layout, check_without_groups, find_layout
from catdog.data.near_duplicates import directions
from catdog.data.quality import measure_images
from catdog.data.report import ScanReport, usable_images
from catdog.data.source import find_source
from catdog.data.table_layout import find_table_layout
from catdog.data.unusable import Unusable, broken, explain_unopened, raise_disk_error
from catdog.images.complete import TruncatedImageError
from catdog.images.containers import open_image
from catdog.images.formats import SUFFIXES, format_name
from catdog.images.greys import check_range
from catdog.images.limits import TOO_MANY_PIXELS, own_limits
from catdog.images.loading import load_pixels
from catdog.images.notes import Note
from catdog.images.thumbnails import TINY_SIDE, tiny_thumbnail
from catdog.typing import LabelTable

SMALL_SIDE_PIXELS = 32  # pixels; a side shorter than this is reported


@public
def scan_images(
    folder: "str | PathLike[str]",
    *,
    labels: LabelTable | None = None,
    corrections: "str | PathLike[str] | None" = None,
    quality: bool = False,
) -> ScanReport:
    """Scan a folder of images for files that cannot be used.

    Every file in the class folders is read once, on all processor cores. A scan that takes longer
    than a second shows its progress. No file is changed, moved or deleted. The format of a file is
    detected from its content, not from its name.

    Files that cannot be used, which `load_datasets` refuses or leaves out:

    - empty files, and files with the name of an image that are not images;
    - images in a format that catdog does not read, such as a camera's raw format, and HEIC images
      if the extra package for them is not installed;
    - greys of more than 8 bits with values outside their range;
    - truncated and damaged images, and images of more than 178 million pixels;
    - files that cannot be opened;
    - duplicates in two classes;
    - duplicates in two of `train/`, `validation/` and `test/`. The file to evaluate on can be used,
      the file to train on cannot.

    Files that are reported, but cause no error:

    - images with the suffix of another format, animated images, images with a side of less than 32
      pixels or with more than 89 million pixels, images that are dark or flat, because their
      values do not fill their range, and images that are white, because they are transparent;
    - duplicates in one class that cannot be in two splits;
    - near duplicates, first those in two classes or in two split folders, and bursts;
    - names that look the same, because they differ only in how Unicode writes accents;
    - files that are not images, links to folders, and images in no class folder, in hidden folders
      and in folders of images to predict, which are not used;
    - images that a table of labels does not list, and what corrections change.

    Args:
        folder: A folder as `load_datasets` takes it, or the name of a data set, which is fetched if
            necessary.
        labels: A table of the images and their labels, as `load_datasets` takes it.
        corrections: A file of decisions about single images, as `load_datasets` takes it.
        quality: Also measure each usable image, and rank those of each class by what is blurred,
            dark, overexposed, flat or tiny, as `report.quality`. Each image is decoded once more.

    Returns:
        The images of each class, and every finding by file and reason.

    Raises:
        FileNotFoundError: If the folder, the table or the file of corrections does not exist.
        NotADirectoryError: If `folder` is a file.
        OSError: If the data set cannot be fetched.
        TypeError: If an argument is of another type.
        ValueError: If the layout of the folder is not understood, or the table or the corrections
            are not valid.

    Example:
        ```python
        from catdog import scan_images

        report = scan_images("synthetic")
        print(report)
        for row in report.rows():
            print(row["path"], row["reason"], row["detail"])
        ```
    """
    root = find_source("folder", folder)
    if labels is None:
        layout = find_layout(root, grouped=True)
        _warn_unclear(root)
    else:
        layout = find_table_layout(root, labels).layout
    corrected = None if corrections is None else read_corrections(corrections, layout.class_names)
    for doubt in layout.doubts:
        warnings.warn(doubt, stacklevel=2)
    report = scan_layout(layout, corrected.decisions if corrected else {})
    if corrected:
        warn_unknown(corrected, report, stacklevel=2)
    if not quality:
        return report
    measured = measure_images(usable_images(report), report.class_names, report.folder)
    return replace(report, quality=measured)


def _warn_unclear(root: Path) -> None:
    """Warn if `load_datasets` refuses a folder unless `group_by` says what its folders mean."""
    try:
        check_without_groups(root)
    except InvalidValueError as error:
        sentence = f"load_datasets needs group_by: {error.rule}."
        warning = UsageWarning(sentence, hint=error.hint, hint_code=error.hint_code)
        warnings.warn(warning, stacklevel=3)


def scan_layout(layout: Layout, decisions: Decisions) -> ScanReport:
    """Scan every file of a folder whose layout is known, and apply corrections."""
    readable: list[ImageFile] = []
    thumbnails: list[bytes] = []
    findings = [Finding(path, reason, "", None, None) for path, reason in layout.ignored]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="PIL")  # they do not name the file
        scanned = list(_scan_files(layout))
    for file, one in zip(layout.files, scanned, strict=True):
        class_name = layout.class_names[file.label]
        findings += [
            Finding(file.path, reason, detail, class_name, file.split)
            for reason, detail in one.notes
        ]
        if one.image:
            readable.append(one.image)
            thumbnails.append(one.thumbnail)
    # Near duplicates of images that are left out, too, so that these move no others.
    whole, own = directions(thumbnails)
    marked, near = mark_near_duplicates(
        relabelled(readable, decisions, layout.class_names), whole, own, layout
    )
    images = without_left_out(marked, decisions)
    findings += find_duplicates(images, layout)
    findings += near
    findings += find_confusable_names(images, layout)
    findings += correction_findings(readable, decisions, layout.class_names)
    report = ScanReport(
        layout.root,
        layout.class_names,
        layout.splits,
        len(layout.files),
        _shown(findings),
        tuple(images),
        find_bursts(marked, own, layout),
    )
    if decisions:
        before = [
            replace(image, cluster=other.cluster)
            for image, other in zip(readable, marked, strict=True)
        ]
        return record_decisions(report, before, decisions, layout)
    return report


def _shown(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return the findings ordered by path, without the notes on files that are not used."""
    left_out = {finding.path for finding in findings if finding.reason == "left_out"}
    unused = left_out | {finding.path for finding in findings if finding.bad}
    shown = [
        finding
        for finding in findings
        if (finding.bad or finding.reason == "left_out" or finding.path not in unused)
        and finding.same_as not in left_out
    ]
    return tuple(sorted(shown, key=lambda finding: finding.path.parts))


class _ScannedFile(NamedTuple):
    """Findings about a file, and the image with its tiny thumbnail, if it can be decoded."""

    notes: list[tuple[Reason, str]]
    image: ImageFile | None = None
    thumbnail: bytes = b""


def _scan_files(layout: Layout) -> Iterator[_ScannedFile]:
    """Scan the files in parallel threads; Pillow and hashlib release the GIL."""
    doing = f"Scanning the images of {printable(layout.root.name)}"
    return map_in_threads(_scan_file, layout.files, doing)


def _scan_file(file: File) -> _ScannedFile:
    """Read a file; return the image, if it can be used, and the findings."""
    try:
        status = file.path.stat()
        if stat.S_ISDIR(status.st_mode) and not file.path.is_symlink():
            return _ScannedFile([("unreadable", "a folder that cannot be listed")])
        if stat.S_ISDIR(status.st_mode):
            return _ScannedFile([("linked_folder", "")])
        if not stat.S_ISREG(status.st_mode):  # to open a pipe could block forever
            return _ScannedFile([("other_file", "not a regular file")])
        with file.path.open("rb") as content:
            with own_limits():
                inspected = _inspect(content, file.path, status.st_size)
            if inspected is None:  # a film, for example: too long to hash
                return _ScannedFile([("other_file", "")])
            content.seek(0)
            sha256 = hashlib.file_digest(content, "sha256").hexdigest()
    except Unusable as error:
        return _ScannedFile([(error.reason, str(error))])
    except OSError as error:
        return _ScannedFile([("unreadable", error.strerror or str(error))])
    notes, thumbnail = inspected
    image = ImageFile(file.path, file.label, file.split, status.st_size, sha256)
    return _ScannedFile(notes, image, thumbnail)


def _inspect(
    content: BinaryIO, path: Path, size: int
) -> tuple[list[tuple[Reason, str]], bytes] | None:
    """Decode a file; return notes and a tiny thumbnail, or `None` if it is no image at all.

    It is an image by its content or by its name.

    Raises:
        Unusable: If it is an image by content or name, and cannot be used.
    """
    try:
        image = open_image(content)
    except Image.DecompressionBombError as error:
        raise Unusable("too_many_pixels", TOO_MANY_PIXELS) from error
    except Exception as error:  # Pillow's plugins raise many kinds
        raise_disk_error(error)
        explain_unopened(content, path, size, error)
        return None
    with image:
        notes = list(_notes(image, path))
        found: list[Note] = []
        try:
            # A JPEG is read completely, but at a smaller size, of which the thumbnail is made.
            loaded = load_pixels(image, path.name, found, file=content, min_side=2 * TINY_SIDE)
        except TruncatedImageError as error:
            raise Unusable("truncated", str(error)) from error
        except Exception as error:
            raise_disk_error(error)
            raise broken(content, size, error) from error
        try:
            check_range(loaded)
        except ValueError as error:
            raise Unusable("out_of_range", str(error)) from error
        notes += [(note.reason, note.detail) for note in found]
        return notes, tiny_thumbnail(loaded)


def _notes(image: Image.Image, path: Path) -> Iterator[tuple[Reason, str]]:
    """Yield notes about an image that can be used."""
    name = format_name(image.format)
    if path.suffix.lower() not in SUFFIXES[name]:
        yield "wrong_extension", f"{name} by its content"
    with suppress(Exception):  # the first frame may be complete although the next one is not
        if image.format != "MPO" and getattr(image, "is_animated", False):
            yield "animated", ""
    if min(image.size) < SMALL_SIDE_PIXELS:
        yield "very_small", f"{image.width} x {image.height} pixels"
