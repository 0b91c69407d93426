"""Groups of images that belong together, such as the frames of a video or one patient's images."""

import csv
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

from catdog._utils import checks
from catdog._utils.errors import InvalidTypeError, InvalidValueError, MissingFileError
from catdog._utils.text import composed, counted, list_names
from catdog.data.report import ImageFile, ScanReport, relative_name
from catdog.typing import Split

FOLDER = "folder"
COLUMNS = ("file", "group")

# Returns the group of an image by its relative path, class and split; `None` if it has none.
GroupOf = Callable[[str, str, Split | None], str | None]


def read_group_by(group_by: Any) -> GroupOf:
    """Return the function that finds the group of an image by its path.

    Args:
        group_by: As `load_datasets` takes it.

    Raises:
        FileNotFoundError: If the CSV file does not exist.
        TypeError: If `group_by` is of another type.
        ValueError: If the regular expression or the CSV file is invalid.
    """
    if isinstance(group_by, Mapping):
        return _by_table(group_by.items())
    if isinstance(group_by, PathLike) or str(group_by).endswith(".csv"):
        return _by_table(_read_csv(checks.check_path("group_by", group_by, example="groups.csv")))
    if group_by == FOLDER:
        return _by_folder
    if not isinstance(group_by, str):
        raise InvalidTypeError(
            'must be "folder", a regular expression, a mapping of file and group, or a CSV file, '
            f"not {group_by!r}",
            argument="group_by",
        )
    return _by_pattern(group_by)


def with_groups(
    images: Sequence[ImageFile], report: ScanReport, group_of: GroupOf
) -> list[ImageFile]:
    """Return the images with their groups.

    Raises:
        ValueError: If an image has no group; the message names some.
    """
    groups = _look_up(images, report, group_of)
    without = [
        relative_name(image.path, report.folder)
        for image, group in zip(images, groups, strict=True)
        if group is None
    ]
    if without:
        raise InvalidValueError(
            f"gives no group to {counted(len(without), 'image')}: {list_names(without, 5)}",
            argument="group_by",
            hint="Name a group for each image; an image on its own is a group of one.",
        )
    return [replace(image, group=group) for image, group in zip(images, groups, strict=True)]


def known_groups(images: Iterable[ImageFile], report: ScanReport, group_of: GroupOf) -> set[str]:
    """Return the groups of those images that have one."""
    return {group for group in _look_up(images, report, group_of) if group is not None}


def _look_up(
    images: Iterable[ImageFile], report: ScanReport, group_of: GroupOf
) -> list[str | None]:
    """Return the group of each image, `None` if it has none."""
    return [
        group_of(
            relative_name(image.path, report.folder), report.class_names[image.label], image.split
        )
        for image in images
    ]


def _by_folder(name: str, class_name: str, split: Split | None) -> str:
    """Return the folder below the class folder; an image directly in it is a group of its own."""
    folders = [composed(part) for part in Path(name).parent.parts]
    first = 0 if split is None else 1  # a split folder may have the name of a class
    below = folders[folders.index(class_name, first) + 1 :]
    return below[0] if below else name


def _by_pattern(pattern: str) -> GroupOf:
    """Return a function that takes the first group of a regular expression as the key."""
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise InvalidValueError(
            f"is no regular expression: {error}", argument="group_by", value=pattern
        ) from error
    if not compiled.groups:
        raise InvalidValueError(
            "has no parentheses around the part that names the group",
            argument="group_by",
            value=pattern,
            hint=r'For "track12_003.png", pass r"(track\d+)_".',
        )

    def find(name: str, *_: object) -> str | None:
        found = compiled.search(composed(name))
        return found[1] if found else None

    return find


def _by_table(rows: Iterable[tuple[Any, Any]]) -> GroupOf:
    """Return a function that looks a path up; names are compared in Unicode's composed form.

    Raises:
        ValueError: If a file is in two groups.
    """
    by_name: dict[str, str] = {}
    for file, group in rows:
        if group is None or group != group or not str(group).strip():  # None, NaN, an empty cell
            continue
        name, key = composed(Path(str(file)).as_posix()), composed(str(group).strip())
        if by_name.setdefault(name, key) != key:
            raise InvalidValueError(
                f"gives {file!r} two groups, {by_name[name]!r} and {key!r}", argument="group_by"
            )
    return lambda name, *_: by_name.get(composed(name))


def _read_csv(path: Path) -> list[tuple[str, str]]:
    """Read a CSV file with the columns `file` and `group`."""
    about: dict[str, Any] = {"argument": "group_by", "value": str(path)}
    if not path.is_file():
        problem = "is a folder, not a CSV file" if path.is_dir() else "does not exist"
        raise MissingFileError(problem, **about)
    try:
        with path.open(encoding="utf-8-sig", newline="") as content:
            rows = list(csv.DictReader(content))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidValueError(f"is no CSV file in UTF-8: {error}", **about) from error
    if not rows or not set(COLUMNS) <= rows[0].keys():
        found = list_names(rows[0]) if rows else "no rows"
        raise InvalidValueError(
            f"must have the columns {list_names(COLUMNS)}, not {found}",
            **about,
            hint="Separate them by commas, without spaces.",
        )
    return [(row["file"], row["group"]) for row in rows]
