"""Names of classes and images that may mean something else than what is assumed, as warnings."""

import re
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from catdog._utils.errors import HintCode, UsageWarning
from catdog._utils.text import list_names
from catdog.data.label_doubts import says_no_label
from catdog.data.same_names import unlike_names
from catdog.data.split_folders import (
    has_filler,
    has_split_word,
    is_split_name,
    split_roles,
    words_beside_split,
)

_WORD = re.compile(r"\d+|[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+")  # "catAug2" has three
# Words for what augmentation writes.
_AUGMENTED = frozenset({"aug", "augmentation", "augmentations", "augmented", "flipped", "rotated"})
# Words for another version of the same images, and the number that systems give to a copy.
_VERSIONS = _AUGMENTED | {
    *("backup", "bak", "copie", "copies", "copy", "cropped", "kopie", "new", "old", "orig"),
    *("original", "resized"),
}
_OF = frozenset({"de", "di", "of", "von"})
_COPY_NUMBER = re.compile(r"\s*\(\d+\)$")
# Names of folders that people keep beside the classes.
LEFTOVERS = frozenset(
    {"augmented", "backup", "copy", "corrupt", "corrupted", "delete", "deleted", "demo",
     "duplicates", "example", "examples", "inference", "input", "inputs", "misc", "output",
     "outputs", "query", "rejected", "rejects", "results", "sample", "samples", "temp",
     "thumbnails", "thumbs", "tmp", "todelete", "todo", "unsorted", "unused",
     # For a split, in other languages than English.
     "allenamento", "entrainement", "entrenamiento", "prueba", "pruebas", "testbilder",
     "testdaten", "teste", "testes", "trainingsbilder", "trainingsdaten", "treinamento", "treino",
     "validacao", "validacion", "validierung", "обучение", "тест", "测试", "测试集", "训练",
     "训练集", "テスト"}
)  # fmt: skip

# Names of new folders, in several languages.
_UNNAMED = frozenset(
    {"neuerordner", "newfolder", "nieuwemap", "nouveaudossier", "novapasta", "nuevacarpeta",
     "nuovacartella", "unbenannt", "unbenannterordner", "unnamed", "untitled", "untitledfolder",
     "новаяпапка", "新しいフォルダー", "新建文件夹"}
)  # fmt: skip
# Words for what a training writes: `train_log`.
WRITTEN = frozenset({"checkpoint", "checkpoints", "config", "history", "log", "logs", "metrics",
                     "output", "outputs", "prediction", "predictions", "result", "results", "runs",
                     "scores"})  # fmt: skip
# Words for images to evaluate on, and those with which "test" is the name of a thing.
_TO_EVALUATE = frozenset({"eval", "evaluation", "test", "testing", "tests", "val", "validation"})
_THINGS = frozenset(
    {"bench", "card", "cricket", "drive", "kit", "match", "negative", "paper", "pattern", "pilot",
     "positive", "print", "strip", "track", "tube", "tubes"}
)  # fmt: skip
WEAK = frozenset({"a", "all", "me", "mixed", "my", "new", "some", "the", "to", "unknown"})

# A quick test, so that few names are split into words: each word for a set has one of these.
_MAY_BE_SPLIT = re.compile("train|trn|val|dev|test|tst|holdout", re.I)
_SHORT_SPLIT = re.compile(r"(?<![^\W_])(tr|va|te|fold ?\d+)(?![^\W_])", re.I)  # "tr_1", "fold0_1"
_MIN_SHARE = 0.9  # of the images; single images may be called "test" by chance


def doubts_about_class_names(names: Collection[str], *, grouped: bool) -> list[UsageWarning]:
    """Return warnings about classes that may be other versions of a class, or none at all.

    Args:
        names: The names of the classes.
        grouped: It is known which images belong together.
    """
    found = [
        _versions(names),
        _leftovers(names),
        _of_splits(names),
        None if grouped else _augmented(names),
    ]
    return [*unlike_names(names), *(doubt for doubt in found if doubt is not None)]


def _versions(names: Iterable[str]) -> UsageWarning | None:
    """Return the warning about classes that may be versions of others, such as `cat_aug`.

    If they are, nearly the same images are in different classes.
    """
    by_words = {words_of(name): name for name in names}
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


def _augmented(names: Collection[str]) -> UsageWarning | None:
    """Return the warning about classes that all hold augmented images by their names.

    Turned or mirrored copies of an image are not recognised, so they may be in different sets.
    """
    if len(names) < 2 or any(_AUGMENTED.isdisjoint(words_of(name)) for name in names):
        return None
    return UsageWarning(
        f"By the names of the classes, {list_names(names, 3)}, the images are augmented. Copies of "
        "one image may be in different sets.",
        hint="If they are, use the original images, which catdog augments in the training, or "
        "pass as group_by what the copies of an image share.",
    )


def _leftovers(names: Collection[str]) -> UsageWarning | None:
    """Return the warning about classes whose names say that they are none."""
    found = [
        name for name in names if _is_leftover(name) or says_no_label(name) or _is_unnamed(name)
    ]
    if not found or len(names) - len(found) < 2:
        return None
    return UsageWarning(
        f"The classes {list_names(found)} are used, although their names may say that they are "
        "none.",
        hint="If they are none, move the folders away, or remove their rows from the table.",
    )


def _is_leftover(name: str) -> bool:
    """Return whether a name is in the list, or is without "images" and the like."""
    words = words_of(name)
    plain = [word for word in words if not has_filler(word)]
    return not LEFTOVERS.isdisjoint({"".join(words), "".join(plain)})


def _is_unnamed(name: str) -> bool:
    """Return whether a folder has the name that a system gives to a new one: `New folder (2)`."""
    return "".join(word for word in words_of(name) if not word.isdigit()) in _UNNAMED


def _of_splits(names: Collection[str]) -> UsageWarning | None:
    """Return the warning about classes that may be of a split: `test_images`, `cats_test`."""
    by_words = {words_of(name) for name in names}
    found = []
    for name in names:
        rest = tuple(word for word in words_beside_split(name) if word not in WEAK | WRITTEN)
        if (
            has_split_word(name)
            and not is_split_name(name)
            and (not rest or rest in by_words or _is_to_evaluate(name, rest, names))
        ):
            found.append(name)
    if not found or len(names) - len(found) < 2:
        return None
    return UsageWarning(
        f"The classes {list_names(found)} are used, although their names contain a word for a "
        "split.",
        hint="If they hold images to evaluate on or to predict, move them away, or put the images "
        "into folders train/ and test/ with one folder per class in each. A table may have a "
        "column split.",
    )


def _is_to_evaluate(name: str, rest: Iterable[str], names: Iterable[str]) -> bool:
    """Return whether a name says "test", no other does, and it is not that of a thing.

    `Test cases` is such a name beside `Normal cases`; `test_tube` is none.
    """
    beside = {word for other in names if other != name for word in words_of(other)}
    says_so = not _TO_EVALUATE.isdisjoint(words_of(name)) and _TO_EVALUATE.isdisjoint(beside)
    return says_so and _THINGS.isdisjoint(rest)


def splits_in_names(paths: Sequence[Path]) -> UsageWarning | None:
    """Return the warning about images whose names say to which set of a split they belong."""
    sets = [_sets_in(path.stem) for path in paths]
    if sum(map(bool, sets)) < _MIN_SHARE * len(paths) or len(set().union(*sets)) < 2:
        return None
    example = next(path for path, own in zip(paths, sets, strict=True) if own)
    return UsageWarning(
        "The names of the images say to which set of a split they belong, which is not used, such "
        f"as {example.name!r}. Images of its test set may be trained on.",
        hint="To use it, pass a table with the columns file, label and split as labels, or put the "
        "images into folders train/ and test/.",
        hint_code=HintCode.USE_SPLIT_LISTS,
    )


def _sets_in(name: str) -> Collection[str]:
    """Return which sets of a split the words of a name mean: `test_1`, `tr_7`, `fold0_12`."""
    if _MAY_BE_SPLIT.search(name) and (roles := split_roles(name)):
        return roles
    return {word.lower() for word in _SHORT_SPLIT.findall(name)}


def words_of(name: str) -> tuple[str, ...]:
    """Return the words and numbers of a name, in lower case."""
    return tuple(word.casefold() for word in _WORD.findall(name))


def _without_version(name: str) -> tuple[str, ...]:
    """Return the words of a name without those for a version: `cat` of `cat_aug` and `cat (1)`.

    Numbers behind such a word belong to it: `cat - Copy 2`, `cat_backup_2024-03-01`. So does a word
    between both: `Copy of cat`.
    """
    words = words_of(_COPY_NUMBER.sub("", name))
    kept: list[str] = []
    is_behind = False  # a word for a version, or the numbers behind it
    for word in words:
        is_behind = word in _VERSIONS or (is_behind and word.isdigit())
        if not is_behind:
            kept.append(word)
    if len(kept) > 1 and words[0] in _VERSIONS and kept[0] in _OF:
        del kept[0]
    return tuple(kept)
