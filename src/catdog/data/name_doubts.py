"""Names of classes and images that may mean something else than what is assumed, as warnings."""

import re
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from catdog._utils.errors import HintCode, UsageWarning
from catdog._utils.text import list_names
from catdog.data.split_folders import split_roles

_WORD = re.compile(r"\d+|[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+")  # "catAug2" has three
# Words for another version of the same images, and the number that systems give to a copy.
_VERSIONS = frozenset(
    {"aug", "augmentation", "augmentations", "augmented", "backup", "bak", "copie", "copies",
     "copy", "cropped", "flipped", "kopie", "new", "old", "orig", "original", "resized", "rotated"}
)  # fmt: skip
_COPY_NUMBER = re.compile(r"\s*\(\d+\)$")
# Names of folders that people keep beside the classes.
_LEFTOVERS = frozenset(
    {"augmented", "backup", "copy", "corrupt", "corrupted", "delete", "deleted", "duplicates",
     "example", "examples", "misc", "output", "outputs", "rejected", "rejects", "results",
     "sample", "samples", "temp", "thumbnails", "thumbs", "tmp", "todelete", "todo", "unsorted",
     "unused"}
)  # fmt: skip

# The end of the name of a mask, which data sets have beside the image: `benign (1)_mask.png`.
_MASK = re.compile(
    r"[ _-]?(annotation|gt|ground[ _-]?truth|mask|seg|segmentation|trimap)([ _-]?\d+)?$", re.I
)
# A quick test, so that few names are split into words.
_MAY_BE_SPLIT = re.compile("train|val|test", re.I)
MOST = 0.9  # of the images; single images may be called "test" by chance


def doubts_about_class_names(names: Collection[str]) -> list[UsageWarning]:
    """Return warnings about class folders that may be other versions of a class, or none at all."""
    return list(filter(None, [names_in_capitals(names), _versions(names), _leftovers(names)]))


def doubts_about_image_names(paths: Sequence[Path], *, in_splits: bool) -> list[UsageWarning]:
    """Return warnings about images that may be masks of others, or belong to a split.

    Args:
        paths: The files in the class folders.
        in_splits: The class folders are in split folders.
    """
    doubts = [_masks(paths), None if in_splits else _splits_in_names(paths)]
    return [doubt for doubt in doubts if doubt is not None]


def names_in_capitals(names: Iterable[str]) -> UsageWarning | None:
    """Return the warning about names of classes that differ in capitals only; `None` without."""
    by_name: dict[str, list[str]] = {}
    for name in names:
        by_name.setdefault(name.casefold(), []).append(name)
    same = [name for group in by_name.values() if len(group) > 1 for name in group]
    if not same:
        return None
    return UsageWarning(
        f"The names of the classes {list_names(same)} differ in capitals only. They are used as "
        "different classes.",
        hint="If they mean the same, give them the same name.",
    )


def _versions(names: Iterable[str]) -> UsageWarning | None:
    """Return the warning about classes that may be versions of others, such as `cat_aug`.

    If they are, nearly the same images are in different classes.
    """
    by_words = {_words(name): name for name in names}
    found = [
        f"{by_words[words]!r} of {by_words[base]!r}"
        for words in by_words
        if (base := _without_version(by_words[words])) != words and base in by_words
    ]
    if not found:
        return None
    return UsageWarning(
        f"These are used as different classes, but by their names, one may be a copy or another "
        f"version: {', '.join(found[:3])}.",
        hint="If it is one, move it away, or put its images into the other folder.",
    )


def _leftovers(names: Collection[str]) -> UsageWarning | None:
    """Return the warning about class folders whose names say that they hold no class."""
    found = [name for name in names if "".join(_words(name)) in _LEFTOVERS]
    if not found or len(names) - len(found) < 2:
        return None
    return UsageWarning(
        f"The folders {list_names(found)} are used as classes, although their names may say that "
        "they are none.",
        hint="If they are none, move them away.",
    )


def _masks(paths: Sequence[Path]) -> UsageWarning | None:
    """Return the warning about images that are named as masks of images beside them."""
    ends = [(path, _MASK.search(path.stem)) for path in paths]
    found = [(path, path.stem[: end.start()]) for path, end in ends if end]
    if not found:
        return None
    stems = {(path.parent, path.stem) for path in paths}
    masks = [path.name for path, image in found if (path.parent, image) in stems]
    if not masks:
        return None
    return UsageWarning(
        f"{len(masks):,} of {len(paths):,} images have the name of another image and a word for a "
        f"mask, such as {masks[0]!r}. They are used as images of their class.",
        hint="If they are masks, move them away.",
    )


def _splits_in_names(paths: Sequence[Path]) -> UsageWarning | None:
    """Return the warning about images whose names say to which set of a split they belong."""
    roles = [split_roles(path.stem) if _MAY_BE_SPLIT.search(path.stem) else set() for path in paths]
    named = sum(map(bool, roles))
    if named < MOST * len(paths) or not {"train"} < set().union(*roles):
        return None
    return UsageWarning(
        "The names of the images say to which set of a split they belong, which is not used, such "
        f"as {paths[0].name!r}. Images of its test set may be trained on.",
        hint="To use it, pass a table with the columns file, label and split as labels, or put the "
        "images into folders train/ and test/.",
        hint_code=HintCode.USE_SPLIT_LISTS,
    )


def _words(name: str) -> tuple[str, ...]:
    """Return the words and numbers of a name, in lower case."""
    return tuple(word.casefold() for word in _WORD.findall(name))


def _without_version(name: str) -> tuple[str, ...]:
    """Return the words of a name without those for a version: `cat` of `cat_aug` and `cat (1)`.

    A number behind such a word belongs to it: `cat - Copy 2`.
    """
    words = _words(_COPY_NUMBER.sub("", name))
    kept = tuple(word for word in words if word not in _VERSIONS)
    return kept[:-1] if len(kept) < len(words) and words[-1].isdigit() else kept
