"""Layouts that are understood, but may be meant in another way: what is assumed, as warnings."""

import csv
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import zip_longest
from pathlib import Path

from catdog._utils.errors import HintCode, UsageWarning
from catdog._utils.text import list_names, printable
from catdog.data.column_doubts import may_be_split
from catdog.data.layout_checks import LISTS, has_images, holds_images, possible_classes
from catdog.data.split_folders import (
    SplitFolders,
    has_filler,
    has_split_word,
    is_no_class,
    is_split_name,
    split_roles,
)
from catdog.images.listing import subfolders

_WITH_COLUMNS = (".csv", ".tsv", ".txt")
_BEGIN_CHARACTERS = 2**16  # of a list that are read; a list may be long


def without_empty_splits(found: SplitFolders) -> tuple[SplitFolders, list[UsageWarning]]:
    """Leave out validation and test folders that hold no image.

    Returns:
        The split folders that are left, and a warning for each of the others.
    """
    empty = {
        split: path
        for split, path in found.by_split.items()
        if split != "train" and not holds_images(path)
    }
    doubts = [
        UsageWarning(
            f"{printable(path)} holds no image, and is ignored: the {split} set is taken from "
            "the other images.",
            hint="If images should be in it, add them.",
        )
        for split, path in empty.items()
    ]
    used = {split: path for split, path in found.by_split.items() if split not in empty}
    return SplitFolders(used, found.unlabelled), doubts


def class_with_split_name(root: Path, found: SplitFolders) -> UsageWarning | None:
    """Return the warning about a class with the name of a split; `None` if there is none.

    `train/` is a class if it holds images itself, as all folders beside it do, and none of these
    has the name of a split or of a part of a data set: `train/`, `bus/`, `plane/`.
    """
    folders = possible_classes(root)
    if len(found.by_split) != 1 or len(folders) < 2 or not all(map(_is_flat, folders)):
        return None
    others = [path.name for path in folders if not is_split_name(path.name)]
    are_plain = not any(
        has_split_word(name) or has_filler(name) or is_no_class(name) for name in others
    )
    if len(others) < len(folders) - 1 or not are_plain:
        return None
    (path,) = found.by_split.values()
    return UsageWarning(
        f"{printable(path)} is used as a class, although its name is that of a split: it holds no "
        f"class folders, and neither do the folders beside it ({list_names(others)}).",
        hint="If it is the set of a split, put its images into a folder for each class.",
    )


def unused_split_lists(folders: Iterable[Path]) -> UsageWarning | None:
    """Return the warning about lists of a split that comes with the data; `None` without lists.

    Args:
        folders: The folder of the class folders, and those above it; folders in them that hold no
            image are looked into, and the folders in these.
    """
    places = dict.fromkeys(place for folder in folders for place in _places_of_lists(folder))
    lists = [path for place in places for path in sorted(place.iterdir()) if _is_list(path)]
    roles = set().union(*(split_roles(path.stem) for path in lists))
    has_both = {"train", "test"} <= roles
    of_split = [
        path
        for path in lists
        if (has_both and split_roles(path.stem))
        or path.stem.lower() in ("split", "splits")
        or _has_split_column(path)
    ]
    if not of_split:
        return None
    named = list_names([path.name for path in of_split], 3)
    return UsageWarning(
        f"The data come with a split of their own, which is not used: {named}. Images of its test "
        "set may be trained on.",
        hint="To use it, pass a table with the columns file, label and split as labels, or a split "
        "file that catdog wrote as split_file.",
        hint_code=HintCode.USE_SPLIT_LISTS,
    )


def _places_of_lists(folder: Path) -> Iterator[Path]:
    """Yield a folder, and the folders in it that hold no image, two levels deep."""
    yield folder
    for inside in subfolders(folder):
        if not holds_images(inside):
            yield from (inside, *subfolders(inside))


def _is_list(path: Path) -> bool:
    """Return whether a file may be a list of images."""
    return path.suffix.lower() in LISTS and path.is_file()


def _has_split_column(path: Path) -> bool:
    """Return whether a file is a table with a column that may be a split, as far as it is read."""
    if path.suffix.lower() not in _WITH_COLUMNS:
        return False
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as content:
        begin = content.read(_BEGIN_CHARACTERS)
    lines = begin.splitlines()
    if len(begin) == _BEGIN_CHARACTERS:
        del lines[-1]  # it is not whole
    delimiter = max(",;\t", key=lines[0].count) if lines else ","
    rows: list[list[str]] = []
    with suppress(csv.Error):  # what is read so far counts
        rows.extend(csv.reader(lines, delimiter=delimiter))
    names, *others = rows or [[]]
    columns = zip_longest(*(row[: len(names)] for row in others), fillvalue="")
    cells = dict(zip_longest(names, columns, fillvalue=()))
    return len(names) > 1 and any(may_be_split(name.strip(), cells[name]) for name in names)


def _is_flat(folder: Path) -> bool:
    """Return whether a folder holds images, and no folder in it does."""
    return has_images(folder) and not any(map(holds_images, subfolders(folder)))
