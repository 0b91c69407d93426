"""A split as a file: which picture is in which set, by path and content."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from catdog import _checks
from catdog._text import printable, shorten
from catdog._types import SPLITS, Split
from catdog.data._report import Picture, ScanReport, readable_pictures, relative_name

FORMAT = "catdog split"
VERSION = 1
_LISTED = 10  # pictures named in an error


@dataclass(frozen=True, eq=False)
class SplitRecord:
    """Which picture is in which set.

    Attributes:
        class_names: Names of the classes; labels index into them.
        seed: What the split and the order of the training pictures were drawn from.
        pictures: The pictures of each set, in order.
    """

    class_names: tuple[str, ...]
    seed: int
    pictures: Mapping[Split, Sequence[Picture]]


class _Entry(NamedTuple):
    """A picture as the file names it."""

    name: str
    label: int
    sha256: str


class _Content(NamedTuple):
    """A split file, read and checked, but not yet compared with a folder."""

    class_names: tuple[str, ...]
    seed: int
    entries: Mapping[Split, Sequence[_Entry]]


def write_split(path: Path, record: SplitRecord, folder: Path) -> None:
    """Write a split file, whole or not at all; any other file at `path` stays as it is.

    Raises:
        FileExistsError: If `path` is something else than a split file.
    """
    if path.exists() and not _is_split_file(path):
        raise FileExistsError(
            f"{path} exists and is no split file of catdog. Choose another name, or remove it."
        )
    head = {
        "format": FORMAT,
        "version": VERSION,
        "seed": record.seed,
        "class_names": record.class_names,
    }
    sets = [
        f" {json.dumps(split)}: [\n{_lines(record.pictures[split], record.class_names, folder)}\n ]"
        for split in SPLITS
    ]
    text = ",\n".join([json.dumps(head)[:-1], *sets]) + "\n}\n"
    with TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-") as scratch:
        written = Path(scratch) / path.name
        written.write_text(text, "ascii")
        written.replace(path)


def _lines(pictures: Iterable[Picture], class_names: Sequence[str], folder: Path) -> str:
    """Return one line of JSON for each picture."""
    entries = (
        {
            "path": relative_name(picture.path, folder),
            "class": class_names[picture.label],
            "bytes": picture.size,
            "sha256": picture.sha256,
        }
        for picture in pictures
    )
    return ",\n".join(f"  {json.dumps(entry)}" for entry in entries)


def read_split(path: Path, report: ScanReport) -> SplitRecord:
    """Read a split file and find its pictures in the folder that was scanned.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no split file, or the folder's classes or pictures are not its own;
            the message names the pictures that vanished or changed.
    """
    class_names, seed, entries = _parse(path)
    if class_names != report.class_names:
        raise ValueError(
            f"split_file={str(path)!r} was made for the classes {list(class_names)}, but "
            f"{report.folder} holds {list(report.class_names)}. Pass the folder it was made for."
        )
    found = {relative_name(each.path, report.folder): each for each in readable_pictures(report)}
    by_content = {picture.sha256: name for name, picture in found.items()}
    wrong: list[str] = []
    for entry in (entry for split in SPLITS for entry in entries[split]):
        picture = found.get(entry.name)
        if picture and (picture.sha256, picture.label) == (entry.sha256, entry.label):
            continue
        moved = by_content.get(entry.sha256)
        hint = f" (the same picture is at {printable(moved)})" if moved else ""
        there = picture or os.path.lexists(report.folder / entry.name)
        wrong.append(f"{printable(entry.name)} has {'changed' if there else 'vanished'}{hint}")
    if wrong:
        listed = "\n  ".join(shorten(wrong, _LISTED))
        raise ValueError(
            f"{len(wrong)} pictures of split_file={str(path)!r} are not in {report.folder} as they "
            f"were:\n  {listed}\nBring them back, or make a new split without split_file."
        )
    pictures = {split: [found[entry.name] for entry in entries[split]] for split in SPLITS}
    return SplitRecord(class_names, seed, pictures)


def _is_split_file(path: Path) -> bool:
    try:
        _parse(path)
    except (OSError, ValueError):
        return False
    return True


def _parse(path: Path) -> _Content:
    """Read a split file and check that it is one."""
    named = f"split_file={str(path)!r}"
    if not path.is_file():
        raise FileNotFoundError(f"{named} does not exist. data.save_split(path) writes one.")
    try:
        raw = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{named} is not JSON: {error}. data.save_split(path) writes one."
        ) from error
    if not isinstance(raw, dict) or raw.get("format") != FORMAT:
        raise ValueError(f"{named} is no split file. data.save_split(path) writes one.")
    if raw.get("version") != VERSION:
        raise ValueError(
            f"{named} is of version {raw.get('version')!r}, but this catdog reads version "
            f"{VERSION}. Use the catdog that wrote it."
        )
    try:
        return _check_content(raw)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{named} is damaged ({error!r}). Take it from where it came.") from error


def _check_content(raw: Mapping[str, Any]) -> _Content:
    """Return what the file holds; raise anything if it does not hold together."""
    class_names = tuple(raw["class_names"])
    entries: dict[Split, list[_Entry]] = {
        split: [
            _Entry(str(each["path"]), class_names.index(each["class"]), str(each["sha256"]))
            for each in raw[split]
        ]
        for split in SPLITS
    }
    sets: dict[str, Split] = {}
    for split, inside in entries.items():
        if not inside:
            raise ValueError(f"the {split} set is empty")
        for entry in inside:
            if sets.setdefault(entry.sha256, split) != split:
                raise ValueError(f"{entry.name} is in the {split} and the {sets[entry.sha256]} set")
    return _Content(class_names, _checks.check_seed(raw["seed"]), entries)
