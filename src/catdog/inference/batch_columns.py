"""Batches of rows, as Ray Data and Spark pass them to a function: columns by their names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catdog._utils.errors import InvalidValueError
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
    contents = [bytes(content) for content in batch[CONTENT]]
    names = paths or [f"bytes[{number}]" for number in range(len(contents))]
    return [ImageSource(content, name) for content, name in zip(contents, names, strict=True)]


def other_columns(batch: Mapping[str, Any]) -> Columns:
    """Return the columns of a batch that are passed on: all but the contents of the files."""
    return {str(name): np.asarray(batch[name]) for name in batch if name != CONTENT}


def text_column(values: list[str | None]) -> NDArray[Any]:
    """Return a column of texts, with an empty text in place of `None`.

    A batch in which all values of a column are missing would get a column without type, and its
    Parquet file could not be read together with the others (Ray 2.60, pyarrow 26).
    """
    return np.array([value or "" for value in values], np.str_)
