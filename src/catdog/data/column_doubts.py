"""Columns of a table of labels that are not used, but may be groups or splits, as a warning."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from catdog._utils.errors import UsageWarning
from catdog._utils.text import list_names
from catdog.data.split_folders import plain_words, split_roles, words_beside_split
from catdog.data.tables import is_empty
from catdog.typing import SPLITS

# Names of columns, without "id", that say what belongs together, or to which set an image belongs.
_GROUPS = frozenset(
    {"accession", "author", "burst", "case", "clip", "donor", "driver", "eartag", "episode", "exam",
     "examination", "identity", "imagegroup", "individual", "lesion", "movie", "mrn", "owner",
     "participant", "patient", "person", "pid", "ptid", "recording", "scene", "sequence", "series",
     "session", "sessiondate", "slide", "specimen", "study", "subj", "subject", "track", "user",
     "video", "visit", "volunteer", "writer", "wsi"}
)  # fmt: skip
_KEYS = frozenset({"guid", "id", "key", "uid", "uuid"})  # last words of names of columns
_NUMBERS = frozenset({"id", "name", "no", "nr", "num", "number"})  # which `_plain` leaves out
# Columns with these words name classes, or what images share although they do not belong together.
_NO_GROUPS = frozenset(
    {"breed", "category", "class", "country", "diagnosis", "disease", "label", "licence", "license",
     "species", "target", "taxon", "type"}
)  # fmt: skip
_ORIGINALS = frozenset({"mother", "original", "parent", "source"})  # "source_image"
_FILES = frozenset({"file", "filename", "image", "img", "photo"})
_SETS = frozenset({"cv", "gallery", "imageset", "partition", "phase", "set", "subset", "traintest",
                   "tvt", "usage"})  # fmt: skip
# Words for what was photographed: groups if a few images share each value.
_INDIVIDUALS = frozenset({"animal", "cage", "cow", "dog", "fish", "horse", "mouse", "pat", "plant",
                          "plate", "ring", "uid", "well"})  # fmt: skip
_MOST_SHARING = 20  # images of an individual, on average
# Words that a column of a split may have beside others: `cv_fold`, `Data Split`.
_SPLIT_WORDS = frozenset({"fold", "folds", "kfold", "split", "splits"})
# Words beside one for a split that say nothing else: `is_train`, `used for training`.
_WEAK = frozenset(
    {"col", "flag", "for", "id", "in", "is", "mask", "official", "type", "use", "used"}
)
_YES_NO = frozenset({"0", "0.0", "1", "1.0", "f", "false", "n", "no", "t", "true", "y", "yes"})
_MAX_VALUES = 20  # a column with more of them is no split


def unused_columns(
    others: Mapping[str, Sequence[Any]], used: Iterable[str], *, grouped: bool
) -> UsageWarning | None:
    """Return the warning about columns that may be groups or splits, but are not named so.

    Args:
        others: The cells of the columns that are not columns of catdog, by their names.
        used: The columns of catdog that the table has.
        grouped: `group_by` says what belongs together.
    """
    used = set(used)
    needs_groups, needs_split = not grouped and "group" not in used, "split" not in used
    found = [
        name
        for name, cells in others.items()
        if (needs_groups and may_be_groups(name, cells))
        or (needs_split and may_be_split(name, cells))
    ]
    if not found:
        return None
    return UsageWarning(
        f"The table of labels has columns that are not used: {list_names(found)}.",
        hint="Rename one to group if it says which images belong together, or to split if it says "
        "which are for train, validation and test.",
    )


def may_be_split(name: str, cells: Sequence[Any]) -> bool:
    """Return whether a column may be a split, by its name or by what is in it."""
    if _is_split_column(name) or _plain(name) in _SETS:
        return True
    values = _few_values(cells)
    if split_roles(name) & {*SPLITS} and values and {*map(str.casefold, values)} <= _YES_NO:
        return True
    roles = [split_roles(value) for value in values]
    return all(roles) and len(set().union(*roles)) > 1


def _is_split_column(name: str) -> bool:
    """Return whether the name of a column says that it is a split, whatever is in it."""
    says_so = bool(split_roles(name) & {*SPLITS}) and _WEAK.issuperset(words_beside_split(name))
    return says_so or not _SPLIT_WORDS.isdisjoint(plain_words(name))


def may_be_groups(name: str, cells: Sequence[Any]) -> bool:
    """Return whether a column may be groups, by its name.

    Names such as `StudyInstanceUID` or `patient_code` are those of groups if images share a value.
    """
    if _plain(name) in _GROUPS:
        return True
    words = plain_words(name)
    if not words or not _has_equal(cells):
        return False
    last, own = words[-1], set(words)
    if name.strip().casefold() in _INDIVIDUALS:
        return len(_values(cells)) <= _MOST_SHARING * len(set(_values(cells)))
    if own & _GROUPS:
        return last in _GROUPS | _KEYS | _NUMBERS | {"code"}
    if name.casefold().endswith("instanceuid") or (own & _ORIGINALS and own & _FILES):
        return True
    return len(words) > 1 and last in _KEYS and not own & (_NO_GROUPS | _FILES)


def _has_equal(cells: Sequence[Any]) -> bool:
    """Return whether two cells that are not empty have the same value."""
    values = _values(cells)
    return len(set(values)) < len(values)


def _values(cells: Sequence[Any]) -> list[str]:
    """Return the cells that are not empty, as text."""
    return [text for cell in cells if not is_empty(text := str(cell).strip())]


def _few_values(cells: Sequence[Any]) -> set[str]:
    """Return the values of a column, without empty ones; nothing if they are many."""
    values: set[str] = set()
    for cell in cells:
        values.add(str(cell).strip())
        if len(values) > _MAX_VALUES:
            return set()
    return {text for text in values if not is_empty(text)}


def _plain(name: str) -> str:
    """Return the name of a column in lower case, without what means a number."""
    words = name.casefold().replace("-", "_").replace(" ", "_").strip("_").split("_")
    kept = [word for word in words if word not in _NUMBERS]
    joined = "".join(kept)
    short = joined.removesuffix("id")
    return short if short in _GROUPS else joined
