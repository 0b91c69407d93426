"""Groups of images that belong together, such as the frames of a video or one patient's images."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

from catdog._utils.errors import InvalidTypeError, InvalidValueError, UsageWarning
from catdog._utils.text import composed, counted, list_names, printable
from catdog.data.copy_names import Copies
from catdog.data.file_names import FileNames
from catdog.data.findings import FOLDER, ImageFile, relative_name
from catdog.data.layout import Layout
from catdog.data.report import ScanReport
from catdog.data.same_names import unlike_names
from catdog.data.tables import read_table
from catdog.typing import Split

_SUFFIXES = (".csv", ".tsv", ".txt")

# Returns the group of an image by its relative path, the class names and its split; `None` if it
# has none.
GroupOf = Callable[[str, Sequence[str], Split | None], str | None]


def read_group_by(group_by: Any, layout: Layout) -> GroupOf:
    """Return the function that finds the group of an image by its path.

    Args:
        group_by: As `load_datasets` takes it.
        layout: The layout of the folder; with a table, there need not be class folders.

    Raises:
        FileNotFoundError: If the CSV file does not exist.
        TypeError: If `group_by` is of another type.
        ValueError: If the regular expression or the CSV file is invalid, or a file is in two
            groups.
    """
    if isinstance(group_by, str) and group_by == FOLDER:
        return _by_first_folder if layout.has_table else _by_folder
    if isinstance(group_by, Mapping | PathLike) or _is_file(group_by):
        return _by_table(group_by, layout)
    if not isinstance(group_by, str):
        raise InvalidTypeError(
            'must be "folder", a regular expression, a mapping of file and group, or a CSV file, '
            f"not {group_by!r}",
            argument="group_by",
        )
    return _by_pattern(group_by)


def doubts_about_groups(layout: Layout, group_of: GroupOf | None) -> Iterator[UsageWarning]:
    """Yield the warnings about images that may belong together, and do not by their groups.

    Args:
        layout: The layout of the folder.
        group_of: Finds the group of an image; `None` if nothing names groups.
    """
    if group_of:
        names = {file.path: relative_name(file.path, layout.root) for file in layout.files}
        groups = {
            file.path: group_of(names[file.path], layout.class_names, file.split)
            for file in layout.files
        }
        shared = {group for path, group in groups.items() if group and group != names[path]}
        yield from unlike_names(shared, kind="groups")
        if layout.level and _several_in_a_folder(groups):
            yield layout.level
    if copies := layout.copies and _unwanted_copies(layout, layout.copies, group_of):
        yield copies.warning()


def _several_in_a_folder(groups: Mapping[Path, str | None]) -> bool:
    """Return whether a folder holds images of several groups, and so is no group itself."""
    folders = {(path.parent, group) for path, group in groups.items()}
    return len(folders) > len({path.parent for path in groups})


def _unwanted_copies(layout: Layout, copies: Copies, group_of: GroupOf | None) -> Copies | None:
    """Return copies and masks by their names, without copies in the group of the original."""
    if group_of is None:
        return copies
    splits = {file.path: file.split for file in layout.files}

    def find_group(path: Path) -> str | None:
        return group_of(relative_name(path, layout.root), layout.class_names, splits[path])

    return copies.unwanted(find_group)


def with_groups(
    images: Sequence[ImageFile], report: ScanReport, group_of: GroupOf
) -> list[ImageFile]:
    """Return the images with their groups.

    Raises:
        ValueError: If an image has no group; the message names some.
    """
    groups = look_up(images, report, group_of)
    without = [
        relative_name(image.path, report.folder)
        for image, group in zip(images, groups, strict=True)
        if group is None
    ]
    if without:
        raise InvalidValueError(
            f"gives no group to {counted(len(without), 'image')}: {list_names(without, 5)}",
            argument="group_by",
            hint="Name a group for each image; an image on its own is a group of one. Paths are "
            f"relative to {printable(report.folder)}.",
        )
    return [replace(image, group=group) for image, group in zip(images, groups, strict=True)]


def known_groups(images: Iterable[ImageFile], report: ScanReport, group_of: GroupOf) -> set[str]:
    """Return the groups of those images that have one."""
    return {group for group in look_up(images, report, group_of) if group is not None}


def look_up(images: Iterable[ImageFile], report: ScanReport, group_of: GroupOf) -> list[str | None]:
    """Return the group of each image, `None` if it has none."""
    return [
        group_of(relative_name(image.path, report.folder), report.class_names, image.split)
        for image in images
    ]


def _by_folder(name: str, class_names: Sequence[str], split: Split | None) -> str:
    """Return the folder below the class folder; an image directly in it is a group of its own.

    The class folder is the first one with the name of a class. A correction may have given the
    image another class.
    """
    first = 0 if split is None else 1  # a split folder may have the name of a class
    folders = [composed(part) for part in Path(name).parent.parts][first:]
    places = [place for place, folder in enumerate(folders) if folder in class_names]
    if not places:  # a class folder that cannot be listed
        return name
    below = folders[places[0] + 1 :]
    return below[0] if below else name


def _by_first_folder(name: str, *_: object) -> str:
    """Return the first folder of the path; an image in none is a group of its own."""
    return composed(Path(name).parts[0])


def _is_file(group_by: Any) -> bool:
    """Return whether a text names a table: by its suffix, or because there is such a file."""
    if not isinstance(group_by, str):
        return False
    return group_by.lower().endswith(_SUFFIXES) or os.path.isfile(group_by)  # noqa: PTH113


def _by_table(table: Any, layout: Layout) -> GroupOf:
    """Return a function that looks a path up in a mapping or a CSV file."""
    rows = read_table("group_by", table, ("file", "group")).rows
    names = FileNames("group_by", layout.root, (file.path for file in layout.files))
    return by_name(
        (relative_name(names.find(row["file"]), layout.root), row["group"]) for row in rows
    )


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
        return (found[1] or None) if found else None

    return find


def by_name(rows: Iterable[tuple[str, str]]) -> GroupOf:
    """Return a function that looks a path up; names are compared in Unicode's composed form.

    Raises:
        ValueError: If a file is in two groups.
    """
    groups: dict[str, str] = {}
    for file, group in rows:
        if not group:
            continue
        name = _plain(file)
        if groups.setdefault(name, group) != group:
            raise InvalidValueError(
                f"gives {file!r} two groups, {groups[name]!r} and {group!r}", argument="group_by"
            )
    return lambda name, *_: groups.get(_plain(name))


def _plain(file: str) -> str:
    """Return the name of a file in composed form, with forward slashes."""
    return composed(Path(file.replace("\\", "/")).as_posix())
