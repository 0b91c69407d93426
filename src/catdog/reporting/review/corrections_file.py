"""The file that a review writes: each decision is on the disk before it counts as saved."""

import os
from collections.abc import Mapping
from contextlib import suppress
from os import PathLike
from pathlib import Path
from threading import Lock
from typing import Any

from catdog._utils import checks
from catdog._utils.errors import InvalidValueError
from catdog._utils.files import atomic_write, write_durably
from catdog.data.corrections import (
    Corrections,
    Decisions,
    corrections_to_json,
    make_entry,
    read_corrections,
)
from catdog.data.report import ScanReport, readable_images
from catdog.data.save_corrections import check_writable

ARGUMENT = "out"
_Entry = Mapping[str, Any]
_Entries = Mapping[str, _Entry]


class StaleDecisionError(Exception):
    """Another tab has decided about the image, or another program has changed the file."""


class CorrectionsFile:
    """A file of corrections to which decisions are added one by one.

    The file is replaced atomically, so it is complete at any time. It is not replaced if another
    program has changed it since.

    Attributes:
        path: The file.
    """

    def __init__(self, path: "str | PathLike[str]", report: ScanReport) -> None:
        """Read the file if it exists.

        Args:
            path: The file to write, such as `"corrections.json"`.
            report: The result of the scan of the images.

        Raises:
            FileNotFoundError: If the folder of `path` does not exist.
            OSError: If the file is read-only.
            TypeError: If `path` is not a path.
            ValueError: If there is another file at `path`, or it is about other images.
        """
        given = checks.check_path(ARGUMENT, path, example="corrections.json")
        self.path = Path(os.path.realpath(given))  # a link stays
        checks.check_folder_of(self.path, path)
        self._lock = Lock()
        self._content: bytes | None = None
        known = Corrections({}, {}, {})
        if os.path.lexists(self.path):
            self._content = self.path.read_bytes() if self.path.is_file() else b""
            known = read_corrections(self.path, report.class_names, argument=ARGUMENT)
            check_writable(self.path, path, argument=ARGUMENT)
            _check_about(known.decisions, report, path)
        self._entries: _Entries = known.entries
        self._more = known.more
        self._earlier: list[tuple[str, _Entry | None]] = []  # what was decided about, entry before

    @property
    def decisions(self) -> Decisions:
        """What is decided, by the hash of the image: a label, or `None` to leave it out."""
        return {sha256: entry.get("label") for sha256, entry in self._entries.items()}

    @property
    def can_undo(self) -> bool:
        """Whether something was decided that can be undone."""
        return bool(self._earlier)

    def decide(
        self, sha256: str, label: str | None, *, name: str, before: tuple[str | None] | None
    ) -> None:
        """Write a decision to the disk.

        Args:
            sha256: Hash of the image.
            label: The label, or `None` to leave the image out.
            name: Name of its file, for people.
            before: The decision that is replaced, in a tuple; `None` if there is none.

        Raises:
            OSError: If the file cannot be written; the decision does not count.
            StaleDecisionError: If there is another decision than `before`, or the file was changed.
        """
        with self._lock:
            known = self._entries.get(sha256)
            if before != (None if known is None else (known.get("label"),)):
                raise StaleDecisionError("It was decided about elsewhere meanwhile, as shown now.")
            entry = make_entry(sha256, label, file=name)
            self._write({**self._entries, sha256: entry})
            self._earlier.append((sha256, known))

    def undo(self) -> str:
        """Take back the last decision of this process, and return the hash of the image.

        Raises:
            OSError: If the file cannot be written; the decision stays.
            StaleDecisionError: If there is none, or the file was changed.
        """
        with self._lock:
            if not self._earlier:
                raise StaleDecisionError("There is nothing to undo.")
            sha256, before = self._earlier[-1]
            entries = {**self._entries, sha256: before}
            self._write({key: entry for key, entry in entries.items() if entry is not None})
            self._earlier.pop()
            return sha256

    def _write(self, entries: _Entries) -> None:
        content = corrections_to_json(entries.values(), self._more).encode("ascii")

        def make(scratch: Path) -> None:
            write_durably(scratch, content)
            self._check_unchanged()  # last, so that hardly any time is left before it is replaced

        atomic_write(self.path, make)
        _sync_folder(self.path.parent)
        self._content, self._entries = content, entries

    def _check_unchanged(self) -> None:
        """Raise if another program has written, replaced or removed the file."""
        try:
            found = self.path.read_bytes() if os.path.lexists(self.path) else None
        except OSError:
            found = b""
        if found != self._content:
            raise StaleDecisionError(
                f"Another program has changed {self.path.name}, and it was left as it is. Start "
                "catdog review again to read it."
            )


def _check_about(decisions: Decisions, report: ScanReport, path: object) -> None:
    """Raise if all decisions of a file are about images of another folder."""
    contents = {image.sha256 for image in readable_images(report)}
    if decisions and contents.isdisjoint(decisions):
        raise InvalidValueError(
            f"holds decisions, but none about an image of {report.folder}",
            argument=ARGUMENT,
            value=str(path),
            hint="Choose another name, or the folder that it was made for.",
        )


def _sync_folder(folder: Path) -> None:
    """Write the entries of a folder to the disk, so that a renamed file survives a power cut."""
    with suppress(OSError):  # Windows opens no folders, and does not need it
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
