"""Split folders: which folders hold the training, validation and test set, by their names."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from catdog._utils.errors import InvalidValueError
from catdog.images.listing import subfolders
from catdog.typing import SPLITS, Split

Role = Split | Literal["unlabelled"]

# Words that mean a split. Public data sets use all of them; "unlabelled" images are to be
# predicted, so they can be neither trained nor evaluated on.
_ROLES: Mapping[str, Role] = {
    **dict.fromkeys(("train", "training", "trainval", "trn"), "train"),
    **dict.fromkeys(("validation", "validate", "valid", "val", "dev"), "validation"),
    **dict.fromkeys(("test", "testing", "tst", "eval", "evaluation", "holdout"), "test"),
    **dict.fromkeys(
        ("pred", "predict", "prediction", "predictions", "unlabeled", "unlabelled"), "unlabelled"
    ),
}  # fmt: skip
# A folder with one of these names is a split folder, regardless of the folders beside it.
_SPLIT_NAMES = frozenset({"train", "training", "validation", "valid", "val", "test", "testing"})
# Words without information about the content: "Train_Data", "testset", "val_images".
_FILLERS = frozenset(
    {"data", "dataset", "dir", "file", "files", "folder", "image", "images", "img", "imgs", "jpeg",
     "jpg", "list", "lists", "photo", "photos", "pic", "pics", "picture", "pictures", "png",
     "samples", "set", "sets", "split"}
)  # fmt: skip
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")  # "TrainData" has two, "InstanceUID" too
# A letter or a Roman number that counts, before the name: "a. Training Set", "(b) Test", "II. Val".
_COUNTER = re.compile(r"\(?\d*(?:[a-z]|[ivx]{2,4}(?=[.)]))[\s._)-]+(?=[a-z])", re.IGNORECASE)
# Folders that data sets have beside those of their images.
_NO_CLASSES = frozenset(
    {"annotation", "annotations", "groundtruth", "label", "labels", "mask", "masks", "meta",
     "metadata", "segmentation", "segmentations", "trimaps"}
)  # fmt: skip
# Words that are in no name of a class.
_NEVER_IN_CLASSES = frozenset(
    {"annotation", "annotations", "segmentation", "segmentations", "trimaps"}
)
# Words for a piece of a data set that is distributed in several.
_PIECES = frozenset({"archive", "batch", "chunk", "fold", "part", "shard", "vol", "volume"})


class SplitFolders(NamedTuple):
    """The split folders that lie in one folder.

    Attributes:
        by_split: The folder of each split, in the order of `SPLITS`; empty if there are none.
        unlabelled: Folders of images to predict, which belong to no split.
    """

    by_split: Mapping[Split, Path]
    unlabelled: tuple[Path, ...]


class _Named(NamedTuple):
    """A folder whose name contains a word that means a split.

    Attributes:
        path: The folder.
        role: What that word means.
        rest: The other words, without fillers and numbers.
    """

    path: Path
    role: Role
    rest: tuple[str, ...]


def find_split_folders(folder: Path) -> SplitFolders:
    """Find the split folders directly in `folder`, by their names.

    `train/`, `val/`, `test/` and the like are split folders. Other names with such a word are
    split folders if they differ in that word only: `seg_train/` and `seg_test/`, `training_set/`
    and `test_set/`, but not `train_station/` and `test_tube/`.

    Raises:
        ValueError: If two folders mean the same split, or it is not clear which ones are meant.
    """
    named = list(_named(folder))
    if any(is_split_name(item.path.name) for item in named):
        chosen = [item for item in named if not item.rest]
    else:
        chosen = _differ_in_the_split(folder, named)
    found: dict[Split, Path] = {}
    for path, role, _ in chosen:
        if role == "unlabelled":
            continue
        if role in found:
            raise InvalidValueError(
                f"{folder} holds both {found[role].name}/ and {path.name}/, which mean the same",
                hint="Keep one of them, or put both into one folder.",
            )
        found[role] = path
    unlabelled = [item.path for item in named if item.role == "unlabelled"] if found else []
    return SplitFolders(
        {split: found[split] for split in SPLITS if split in found}, tuple(unlabelled)
    )


def is_split_name(name: str) -> bool:
    """Return whether a folder is a split folder by its name, regardless of those beside it."""
    return name.lower() in _SPLIT_NAMES


def is_no_class(name: str, beside: Iterable[str] = ()) -> bool:
    """Return whether a folder of this name holds no class: masks, or images to predict.

    Args:
        name: The name of the folder.
        beside: The names of the folders beside it. With `no_mask` beside it, `mask` is a class;
            with `cats` beside it, `cats_masks` is none.
    """
    words = plain_words(name)
    others = [plain_words(other) for other in beside if other != name]
    if "".join(words) in _NO_CLASSES:
        return not any(set(words) <= set(other) for other in others)
    roles = {_ROLES.get(word) for word in words if word not in _FILLERS}
    is_made_from = bool(words) and words[-1] in (*_NO_CLASSES, "gt") and words[:-1] in others
    is_annotation = "groundtruth" in "".join(words) or not _NEVER_IN_CLASSES.isdisjoint(words)
    return roles == {"unlabelled"} or is_made_from or is_annotation


def split_roles(name: str) -> set[Role]:
    """Return which splits the words of a name mean, such as two for `train_test_split`."""
    return {_ROLES[word] for word in _words(name) if word in _ROLES}


def has_split_word(name: str) -> bool:
    """Return whether a name contains a word that means a split, such as `kaggle_testset`."""
    return bool(split_roles(name))


def words_beside_split(name: str) -> list[str]:
    """Return the words of a name that neither mean a split nor say nothing about the content."""
    counter = _COUNTER.match(name)
    words = _words(name[counter.end() :] if counter else name)
    return [word for word in words if word not in _ROLES and word not in _FILLERS]


def has_filler(name: str) -> bool:
    """Return whether a name contains a word without information about the content."""
    return any(word in _FILLERS for word in _words(name))


def is_piece(name: str) -> bool:
    """Return whether all words of a name are for a piece of a data set: `images_1`."""
    words = _words(name)
    return bool(words) and (_FILLERS | _PIECES).issuperset(words)


def pieces_of_one(names: Iterable[str]) -> list[str]:
    """Return the names that differ in a number only, as those of the pieces of one data set.

    Numbered names without a word for a piece or for images, as `class_1` and `class_2`, are none.
    """
    by_words: dict[tuple[str, ...], list[str]] = {}
    for name in names:
        by_words.setdefault(tuple(_words(name)), []).append(name)
    return [
        name
        for words, same in by_words.items()
        if len(same) > 1 and not (_FILLERS | _PIECES).isdisjoint(words)
        for name in same
    ]


def holds_splits(folder: Path) -> list[str]:
    """Return the names of the folders in `folder` that mean different splits, if there are two."""
    named = [item for item in _named(folder) if item.role != "unlabelled"]
    return [item.path.name for item in named] if len({item.role for item in named}) > 1 else []


def _differ_in_the_split(folder: Path, named: Sequence[_Named]) -> list[_Named]:
    """Return the folders of different splits whose names are otherwise the same."""
    by_rest: dict[tuple[str, ...], list[_Named]] = {}
    for item in named:
        by_rest.setdefault(item.rest, []).append(item)
    groups = [group for group in by_rest.values() if len({item.role for item in group}) > 1]
    is_unclear = len(groups) > 1 or (not groups and _look_like_splits(folder, named))
    if is_unclear:
        listed = ", ".join(f"{item.path.name}/" for item in named)
        raise InvalidValueError(
            f"It is not clear which folders of {folder} are the training, validation and test set: "
            f"{listed}",
            hint=(
                "Name them train/, validation/ and test/, and move the others away. If they are "
                "classes, rename them."
            ),
        )
    return groups[0] if groups else []


def _look_like_splits(folder: Path, named: Sequence[_Named]) -> bool:
    """Return whether all folders have names of splits, and the same folders inside."""
    if len({item.role for item in named}) < 2 or len(named) < len(subfolders(folder)):
        return False
    inside = [{path.name for path in subfolders(item.path)} for item in named]
    return len(set.intersection(*inside)) > 1


def _named(folder: Path) -> Iterator[_Named]:
    """Yield the folders whose names contain a word that means a split."""
    for path in subfolders(folder):
        if found := _find_role(path.name):
            yield _Named(path, *found)


def splits_of_paths(paths: Iterable[Path], folder: Path) -> dict[Path, tuple[str, Split]]:
    """Return for files in split folders the name of that folder and its split.

    Folders are split folders if one of them is for training, another one beside it for evaluation,
    and their names are otherwise the same. Other files are left out.

    Args:
        paths: Files in `folder`, at any depth.
        folder: The folder that holds all of them.
    """
    found: dict[Path, tuple[tuple[Path, tuple[str, ...]], str, Split]] = {}
    for path in paths:
        for place in reversed(path.relative_to(folder).parents[:-1]):
            role, rest = _find_role(place.name) or (None, ())
            if role in SPLITS:
                found[path] = ((place.parent, rest), place.as_posix(), role)
                break
    by_place: dict[object, set[Split]] = {}
    for beside, _, split in found.values():
        by_place.setdefault(beside, set()).add(split)
    return {
        path: (name, split)
        for path, (beside, name, split) in found.items()
        if "train" in by_place[beside] and len(by_place[beside]) > 1
    }


def find_role(name: str) -> Role | None:
    """Return which split a name means, such as `Train` or `test_set`; `None` if it means none."""
    role, rest = _find_role(name) or (None, ())
    return None if rest else role


def _find_role(name: str) -> tuple[Role, tuple[str, ...]] | None:
    """Return what a word in a name means, and the other words; `None` without such a word."""
    words = _words(name)
    roles = {_ROLES[word] for word in words if word in _ROLES}
    if roles == {"train", "validation"}:  # "train_val": no validation set of its own
        roles = {"train"}
    if len(roles) != 1:
        return None
    return roles.pop(), tuple(words_beside_split(name))


def plain_words(name: str) -> list[str]:
    """Return the words of a name in lower case, without numbers."""
    return [word.lower() for word in _WORD.findall(name)]


def _words(name: str) -> list[str]:
    """Return the words of a name as `plain_words` does, but two for "trainset"."""
    return [part for word in plain_words(name) for part in _parts(word)]


def _parts(word: str) -> Iterator[str]:
    """Yield the words of a name such as "trainset", or the word itself."""
    for filler in _FILLERS:
        start = word.removesuffix(filler)
        if start in _ROLES and start != word:
            yield from (start, filler)
            return
    yield word
