"""Batches of rows, as Ray Data and Spark pass them to a function: columns by their names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catdog._utils.errors import InvalidValueError
from catdog._utils.text import list_names
from catdog.images.inputs import ImageSource

Columns = dict[str, NDArray[Any]]
PATH, CONTENT, ERROR = "path", "bytes", "error"


def read_sources(batch: Any) -> list[ImageSource]:
    """Return the images of a batch of rows.

    Args:
        batch: A mapping of column names to columns, or a data frame. It has a column `path`, of
            image files, or `bytes`, of their contents; with both, the paths are names.

    Raises:
        ValueError: If the batch has neither column.
    """
    if PATH not in batch and CONTENT not in batch:
        raise InvalidValueError(
            f"needs a column {PATH!r} of image files, or {CONTENT!r} of their contents",
            argument="batch",
        )
    paths = [str(path) for path in batch[PATH]] if PATH in batch else None
    if CONTENT not in batch:
        return [ImageSource(Path(path), path) for path in paths or []]
    contents = [_as_bytes(content) for content in batch[CONTENT]]
    names = paths or [f"bytes[{number}]" for number in range(len(contents))]
    return [ImageSource(content, name) for content, name in zip(contents, names, strict=True)]


def _as_bytes(content: Any) -> bytes:
    """Return the content of a file; of an empty cell, such as `None`, that of an empty file."""
    try:
        return memoryview(content).tobytes()
    except TypeError:  # no bytes
        return b""


def other_columns(batch: Mapping[str, Any], added: Iterable[str]) -> Columns:
    """Return the columns of a batch that are passed on: all but the contents of the files.

    Args:
        batch: The columns by their names.
        added: The names of the columns that the result has beside them.

    Raises:
        ValueError: If the batch has one of these already.
    """
    if taken := [name for name in added if name in batch]:
        raise InvalidValueError(
            f"has columns that the result has, too: {list_names(taken)}",
            argument="batch",
            hint="Rename them first, such as label to true_label.",
        )
    return {str(name): np.asarray(batch[name]) for name in batch if name != CONTENT}


def text_column(values: list[str | None]) -> NDArray[Any]:
    """Return a column of texts, with an empty text in place of `None`.

    A batch in which all values of a column are missing would get a column without type, and its
    Parquet file could not be read together with the others (Ray 2.60, pyarrow 26).
    """
    return np.array([value or "" for value in values], np.str_)
