"""`ScanReport`: its counts, rows, text and tables."""

import os
import re
from pathlib import Path
from typing import get_args

import pytest

from catdog import load_datasets, scan_images
from catdog.data import findings
from tests.data.files import add


def test_counts_of_a_split_without_a_folder(tidy: Path) -> None:
    with pytest.raises(ValueError, match=r"split='train' has no folder in .*leave it out"):
        scan_images(tidy).label_counts("train")


def test_rows(tidy: Path) -> None:
    add(tidy / "cats", "empty.jpg", b"")
    assert scan_images(tidy).rows() == [
        {
            "path": "cats/empty.jpg",
            "class_name": "cats",
            "split": None,
            "reason": "empty_file",
            "detail": "",
            "same_as": None,
            "bad": True,
        }
    ]


def test_every_reason_is_explained() -> None:
    reasons = {*get_args(findings.BadReason), *get_args(findings.NoteReason)}
    assert set(findings.MEANING) == reasons
    page = Path(__file__).parents[2] / "docs/how-to/messy-folders.md"
    rows = re.findall(r"^\| `([a-z_]+)` \|", page.read_text("utf-8"), re.MULTILINE)
    assert set(rows) == reasons


def test_printing(tidy: Path) -> None:
    for i in range(12):
        add(tidy / "cats", f"empty.{i:02}.jpg", b"")
    add(tidy / "dogs", "notes.txt", b"x")
    lines = str(scan_images(tidy)).splitlines()
    assert lines[0] == "images: 23 files, 2 classes"
    assert lines[1] == "  images         10  (cats 5, dogs 5)"
    assert lines[2:5] == [
        "cannot be used: 12 files",
        "  empty_file (12): the file is empty",
        "    cats/empty.00.jpg",
    ]
    assert lines[14:] == [
        "    ... and 2 more",
        "to check: 1 file",
        "  other_file (1): ignored, not an image",
        "    dogs/notes.txt",
    ]


def test_notebooks_show_every_finding_escaped(tidy: Path) -> None:
    for i in range(12):
        add(tidy / "cats", f"<b>{i}.jpg", b"")
    shown = scan_images(tidy)._repr_html_()
    assert shown.count("&lt;b&gt;") == 12
    assert "<b>0" not in shown
    assert "<th>cats</th>" in shown


def test_control_characters_in_names_are_escaped(tidy: Path) -> None:
    add(tidy / "cats", "a\x1b[31m\nb.jpg", b"")
    add(tidy / "cats", os.fsdecode(b"\xff.jpg"), b"")
    text = str(scan_images(tidy))
    assert r"cats/a\x1b[31m\nb.jpg" in text
    assert r"cats/\udcff.jpg" in text
    with pytest.raises(ValueError, match=r"cats/a\\x1b\[31m\\nb.jpg"):
        load_datasets(tidy)
