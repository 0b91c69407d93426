"""Labels that may say that there is none, or name several classes at once, as warnings."""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Set

from catdog._utils.errors import UsageWarning
from catdog._utils.text import list_names

_NO_LABEL = frozenset(
    {"-1", "?", "ambiguous", "na", "nan", "noclass", "nolabel", "none", "notlabeled",
     "notlabelled", "notsure", "null", "ohnelabel", "tbd", "tobelabeled", "tobelabelled",
     "unannotated", "unassigned", "unclassified", "unclear", "undecided", "undefined", "unknown",
     "unlabeled", "unlabelled", "unsure"}
)  # fmt: skip
_BLANKS = re.compile(r"[\s_/.-]+(?!1$)")  # "not sure", "N/A", but "-1"
# What joins the names of several classes in one cell. The second pattern splits at blanks, too.
_JOINTS = (re.compile(r"[,|;/+&\n]|\band\b"), re.compile(r"[\s,|;/+&]+"))
_BRACKETS = "[](){} \t"  # of lists that a program wrote as text: "['cat', 'dog']"
_QUOTES = "'\" \t"


def doubts_about_labels(names: Collection[str]) -> Iterator[UsageWarning]:
    """Yield the warnings about labels of a table that are none, or several classes at once."""
    found = [name for name in names if says_no_label(name)]
    if found and len(names) - len(found) > 1:
        yield UsageWarning(
            f"The labels {list_names(found)} are used as classes, although they may say that there "
            "is no label.",
            hint="If they do, remove these rows: then a warning lists the images.",
        )
    known = {name.strip(_BRACKETS).strip(_QUOTES).casefold() for name in names}
    parts_of = {name: _parts_of_list(name) for name in names}
    counts = Counter(part for parts in parts_of.values() for part in parts)
    if joined := [
        name
        for name, parts in parts_of.items()
        if _is_joined(name, known) or (len(parts) > 1 and any(counts[part] > 1 for part in parts))
    ]:
        yield UsageWarning(
            f"The labels {list_names(joined)} are used as classes of their own, although each "
            "consists of the names of other classes, or of parts of these.",
            hint="catdog learns one class for each image. Remove the rows of images of several "
            "classes, or give each the class that it shows most of.",
        )


def _parts_of_list(name: str) -> set[str]:
    """Return the parts of a label that is a list by its marks: `cat|dog`, `['cat', 'dog']`."""
    if "|" not in name and name[:1] not in ("[", "{"):
        return set()
    parts = _JOINTS[0].split(name.casefold().strip(_BRACKETS))
    return {part.strip(_QUOTES) for part in parts} - {""}


def says_no_label(name: str) -> bool:
    """Return whether the name of a class may say that there is no label: `?`, `not sure`."""
    plain = name.strip().casefold()
    return _BLANKS.sub("", plain) in _NO_LABEL or (bool(plain) and not plain.strip("?"))


def _is_joined(name: str, known: Set[str]) -> bool:
    """Return whether a label is two or more other ones, such as `cat|dog` and `['cat', 'dog']`.

    Args:
        name: The label.
        known: All labels without brackets, quotes and capitals. That of `name` does no harm: a
            part is shorter.
    """
    for joint in _JOINTS:
        parts = [part.strip(_QUOTES) for part in joint.split(name.casefold().strip(_BRACKETS))]
        parts = [part for part in parts if part]
        if len(parts) > 1 and set(parts) <= known:
            return True
    return False
