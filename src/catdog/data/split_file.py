"""Split files: which image, by path and content hash, is in which set."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

from catdog._utils import checks
from catdog._utils.errors import (
    ExistingFileError,
    HintCode,
    InvalidValueError,
    MissingFileError,
    reason,
)
from catdog._utils.files import atomic_write
from catdog._utils.text import composed, list_names, printable
from catdog.data.corrections import Decisions, decisions_from_json, decisions_to_json
from catdog.data.findings import ImageFile, relative_name
from catdog.data.layout import Layout
from catdog.data.not_found import not_found
from catdog.data.report import ScanReport, readable_images
from catdog.data.sets import check_classes
from catdog.typing import SPLITS, Split

_FORMAT = "catdog split"
VERSION = 1


class _Entry(NamedTuple):
    """An image that a split file lists."""

    name: str
    label: int
    sha256: str
    group: str | None


class SplitFile(NamedTuple):
    """The content of a split file, checked, but not yet compared with the images of a folder."""

    path: Path
    class_names: tuple[str, ...]
    seed: int
    entries: Mapping[Split, Sequence[_Entry]]
    decisions: Decisions


def write_split(
    path: Path, sets: Mapping[Split, Sequence[ImageFile]], report: ScanReport, seed: int
) -> None:
    """Write a split file atomically.

    Args:
        path: The file to write. An existing file must have the same content.
        sets: The images of each set.
        report: The result of the scan of the images' folder.
        seed: Seed of the split and of the order of the training images.

    Raises:
        FileExistsError: If there is a file with other content at `path`.
        FileNotFoundError: If the folder of `path` does not exist.
    """
    text = _to_json(sets, report, seed)
    checks.check_folder_of(path, path)
    if os.path.lexists(path):
        if path.is_file() and path.read_bytes() == text.encode("ascii"):
            return
        raise ExistingFileError(
            "exists, and holds something other than this split",
            argument="path",
            value=str(path),
            hint=(
                "Choose another name. If the file holds an earlier split, load_datasets(..., "
                "split_file=...) loads it."
            ),
            hint_code=HintCode.KEEP_EARLIER_SPLIT,
        )
    atomic_write(path, lambda scratch: scratch.write_text(text, "ascii"))


def _to_json(sets: Mapping[Split, Sequence[ImageFile]], report: ScanReport, seed: int) -> str:
    """Return the split as JSON with a line for each image."""
    head = {
        "format": _FORMAT,
        "version": VERSION,
        "catdog": version("catdog"),
        "seed": seed,
        "class_names": report.class_names,
    }
    members = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
    for split in SPLITS:
        lines = ",\n".join(_lines(sets[split], report))
        members.append(f" {json.dumps(split)}: [\n{lines}\n ]")
    if report._decisions:
        members.append(f' "corrections": [\n{decisions_to_json(report._decisions)}\n ]')
    return "{\n" + ",\n".join(members) + "\n}\n"


def _lines(images: Iterable[ImageFile], report: ScanReport) -> Iterable[str]:
    for image in images:
        entry = {
            "path": relative_name(image.path, report.folder),
            "class": report.class_names[image.label],
            "bytes": image.size,
            "sha256": image.sha256,
            **({} if image.group is None else {"group": image.group}),
        }
        yield f"  {json.dumps(entry)}"


def find_images(
    file: SplitFile, report: ScanReport, decisions: Decisions
) -> dict[Split, list[ImageFile]]:
    """Find the images of a split file in the folder that was scanned.

    An image that is not at its place is found by its content, so images may be moved and renamed.
    Their class is that of the folder they are in now, or of a correction. What corrections leave
    out is in no set, and need not exist.

    Raises:
        ValueError: If images are missing or changed, or a set has lost a class; the message names
            them.
    """
    found = {relative_name(image.path, report.folder): image for image in readable_images(report)}
    listed = {
        split: [
            entry for entry in file.entries[split] if decisions.get(entry.sha256, "") is not None
        ]
        for split in SPLITS
    }
    entries = [entry for split in SPLITS for entry in listed[split]]
    at_place = {
        entry.name: found[entry.name]
        for entry in entries
        if entry.name in found and found[entry.name].sha256 == entry.sha256
    }
    moved = _find_moved([entry for entry in entries if entry.name not in at_place], found, at_place)
    places = {**at_place, **moved}
    if missing := [entry for entry in entries if entry.name not in places]:
        raise not_found([(entry.name, entry.sha256) for entry in missing], found, file.path, report)
    sets = {
        split: [replace(places[entry.name], group=entry.group) for entry in listed[split]]
        for split in SPLITS
    }
    _check_copies(sets, report)
    if moved or decisions:  # the order is that of class and name again
        for images in sets.values():
            images.sort(key=lambda image: (image.label, image.path.parts))
    check_classes(
        sets,
        report.class_names,
        f"as the split file {file.path} says, because images are in other classes now or left out",
        hint="Move one back, or make a new split without split_file.",
        hint_code=HintCode.DROP_SPLIT_FILE,
    )
    return sets


def _check_copies(sets: Mapping[Split, Iterable[ImageFile]], report: ScanReport) -> None:
    """Raise if an image and its copy are in two classes, because one of them was moved."""
    first: dict[str, ImageFile] = {}
    for image in (image for images in sets.values() for image in images):
        other = first.setdefault(image.sha256, image)
        if other.label != image.label:
            listed = [
                f"{printable(relative_name(each.path, report.folder))} "
                f"({report.class_names[each.label]!r})"
                for each in (other, image)
            ]
            raise InvalidValueError(
                f"Two files of the split file have the same content and different classes: "
                f"{' and '.join(listed)}",
                hint="Give both the same class, or delete one and make a new split.",
            )


def _find_moved(
    entries: Sequence[_Entry],
    found: Mapping[str, ImageFile],
    at_place: Mapping[str, ImageFile],
) -> dict[str, ImageFile]:
    """Find images by their content, at places that no other entry has; in their class if possible.

    Args:
        entries: The images that are not at their place.
        found: All images, by their names.
        at_place: The images at their places, by their names.

    Returns:
        The images by the names that the split file has for them.
    """
    free: dict[str, list[ImageFile]] = {}
    for name, image in sorted(found.items()):
        if name not in at_place:
            free.setdefault(image.sha256, []).append(image)
    moved: dict[str, ImageFile] = {}
    for entry in entries:
        if places := free.get(entry.sha256):
            best = min(places, key=lambda image: image.label != entry.label)
            places.remove(best)
            moved[entry.name] = best
    return moved


def read_split(value: "str | PathLike[str]", layout: Layout) -> SplitFile:
    """Read a split file, and check that it was made for the classes of a folder.

    Raises:
        FileNotFoundError: If there is no such file.
        TypeError: If `value` is not a path.
        ValueError: If it is not a split file, or it was made for other classes.
    """
    file = _parse(checks.check_path("split_file", value, example="split.json"))
    if file.class_names != layout.class_names:
        raise InvalidValueError(
            f"was made for the classes {list_names(file.class_names)}, but {layout.root} holds "
            f"{list_names(layout.class_names)}",
            argument="split_file",
            value=str(value),
            hint="Pass the folder it was made for.",
        )
    return file


def _parse(path: Path) -> SplitFile:
    """Read a split file, and check its format, version and content."""
    about: dict[str, Any] = {"argument": "split_file", "value": str(path)}
    how_to: dict[str, Any] = {
        "hint": "data.save_split(path) writes one.",
        "hint_code": HintCode.SAVE_SPLIT,
    }
    if not path.is_file():
        problem = "is not a file" if path.exists() else "does not exist"
        raise MissingFileError(problem, **about, **how_to)
    try:
        raw = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise InvalidValueError(f"is not JSON: {error}", **about, **how_to) from error
    if not isinstance(raw, dict) or raw.get("format") != _FORMAT:
        raise InvalidValueError("is not a split file", **about, **how_to)
    if raw.get("version") != VERSION:
        raise InvalidValueError(
            f"is of version {raw.get('version')!r}, but this catdog reads version {VERSION}",
            **about,
            hint=f"Use the catdog that wrote it: {raw.get('catdog')}.",
        )
    try:
        return _check_content(path, raw)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InvalidValueError(
            f"is damaged ({reason(error)})", **about, hint="Copy the original file again."
        ) from error


def _check_content(path: Path, raw: Mapping[str, Any]) -> SplitFile:
    """Return the content of a split file; raise an error of some kind if it is inconsistent."""
    class_names = tuple(composed(name) for name in raw["class_names"])
    labels = {name: label for label, name in enumerate(class_names)}
    entries: dict[Split, list[_Entry]] = {
        split: [
            _Entry(
                str(entry["path"]),
                labels[composed(entry["class"])],
                str(entry["sha256"]),
                str(entry["group"]) if entry.get("group") not in (None, "") else None,
            )
            for entry in raw[split]
        ]
        for split in SPLITS
    }
    names: set[str] = set()
    sets: dict[str, Split] = {}
    for split, inside in entries.items():
        if {entry.label for entry in inside} != set(range(len(class_names))):
            raise ValueError(f"the {split} set lacks a class")
        for entry in inside:
            if entry.name in names:
                raise ValueError(f"{entry.name} is listed twice")
            if sets.setdefault(entry.sha256, split) != split:
                raise ValueError(f"{entry.name} is in the {split} and the {sets[entry.sha256]} set")
            names.add(entry.name)
    decisions = decisions_from_json(raw.get("corrections", []), class_names)
    return SplitFile(path, class_names, checks.check_seed(raw["seed"]), entries, decisions)
