"""Corrections: decisions about single images, which are applied when their folder is loaded."""

import json
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from os import PathLike
from typing import Any, NamedTuple

from catdog._utils import checks
from catdog._utils.errors import InvalidValueError, MissingFileError, UsageWarning, reason
from catdog._utils.text import composed, counted, list_names, printable, with_lines
from catdog.data.copies import find_duplicates
from catdog.data.findings import Finding, ImageFile, Reason
from catdog.data.layout import Layout
from catdog.data.report import ScanReport, usable_images
from catdog.data.sets import check_classes
from catdog.typing import SPLITS, Split

FORMAT = "catdog corrections"
VERSION = 1
ARGUMENT = "corrections"
_KEYS = ("format", "version", "corrections")
_SHA256 = re.compile("[0-9a-f]{64}")

# What is decided about the images of a content, by its hash: another label, or `None` to leave them
# out.
Decisions = Mapping[str, str | None]


class Corrections(NamedTuple):
    """The content of a file of corrections.

    Attributes:
        decisions: What is decided.
        entries: The entries of the file by hash, with what they hold for human eyes.
        more: What else the file holds, by key.
    """

    decisions: Decisions
    entries: Mapping[str, Mapping[str, Any]]
    more: Mapping[str, Any]


def read_corrections(
    value: "str | PathLike[str]", class_names: Sequence[str], *, argument: str = ARGUMENT
) -> Corrections:
    """Read a file of corrections.

    Args:
        value: The path of the file.
        class_names: The classes that labels may name.
        argument: Name of the argument that the path was passed as, for the errors.

    Raises:
        FileNotFoundError: If there is no such file.
        TypeError: If `value` is not a path.
        ValueError: If it is not a file of corrections, an entry is not complete, two are about the
            same image, or a label is not a class.
    """
    path = checks.check_path(argument, value, example="corrections.json")
    about: dict[str, Any] = {"argument": argument, "value": str(value)}
    how_to = "catdog.save_corrections writes such a file."
    if not path.is_file():
        problem = "is not a file" if path.exists() else "does not exist"
        raise MissingFileError(problem, **about, hint=how_to)
    try:
        raw = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise InvalidValueError(f"is not JSON: {error}", **about, hint=how_to) from error
    if not isinstance(raw, dict) or raw.get("format") != FORMAT:
        raise InvalidValueError(
            f'is not a file of corrections: it has no "format": "{FORMAT}"', **about, hint=how_to
        )
    if raw.get("version") != VERSION:
        raise InvalidValueError(
            f"is of version {raw.get('version')!r}, but this catdog reads version {VERSION}",
            **about,
            hint="Use the catdog that wrote it.",
        )
    try:
        decisions = decisions_from_json(raw.get("corrections"), class_names)
    except ValueError as error:
        raise InvalidValueError(reason(error), **about) from error
    entries = {entry["sha256"].lower(): entry for entry in raw["corrections"]}
    more = {key: value for key, value in raw.items() if key not in _KEYS}
    return Corrections(decisions, entries, more)


def decisions_from_json(entries: Any, class_names: Sequence[str]) -> dict[str, str | None]:
    """Return the decisions of a list of entries.

    Raises:
        ValueError: If an entry is not complete, or two are about the same image, or a label is not
            a class.
    """
    if not isinstance(entries, list):
        raise InvalidValueError('has no list "corrections"')
    decisions: dict[str, str | None] = {}
    for number, entry in enumerate(entries, start=1):
        sha256, label = _read_entry(entry, f"has an entry, number {number},")
        if label is not None and label not in class_names:
            raise InvalidValueError(
                f"gives {_name(entry)} the label {label!r}, which is none of the classes "
                f"{list_names(class_names)}"
            )
        if sha256 in decisions:
            raise InvalidValueError(f"has two entries about {_name(entry)}")
        decisions[sha256] = label
    return decisions


def _read_entry(entry: Any, subject: str) -> tuple[str, str | None]:
    """Return the hash and the label of an entry; `None` to leave the image out."""
    if not isinstance(entry, dict):
        raise InvalidValueError(f"{subject} that is {entry!r}, not an object")
    sha256, label = entry.get("sha256"), entry.get("label")
    if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256 := sha256.lower()):
        raise InvalidValueError(
            f'{subject} whose "sha256" is {entry.get("sha256")!r}, not 64 hexadecimal digits '
            "in quotes"
        )
    if isinstance(label, str) and not entry.get("leave_out"):
        return sha256, composed(label)
    if label is None and entry.get("leave_out") is True:
        return sha256, None
    raise InvalidValueError(
        f'{subject} that must have either a "label" or "leave_out": true, not '
        f"{ {key: entry[key] for key in ('label', 'leave_out') if key in entry} }"
    )


def _name(entry: Mapping[str, Any]) -> str:
    """Return how an entry calls its image: by the file, and by its hash."""
    sha256 = f"sha256 {str(entry['sha256'])[:12]}..."
    return printable(f"{entry['file']} ({sha256})" if entry.get("file") else sha256)


def make_entry(sha256: str, label: str | None, **more: str) -> dict[str, Any]:
    """Return an entry as files have it."""
    decision = {"leave_out": True} if label is None else {"label": label}
    return {"sha256": sha256, **decision, **more}


def decisions_to_json(decisions: Decisions) -> str:
    """Return the entries of decisions, a line for each."""
    return _entries_to_json(make_entry(*decision) for decision in sorted(decisions.items()))


def corrections_to_json(entries: Iterable[Mapping[str, Any]], more: Mapping[str, Any]) -> str:
    """Return the content of a file of corrections.

    Args:
        entries: The entries.
        more: What else the file holds, by key.
    """
    head = {"format": FORMAT, "version": VERSION, **more}
    members = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
    members.append(f' "corrections": [\n{_entries_to_json(entries)}\n ]')
    return "{\n" + ",\n".join(members) + "\n}\n"


def _entries_to_json(entries: Iterable[Mapping[str, Any]]) -> str:
    return ",\n".join(f"  {json.dumps(entry)}" for entry in entries)


def relabelled(
    images: Sequence[ImageFile], decisions: Decisions, class_names: Sequence[str]
) -> list[ImageFile]:
    """Return the images with their new labels; those that are left out keep theirs."""
    labels = {name: label for label, name in enumerate(class_names)}
    decided = {sha256: labels[name] for sha256, name in decisions.items() if name is not None}
    if not decided:
        return list(images)
    return [replace(image, label=decided.get(image.sha256, image.label)) for image in images]


def without_left_out(images: Iterable[ImageFile], decisions: Decisions) -> list[ImageFile]:
    """Return the images that no decision leaves out."""
    return [image for image in images if decisions.get(image.sha256, "") is not None]


def correction_findings(
    images: Iterable[ImageFile], decisions: Decisions, class_names: Sequence[str]
) -> Iterator[Finding]:
    """Yield the findings about images that a correction changes."""
    for image in images:
        before = class_names[image.label]
        label = decisions.get(image.sha256, before)
        if label != before:
            kind: Reason = "left_out" if label is None else "corrected"
            detail = "" if label is None else f"{before!r} before, {label!r} now"
            yield Finding(image.path, kind, detail, before, image.split)


def record_decisions(
    report: ScanReport, images: Sequence[ImageFile], decisions: Decisions, layout: Layout
) -> ScanReport:
    """Return a report with the decisions about its images, and what can be used without them.

    Args:
        report: The report, to which the decisions were applied.
        images: The images before.
        decisions: The decisions.
        layout: The layout of the folder.
    """
    bad = {finding.path for finding in find_duplicates(images, layout) if finding.bad}
    contents = {image.sha256 for image in images}
    return replace(
        report,
        _decisions={sha256: label for sha256, label in decisions.items() if sha256 in contents},
        _before=tuple(image for image in images if image.path not in bad),
    )


def images_to_split(report: ScanReport) -> list[ImageFile]:
    """Return the images to split: those without corrections, so that these move no image.

    They have the labels that they had before, and those that are left out are among them.
    `apply_corrections` changes the sets afterwards. Images that can be used only because a
    correction settled their conflicting labels are new, and have the new label: with them, the
    split differs.
    """
    usable = usable_images(report)
    if not report._decisions:
        return usable
    known = {image.path for image in report._before}
    settled = [image for image in usable if image.path not in known]
    return sorted([*report._before, *settled], key=_order) if settled else list(report._before)


def apply_corrections(
    sets: Mapping[Split, Sequence[ImageFile]], report: ScanReport
) -> dict[Split, Sequence[ImageFile]]:
    """Return the sets of `images_to_split` with the new labels, without what is left out.

    Raises:
        ValueError: If a set has no image of a class any more.
    """
    names, decisions = report.class_names, report._decisions
    if not decisions:
        return dict(sets)
    corrected: dict[Split, Sequence[ImageFile]] = {
        split: sorted(without_left_out(relabelled(images, decisions, names), decisions), key=_order)
        for split, images in sets.items()
    }
    check_classes(
        corrected,
        names,
        "because of the corrections",
        hint="Add images of it, or choose another seed.",
    )
    return corrected


def _order(image: ImageFile) -> tuple[Any, ...]:
    """Return what images are ordered by: split folder, class and name."""
    return (SPLITS.index(image.split) if image.split else 0, image.label, image.path.parts)


def warn_unknown(corrections: Corrections, report: ScanReport, *, stacklevel: int) -> None:
    """Warn of corrections about images that the folder does not hold."""
    unknown = [
        _name(corrections.entries[sha256])
        for sha256 in corrections.decisions
        if sha256 not in report._decisions
    ]
    if unknown:
        listed = with_lines(
            f"The corrections have {counted(len(unknown), 'image')} that "
            f"{printable(report.folder)} does not hold",
            unknown,
        )
        hint = "They are gone, were changed since, or cannot be read."
        warnings.warn(UsageWarning(f"{listed}\n", hint=hint), stacklevel=stacklevel + 1)


def count_corrections(report: ScanReport) -> dict[str, int]:
    """Return how many files have another label, and how many are left out; empty without any."""
    counts = dict.fromkeys(("corrected", "left_out"), 0)
    for finding in report.findings:
        if finding.reason in counts:
            counts[finding.reason] += 1
    return {kind: count for kind, count in counts.items() if count}
