"""Names of classes or groups that people would take for the same, as warnings."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from unicodedata import category

from catdog._utils.errors import UsageWarning
from catdog._utils.text import list_names

_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?", re.ASCII)
_ZEROS = re.compile(r"(?<!\d)0+(?=\d)")  # before a whole number
# Categories of characters: blanks, hyphens, the underscore; and those that have no width.
_GAPS, _NO_WIDTH = ("Zs", "Pd", "Pc"), "Cf"
# Cyrillic letters that look like Latin ones, as code points.
_LOOK_ALIKES = {0x430: "a", 0x435: "e", 0x43E: "o", 0x440: "p", 0x441: "c", 0x443: "y",
                0x445: "x", 0x455: "s", 0x456: "i", 0x458: "j"}  # fmt: skip


def unlike_names(names: Iterable[str], *, kind: str = "classes") -> Iterator[UsageWarning]:
    """Yield the warnings about names that people would take for the same, one for each reason.

    Args:
        names: The names.
        kind: What has these names.
    """
    names = sorted(set(names))
    by_name = _group(names, str.casefold)
    capitals = [name for same in by_name.values() if len(same) > 1 for name in same]
    found = {"differ in capitals only": capitals}
    for reason, key in _SAME.items():
        groups = [group for group in _group(by_name, key).values() if len(group) > 1]
        found[reason] = [name for group in groups for folded in group for name in by_name[folded]]
    for reason, same in found.items():
        if same:
            yield UsageWarning(
                f"The names of the {kind} {list_names(same)} {reason}. They are used as different "
                f"{kind}.",
                hint="If they mean the same, give them the same name.",
            )


def _group(names: Iterable[str], key: Callable[[str], Any]) -> dict[Any, list[str]]:
    groups: dict[Any, list[str]] = {}
    for name in names:
        groups.setdefault(key(name), []).append(name)
    return groups


def _with_plain_numbers(name: str) -> float | str:
    """Return a number, or a name whose whole numbers do not begin with zeros: `p7` for `p007`."""
    if _NUMBER.fullmatch(name):
        return float(name.replace(",", "."))
    return _ZEROS.sub("", name)


def _as_seen(name: str) -> str:
    """Return a name with one kind of gap between words, and one letter of each look."""
    kinds = [(category(character), character) for character in name]
    seen = [" " if kind in _GAPS else character for kind, character in kinds if kind != _NO_WIDTH]
    return " ".join("".join(seen).translate(_LOOK_ALIKES).split())


# Why two names may mean the same, and what is equal for such names in small letters.
_SAME: Mapping[str, Callable[[str], Any]] = {
    "differ only in how a number is written": _with_plain_numbers,
    "differ only in blanks, hyphens or what cannot be seen": _as_seen,
}
