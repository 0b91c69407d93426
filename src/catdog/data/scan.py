"""Scan a folder for files that are not images, damaged images, duplicates and near duplicates."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from os import PathLike
from pathlib import Path

from catdog._utils.errors import HintCode, InvalidValueError, UsageWarning
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
from catdog.data.early_pixels import EarlyPixels
from catdog.data.findings import FOLDER, Finding, ImageFile
from catdog.data.layout import Layout, find_layout
from catdog.data.near_duplicates import directions
from catdog.data.quality import measure_images
from catdog.data.report import ScanReport, usable_images
from catdog.data.scan_file import ScannedFile, scan_file
from catdog.data.source import find_source
from catdog.data.table_layout import find_table_layout
from catdog.typing import LabelTable


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
    layout = _find_layout(root) if labels is None else find_table_layout(root, labels).layout
    corrected = None if corrections is None else read_corrections(corrections, layout.class_names)
    copies = [layout.copies.warning()] if layout.copies else []
    for doubt in [*layout.doubts, *copies]:
        warnings.warn(doubt, stacklevel=2)
    report = scan_layout(layout, corrected.decisions if corrected else {})
    if corrected:
        warn_unknown(corrected, report, stacklevel=2)
    if not quality:
        return report
    measured = measure_images(usable_images(report), report.class_names, report.folder)
    return replace(report, quality=measured)


def _find_layout(root: Path) -> Layout:
    """Return the layout; warn if `load_datasets` needs `group_by` to know what folders mean."""
    try:
        return find_layout(root)
    except InvalidValueError as error:
        if error.hint_code is not HintCode.CHOOSE_LEVEL:  # groups would not make it clear
            raise
        layout = find_layout(root, group_by=FOLDER)
        sentence = f"load_datasets needs group_by: {error.rule}."
        warning = UsageWarning(sentence, hint=error.hint, hint_code=error.hint_code)
        warnings.warn(warning, stacklevel=3)
        return layout


def scan_layout(
    layout: Layout, decisions: Decisions, early: EarlyPixels | None = None
) -> ScanReport:
    """Scan every file of a folder whose layout is known, and apply corrections.

    Args:
        layout: The files, and the class of each.
        decisions: The corrections.
        early: Receives the pixels of large images at the size of the data set.
    """
    readable: list[ImageFile] = []
    thumbnails: list[bytes] = []
    findings = [Finding(path, reason, "", None, None) for path, reason in layout.ignored]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="PIL")  # they do not name the file
        scanned = list(_scan_files(layout, early))
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
        relabelled(readable, decisions, layout.class_names),
        whole,
        own,
        layout,
        left_out={sha256 for sha256, label in decisions.items() if label is None},
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


def _scan_files(layout: Layout, early: EarlyPixels | None) -> Iterator[ScannedFile]:
    """Scan the files in parallel threads; Pillow and hashlib release the GIL."""
    doing = f"Scanning the images of {printable(layout.root.name)}"
    # The first files, not the first threads, so that a folder always gives the same pixels.
    count = early.max_images if early else 0
    tasks = [
        partial(scan_file, file, early if number < count else None)
        for number, file in enumerate(layout.files)
    ]
    return map_in_threads(lambda task: task(), tasks, doing)
