"""Refuse folders whose layout is not clear, with what to do."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path

from catdog._utils.errors import FileAccessError, HintCode, InvalidValueError, UsageWarning
from catdog._utils.text import composed, list_names
from catdog.data.split_folders import (
    SplitFolders,
    holds_splits,
    is_no_class,
    is_split_name,
    pieces_of_one,
)
from catdog.images.identify import is_image_file
from catdog.images.listing import (
    can_be_listed,
    folders_below,
    has_direct_images,
    hidden_folders,
    single_folder_below,
    subfolders,
    walk,
)
from catdog.typing import SPLITS

# Suffixes of lists of images.
LISTS = (".csv", ".json", ".jsonl", ".list", ".lst", ".mat", ".npy", ".tsv", ".txt", ".xls",
         ".xlsx", ".yaml", ".yml")  # fmt: skip
_EXPECTED = (
    "catdog expects one folder per class (cats/, dogs/), "
    "or train/ and validation/ or test/ with one folder per class in each, "
    "or a table of files and labels, passed as labels."
)


def check_can_be_listed(folder: Path) -> None:
    """Raise if a split folder cannot be listed: it is not empty, but nobody knows what it holds."""
    if not can_be_listed(folder):
        raise FileAccessError(
            f"{folder} cannot be listed", hint="Ask for the permission to read it, or move it away."
        )


def check_complete(root: Path, split_folders: SplitFolders) -> None:
    """Raise if the split folders are not enough, or other folders beside them hold images."""
    by_split = split_folders.by_split
    if "train" not in by_split or len(by_split) == 1:
        found = ", ".join(f"{path.name}/" for path in by_split.values())
        missing = "validation/ and no test/" if "train" in by_split else "train/"
        raise InvalidValueError(
            f"{root} holds {found} but no {missing}",
            hint=(
                f"{_other_split_names(root, split_folders)}Add it, or pass the folder of the class "
                f"folders. If it is the name of a class, rename that class. {_EXPECTED}"
            ),
        )
    known = {*by_split.values(), *split_folders.unlabelled}
    for folder in subfolders(root):
        if folder not in known and holds_images(folder):
            raise InvalidValueError(
                f"{folder} holds images, and there are split folders beside it, but its name is "
                f"not that of a split ({', '.join(SPLITS)})",
                hint=(
                    "Rename it, or move it away. If all of these are classes, rename "
                    f"{' and '.join(f'{path.name}/' for path in by_split.values())}."
                ),
            )


def _other_split_names(root: Path, split_folders: SplitFolders) -> str:
    """Return the hint that names folders whose names contain a word that means a split."""
    known = {path.name for path in split_folders.by_split.values()}
    others = [
        f"{name}/" for name in holds_splits(root) if name not in known and holds_images(root / name)
    ]
    if not others:
        return ""
    return (
        f"If {' and '.join(others)} hold other sets, rename them to train/, validation/ or test/; "
        "or to pred/ if their images have no labels. "
    )


def possible_classes(folder: Path) -> list[Path]:
    """Return the folders that may be classes; those of masks and the like only with images."""
    inside = subfolders(folder)
    names = [path.name for path in inside]
    return [path for path in inside if not is_no_class(path.name, names) or holds_images(path)]


def without_lists(folders: Sequence[Path]) -> Sequence[Path]:
    """Return the only folder that holds images, if the others hold nothing but lists of images.

    Otherwise return all: a class may have texts, and no images yet.
    """
    others = [folder for folder in folders if not _holds_lists_only(folder)]
    return others if len(others) == 1 and holds_images(others[0]) else folders


def _holds_lists_only(folder: Path) -> bool:
    """Return whether all files in a folder and in those below it are lists of images."""
    suffixes = [path.suffix.lower() for path in walk(folder)]
    return bool(suffixes) and all(suffix in LISTS for suffix in suffixes)


def holds_images(folder: Path) -> bool:
    """Return whether there is an image in a folder or in a folder below it."""
    return any(is_image_file(path) for path in walk(folder))


def find_same_classes(train: Path, classes: Mapping[str, Path], folder: Path) -> Mapping[str, Path]:
    """Return the class folders of a split folder, which must be those of the training set."""
    folders = possible_classes(folder)
    if not folders:
        raise InvalidValueError(
            f"{folder} holds no class folders, as {train} does",
            hint=f"Put its images into folders {list_names(classes)}, or pass {train} alone.",
        )
    inside = {composed(path.name): path for path in folders}
    if len(inside) < len(folders) or inside.keys() != classes.keys():
        raise InvalidValueError(
            f"{train} holds the classes {list_names(classes)}, but {folder} holds "
            f"{list_names([path.name for path in folders])}",
            hint="Give each the same class folders.",
        )
    return inside


def too_few_classes(
    folder: Path, classes: Mapping[str, Path], *, in_split: bool
) -> InvalidValueError:
    """Return the error for a folder with no class folder, or with one only."""
    hidden = [path.name for path in hidden_folders(folder)]
    dots = (
        f"If {list_names(hidden)} is a class, rename it: its name begins with a dot. "
        if hidden
        else ""
    )
    if classes:
        return InvalidValueError(
            f"{folder} holds one class only, {next(iter(classes))!r}, but a classifier needs at "
            "least two",
            hint=f"{dots}Put the images of each class into a folder of their own.",
        )
    hint = "It holds images itself: pass the folder above. " if has_direct_images(folder) else ""
    if in_split or is_split_name(folder.name):
        hint = "Put its images into a folder for each class. "
    return InvalidValueError(f"{folder} holds no class folders", hint=f"{dots}{hint}{_EXPECTED}")


def check_class_folders(root: Path, classes: Mapping[str, Path]) -> None:
    """Raise if folders cannot be classes."""
    _check_no_other_folders(classes)
    _check_nothing_nested(root, classes)


def check_class_names(root: Path, names: Iterable[str]) -> None:
    """Raise if names of class folders are those of splits, or of the pieces of one data set."""
    splits = [name for name in names if is_split_name(name)]
    if len(splits) > 1:
        raise InvalidValueError(
            f"{root} holds {list_names(splits)}, which are names of splits, as classes",
            hint="Pass the folder of the class folders, or rename those that are classes.",
        )
    if pieces := pieces_of_one(names):
        raise InvalidValueError(
            f"The names of folders of {root} differ in a number only, as those of the pieces of "
            f"one data set do: {list_names(pieces)}",
            hint=(
                "Put their images into a folder for each class. If they are classes, give them "
                "names that say what they hold."
            ),
        )


def doubt_about_level(
    root: Path, classes: Mapping[str, Path], *, grouped: bool
) -> UsageWarning | None:
    """Return a warning if all class folders hold the same folders, and no image beside these.

    Args:
        root: The folder of the class folders.
        classes: The class folders by their names.
        grouped: The images have groups, so that the inner folders may be groups.

    Raises:
        ValueError: In place of the warning, if they have no groups.
    """
    holders = [single_folder_below(folder) for folder in classes.values()]
    if any(map(has_direct_images, holders)):
        return None
    inside = [{composed(path.name) for path in subfolders(holder)} for holder in holders]
    same = sorted(set.intersection(*inside))
    if len(same) < 2:
        return None
    way_out = (
        "If the inner ones are the classes, pass one of the outer folders; or name these train/ "
        "and test/, if they hold different images."
    )
    if grouped:
        return UsageWarning(
            f"The classes of {root} are {list_names(classes)}. Each holds the same folders, which "
            f"may be meant: {list_names(same)}.",
            hint=way_out,
        )
    raise InvalidValueError(
        f"It is not clear whether the classes of {root} are {list_names(classes)}, or the folders "
        f"in each of them: {list_names(same)}",
        hint=(
            f"{way_out} If the outer ones are the classes, give the inner folders different names, "
            'or pass group_by="folder" if each is a group.'
        ),
        hint_code=HintCode.CHOOSE_LEVEL,
    )


def _check_no_other_folders(classes: Mapping[str, Path]) -> None:
    """Raise if a folder beside the class folders is of another kind by its name."""
    for name, folder in classes.items():
        if is_no_class(name, classes):
            raise InvalidValueError(
                f"{folder} is beside class folders, but its name is not that of a class",
                hint="Move it away if it holds no class, or rename it.",
            )


def _check_nothing_nested(root: Path, classes: Mapping[str, Path]) -> None:
    """Raise if a folder in `root` cannot be a class by the names of the folders inside it."""
    for folder in chain.from_iterable(map(folders_below, classes.values())):
        if splits := holds_splits(folder):
            raise InvalidValueError(
                f"{folder} is a class folder, or in one, but holds split folders: "
                f"{list_names(splits)}",
                hint=(
                    "Pass that folder if it holds everything. If it is a class, put train/ and "
                    "test/ outside, with one folder per class in each."
                ),
            )
        inside = {composed(path.name) for path in subfolders(folder)}
        if len(inside & classes.keys()) > 1:
            raise InvalidValueError(
                f"{folder} is a class folder, or in one, but holds folders with the names of "
                f"classes: {list_names(sorted(inside & classes.keys()))}",
                hint=f"Move it away if it is a duplicate of {root}, or pass it alone.",
            )
