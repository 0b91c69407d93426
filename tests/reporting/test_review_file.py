import json
import os
import stat
from pathlib import Path

import pytest

from catdog import load_datasets, save_corrections, scan_images
from catdog.data.report import ScanReport
from catdog.reporting.review.corrections_file import CorrectionsFile, StaleDecisionError


def contents(report: ScanReport) -> dict[str, str]:
    """Return the hash of each image by its name."""
    return {image.path.name: image.sha256 for image in report._readable}


def decide(file: CorrectionsFile, sha256: str, label: str | None) -> None:
    known = file.decisions
    before = (known[sha256],) if sha256 in known else None
    file.decide(sha256, label, name="x.png", before=before)


def test_decisions_are_those_that_load_datasets_applies(
    report: ScanReport, out: Path, folder: Path
) -> None:
    """Keep, relabel, leave out; also where one image is in two classes."""
    of = contents(report)
    file = CorrectionsFile(out, report)
    for name, label in {"1.png": "dogs", "2.png": None, "same.png": "cats"}.items():
        decide(file, of[name], label)
    decide(file, of["3.png"], "dogs")  # its own: both classes have one of this name
    with pytest.warns(match="left out"):
        data = load_datasets(folder, corrections=out, on_bad_image="skip")
    reasons = {item.reason: item.path.name for item in data.report.findings}
    assert (reasons["corrected"], reasons["left_out"]) == ("same.png", "2.png")
    assert "conflicting_labels" not in reasons
    again = CorrectionsFile(out, report)
    assert again.decisions == file.decisions
    assert not again.can_undo


def test_undo_restores_what_was_before(report: ScanReport, out: Path) -> None:
    first, second = list(contents(report).values())[:2]
    file = CorrectionsFile(out, report)
    decide(file, first, "dogs")
    once = out.read_bytes()
    decide(file, first, None)
    decide(file, second, "cats")
    assert (file.undo(), file.undo()) == (second, first)
    assert out.read_bytes() == once
    assert file.undo() == first
    assert file.decisions == {}
    with pytest.raises(StaleDecisionError, match="nothing to undo"):
        file.undo()


def test_what_else_the_file_holds_is_kept(report: ScanReport, out: Path, folder: Path) -> None:
    with pytest.warns(match="left out"):
        data = load_datasets(folder, on_bad_image="skip")
    save_corrections(data, {"dogs/2.png": None}, out)
    raw = json.loads(out.read_text())
    raw["corrections"][0]["note"] = "by hand"
    out.write_text(json.dumps({**raw, "author": "me"}))
    file = CorrectionsFile(out, report)
    decide(file, contents(report)["1.png"], "cats")
    raw = json.loads(out.read_text())
    assert raw["author"] == "me"
    assert [entry.get("note") for entry in raw["corrections"]] == ["by hand", None]


def rewrite(out: Path) -> None:
    out.write_bytes(out.read_bytes() + b" ")


def replace_by_folder(out: Path) -> None:
    out.unlink()
    out.mkdir()


@pytest.mark.parametrize("change", [rewrite, Path.unlink, replace_by_folder])
def test_a_change_by_another_program_is_not_overwritten(
    report: ScanReport, out: Path, change: object
) -> None:
    first, second = list(contents(report).values())[:2]
    file = CorrectionsFile(out, report)
    decide(file, first, "dogs")
    change(out)  # type: ignore[operator]
    found = out.read_bytes() if out.is_file() else out.exists()
    for action in (lambda: decide(file, second, "cats"), file.undo):
        with pytest.raises(StaleDecisionError, match="Another program has changed corrections"):
            action()
    assert (out.read_bytes() if out.is_file() else out.exists()) == found
    assert file.decisions == {first: "dogs"}
    assert [path for path in out.parent.iterdir() if "partial" in path.name] == []


def test_a_file_that_appears_is_not_overwritten(report: ScanReport, out: Path) -> None:
    first, second = list(contents(report).values())[:2]
    file, other = CorrectionsFile(out, report), CorrectionsFile(out, report)
    decide(other, first, None)
    with pytest.raises(StaleDecisionError, match="Another program"):
        decide(file, second, "cats")
    assert CorrectionsFile(out, report).decisions == {first: None}


def test_another_decision_than_was_shown(report: ScanReport, out: Path) -> None:
    first = next(iter(contents(report).values()))
    file = CorrectionsFile(out, report)
    decide(file, first, "dogs")
    for before in (None, ("cats",), (None,)):
        with pytest.raises(StaleDecisionError, match="elsewhere meanwhile"):
            file.decide(first, "cats", name="x.png", before=before)
    assert file.decisions == {first: "dogs"}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{}", "out='.*' is not a file of corrections"),
        ("", "is not JSON"),
        ('{"format": "catdog corrections", "version": 1, "corrections": [{"sha256": "'
         + "0" * 64 + '", "leave_out": true}]}', "holds decisions, but none about an image of"),
        ('{"format": "catdog corrections", "version": 1, "corrections": [{"sha256": "'
         + "0" * 64 + '", "label": "horses"}]}', "horses"),
    ],
)  # fmt: skip
def test_files_that_are_not_overwritten(
    report: ScanReport, out: Path, content: str, problem: str
) -> None:
    out.write_text(content)
    with pytest.raises(ValueError, match=problem):
        CorrectionsFile(out, report)
    assert out.read_text() == content


def test_a_folder_and_a_read_only_file(report: ScanReport, out: Path) -> None:
    with pytest.raises(FileNotFoundError):
        CorrectionsFile(out.parent / "none" / "c.json", report)
    decide(CorrectionsFile(out, report), next(iter(contents(report).values())), None)
    out.chmod(0o444)
    with pytest.raises(OSError, match=r"out='.*' is read-only"):
        CorrectionsFile(out, report)


def test_a_decision_is_on_the_disk_before_it_counts(
    report: ScanReport, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The content is written to the disk before the file is replaced, the folder after it."""
    first, second = list(contents(report).values())[:2]
    file = CorrectionsFile(out, report)
    decide(file, first, "dogs")
    events: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def synced(descriptor: int) -> None:
        events.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "content")
        fsync(descriptor)

    def replaced(self: Path, target: Path) -> Path:
        events.append("replace")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", replaced)
    decide(file, second, None)
    assert events == ["content", "replace", "folder"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_loses_nothing(
    report: ScanReport, out: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    first, second = list(contents(report).values())[:2]
    file = CorrectionsFile(out, report)
    decide(file, first, "dogs")
    before = out.read_bytes()

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os if step == "fsync" else Path, step, fail)
        with pytest.raises(OSError, match="No space"):
            decide(file, second, None)
    assert (out.read_bytes(), file.decisions) == (before, {first: "dogs"})
    decide(file, second, None)
    assert scan_images(report.folder, corrections=out).folder == report.folder
