"""The layout of a folder of images whose labels are in a table. No image is decoded."""

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from catdog._utils.errors import InvalidValueError, MissingFileError
from catdog._utils.text import counted, list_names, quoted
from catdog.data.copy_names import copies_by_name
from catdog.data.file_names import FileNames
from catdog.data.findings import IgnoredReason, relative_name
from catdog.data.groups import GroupOf, by_name
from catdog.data.label_doubts import doubts_about_labels
from catdog.data.layout import File, Layout
from catdog.data.split_folders import Role, find_role
from catdog.data.table_doubts import (
    doubts_about_lists,
    doubts_about_table,
    find_missing,
    similar_files,
)
from catdog.data.tables import Row, read_table
from catdog.images.identify import is_image_file
from catdog.images.listing import walk
from catdog.typing import SPLITS, Split

ARGUMENT = "labels"
_FILL_IN = (
    "Fill it in, or remove these rows: then a warning lists the images. NaN, N/A, None and null "
    "are empty cells, too: give a class of such a name another one."
)


class TableLayout(NamedTuple):
    """What a table says about a folder.

    Attributes:
        layout: Classes, splits and files.
        group_of: Finds the group of an image; `None` if the table names no groups.
    """

    layout: Layout
    group_of: GroupOf | None


def find_table_layout(
    folder: Path,
    labels: Any,
    *,
    group_by: Any = None,
    known: bool = False,
    passed: Iterable[Any] = (),
) -> TableLayout:
    """Find the classes, splits, groups and files of a folder by a table.

    Args:
        folder: The names of the files are relative to it.
        labels: The table, as `load_datasets` takes it.
        group_by: As `load_datasets` takes it.
        known: A split file says which image is in which set.
        passed: Files that are used, too, such as the split file.

    Raises:
        FileNotFoundError: If the table, or every file that it lists, does not exist.
        TypeError: If the table is of another type.
        ValueError: If the table is not complete, or contradicts itself.
    """
    table = read_table(ARGUMENT, labels, ("file", "label"), optional=("split", "group"))
    listing = sorted(walk(folder, hidden=True))
    names = FileNames(ARGUMENT, folder, listing)
    by_path = _find_files(names, table.rows)
    missing = _check_files(by_path, names, listing)
    roles = _read_splits(by_path, folder)
    used = {path: row for path, row in by_path.items() if roles.get(path) != "unlabelled"}
    _check_complete("label", used, folder)
    class_names = _class_names(used.values())
    labels_of = {name: label for label, name in enumerate(class_names)}
    files = [
        File(path, labels_of[row["label"]], _as_split(roles.get(path)))
        for path, row in used.items()
    ]
    files.sort(key=_order)
    splits = tuple(split for split in SPLITS if split in roles.values())
    ignored = [*_unlabelled(roles), *_unlisted(listing, by_path)]
    similar = similar_files([path for path in missing if path in used], used, names)
    doubts = [*doubts_about_labels(class_names), *filter(None, [similar])]
    if not known:
        doubts += doubts_about_table(folder, table, roles, used, grouped=group_by is not None)
        doubts += doubts_about_lists(folder, listing, roles, used, [labels, group_by, *passed])
    layout = Layout(
        folder,
        class_names,
        splits,
        tuple(files),
        tuple(ignored),
        has_table=True,
        doubts=tuple(doubts),
        copies=None if known else copies_by_name([*used]),
    )
    return TableLayout(layout, _read_groups(used, folder))


def _order(file: File) -> tuple[Any, ...]:
    """Return what files are ordered by: split, class and name, as those of class folders."""
    return (SPLITS.index(file.split) if file.split else 0, file.label, file.path.parts)


def _find_files(names: FileNames, rows: Iterable[Row]) -> dict[Path, Row]:
    """Return the row of each file.

    Raises:
        ValueError: If two rows of a file differ, or a file is outside of the folder.
    """
    found: dict[Path, Row] = {}
    for row in rows:
        path = names.find(row["file"])
        for column, value in found.setdefault(path, row).items():
            if column != "file" and row[column] != value:
                raise InvalidValueError(
                    f"gives {row['file']!r} two values for the {column}, {quoted(value)} and "
                    f"{quoted(row[column])}",
                    argument=ARGUMENT,
                    hint="Keep one row for each image.",
                )
    return found


def _check_files(
    found: Collection[Path], names: FileNames, listing: Sequence[Path]
) -> Sequence[Path]:
    """Check that the files of a table are files, and return those that do not exist.

    Raises:
        FileNotFoundError: If none of the files exists.
        ValueError: If a row names a folder.
    """
    folder = names.folder
    missing = find_missing(found, listing)
    if found and len(missing) == len(found):
        raise _all_missing(names, listing, missing)
    # Path.is_dir raises an error for a name that is too long; the scan reports it.
    if folders := [path for path in found if os.path.isdir(path)]:  # noqa: PTH112
        raise InvalidValueError(
            f"lists {counted(len(folders), 'folder')}: {_listed(folders, folder)}",
            argument=ARGUMENT,
            hint="List each image.",
        )
    return missing


def _all_missing(
    names: FileNames, listing: Sequence[Path], missing: Sequence[Path]
) -> MissingFileError:
    """Return the error for a table none of whose files exists: it was made for another folder."""
    folder = names.folder
    end = missing[0].relative_to(folder).parts
    places = [path for path in listing if path.parts[-len(end) :] == end or path.stem == end[-1]]
    hint = f"Pass the folder that the names are relative to, not {folder}."
    if places:
        several = " or ".join(quoted(relative_name(place, folder)) for place in places[:3])
        hint = f"Is it {several}? {hint}"
    elif similar := names.find_similar(relative_name(missing[0], folder)):
        hint = f"Is it {quoted(similar)}? Write the names as they are on the disk."
    return MissingFileError(
        f"lists {counted(len(missing), 'file')}, none of which exists: {_listed(missing, folder)}",
        argument=ARGUMENT,
        hint=hint,
    )


def _read_splits(by_path: Mapping[Path, Row], folder: Path) -> dict[Path, Role]:
    """Return what the column `split` says about each file; nothing if there is no such column.

    Raises:
        ValueError: If a word is not known or missing, or the splits are not enough.
    """
    if not any("split" in row for row in by_path.values()):
        return {}
    _check_complete("split", by_path, folder)
    known = {word: find_role(word) for word in {row["split"] for row in by_path.values()}}
    if wrong := sorted(word for word, role in known.items() if role is None):
        raise InvalidValueError(
            f"has a column split with {list_names(wrong)}",
            argument=ARGUMENT,
            hint="Write train, validation or test, and predict for images without a label.",
        )
    found = {path: role for path, row in by_path.items() if (role := known[row["split"]])}
    given = {split for split in SPLITS if split in found.values()}
    if "train" not in given or len(given) == 1:
        missing = "validation and no test" if "train" in given else "train"
        raise InvalidValueError(
            f"has a column split, but no {missing} in it",
            argument=ARGUMENT,
            hint="Add it, or leave the column out: then catdog splits the images.",
        )
    return found


def _read_groups(by_path: Mapping[Path, Row], folder: Path) -> GroupOf | None:
    """Return what finds the group of an image; `None` if the table names no groups."""
    if not any("group" in row for row in by_path.values()):
        return None
    _check_complete("group", by_path, folder)
    return by_name((relative_name(path, folder), row["group"]) for path, row in by_path.items())


def _check_complete(column: str, by_path: Mapping[Path, Row], folder: Path) -> None:
    """Raise if a column has empty cells."""
    if empty := [path for path, row in by_path.items() if not row[column]]:
        raise InvalidValueError(
            f"gives no {column} to {counted(len(empty), 'file')}: {_listed(empty, folder)}",
            argument=ARGUMENT,
            hint=_FILL_IN
            if len(empty) < len(by_path)
            else f"Fill the column {column} in, or remove it.",
        )


def _class_names(rows: Iterable[Row]) -> tuple[str, ...]:
    """Return the labels, sorted, at least two."""
    names = tuple(sorted({row["label"] for row in rows}))
    if len(names) < 2:
        only = f"the label {quoted(names[0])} only" if names else "no rows"
        raise InvalidValueError(
            f"has {only}, but a classifier needs at least two labels", argument=ARGUMENT
        )
    return names


def _as_split(role: Role | None) -> Split | None:
    return None if role == "unlabelled" else role


def _unlabelled(roles: Mapping[Path, Role]) -> Iterator[tuple[Path, IgnoredReason]]:
    """Yield the images to predict."""
    for path, role in roles.items():
        if role == "unlabelled":
            yield path, "unlabelled"


def _unlisted(
    listing: Iterable[Path], listed: Mapping[Path, Row]
) -> Iterator[tuple[Path, IgnoredReason]]:
    """Yield the images that the table does not list, and links to folders without such images."""
    through = {parent for path in listed for parent in path.parents}
    for path in listing:
        if path.is_symlink() and path.is_dir():
            if path not in through:
                yield path, "linked_folder"
        elif path not in listed and is_image_file(path):
            yield path, "unlisted"


def _listed(paths: Iterable[Path], folder: Path) -> str:
    return list_names([relative_name(path, folder) for path in paths], 5)
