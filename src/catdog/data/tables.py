"""Tables of image files: CSV files, mappings and rows, with columns of known names."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from numbers import Real
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from catdog._utils import checks
from catdog._utils.errors import InvalidTypeError, InvalidValueError, MissingFileError
from catdog._utils.text import composed, list_names, printable

# The names of each column, in any case. A column of numbers is often called "id" too, so that
# these names count only if no other column has the files.
NAMES: Mapping[str, Sequence[str]] = {
    "file": ("file", "filename", "file_name", "image", "path"),
    "label": ("label", "class"),
    "split": ("split",),
    "group": ("group",),
}
IDS = ("id", "image_id")
# What `pandas.read_csv` (2.3) reads as an empty cell, beside NaN.
_EMPTY = frozenset({"#N/A", "#N/A N/A", "#NA", "-NaN", "-nan", "<NA>", "N/A", "NA", "NULL", "None",
                    "n/a", "null"})  # fmt: skip
_MISSING = frozenset({"nan", "<NA>", "NaT"})  # what pandas has in empty cells, as text
_WHOLE = re.compile(r"-?\d+\.0+", re.ASCII)
_SEPARATOR = re.compile(r'"?sep=(.)"?\r?\n', re.I)
SEPARATORS = ",;\t"  # Excel writes semicolons where the comma is the decimal sign

# The cells of a row by column, such as `{"file": "a.jpg", "label": "cats"}`; "" for an empty cell.
Row = Mapping[str, str]


class Table(NamedTuple):
    """The content of a table.

    Attributes:
        rows: The rows, whose cells are text.
        columns: The columns that the rows have, with their names as the table writes them.
        others: The cells of the columns that are not used, by their names as the table writes them.
    """

    rows: Sequence[Row]
    columns: Mapping[str, str]
    others: Mapping[str, Sequence[Any]]


def read_table(
    argument: str, table: Any, columns: Sequence[str], *, optional: Sequence[str] = ()
) -> Table:
    """Read a table.

    Args:
        argument: Name of the argument that the table was passed as, for the errors.
        table: A CSV file, a mapping of the first column to the second, rows that are mappings, or
            a frame of pandas.
        columns: The two columns that the table must have.
        optional: The columns that it may have. All others are in `Table.others`.

    Raises:
        FileNotFoundError: If the CSV file does not exist.
        TypeError: If the table or a cell is of another type.
        ValueError: If the CSV file cannot be read, a column is missing or not clear, or a file has
            no name.
    """
    about: dict[str, Any] = {"argument": argument}
    if isinstance(table, str | PathLike):
        about["value"] = str(table)
        path = checks.check_path(argument, table, example=f"{argument}.csv")
        names, cells = _read_csv(path, about)
    elif isinstance(table, Mapping):
        names, cells = list(columns), list(table.items())
    else:
        names, cells = _read_rows(table, columns, about)
    found = _find_columns(names, columns, optional, about)
    rows = [{column: _text(row[place], about) for column, place in found.items()} for row in cells]
    for number, row in enumerate(rows, start=1):
        if not row["file"].strip():
            raise InvalidValueError(f"names no file in row {number}", **about)
    rows = [
        {column: text if column == "file" else _name(text) for column, text in row.items()}
        for row in rows
    ]
    others = {
        str(name): [row[place] for row in cells]
        for place, name in enumerate(names)
        if place not in found.values()
    }
    columns_found = {column: str(names[place]) for column, place in found.items()}
    return Table(rows, columns_found, others)


def _name(text: str) -> str:
    """Return the name in a cell, the same one however the table was stored.

    pandas makes floats of a column of numbers with gaps, and writes them so into CSV files. It
    reads some words as empty cells.
    """
    text = composed(text.strip())
    if is_empty(text):
        return ""
    return text.partition(".")[0] if _WHOLE.fullmatch(text) else text


def cell_name(cell: Any, *, argument: str) -> str:
    """Return the name in a cell that a user passed, such as a label; empty for an empty cell.

    Raises:
        TypeError: If it is neither text nor a number.
    """
    return _name(_text(cell, {"argument": argument}))


def is_empty(text: str) -> bool:
    """Return whether the text of a cell says that it is empty, as pandas reads and writes it."""
    return not text or text in _EMPTY or text.casefold() == "nan"


_Cells = tuple[list[Any], list[Sequence[Any]]]


def _read_rows(table: Any, columns: Sequence[str], about: Mapping[str, Any]) -> _Cells:
    """Return the names and the cells of rows that are mappings, also those of a frame of pandas."""
    if callable(to_dict := getattr(table, "to_dict", None)):
        with suppress(TypeError):  # a column of pandas, or a frame of another library
            table = to_dict("records")
    rows = list(table) if isinstance(table, Iterable) else [table]
    if not all(isinstance(row, Mapping) for row in rows):
        raise InvalidTypeError(
            f"must be a CSV file, a mapping of {' and '.join(columns)}, or rows that are mappings, "
            f"not {type(table).__name__}",
            **about,
            hint="Pass a mapping, such as dict(pairs), or what frame.to_dicts() returns.",
        )
    names = list(dict.fromkeys(name for row in rows for name in row))
    if None in names:  # as of csv.DictReader
        raise InvalidValueError(
            "has rows with more cells than columns",
            **about,
            hint='Put a cell that holds the separator into quotes: "a,b.jpg".',
        )
    return names, [[row.get(name) for name in names] for row in rows]


def _read_csv(path: Path, about: Mapping[str, Any]) -> _Cells:
    """Return the names in the first line of a CSV file, and the cells of the others."""
    if not path.is_file():
        problem = "is a folder, not a CSV file" if path.is_dir() else "does not exist"
        raise MissingFileError(problem, **about)
    try:
        text = path.read_bytes().decode("utf-8-sig")
        lines = list(split_lines(text))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidValueError(
            f"is no CSV file in UTF-8: {error}", **about, hint='In Excel, save it as "CSV UTF-8".'
        ) from error
    names: list[Any] = lines[0][1] if lines else []
    for number, cells in lines[1:]:
        if any(cells[len(names) :]):
            raise InvalidValueError(
                f"has {len(cells)} cells in line {number}, but {len(names)} columns",
                **about,
                hint='Put a cell that holds the separator into quotes: "a,b.jpg".',
            )
    return names, [cells + [""] * (len(names) - len(cells)) for _, cells in lines[1:]]


def split_lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield line number and cells of each line that is not empty.

    The separator is the one that a line such as `sep=;` names, or else the one that gives the first
    line the most cells.
    """
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(SEPARATORS, key=first.count)
    if told := _SEPARATOR.match(text):  # Excel reads and writes such a line
        separator = told[1]
        text = "\n" + text[told.end() :]
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True
    )
    for cells in reader:
        if any(cell.strip() for cell in cells):
            yield reader.line_num, cells


def _find_columns(
    names: Sequence[Any], columns: Sequence[str], optional: Sequence[str], about: Mapping[str, Any]
) -> dict[str, int]:
    """Return the place of each column that the table has.

    Raises:
        ValueError: If a column is missing, or two have its name.
    """
    plain = [composed(str(name)).strip().casefold().replace(" ", "_") for name in names]
    found: dict[str, int] = {}
    for column in (*columns, *optional):
        places = [place for place, name in enumerate(plain) if name in NAMES[column]]
        if column == "file" and not places:
            places = [place for place, name in enumerate(plain) if name in IDS]
        if len(places) > 1:
            raise InvalidValueError(
                f"has several columns for the {column}: "
                f"{list_names(str(names[place]) for place in places)}",
                **about,
                hint="Keep one, and rename the others.",
            )
        if places:
            found[column] = places[0]
    if not found.keys() >= set(columns):
        listed = list_names(map(str, names)) if names else "no rows"
        raise InvalidValueError(
            f"must have the columns {list_names(columns)}, not {listed}",
            **about,
            hint=_column_names(columns, optional),
        )
    return found


def _column_names(columns: Sequence[str], optional: Sequence[str]) -> str:
    """Return sentences with the names that columns may have."""
    named = [
        f"{', '.join([*NAMES[column], *(IDS if column == 'file' else ())])} for the {column}"
        for column in columns
    ]
    more = f" Optional are {' and '.join(optional)}." if optional else ""
    return f"The names may be {'; '.join(named)}.{more}"


def _text(cell: Any, about: Mapping[str, Any]) -> str:
    """Return a cell as text, also a number; the empty text for an empty cell."""
    if isinstance(cell, np.generic):
        cell = cell.item()
    if cell is None or (not isinstance(cell, str) and str(cell) in _MISSING):
        return ""
    if isinstance(cell, float) and cell.is_integer():  # pandas makes floats of a column with gaps
        cell = int(cell)
    if not isinstance(cell, str | PathLike | Real):
        raise InvalidTypeError(f"holds {cell!r}, but cells are text or numbers", **about)
    text = str(cell)
    if "\0" in text:
        raise InvalidValueError(f"holds a null character: {printable(text)}", **about)
    return text
