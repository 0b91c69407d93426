"""Files beside the images that name them, and are not used: lists of a split, tables of labels."""

import csv
import gzip
import os
import re
import zlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import zip_longest
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

from catdog._utils.errors import HintCode, UsageWarning
from catdog._utils.text import composed, list_names
from catdog.data.column_doubts import may_be_split
from catdog.data.layout_checks import LISTS, holds_images
from catdog.data.name_doubts import words_of
from catdog.data.split_folders import has_filler, split_roles
from catdog.images.formats import IMAGE_SUFFIXES, is_hidden, is_system_file
from catdog.images.identify import is_named_as_image
from catdog.images.listing import subfolders
from catdog.typing import SPLITS

# Files of these kinds hold lists that are not read: their names decide.
_NO_TEXTS = (".feather", ".h5", ".mat", ".npy", ".npz", ".parquet", ".pickle", ".pkl", ".xls",
             ".xlsx")  # fmt: skip
_WITH_COLUMNS = (".csv", ".gz", ".tsv", ".txt")
# Files that name images as examples, or those who made them.
_ABOUT = frozenset({"attribution", "copyright", "credits", "licence", "license", "readme"})
_DOCUMENTS = (".htm", ".html", ".ipynb", ".md", ".py", ".rst")
_SPLIT_WORDS = frozenset({"setid", "split", "splits"})  # "setid.mat" of Oxford Flowers
# Words for a folder of lists, beside the folder of the images.
LIST_WORDS = frozenset({"annotation", "annotations", "image", "images", "label", "labels", "list",
                        "lists", "meta", "metadata", "sets", "split", "splits"})  # fmt: skip
_BEGIN = 2**16  # bytes that are read of a file, to see whether it is a text
_MOST = 2**22  # bytes that are read of a text: the images may be the last ones of a long list
_MOST_OF_A_KIND = 100  # files with one suffix in one folder
_MIN_NAMED = 2  # images, for a file whose own name says nothing
_CELL_ENDS = re.compile(r"[\x00-\x1f\x7f\ufffd,;:|\"'/\\]+")
_ESCAPE = re.compile(r"\\u([0-9a-f]{4})", re.I)
_SUFFIX = re.compile("|".join(map(re.escape, sorted(IMAGE_SUFFIXES))))
_OF_CATDOG = re.compile(r'"format": "catdog ')


_Names = dict[int, set[str]]  # of the images, as `_plain` returns them without suffix, by length


class _List(NamedTuple):
    """What is known of a file that may be a list of images; its text may be long, and is not kept.

    Attributes:
        path: Where it is.
        named: The images that it names, by their names without suffix.
        is_clear: It names several images by more than words or numbers alone.
        is_numbers: It holds nothing but numbers, which another list explains.
        has_split_column: It is a table with a column that may be a split.
        is_of_catdog: catdog wrote it: a split, corrections, a report.
    """

    path: Path
    named: Collection[str]
    is_clear: bool
    is_numbers: bool
    has_split_column: bool
    is_of_catdog: bool


def unused_lists(
    folders: Sequence[Path],
    images: Iterable[Path],
    *,
    others: Iterable[Path] = (),
    used: Collection[Any] = (),
    has_split: bool = False,
    has_labels: bool = False,
) -> Iterator[UsageWarning]:
    """Yield the warnings about lists of a split, and about other files that name the images.

    Args:
        folders: The folder that was passed, and those below it down to the folder of the class
            folders. Folders in them that hold no image are looked into, and the folders in these.
            If the first is called `images` or so, the lists beside it count, too.
        images: The images that are used.
        others: The other files in the class folders. Those with the name of an image, such as
            captions, do not count.
        used: Tables that are passed.
        has_split: It is known which image is in which set, so that lists of a split do not matter.
        has_labels: The labels come from memory, so that a file that names the images may be what
            they were read from.
    """
    names: _Names = {}
    for name in {_plain(path.stem) for path in images}:
        names.setdefault(len(name), set()).add(name)
    places = [place for folder in folders for place in _places_of_lists(folder)]
    beside_images = [path for path in others if not _is_image_name(_plain(path.stem), names)]
    found = _first_of_each_kind([*_files_in(places), *filter(_may_be_list, beside_images)])
    paths = [table for table in used if isinstance(table, str | PathLike)]
    # A regular expression is no path; Path.exists raises an error for some.
    known = {Path(path).resolve() for path in paths if os.path.exists(path)}  # noqa: PTH110
    inside = [_read(path, names) for path in found if path.resolve() not in known]
    near = [path for path in _lists_beside(folders[0]) if path.resolve() not in known]
    # Those of catdog may be of any folder.
    beside = [item for path in near if not (item := _read(path, names)).is_of_catdog]
    of_split = [] if has_split else _find_split([*inside, *beside])
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
        and not (has_split and split_roles(item.path.stem))
        and item.path.name not in of_split
    ]
    also = list(dict.fromkeys(also))
    if also and not has_labels:
        yield UsageWarning(
            f"Files in the folder name its images, and are not used: {list_names(also, 3)}. They "
            "may hold labels, a split, or what belongs together.",
            hint="To use one, pass a table of labels with the columns file and label, and split or "
            "group.",
        )


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


def _is_image_name(name: str, names: _Names) -> bool:
    return name in names.get(len(name), ())


def _read(path: Path, names: _Names) -> _List:
    """Read what is known of a file: from its begin, or from more of it if that names no images."""
    begin = _begin_of(path, _BEGIN)
    found = _understand(path, begin, names)
    if found.is_clear or len(begin) < _BEGIN or b"\0" in begin:
        return found
    return _understand(path, _begin_of(path, _MOST), names)


def _understand(path: Path, content: bytes, names: _Names) -> _List:
    """Return what is known of a file by a part of its content."""
    text = content.decode("utf-8-sig", errors="replace")
    plain = _plain(text)
    with_suffix = set(_before_suffixes(plain, names))
    cells = _CELL_ENDS.split(plain)
    parts = {part for cell in cells for part in (cell.strip(), *cell.split())} - {""}
    tried = {name for part in parts for name in (part, part.strip("[](){}"))}
    without = {name for name in tried if _is_image_name(name, names)}
    clear = with_suffix.union(name for name in without if not (name.isalpha() or name.isdigit()))
    return _List(
        path,
        with_suffix | without,
        len(clear) >= _MIN_NAMED,
        bool(parts) and all("".join(part.split()).isdigit() for part in parts),
        _has_split_column(path, text),
        bool(_OF_CATDOG.search(text)),
    )


def _plain(text: str) -> str:
    """Return a text in one form of Unicode and in small letters, without escapes: `%20`."""
    if "\\u" in text:  # of JSON
        text = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)
    return composed(unquote(text) if "%" in text else text).casefold()


def _before_suffixes(text: str, names: _Names) -> Iterator[str]:
    """Yield the names of images that stand before the suffix of an image, whatever it is.

    They may hold all characters, blanks and commas too, so that the text cannot be split.
    """
    for suffix in _SUFFIX.finditer(text):
        end = suffix.start()
        for length, same in names.items():
            begin = end - length
            # "1.png" is the end of "21.png" and "a_1.png", which are other images.
            is_end = begin > 0 and (text[begin - 1].isalnum() or text[begin - 1] in "_-")
            if begin >= 0 and not is_end and (name := text[begin:end]) in same:
                yield name


def _places_of_lists(folder: Path) -> Iterator[Path]:
    """Yield a folder, and the folders in it that hold lists or no image, two levels deep."""
    yield folder
    for inside in subfolders(folder):
        if not holds_images(inside) or LIST_WORDS.issuperset(words_of(inside.name)):
            yield from (inside, *subfolders(inside))


def _files_in(places: Iterable[Path]) -> list[Path]:
    """Return the files directly in some folders that may be lists: no images and documents."""
    files: list[Path] = []
    for place in dict.fromkeys(places):
        with suppress(OSError):  # it may be closed to this user
            files += filter(_may_be_list, sorted(place.iterdir()))
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
    if not has_filler(folder.name):
        return
    for place in (folder.parent, *_places_beside(folder)):
        for path in _files_in([place]):
            if path.suffix.lower() in LISTS and (split_roles(path.stem) or _is_split(path)):
                yield path


def _places_beside(folder: Path) -> Iterator[Path]:
    """Yield the folders of lists beside a folder, and the folders in these."""
    with suppress(OSError):
        for beside in subfolders(folder.parent):
            if beside != folder and LIST_WORDS.issuperset(words_of(beside.name)):
                yield beside
                with suppress(OSError):
                    yield from subfolders(beside)


def _find_split(lists: Iterable[_List]) -> list[str]:
    """Return the names of the lists of a split: by their names, or by a column."""
    lists = [item for item in lists if _may_name_one(item)]
    roles = set().union(*(split_roles(item.path.stem) for item in lists)) & {*SPLITS}
    found = [
        item.path.name
        for item in lists
        if (len(roles) > 1 and split_roles(item.path.stem) & roles)
        or _is_split(item.path)
        or item.has_split_column
    ]
    return list(dict.fromkeys(found))


def _is_split(path: Path) -> bool:
    """Return whether the name of a list says that it is a split: `train_test_split`, `setid`."""
    return not _SPLIT_WORDS.isdisjoint(words_of(path.stem))


def _may_name_one(item: _List) -> bool:
    """Return whether a list names an image; lists that are no text may, and so may numbers."""
    return bool(item.named) or item.is_numbers or item.path.suffix.lower() in _NO_TEXTS


def _begin_of(path: Path, size: int) -> bytes:
    """Return the first bytes of a file; none if it cannot be read."""
    with (
        suppress(OSError, EOFError, zlib.error),  # what is no archive raises them, too
        gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as content,
    ):
        return content.read(size)
    return b""


def _has_split_column(path: Path, text: str) -> bool:
    """Return whether a file is a table with a column that may be a split, as far as it is read."""
    if path.suffix.lower() not in _WITH_COLUMNS:
        return False
    lines = text[:_BEGIN].splitlines()
    if len(text) > _BEGIN:
        del lines[-1]  # it is not whole
    delimiter = max(",;\t", key=lines[0].count) if lines else ","
    rows: list[list[str]] = []
    with suppress(csv.Error):  # what is read so far counts
        rows.extend(csv.reader(lines, delimiter=delimiter))
    names, *others = rows or [[]]
    columns = zip_longest(*(row[: len(names)] for row in others), fillvalue="")
    cells = dict(zip_longest(names, columns, fillvalue=()))
    return len(names) > 1 and any(may_be_split(name.strip(), cells[name]) for name in names)
