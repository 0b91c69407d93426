"""Names of classes or groups that people would take for the same, as warnings."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from catdog._utils.errors import UsageWarning
from catdog._utils.text import list_names

_PLURAL = re.compile(r"(?<=[^\W\d_]{2}[^\Ws\d_])s$")  # of "cats", not of "gas" and "glass"
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?", re.ASCII)
_ZEROS = re.compile(r"(?<![\d.,])0+(?=\d)")  # before a whole number
# Characters without a width, and what is between two words: not the minus in "lat_-10" or "A-".
_NO_WIDTH = re.compile("[\u00ad\u200b\u200c\u200e\u200f\u2060\ufeff]")
_GAP = re.compile(r"(?<=[^\W_])(\s+|_+|[\u2010-\u2015-])(?=[^\W_])")
_ANY_GAP = re.compile(r"(?<=[^\W_])[\s_\u2010-\u2015-]+(?=[^\W_])")
# Gaps that people leave out: between a letter and a digit, and between longer words.
_BESIDE_DIGITS = r"(?<=[^\W\d_]){0}(?=\d)|(?<=\d){0}(?=[^\W\d_])"
_NO_GAP = re.compile(_BESIDE_DIGITS.format(r"[\s_]+"))
_BETWEEN_WORDS = re.compile(r"(?<=[^\W\d_]{3}) (?=[^\W\d_]{3})")
_NO_BLANK = re.compile(f"{_BESIDE_DIGITS.format(' ')}|{_BETWEEN_WORDS.pattern}")
# Cyrillic letters that look like Latin ones, as code points.
_LOOK_ALIKES = {0x410: "A", 0x412: "B", 0x415: "E", 0x41A: "K", 0x41C: "M", 0x41D: "H", 0x41E: "O",
                0x420: "P", 0x421: "C", 0x422: "T", 0x425: "X", 0x430: "a", 0x435: "e", 0x43E: "o",
                0x440: "p", 0x441: "c", 0x443: "y", 0x445: "x", 0x455: "s", 0x456: "i",
                0x458: "j"}  # fmt: skip


def unlike_names(names: Iterable[str], *, kind: str = "classes") -> Iterator[UsageWarning]:
    """Yield the warnings about names that people would take for the same, one for each reason.

    Args:
        names: The names.
        kind: What has these names.
    """
    names = sorted(set(names))
    keys = {**_SAME, _LOOKS: _as_group} if kind == "groups" else _SAME
    for reason, key in keys.items():
        by_key: dict[Any, list[str]] = {}
        for name in names:
            by_key.setdefault(key(name), []).append(name)
        same = [name for group in by_key.values() if _is_new(group, key) for name in group]
        if same:
            yield UsageWarning(
                f"The names of the {kind} {list_names(same)} {reason}. They are used as different "
                f"{kind}.",
                hint="If they mean the same, give them the same name.",
            )


def _is_new(names: Sequence[str], key: Callable[[str], Any]) -> bool:
    """Return whether the names differ; in more than capitals, if these are not the reason."""
    return len({name if key is str.lower else name.lower() for name in names}) > 1


def _with_plain_numbers(name: str) -> float | str:
    """Return a number, or a name whose whole numbers do not begin with zeros: `p7` for `P007`."""
    if _NUMBER.fullmatch(name):
        return float(name.replace(",", "."))
    return _ZEROS.sub("", name.lower())


def _as_seen(name: str) -> str:
    """Return a name in small letters with one kind of gap or none, and one letter of each look.

    `p 7` is like `p7`, but `1-2` is not like `12`, `a b` not like `ab`, `lat-7` not like `lat7`.
    """
    return _BETWEEN_WORDS.sub("", _GAP.sub(" ", _NO_GAP.sub("", _plain(name)))).lower()


def _as_group(name: str) -> str:
    """Return the same for the name of a group, which is no measured value: `P-7` is like `P7`."""
    return _NO_BLANK.sub("", _ANY_GAP.sub(" ", _plain(name))).lower()


def _plain(name: str) -> str:
    """Return a name without what cannot be seen, and with one letter of each look."""
    return _NO_WIDTH.sub("", name).translate(_LOOK_ALIKES).rstrip(".").strip()


def _as_singular(name: str) -> str:
    """Return a name in small letters without the "s" of a plural; short ones stay as they are."""
    return _PLURAL.sub("", name.lower())


_LOOKS = "differ only in blanks, hyphens, dots at the end or what cannot be seen"
# Why two names may mean the same, and what is equal for such names.
_SAME: Mapping[str, Callable[[str], Any]] = {
    "differ in capitals only": str.lower,
    "differ only in how a number is written": _with_plain_numbers,
    _LOOKS: _as_seen,
    "may be singular and plural": _as_singular,
}
