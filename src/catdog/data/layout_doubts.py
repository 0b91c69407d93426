"""Layouts that are understood, but may be meant in another way: what is assumed, as warnings."""

import csv
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import zip_longest
from os import PathLike
from pathlib import Path
from typing import Any

from catdog._utils.errors import HintCode, UsageWarning
from catdog._utils.text import list_names, printable
from catdog.data.column_doubts import may_be_split
from catdog.data.layout_checks import (
    LISTS,
    SPLIT_FORMAT,
    has_images,
    holds_images,
    possible_classes,
)
from catdog.data.name_doubts import words_of
from catdog.data.split_folders import (
    SplitFolders,
    has_filler,
    has_split_word,
    is_no_class,
    is_split_name,
    split_roles,
)
from catdog.images.listing import subfolders, walk
from catdog.typing import SPLITS

_WITH_COLUMNS = (".csv", ".tsv", ".txt")
_TEXTS = (*_WITH_COLUMNS, ".json", ".jsonl", ".lst", ".yaml", ".yml")
_SPLIT_NAMES = ("dataset_split", "setid", "split", "splits")  # "setid.mat" of Oxford Flowers
# Words for a folder of lists, beside the folder of the images.
_OF_LISTS = frozenset({"annotation", "annotations", "image", "images", "label", "labels", "list",
                       "lists", "meta", "metadata", "sets", "split", "splits"})  # fmt: skip
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


def unused_split_lists(
    folders: Sequence[Path], table: Any = None, images: Iterable[Path] | None = None
) -> UsageWarning | None:
    """Return the warning about lists of a split that comes with the data; `None` without lists.

    Args:
        folders: The folder that was passed, and those below it down to the folder of the class
            folders. Folders in them that hold no image are looked into, and the folders in these.
            If the first is called `images` or so, the lists beside it count, too.
        table: The table of labels, which is no such list.
        images: The images of the table: a list counts if it names one of them. `None` without a
            table.
    """
    places = [place for folder in folders for place in _places_of_lists(folder)]
    lists = [*_lists_in(places), *_lists_beside(folders[0])]
    lists = [path for path in lists if not _is_same(path, table)]
    if images is not None:
        names = {name for path in images for name in (path.name, path.stem)}
        lists = [path for path in lists if _names_one(path, names)]
    roles = set().union(*(split_roles(path.stem) for path in lists))
    has_both = "train" in roles and not roles.isdisjoint(SPLITS[1:])
    of_split = [
        path
        for path in lists
        if (has_both and split_roles(path.stem))
        or path.stem.lower() in _SPLIT_NAMES
        or _has_split_column(path)
    ]
    if not of_split:
        return None
    named = list_names([path.name for path in of_split], 3)
    return UsageWarning(
        f"The data come with a split of their own, which is not used: {named}. Images that it "
        "holds out may be trained on.",
        hint="To use it, pass a table with the columns file, label and split as labels, or a split "
        "file that catdog wrote as split_file.",
        hint_code=HintCode.USE_SPLIT_LISTS,
    )


def _places_of_lists(folder: Path) -> Iterator[Path]:
    """Yield a folder, and the folders in it that hold lists or no image, two levels deep."""
    yield folder
    for inside in subfolders(folder):
        if not holds_images(inside) or _OF_LISTS.issuperset(words_of(inside.name)):
            yield from (inside, *subfolders(inside))


def _lists_in(places: Iterable[Path]) -> list[Path]:
    """Return the files directly in some folders that may be lists of images."""
    files = (path for place in dict.fromkeys(places) for path in sorted(place.iterdir()))
    return [path for path in files if path.suffix.lower() in LISTS and path.is_file()]


def _lists_beside(folder: Path) -> list[Path]:
    """Return the lists of a split beside a folder such as `dtd/images`: in `dtd` or `dtd/labels`.

    Others than in the folder count only if their names say so, and if they name one of the images.
    Split files of catdog are none: they may be of any folder.
    """
    folder = folder.resolve()
    if not has_filler(folder.name):
        return []
    lists: list[Path] = []
    for place in (folder.parent, *_places_beside(folder)):
        with suppress(OSError):  # it was not passed, and may be closed to this user
            lists += _lists_in([place])
    lists = [path for path in lists if split_roles(path.stem) or path.stem.lower() in _SPLIT_NAMES]
    if not lists:
        return []
    names = {name for path in walk(folder) for name in (path.name, path.stem)}
    return [
        path
        for path in lists
        if _names_one(path, names) and f'"{SPLIT_FORMAT}"' not in _begin_of(path)
    ]


def _places_beside(folder: Path) -> Iterator[Path]:
    """Yield the folders of lists beside a folder, and the folders in these."""
    with suppress(OSError):
        for beside in subfolders(folder.parent):
            if _OF_LISTS.issuperset(words_of(beside.name)):
                yield beside
                with suppress(OSError):
                    yield from subfolders(beside)


def _is_same(path: Path, table: Any) -> bool:
    return isinstance(table, str | PathLike) and path.resolve() == Path(table).resolve()


def _names_one(path: Path, names: Collection[str]) -> bool:
    """Return whether a list names an image, in any column and below any folder.

    Lists that are no text may, and so may numbers alone, which another list explains.
    """
    if path.suffix.lower() not in _TEXTS:
        return True
    cells = re.split(r"[\r\n\t,;:\"'/\\]+", _begin_of(path))
    parts = {part for cell in cells for part in (cell.strip(), *cell.split())} - {""}
    words = {part for part in parts if not "".join(part.split()).isdigit()}
    return not words.isdisjoint(names) if words else bool(parts)


def _begin_of(path: Path) -> str:
    """Return the begin of a list; nothing if it cannot be read."""
    with (
        suppress(OSError),
        path.open(encoding="utf-8-sig", errors="replace", newline="") as content,
    ):
        return content.read(_BEGIN_CHARACTERS)
    return ""


def _has_split_column(path: Path) -> bool:
    """Return whether a file is a table with a column that may be a split, as far as it is read."""
    if path.suffix.lower() not in _WITH_COLUMNS:
        return False
    begin = _begin_of(path)
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
