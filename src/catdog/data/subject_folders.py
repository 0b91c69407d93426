"""Folders of a table's images that may be one subject each, such as `patient7/a.png`."""

import os
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from catdog._utils.errors import UsageWarning
from catdog._utils.text import folded, list_names
from catdog.data.findings import relative_name
from catdog.data.name_doubts import words_of
from catdog.data.split_folders import Role, is_piece, split_roles
from catdog.typing import SPLITS

_MAX_IMAGES = 20  # of a numbered folder that may be a subject, although its name is that of a split

Parts = Mapping[Path, tuple[str, ...]]
"""The names of the folders around each image."""
Places = Mapping[Path, list[int]]
"""Where among these are the folders with names of their own."""


class _Subjects(NamedTuple):
    """What may be the subjects.

    Attributes:
        of: The subject of each image that is in such a folder.
        places: Where the folders that name it are in the paths.
        names: All of them; of inner folders, only those that are in several outer ones.
    """

    of: Mapping[Path, str]
    places: set[tuple[int, ...]]
    names: list[str]


def doubt_about_subjects(
    labels: Mapping[Path, str], roles: Mapping[Path, Role], folder: Path, *, in_splits: bool
) -> UsageWarning | None:
    """Return the warning about folders that may be one subject each, such as `patient7/a.png`.

    Folders of classes, splits and pieces of a data set (`images_001`) are none; `test01` with few
    images may be one. There must be more folders than classes, and one with several images.

    Args:
        labels: The label of each image.
        roles: What the column `split` says about each file; empty without it. If it names all
            sets, only subjects in two of them matter.
        folder: The folder that they are in.
        in_splits: There are folders for training and for evaluation.
    """
    known = {folded(label) for label in labels.values()}
    parts_of = {path: Path(relative_name(path, folder)).parent.parts for path in labels}
    own = _find_own(parts_of, known, in_splits=in_splits)
    found = [
        subjects
        for subjects in (_outer(parts_of, own, known), _recurring(parts_of, own, known))
        if subjects and not ({*SPLITS} <= {*roles.values()} and _keeps_apart(subjects, roles))
    ]
    return _warning(found) if found else None


def _find_own(parts_of: Parts, known: Collection[str], *, in_splits: bool) -> Places:
    """Find the folders with names of their own, which may be subjects."""
    around = os.path.commonpath(["/".join(parts) for parts in parts_of.values()])
    shared = len(Path(around).parts)  # folders that all images are in
    sizes = Counter(
        parts[: place + 1] for parts in parts_of.values() for place in range(len(parts))
    )
    return {
        path: [
            place
            for place, part in enumerate(parts)
            if place >= shared
            and folded(part) not in known
            and _may_be_subject(part, sizes[parts[: place + 1]], in_splits=in_splits)
        ]
        for path, parts in parts_of.items()
    }


def _may_be_subject(name: str, images: int, *, in_splits: bool) -> bool:
    """Return whether a folder may be one subject, by its name and the number of its images.

    Args:
        name: The name of the folder.
        images: How many images it holds.
        in_splits: There are folders for training and for evaluation.
    """
    if split_roles(name):
        return not in_splits and name[-1].isdigit() and images <= _MAX_IMAGES
    return not is_piece(name) or "volume" in words_of(name)  # of a scanner


def _outer(parts_of: Parts, own: Places, known: Collection[str]) -> _Subjects | None:
    """Take the outer folders, if they are enough: the inner ones may be visits of one patient."""
    for depth in range(1, 1 + max(map(len, own.values()), default=0)):
        subjects = {
            path: "/".join(parts_of[path][place] for place in places[:depth])
            for path, places in own.items()
            if len(places) >= depth
        }
        counts = Counter(subjects.values())
        if len(counts) > len(known) and max(counts.values()) > 1:
            used = {tuple(places[:depth]) for places in own.values()}
            return _Subjects(subjects, used, [*counts])
    return None


def _recurring(parts_of: Parts, own: Places, known: Collection[str]) -> _Subjects | None:
    """Take inner folders of which several have one name: a patient may be in several outer ones.

    There must be more names than outer folders, else they may be visits, numbered for each patient.
    """
    for depth in range(1, max(map(len, own.values()), default=0)):
        inside = {path: places for path, places in own.items() if len(places) > depth}
        folders = {
            path: tuple(parts_of[path][place] for place in places[: depth + 1])
            for path, places in inside.items()
        }
        outer = {folder[:-1] for folder in folders.values()}
        counts = Counter(folder[-1] for folder in dict.fromkeys(folders.values()))
        several = [name for name, count in counts.items() if count > 1]
        if several and len(counts) > max(len(known), len(outer)):
            subjects = {path: folder[-1] for path, folder in folders.items()}
            used: set[tuple[int, ...]] = {(places[depth],) for places in inside.values()}
            return _Subjects(subjects, used, several)
    return None


def _keeps_apart(subjects: _Subjects, roles: Mapping[Path, Role]) -> bool:
    """Return whether no subject is in two sets of the column `split`."""
    placed = {(subject, roles.get(path)) for path, subject in subjects.of.items()}
    return len(placed) == len({*subjects.of.values()})


def _warning(found: Collection[_Subjects]) -> UsageWarning:
    """Return the warning about subjects: by one kind of folders, or by another one as well."""
    first, *others = found
    count = len({*first.of.values()})
    sentence = (
        f"The images of the table lie in {count:,} folders with names of their own, such as "
        f"{_examples(first.names)}. If each holds one subject, such as a patient or a video, its "
        "images may be in different sets."
    )
    hint = "To keep them together, add a column group to the table"
    hint += _group_by(", or pass", first)
    for other in others:
        sentence += (
            f" Inner folders of one name, such as {_examples(other.names)}, lie in several outer "
            "ones. They may be one subject as well."
        )
        hint += _group_by("; if inner folders of one name are one subject, pass", other)
    return UsageWarning(sentence, hint=f"{hint}.")


def _examples(names: Sequence[str]) -> str:
    return list_names([f"{name}/" for name in names[:3]])


def _group_by(words: str, subjects: _Subjects) -> str:
    """Return words and the pattern of `group_by`, if all folders are at the same places."""
    if len(subjects.places) != 1:
        return ""
    ((first, *others),) = subjects.places
    if others != [*range(first + 1, first + 1 + len(others))]:
        return ""
    inside = rf"[^/]*{'/[^/]*' * len(others)}"
    return rf'{words} group_by=r"^{"[^/]*/" * first}({inside})/"'
