"""`ScanReport`, the result of `scan_images`, and how it is printed."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from catdog._utils.errors import InvalidValueError
from catdog._utils.public import public
from catdog._utils.tables import Table, escape, html_table
from catdog._utils.text import count_line, counted, printable, shorten
from catdog.data.findings import MEANING, Bursts, Finding, ImageFile, Reason, relative_name
from catdog.data.quality import QualityReport
from catdog.images.notes import IMAGE_NOTES, Note
from catdog.typing import Split


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
        quality: The images ranked by quality; `None` if that was not asked for.
    """

    folder: Path
    class_names: tuple[str, ...]
    splits: tuple[Split, ...]
    n_files: int
    findings: tuple[Finding, ...] = field(repr=False)
    _readable: tuple[ImageFile, ...] = field(repr=False)
    bursts: Bursts | None = None
    quality: QualityReport | None = field(default=None, repr=False)
    # Set by corrections: what they decide about images of the folder, and what was usable before.
    _decisions: Mapping[str, str | None] = field(default_factory=dict, repr=False)
    _before: tuple[ImageFile, ...] = field(default=(), repr=False)

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
            **({"quality": self.quality.to_dict()} if self.quality else {}),
        }

    def __str__(self) -> str:
        return report_text(self, bursts_hint=self.bursts.hint if self.bursts else "")

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
        parts += [self.quality._repr_html_()] if self.quality else []
        return "\n".join(parts)


def report_text(report: ScanReport, *, bursts_hint: str) -> str:
    """Return counts and findings as lines of text, as `print(report)` shows them.

    Args:
        report: The result of a scan.
        bursts_hint: How to keep bursts together, if there are any.
    """
    name = printable(report.folder.name)
    lines = [f"{name}: {counted(report.n_files, 'file')}, {len(report.class_names)} classes"]
    lines += [count_line(name, counts) for name, counts in _counts(report)]
    for title, kinds in _sections(report):
        lines.append(title)
        for reason, findings in kinds.items():
            lines.append(f"  {reason} ({len(findings)}): {MEANING[reason]}")
            described = [describe(finding, report.folder) for finding in findings]
            lines += [f"    {line}" for line in shorten(described)]
    if report.bursts:
        lines += ["bursts:", *(f"  {line}" for line in str(report.bursts).splitlines())]
        lines.append(f"  {bursts_hint}")
    lines += [str(report.quality)] if report.quality else []
    return "\n".join(lines)


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
