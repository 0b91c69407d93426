"""Text files that name images, such as lists and tables: which images, and what else is in them."""

import csv
import gzip
import re
import zlib
from codecs import BOM_UTF8
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from catdog._utils.text import folded
from catdog.data.column_doubts import may_be_groups, may_be_split
from catdog.data.tables import split_lines

_WITH_COLUMNS = (".csv", ".gz", ".tsv", ".txt")
_FIRST_BYTES = 2**16  # that are read of a file, to see whether it is a text
_MAX_BYTES = 2**22  # that are read of a text: the images may be the last ones of a long list
_MIN_NAMED = 2  # images, for a file whose own name says nothing
_CELL_ENDS = re.compile(r"[\x00-\x1f\x7f\ufffd,;:|\"'/\\]+")
_ESCAPE = re.compile(r"\\u([0-9a-f]{4})", re.I)
_SUFFIX = re.compile(r"\.[a-z]\w{1,4}")  # any: the images may have been converted
_OF_CATDOG = re.compile(r'"format": "catdog ')

Names = dict[int, set[str]]  # of the images, as `_plain` returns them without suffix, by length


class ListFile(NamedTuple):
    """What is known of a file that may be a list of images; its text may be long, and is not kept.

    Attributes:
        path: Where it is.
        named: The images that it names, by their names without suffix.
        is_clear: It names several images by more than words or numbers alone.
        is_numbers: It holds nothing but numbers, which another list explains.
        has_split_column: It is a table with a column that may be a split.
        has_group_column: It is a table with a column that may be groups, such as patients.
        is_of_catdog: catdog wrote it: a split, corrections, a report.
    """

    path: Path
    named: Collection[str]
    is_clear: bool
    is_numbers: bool
    has_split_column: bool
    has_group_column: bool
    is_of_catdog: bool


def names_of(images: Iterable[Path], classes: Iterable[str], groups: Iterable[str] = ()) -> Names:
    """Return the names of images, groups and numbered folders in class folders, as `video_7`."""
    images = list(images)
    folders = {folded(path.parent.name) for path in images}.difference(map(folded, classes))
    numbered = {
        name for name in folders.union(groups) if not name.isalpha() and not name.isdigit()
    } - {""}
    names: Names = {}
    for name in {_plain(name) for name in ({path.stem for path in images} | numbered)}:
        names.setdefault(len(name), set()).add(name)
    return names


def is_of_image(path: Path, names: Names) -> bool:
    """Return whether a file has the name of an image, but for the suffix, as a caption has."""
    return _is_name(_plain(path.stem), names)


def _is_name(name: str, names: Names) -> bool:
    return name in names.get(len(name), ())


def read_list(path: Path, names: Names) -> ListFile:
    """Read what is known of a file: from its beginning, or from more if that names no images."""
    beginning = _first_bytes(path, _FIRST_BYTES)
    is_cut = len(beginning) == _FIRST_BYTES
    found = _understand(path, beginning, names, is_cut=is_cut)
    if found.is_clear or not is_cut or b"\0" in beginning:
        return found
    return _understand(path, _first_bytes(path, _MAX_BYTES), names, is_cut=is_cut)


def _understand(path: Path, content: bytes, names: Names, *, is_cut: bool) -> ListFile:
    """Return what is known of a file by its content, which may be cut off."""
    columns = _columns(path, text := _decoded(content), is_cut=is_cut)
    plain = _plain(text)
    with_suffix = set(_before_suffixes(plain, names))
    cells = _CELL_ENDS.split(plain)
    parts = {part for cell in cells for part in (cell.strip(), *cell.split())} - {""}
    tried = {name for part in parts for name in (part, part.strip("[](){}"))}
    without = {name for name in tried if _is_name(name, names)}
    clear = with_suffix.union(name for name in without if not (name.isalpha() or name.isdigit()))
    return ListFile(
        path,
        with_suffix | without,
        len(clear) >= _MIN_NAMED,
        bool(parts) and all("".join(part.split()).isdigit() for part in parts),
        any(may_be_split(name, cells) for name, cells in columns.items()),
        any(may_be_groups(name, cells) for name, cells in columns.items()),
        bool(_OF_CATDOG.search(text)),
    )


def _plain(text: str) -> str:
    """Return a text in one form of Unicode and in small letters, without escapes: `%20`."""
    if "\\u" in text:  # of JSON
        text = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)
    return folded(unquote(text) if "%" in text else text)


def _before_suffixes(text: str, names: Names) -> Iterator[str]:
    """Yield the names of images that stand before the suffix of a file, whatever it is.

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


def _first_bytes(path: Path, size: int) -> bytes:
    """Return the first bytes of a file; none if it cannot be read."""
    with (
        suppress(OSError, EOFError, zlib.error),  # what is no archive raises them, too
        gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as content,
    ):
        return content.read(size)
    return b""


def _decoded(content: bytes) -> str:
    """Return content as text, in UTF-8 or as older programs of Windows write it."""
    if b"\0" in content:
        return content.decode("utf-8", errors="replace")
    lines = content.removeprefix(BOM_UTF8).splitlines(keepends=True)
    return "".join(map(_decoded_line, lines))


def _decoded_line(line: bytes) -> str:
    with suppress(UnicodeDecodeError):
        return line.decode("utf-8")
    return line.decode("cp1252", errors="replace")


def _columns(path: Path, text: str, *, is_cut: bool) -> dict[str, Sequence[str]]:
    """Return the cells in the first lines of a table by column; none if it has one column only."""
    if path.suffix.lower() not in _WITH_COLUMNS:
        return {}
    begin = text[:_FIRST_BYTES]
    if is_cut:  # the last line is not whole
        begin = "\n".join(begin.splitlines()[:-1])
    rows: list[list[str]] = []
    with suppress(csv.Error):  # what is read so far counts
        rows.extend(cells for _, cells in split_lines(begin))
    names, *others = rows or [[""]]
    columns = zip_longest(*(row[: len(names)] for row in others), fillvalue="")
    cells: dict[str, Sequence[str]] = {name.strip(): () for name in names}
    cells |= {name.strip(): column for name, column in zip(names, columns, strict=False)}
    return cells if len(names) > 1 else {}
