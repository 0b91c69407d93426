"""The state of a callback as values that a file without code can hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = list[NDArray[Any]]
_KINDS = "biufU"  # of NumPy's types that a file can hold
_PLAIN = (bool, int, float, str, type(None))
# Keras sets them in each run; it changes the sign of `min_delta` (3.15).
_NOT_STATE = {"model", "_model", "params", "min_delta"}


class _NotPlainError(Exception):
    """A value is something else than numbers, texts, arrays and containers of them."""


PlainValue = tuple[Any, Arrays]
"""What JSON can hold, and the arrays that it names by their position."""


def plain_attributes(owner: object) -> dict[str, PlainValue]:
    """Return the attributes of an object, without those that a file cannot hold.

    Args:
        owner: The object, such as a callback of Keras or of the user.
    """
    found: dict[str, PlainValue] = {}
    for name, value in vars(owner).items():
        arrays: Arrays = []
        with suppress(_NotPlainError):
            if name not in _NOT_STATE:
                found[name] = _to_plain(value, arrays), arrays
    return found


def changed_attributes(owner: object, before: Mapping[str, PlainValue]) -> dict[str, PlainValue]:
    """Return the attributes of an object that are no longer what `plain_attributes` returned."""
    return {
        name: value
        for name, value in plain_attributes(owner).items()
        if name not in before or not _is_same(value, before[name])
    }


def set_attribute(owner: object, name: str, value: PlainValue) -> None:
    """Set an attribute to the value that `changed_attributes` returned."""
    setattr(owner, name, _from_plain(*value))


def _is_same(one: PlainValue, other: PlainValue) -> bool:
    return repr(one[0]) == repr(other[0]) and all(map(np.array_equal, one[1], other[1]))


def to_array(value: Any) -> NDArray[Any]:
    """Return a copy of an array that a file can hold: bfloat16 as float32, which is exact."""
    array = np.array(value)
    return array if array.dtype.kind in _KINDS else array.astype(np.float32)


def _is_of_numbers(dtype: np.dtype[Any]) -> bool:
    """Return whether an array holds numbers or texts; bfloat16 is of a kind of its own."""
    return dtype.kind in _KINDS or (dtype.kind == "V" and np.can_cast(dtype, np.float32))


def _to_plain(value: Any, arrays: Arrays) -> Any:
    if isinstance(value, np.ndarray) and _is_of_numbers(value.dtype):
        arrays.append(to_array(value))
        return {"array": len(arrays) - 1}
    if isinstance(value, np.generic):
        value = value.item()
    if type(value) in _PLAIN:
        return value
    if type(value) in (list, tuple):
        kind = "list" if isinstance(value, list) else "tuple"
        return {kind: [_to_plain(item, arrays) for item in value]}
    if type(value) is dict and all(isinstance(key, str) for key in value):
        return {"dict": {key: _to_plain(item, arrays) for key, item in value.items()}}
    raise _NotPlainError


def _from_plain(value: Any, arrays: Sequence[NDArray[Any]]) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "array":
        return arrays[content]
    if kind == "dict":
        return {key: _from_plain(item, arrays) for key, item in content.items()}
    items = [_from_plain(item, arrays) for item in content]
    return items if kind == "list" else tuple(items)
