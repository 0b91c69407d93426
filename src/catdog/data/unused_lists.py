"""Files beside the images that name them, and are not used: lists of a split, tables of labels."""

import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Literal

from catdog._utils.errors import HintCode, UsageWarning
from catdog._utils.text import list_names
from catdog.data.layout_checks import LISTS, holds_images
from catdog.data.list_files import ListFile, Names, is_of_image, read_list
from catdog.data.name_doubts import WRITTEN, words_of
from catdog.data.split_folders import has_filler, split_roles, words_beside_split
from catdog.images.formats import is_hidden, is_system_file
from catdog.images.identify import is_named_as_image
from catdog.images.listing import entries, subfolders
from catdog.typing import SPLITS, Split

# Files of these kinds hold lists that are not read: their names decide.
_NO_TEXTS = (".feather", ".h5", ".mat", ".npy", ".npz", ".parquet", ".pickle", ".pkl", ".xls",
             ".xlsx")  # fmt: skip
# Files that name images as examples, or those who made them.
_ABOUT = frozenset({"attribution", "copyright", "credits", "licence", "license", "readme"})
_DOCUMENTS = (".htm", ".html", ".ipynb", ".md", ".py", ".rst")
# "setid.mat" of Oxford Flowers, "list_eval_partition.txt" of CelebA
_SPLIT_WORDS = frozenset({"partition", "partitions", "setid", "split", "splits"})
# Words for a folder of lists, beside the folder of the images.
_LIST_WORDS = frozenset({"annotation", "annotations", "image", "images", "label", "labels", "list",
                         "lists", "meta", "metadata", "sets", "split", "splits"})  # fmt: skip
# Words in the name of a file that only lists the images of a set: `train_labels`.
_OF_SETS = frozenset({"annotation", "annotations", "df", "filename", "filenames", "final", "gt",
                      "id", "ids", "label", "labels", "names", "path", "paths", "v"})  # fmt: skip
_MOST_OF_A_KIND = 100  # files with one suffix in one folder


def unused_lists(
    folders: Sequence[Path],
    names: Names,
    *,
    others: Iterable[Path],
    used: Iterable[Any],
    known_sets: Collection[Split],
    labels: Literal["folders", "table", "memory"],
) -> Iterator[UsageWarning]:
    """Yield the warnings about lists of a split, and about other files that name the images.

    Args:
        folders: The folder that was passed, and those below it down to the folder of the class
            folders. Folders in them that hold no image are looked into, and the folders in these.
            The lists beside the first count, too, if they name several of its images, or if it is
            called `images` or so.
        names: The names of the images that are used, and of their groups.
        others: The other files in the class folders. Those with the name of an image, such as
            captions, do not count.
        used: Tables that are passed.
        known_sets: Sets of the split whose images are known, so that lists of these do not matter.
        labels: Where the labels are. With `"folders"`, lists of a split count by their own names,
            because they may list patients or videos. With `"memory"`, a file that names the images
            may be what the labels were read from.
    """
    inside, beside = _find_lists(folders, others, used, names)
    lists = [
        item
        for item in inside
        if _may_name_one(item) or (labels == "folders" and _is_list_of_split(item))
    ]
    is_of_images = has_filler(folders[0].resolve().name)  # else there may be other data beside it
    lists += [item for item in beside if item.is_clear or (is_of_images and _may_name_one(item))]
    of_split = _find_split(lists, known_sets)
    if of_split:
        yield UsageWarning(
            "The data come with a split of their own, which is not used: "
            f"{list_names(of_split, 3)}. Images that it holds out may be trained on.",
            hint="To use it, pass a table with the columns file, label and split as labels, or a "
            "split file that catdog wrote as split_file.",
            hint_code=HintCode.USE_SPLIT_LISTS,
        )
    also = [
        item.path.name
        for item in inside
        if item.is_clear
        and not item.is_of_catdog
        and not (known_sets and _lists_a_set(item))
        and item.path.name not in of_split
    ]
    also = list(dict.fromkeys(also))
    if also and labels != "memory":
        yield UsageWarning(
            f"Files in the folder name its images, and are not used: {list_names(also, 3)}. They "
            "may hold labels, a split, or what belongs together.",
            hint="To use one, pass a table of labels with the columns file and label, and split or "
            "group.",
        )


def is_folder_of_lists(name: str) -> bool:
    """Return whether a name consists of words for a folder of lists."""
    words = words_of(name)
    return bool(words) and _LIST_WORDS.issuperset(words)


def _find_lists(
    folders: Sequence[Path], others: Iterable[Path], used: Iterable[Any], names: Names
) -> tuple[list[ListFile], list[ListFile]]:
    """Return the files that may be lists in some folders, and those beside the first folder."""
    paths = [table for table in used if isinstance(table, str | PathLike)]
    # A regular expression is no path; Path.exists raises an error for some.
    known = {Path(path).resolve() for path in paths if os.path.exists(path)}  # noqa: PTH110
    places = [place for folder in folders for place in _places_of_lists(folder)]
    others = [path for path in others if not is_of_image(path, names)]
    found = _first_of_each_kind([*_files_in(places), *filter(_may_be_list, others)])
    inside = [read_list(path, names) for path in found if path.resolve() not in known]
    near = [path for path in _lists_beside(folders[0]) if path.resolve() not in known]
    # Those of catdog may be of any folder.
    beside = [item for path in near if not (item := read_list(path, names)).is_of_catdog]
    return inside, beside


def _first_of_each_kind(paths: Iterable[Path]) -> list[Path]:
    """Return files without most of many in one folder: they are of one image each, as polygons."""
    counts: Counter[tuple[Path, str]] = Counter()
    first: list[Path] = []
    for path in dict.fromkeys(paths):
        kind = (path.parent, path.suffix)
        counts[kind] += 1
        if counts[kind] <= _MOST_OF_A_KIND:
            first.append(path)
    return first


def _places_of_lists(folder: Path) -> Iterator[Path]:
    """Yield a folder, and the folders in it that hold lists or no image, two levels deep."""
    yield folder
    for inside in subfolders(folder):
        if not holds_images(inside) or is_folder_of_lists(inside.name):
            yield from (inside, *subfolders(inside))


def _files_in(places: Iterable[Path]) -> list[Path]:
    """Return the files directly in some folders that may be lists: no images and documents."""
    files: list[Path] = []
    for place in dict.fromkeys(places):
        files += filter(_may_be_list, entries(place))
    return files


def _may_be_list(path: Path) -> bool:
    """Return whether a path is a file, no image or document; reading a pipe may never end."""
    is_other = is_hidden(path.name) or is_system_file(path.name) or is_named_as_image(path)
    is_about = path.suffix.lower() in _DOCUMENTS or path.stem.lower() in _ABOUT
    return not is_other and not is_about and path.is_file()


def _lists_beside(folder: Path) -> Iterator[Path]:
    """Yield the lists of a split beside a folder such as `dtd/images`: in `dtd` or `dtd/labels`.

    They count only if their names say what they are.
    """
    folder = folder.resolve()
    for place in (folder.parent, *_places_beside(folder)):
        for path in _files_in([place]):
            if path.suffix.lower() in LISTS and (split_roles(path.stem) or _is_split(path)):
                yield path


def _places_beside(folder: Path) -> Iterator[Path]:
    """Yield the folders of lists beside a folder, and the folders in these."""
    for beside in subfolders(folder.parent):
        if beside != folder and is_folder_of_lists(beside.name):
            yield from (beside, *subfolders(beside))


def _find_split(lists: Iterable[ListFile], known: Collection[Split]) -> list[str]:
    """Return the names of the lists of a split: by their names, or by a column."""
    sets = {item.path: split_roles(item.path.stem) & {*SPLITS} for item in lists}
    has_several = len(set(known).union(*(sets[item.path] for item in lists))) > 1
    found = [
        item.path.name
        for item in lists
        if (has_several and not sets[item.path] <= {*known})
        or (not known and (_is_split(item.path) or item.has_split_column))
    ]
    return list(dict.fromkeys(found))


def _is_list_of_split(item: ListFile) -> bool:
    """Return whether a file is a list for a split by its name, or by columns for it and for groups.

    It may name patients or videos, and no image. What a training or catdog wrote is none.
    """
    stem = item.path.stem
    if item.is_of_catdog or item.path.suffix.lower() not in LISTS:
        return False
    by_name = bool(split_roles(stem) & {*SPLITS}) or _is_split(item.path)
    by_columns = item.has_split_column and item.has_group_column
    return (by_name or by_columns) and WRITTEN.isdisjoint(words_of(stem))


def _lists_a_set(item: ListFile) -> bool:
    """Return whether a file only lists the images of a set, by its name: `train_list.txt`."""
    stem = item.path.stem
    says_nothing_else = _OF_SETS.issuperset(words_beside_split(stem))
    return bool(split_roles(stem)) and says_nothing_else and not item.has_group_column


def _is_split(path: Path) -> bool:
    """Return whether the name of a list says that it is a split: `train_test_split`, `setid`."""
    return not _SPLIT_WORDS.isdisjoint(words_of(path.stem))


def _may_name_one(item: ListFile) -> bool:
    """Return whether a list names an image; lists that are no text may, and so may numbers."""
    return bool(item.named) or item.is_numbers or item.path.suffix.lower() in _NO_TEXTS
