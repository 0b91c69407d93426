"""What the review page shows: doubtful images, the largest doubt of each kind first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from catdog._utils.text import printable
from catdog.data.findings import MEANING, Finding, ImageFile, Reason, relative_name
from catdog.data.quality import FAULTS, MEASURES, ImageQuality, QualityReport
from catdog.data.report import ScanReport, readable_images
from catdog.evaluation.label_issues import LabelIssue, LabelIssues, is_confirmed
from catdog.typing import Split

Section = Literal["labels", "duplicates", "broken", "quality"]
SECTIONS: tuple[Section, ...] = get_args(Section)
MAX_ITEMS = 200  # of a section: more are not looked at in one sitting
MIN_OF_FAULT, MAX_OF_FAULT = 3, 12  # images that are worst by one measure of quality
ONE_OF_FAULT = 50  # images, within these limits
MIN_OF_LABELS = 10  # images that are shown although no other class is more probable
ONE_OF_LABELS = 20  # images, if these are more
_PAIRS: tuple[Reason, ...] = (
    "conflicting_labels",
    "near_duplicate_labels",
    "near_duplicate_splits",
    "near_duplicate",
)
_NOTES: tuple[Reason, ...] = ("transparent", "unfilled_range", "very_small")


@dataclass(frozen=True, slots=True)
class ReviewImage:
    """An image file on the page.

    Attributes:
        path: The file.
        name: Its path relative to the folder, for people.
        label: Name of the class that it is labelled as; `None` if it is in no class.
        split: The split that it is in; `None` if that is not known.
        sha256: Hash of the file, 64 hexadecimal digits; `None` if it cannot be read as an image.
    """

    path: Path
    name: str
    label: str | None
    split: Split | None
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Item:
    """One doubt: an image, or two that are nearly the same.

    Attributes:
        section: The kind of doubt.
        images: Positions of the images in `Subjects.images`.
        reason: The doubt, as a sentence.
        suggested: Name of the class that the image looks like; `None` if there is none.
    """

    section: Section
    images: tuple[int, ...]
    reason: str
    suggested: str | None = None


@dataclass(frozen=True)
class Subjects:
    """All that a review page shows.

    Attributes:
        folder: The folder of the images.
        class_names: Names of the classes.
        images: The images.
        items: The doubts, section by section, the largest first.
        left_off: Number of further doubts of each section, which are not shown.
    """

    folder: Path
    class_names: tuple[str, ...]
    images: tuple[ReviewImage, ...]
    items: tuple[Item, ...]
    left_off: dict[Section, int] = field(default_factory=dict)


def collect_subjects(report: ScanReport, issues: LabelIssues | None) -> Subjects:
    """Return the doubtful images of a folder.

    Args:
        report: The result of a scan without corrections, with the quality of the images.
        issues: The images ranked by label issues; `None` without a model.
    """
    images = _Images(report, issues)
    found: dict[Section, list[Item]] = {
        "labels": list(_suspicious(issues.images, images)) if issues else [],
        "duplicates": list(_pairs(report, images)),
        "broken": list(_broken(report, images)),
        "quality": list(_poor(report, images)),
    }
    items = [item for section in SECTIONS for item in found[section][:MAX_ITEMS]]
    left_off = {
        section: rest for section in SECTIONS if (rest := len(found[section]) - MAX_ITEMS) > 0
    }
    return Subjects(
        report.folder, report.class_names, tuple(images.collected), tuple(items), left_off
    )


class _Images:
    """Collects the images of the items, each once."""

    def __init__(self, report: ScanReport, issues: LabelIssues | None) -> None:
        self.collected: list[ReviewImage] = []
        self._report = report
        self._files = {image.path: image for image in readable_images(report)}
        self._splits = {issue.path: issue.split for issue in issues.images} if issues else {}
        self._positions: dict[Path, int] = {}

    def find(self, path: Path) -> ImageFile | None:
        """Return what the scan knows about an image; `None` if it cannot be read."""
        return self._files.get(path)

    def add(self, path: Path, finding: Finding | None = None) -> int:
        """Return the position of an image, which is collected if it is new."""
        if path not in self._positions:
            self._positions[path] = len(self.collected)
            self.collected.append(self._describe(path, finding))
        return self._positions[path]

    def _describe(self, path: Path, finding: Finding | None) -> ReviewImage:
        name = printable(relative_name(path, self._report.folder))
        if file := self.find(path):
            label = self._report.class_names[file.label]
            return ReviewImage(path, name, label, self._splits.get(path, file.split), file.sha256)
        about = finding or Finding(path, "unreadable", "", None, None)
        return ReviewImage(path, name, about.class_name, about.split, None)


def _suspicious(issues: Sequence[LabelIssue], images: _Images) -> Iterator[Item]:
    """Yield the first images by rank, and all others of which another class is more probable.

    Of the first ones, those whose label is confirmed are left out.
    """
    first = max(MIN_OF_LABELS, len(issues) // ONE_OF_LABELS)
    for rank, issue in enumerate(issues):
        if (rank < first and not is_confirmed(issue)) or issue.suggested != issue.label:
            yield _label_item(issue, images)


def _label_item(issue: LabelIssue, images: _Images) -> Item:
    position = images.add(issue.path)
    if issue.reason == "out_of_distribution":
        reason = (
            f"Labelled {issue.label}, looks like none of the classes: {issue.distance:.1f} times "
            "as far from them as usual."
        )
        return Item("labels", (position,), reason)
    if issue.suggested == issue.label:
        return Item("labels", (position,), f"Labelled {issue.label}, but not clearly.")
    # Without its probability: the classifier is overconfident, and 100 % would be believed.
    reason = f"Labelled {issue.label}, looks like {issue.suggested}."
    return Item("labels", (position,), reason, issue.suggested)


def _pairs(report: ScanReport, images: _Images) -> Iterator[Item]:
    """Yield the pairs of duplicates and near duplicates, those in two classes first."""
    seen: set[frozenset[str]] = set()
    for reason in _PAIRS:
        for finding in report.findings:
            first, second = (
                images.find(path) if path else None for path in (finding.path, finding.same_as)
            )
            if finding.reason != reason or not first or not second:
                continue
            contents = frozenset((first.sha256, second.sha256))
            if contents not in seen:  # both images of a pair may have a finding
                seen.add(contents)
                positions = (images.add(first.path), images.add(second.path))
                yield Item("duplicates", positions, _pair_reason(reason))


def _pair_reason(reason: Reason) -> str:
    return {
        "conflicting_labels": "The same image in two classes: only one label can be right.",
        "near_duplicate_labels": "Nearly the same image in two classes: check both labels.",
        "near_duplicate_splits": "Nearly the same image in two split folders: one can be left out.",
        "near_duplicate": "Nearly the same image twice: one can be left out.",
    }[reason]


def _broken(report: ScanReport, images: _Images) -> Iterator[Item]:
    """Yield the files that cannot be used, and are not in a pair."""
    for finding in report.bad:
        if finding.reason != "conflicting_labels":
            kind = finding.reason.replace("_", " ").capitalize()
            detail = printable(finding.detail).rstrip(".")
            more = f" ({detail[0].upper()}{detail[1:]}.)" if detail else ""
            reason = f"{kind}: {MEANING[finding.reason]}.{more}"
            yield Item("broken", (images.add(finding.path, finding),), reason)


def _poor(report: ScanReport, images: _Images) -> Iterator[Item]:
    """Yield the images of poor quality; each gets the better of its ranks."""
    ranks: dict[Path, int] = {}
    reasons: dict[Path, list[str]] = {}
    for path, rank, reason in [*_noted(report), *_worst(report.quality)]:
        ranks[path] = min(rank, ranks.get(path, rank))
        reasons.setdefault(path, []).append(reason)
    for path in sorted(ranks, key=ranks.__getitem__):
        text = "; ".join(reasons[path])
        yield Item("quality", (images.add(path),), f"{text[0].upper()}{text[1:]}.")


def _noted(report: ScanReport) -> Iterator[tuple[Path, int, str]]:
    for finding in report.findings:
        if finding.reason in _NOTES:
            detail = f" ({printable(finding.detail)})" if finding.detail else ""
            yield finding.path, -1, f"{MEANING[finding.reason]}{detail}"


def _worst(quality: QualityReport | None) -> Iterator[tuple[Path, int, str]]:
    """Yield the images that are worst by a measure: the file, its rank and the reason."""
    if quality is None or not quality.images:
        return
    medians = quality.medians()
    count = max(MIN_OF_FAULT, min(MAX_OF_FAULT, len(quality.images) // ONE_OF_FAULT))
    for fault in FAULTS:
        attribute, name, spec = MEASURES[fault]
        worst: Sequence[ImageQuality] = quality.worst(fault, count)
        for rank, image in enumerate(worst):
            value = format(getattr(image, attribute), spec)
            median = format(medians[image.class_name][attribute], spec)
            yield (
                image.path,
                rank,
                f"{fault}: {name} {value}, the median of {image.class_name} is {median}",
            )
