"""`ScanReport`, the result of `scan_images`, and how it is printed."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from catdog._utils.errors import InvalidValueError
from catdog._utils.public import public
from catdog._utils.tables import Table, escape, html_table
from catdog._utils.text import count_line, counted, printable, shorten
from catdog.images.notes import IMAGE_NOTES, ImageNote, Note
from catdog.typing import Split

BadReason = Literal[
    "empty_file",
    "not_an_image",
    "unsupported_format",
    "truncated",
    "undecodable",
    "out_of_range",
    "too_many_pixels",
    "unreadable",
    "conflicting_labels",
    "split_overlap",
]
IgnoredReason = Literal["outside_class_folder", "hidden", "unlabelled", "linked_folder"]
NoteReason = Literal[
    "wrong_extension",
    "animated",
    "very_small",
    ImageNote,
    "duplicate",
    "near_duplicate_labels",
    "near_duplicate_splits",
    "near_duplicate",
    "confusable_name",
    "other_file",
    IgnoredReason,
]
Reason = BadReason | NoteReason

IGNORED_REASONS: tuple[IgnoredReason, ...] = get_args(IgnoredReason)
_BAD_REASONS = get_args(BadReason)

# The one list of reason codes, with what each means; reports print them in this order.
MEANING: Mapping[Reason, str] = {
    "empty_file": "the file is empty",
    "not_an_image": "the content is not that of an image",
    "unsupported_format": "save it as JPEG or PNG",
    "truncated": "the end is missing",
    "undecodable": "the content is damaged",
    "out_of_range": "scale the values to 0 to 65535, or floats to 0 to 255",
    "too_many_pixels": "it would fill the memory",
    "unreadable": "missing, or no permission to read it",
    "conflicting_labels": "one image in several classes",
    "split_overlap": "one image in several of train, validation and test",
    "wrong_extension": "used, read by their content",
    "animated": "used, the first frame of each",
    "very_small": "used, but there is little to see",
    "very_large": "used, but it takes much time and memory; save a smaller copy",
    "unfilled_range": "used, but dark: multiply the values so that white is 65535",
    "duplicate": "used, all duplicates in the same set",
    "near_duplicate_labels": "used, but nearly the same image in another class: check the labels",
    "near_duplicate_splits": "used, but nearly the same image in another split folder",
    "near_duplicate": "used, nearly the same image",
    "confusable_name": "used, but another name differs only in how Unicode writes accents",
    "other_file": "ignored, not an image",
    "outside_class_folder": "ignored, in no class folder",
    "hidden": "ignored, because its name or that of its folder begins with a dot",
    "unlabelled": "ignored, because its folder holds images to predict",
    "linked_folder": "ignored, because links to folders inside class folders are not followed",
}


@dataclass(frozen=True, slots=True)
class ImageFile:
    """An image file that was decoded completely.

    Attributes:
        path: Path of the file.
        label: Position of its class in the class names.
        split: The split folder that it is in; `None` if there are no split folders.
        size: Length of the file in bytes.
        sha256: Hash of the file, 64 hexadecimal digits.
        group: The group that it belongs to, such as a video; `None` without groups.
        cluster: Number of its cluster of near duplicates; `None` if it has none.
    """

    path: Path
    label: int
    split: Split | None
    size: int
    sha256: str
    group: str | None = None
    cluster: int | None = None


@dataclass(frozen=True)
class Bursts:
    """Images that follow each other by name look alike, as the frames of a video do.

    Attributes:
        share: How often they are more similar than other images of their class, from 0 to 1; by
            chance it would be 0.5.
        group_by: The argument of `load_datasets` that keeps them together; `None` if the names do
            not show where a burst ends.
        n_groups: Number of groups that it makes; `None` without `group_by`.
    """

    share: float
    group_by: str | None
    n_groups: int | None

    def __str__(self) -> str:
        return (
            f"Neighbours by name look alike: in {self.share:.0%} of the cases more than other images "
            "of their class, 50% by chance.\n"
            "They seem to be bursts, such as the frames of a video. If images of one burst are in "
            "two sets, the accuracy is too high."
        )

    @property
    def hint(self) -> str:
        """What to do."""
        if self.group_by is None:
            return (
                "Put each burst into a folder of its own below the class folder, and pass "
                'group_by="folder"; or name the group of each file in a CSV file.'
            )
        prefix = "r" if "\\" in self.group_by else ""
        return (
            f'group_by={prefix}"{self.group_by}" keeps each burst in one set: '
            f"{self.n_groups} groups."
        )


@public
@dataclass(frozen=True)
class Finding:
    """A problem of a file, or a note on it.

    Attributes:
        path: The file.
        reason: Code of the problem or note, such as `"truncated"` or `"duplicate"`.
        detail: More about it, such as the decoder's message; may be empty.
        class_name: The class folder that the file is in; `None` outside the class folders.
        split: The split folder that the file is in; `None` if there are no split folders.
        same_as: The file that it is a duplicate or a near duplicate of, if there is one.
    """

    path: Path
    reason: Reason
    detail: str
    class_name: str | None
    split: Split | None
    same_as: Path | None = None

    @property
    def bad(self) -> bool:
        """Whether the file cannot be used; `on_bad_image` of `load_datasets` is about these."""
        return self.reason in _BAD_REASONS


@public
@dataclass(frozen=True, eq=False)
class ScanReport:
    """The usable images and the problems of a folder.

    Made by [`scan_images`][catdog.scan_images]. `print` shows it as text; a notebook shows it as
    tables.

    Attributes:
        folder: The folder of the class folders, or of the split folders.
        class_names: Names of the classes, sorted.
        splits: The splits that have a folder of their own; empty if there are none.
        n_files: Number of files in the class folders, without hidden files and system files.
        findings: All problems and notes, ordered by path.
        bursts: How alike images are whose names follow each other, if they seem to be bursts, such
            as the frames of a video; else `None`.
    """

    folder: Path
    class_names: tuple[str, ...]
    splits: tuple[Split, ...]
    n_files: int
    findings: tuple[Finding, ...] = field(repr=False)
    _readable: tuple[ImageFile, ...] = field(repr=False)
    bursts: Bursts | None = None

    @property
    def bad(self) -> tuple[Finding, ...]:
        """The findings about files that cannot be used."""
        return tuple(finding for finding in self.findings if finding.bad)

    def label_counts(self, split: Split | None = None) -> dict[str, int]:
        """Return how many usable images each class has, such as `{"cats": 1000, ...}`.

        Args:
            split: Count only the images in this split folder.

        Raises:
            ValueError: If the folder has no such split folder.
        """
        if split is not None and split not in self.splits:
            there = ", ".join(repr(name) for name in self.splits) or "none: leave it out"
            raise InvalidValueError(
                f"has no folder in {self.folder}",
                argument="split",
                value=split,
                hint=f"There is {there}.",
            )
        counts = dict.fromkeys(self.class_names, 0)
        for image in usable_images(self):
            if split in (None, image.split):
                counts[self.class_names[image.label]] += 1
        return counts

    def rows(self) -> list[dict[str, str | bool | None]]:
        """Return the findings as dictionaries, for `csv` or `pandas.DataFrame`.

        The keys are `path` and `same_as` (relative to the folder), `class_name`, `split`, `reason`,
        `detail` and `bad`.
        """
        return [
            {
                "path": relative_name(finding.path, self.folder),
                "class_name": finding.class_name,
                "split": finding.split,
                "reason": finding.reason,
                "detail": finding.detail,
                "same_as": relative_name(other, self.folder)
                if (other := finding.same_as)
                else None,
                "bad": finding.bad,
            }
            for finding in self.findings
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return counts and findings, ready for `json.dump`."""
        return {
            "folder": str(self.folder),
            "class_names": list(self.class_names),
            "splits": list(self.splits),
            "n_files": self.n_files,
            "usable": self.label_counts(),
            "findings": self.rows(),
            "bursts": asdict(self.bursts) if self.bursts else None,
        }

    def __str__(self) -> str:
        name = printable(self.folder.name)
        lines = [f"{name}: {counted(self.n_files, 'file')}, {len(self.class_names)} classes"]
        lines += [count_line(name, counts) for name, counts in _counts(self)]
        for title, kinds in _sections(self):
            lines.append(title)
            for reason, findings in kinds.items():
                lines.append(f"  {reason} ({len(findings)}): {MEANING[reason]}")
                described = [describe(finding, self.folder) for finding in findings]
                lines += [f"    {line}" for line in shorten(described)]
        if self.bursts:
            lines += ["bursts:", *(f"  {line}" for line in str(self.bursts).splitlines())]
            lines.append(f"  {self.bursts.hint}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """Return the report as tables, for notebooks."""
        counts = [
            (name, *by_class.values(), sum(by_class.values())) for name, by_class in _counts(self)
        ]
        parts = [
            f"<p><b>{escape(self.folder.name)}</b>: {counted(self.n_files, 'file')}</p>",
            html_table(Table(("usable images", *self.class_names, "all"), counts)),
        ]
        for title, kinds in _sections(self):
            rows = [
                (reason, relative_name(finding.path, self.folder), _details(finding, self.folder))
                for reason, findings in kinds.items()
                for finding in findings
            ]
            parts += [
                f"<p>{escape(title)}</p>",
                html_table(Table(("what", "file", "detail"), rows)),
            ]
        if self.bursts:
            parts.append(f"<p>{escape(f'{self.bursts} {self.bursts.hint}')}</p>")
        return "\n".join(parts)


def usable_images(report: ScanReport) -> list[ImageFile]:
    """Return the images that can be used: no conflicting labels, no overlap of splits."""
    bad = {finding.path for finding in report.bad}
    return [image for image in report._readable if image.path not in bad]


def readable_images(report: ScanReport) -> tuple[ImageFile, ...]:
    """Return all images that can be decoded."""
    return report._readable


def image_notes(report: ScanReport) -> Iterator[Note]:
    """Yield the notes on images that are used as they are, but may come out other than expected."""
    for reason in IMAGE_NOTES:
        for finding in report.findings:
            if finding.reason == reason:
                name = relative_name(finding.path, report.folder)
                yield Note(reason, finding.detail, name)


def describe(finding: Finding, folder: Path) -> str:
    """Return a line such as `cats/felix.jpg: image file is truncated`."""
    parts = (relative_name(finding.path, folder), _details(finding, folder))
    return ": ".join(printable(part) for part in parts if part)


def _details(finding: Finding, folder: Path) -> str:
    """Return the detail of a finding, or the file that it is a duplicate of."""
    if finding.same_as:
        degree = "nearly " if finding.reason.startswith("near") else ""
        return f"{degree}the same image as {relative_name(finding.same_as, folder)}"
    return finding.detail


def relative_name(path: Path, folder: Path) -> str:
    """Return `path` relative to `folder`, with forward slashes on every system."""
    return Path(os.path.relpath(path, folder)).as_posix()


def _counts(report: ScanReport) -> Iterator[tuple[str, dict[str, int]]]:
    """Yield the name and the counts of each split folder, or of all images."""
    if not report.splits:
        yield "images", report.label_counts()
    for split in report.splits:
        yield split, report.label_counts(split)


def _sections(report: ScanReport) -> Iterator[tuple[str, dict[Reason, list[Finding]]]]:
    """Yield the title and the findings by reason of each section of the report."""
    for title, bad in (("cannot be used", True), ("to check", False)):
        kinds: dict[Reason, list[Finding]] = {}
        for reason in MEANING:
            found = [finding for finding in report.findings if finding.reason == reason]
            if found and found[0].bad is bad:
                kinds[reason] = found
        if kinds:
            files = {finding.path for findings in kinds.values() for finding in findings}
            yield f"{title}: {counted(len(files), 'file')}", kinds
