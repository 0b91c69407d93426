from dataclasses import replace
from pathlib import Path

import pytest

from catdog.data.report import ScanReport
from catdog.evaluation.label_issues import LabelIssue, LabelIssueReason, LabelIssues
from catdog.reporting.review import subjects
from catdog.reporting.review.subjects import Subjects, collect_subjects


def shown(found: Subjects, section: str) -> list[list[str]]:
    """Return the names of the images of each item of a section."""
    return [
        [found.images[image].name for image in item.images]
        for item in found.items
        if item.section == section
    ]


def test_each_kind_with_the_largest_doubt_first(report: ScanReport) -> None:
    found = collect_subjects(report, None)
    assert shown(found, "duplicates") == [
        ["cats/0.png", "dogs/same.png"],
        ["cats/near.tiff", "dogs/1.png"],
    ]
    assert shown(found, "broken") == [["cats/broken.png"]]
    assert ["dogs/blurred.jpg"] in shown(found, "quality")[:3]
    assert shown(found, "labels") == []
    sections = [item.section for item in found.items]
    assert sections == sorted(sections, key=subjects.SECTIONS.index)
    broken = next(item for item in found.items if item.section == "broken")
    assert broken.reason.startswith("Truncated: the end is missing.")
    assert [image.sha256 is None for image in found.images].count(True) == 1


def issue(path: Path, suggested: str, reason: LabelIssueReason = "improbable_label") -> LabelIssue:
    return LabelIssue(path, "test", "cats", suggested, 0.97, 0.03, 3.25, reason)


def test_suspicious_labels(report: ScanReport, folder: Path) -> None:
    """Of the labels that seem to be right, only the first by rank are shown."""
    images = [
        issue(folder / "cats/1.png", "dogs"),
        issue(folder / "cats/2.png", "cats", "out_of_distribution"),
        issue(folder / "cats/3.png", "cats"),
    ]
    many = [*images, *[issue(folder / "cats/1.png", "cats")] * 30, images[0]]
    found = collect_subjects(report, LabelIssues(tuple(many), folder))
    labels = [item for item in found.items if item.section == "labels"]
    assert len(labels) == subjects.MIN_OF_LABELS + 1
    assert [item.suggested for item in labels[:3]] == ["dogs", None, None]
    assert [item.reason for item in labels[:3]] == [
        "Labelled cats, looks like dogs.",
        "Labelled cats, looks like none of the classes: 3.2 times as far from them as usual.",
        "Labelled cats, but not clearly.",
    ]
    assert found.images[labels[0].images[0]].split == "test"


def test_labels_that_are_confirmed_are_not_shown(report: ScanReport, folder: Path) -> None:
    """In a clean folder, the first images by rank are right as well."""
    clear = replace(issue(folder / "cats/1.png", "cats"), label_probability=0.999)
    far = replace(clear, path=folder / "cats/2.png", reason="out_of_distribution")
    found = collect_subjects(report, LabelIssues((clear, far), folder))
    (item,) = (item for item in found.items if item.section == "labels")
    assert found.images[item.images[0]].path == far.path


def test_what_is_left_off_is_said(report: ScanReport, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subjects, "MAX_ITEMS", 1)
    found = collect_subjects(report, None)
    assert len(shown(found, "duplicates")) == 1
    assert found.left_off["duplicates"] == 1
    assert "broken" not in found.left_off
