"""Layouts that are understood, but may be meant in another way: what is assumed, as warnings."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from catdog._utils.errors import UsageWarning
from catdog._utils.text import list_names, printable
from catdog.data.layout_checks import holds_images, possible_classes
from catdog.data.split_folders import (
    SplitFolders,
    has_filler,
    has_split_word,
    is_no_class,
    is_split_name,
)
from catdog.data.unused_lists import is_folder_of_lists
from catdog.images.listing import has_direct_images, subfolders


def without_empty_splits(found: SplitFolders) -> tuple[SplitFolders, list[UsageWarning]]:
    """Leave out validation and test folders that hold no image.

    Returns:
        The split folders that are left, and a warning for each of the others.
    """
    empty = {
        split: path
        for split, path in found.by_split.items()
        if split != "train" and not holds_images(path)
    }
    doubts = [
        UsageWarning(
            f"{printable(path)} holds no image, and is ignored: the {split} set is taken from "
            "the other images.",
            hint="If images should be in it, add them.",
        )
        for split, path in empty.items()
    ]
    used = {split: path for split, path in found.by_split.items() if split not in empty}
    return SplitFolders(used, found.unlabelled), doubts


def class_with_split_name(root: Path, found: SplitFolders) -> UsageWarning | None:
    """Return the warning about a class with the name of a split; `None` if there is none.

    `train/` is a class if it holds images itself, as all folders beside it do, and none of these
    has the name of a split or of a part of a data set: `train/`, `bus/`, `plane/`.
    """
    folders = possible_classes(root)
    if len(found.by_split) != 1 or len(folders) < 2 or not all(map(_is_flat, folders)):
        return None
    others = [path.name for path in folders if not is_split_name(path.name)]
    are_plain = not any(
        has_split_word(name) or has_filler(name) or is_no_class(name) for name in others
    )
    if len(others) < len(folders) - 1 or not are_plain:
        return None
    (path,) = found.by_split.values()
    return UsageWarning(
        f"{printable(path)} is used as a class, although its name is that of a split: it holds no "
        f"class folders, and neither do the folders beside it ({list_names(others)}).",
        hint="If it is the set of a split, put its images into a folder for each class.",
    )


def passed_over(folders: Iterable[Path]) -> Iterator[UsageWarning]:
    """Yield the warnings about folders without images that may be classes, and are passed over.

    Args:
        folders: Folders in which only one holds images, and the others hold lists. Names such as
            `images` are those of no class.
    """
    for folder in folders:
        inside = possible_classes(folder)
        others = [path.name for path in inside if not is_folder_of_lists(path.name)]
        used = next((path for path in inside if holds_images(path)), None)
        if used is None or has_filler(used.name):
            continue
        if others := [name for name in others if name != used.name]:
            yield UsageWarning(
                f"{list_names(others)} in {printable(folder)} holds no image, and is passed over: "
                f"the classes are in {used.name}.",
                hint=f"If {used.name} is a class itself, the images of the others are missing.",
            )


def _is_flat(folder: Path) -> bool:
    """Return whether a folder holds images, and no folder in it does."""
    return has_direct_images(folder) and not any(map(holds_images, subfolders(folder)))
