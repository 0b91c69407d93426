"""The layout of a folder of images: its classes, splits and files. No file is read."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from catdog._utils.errors import InvalidValueError
from catdog.images.formats import is_image_name, is_system_file
from catdog.images.listing import walk
from catdog.typing import SPLITS, Split

_SPLIT_FOLDERS: Mapping[str, Split] = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "test": "test",
    "testing": "test",
}

_EXPECTED = (
    "catdog expects one folder per class (cats/, dogs/), "
    "or train/ and validation/ (and perhaps test/) with one folder per class in each."
)


@dataclass(frozen=True, slots=True)
class File:
    """A file in a class folder, not yet read.

    Attributes:
        path: Path of the file.
        label: Position of its class in `Layout.class_names`.
        split: The split folder that it is in; `None` if there are no split folders.
    """

    path: Path
    label: int
    split: Split | None


@dataclass(frozen=True, eq=False)
class Layout:
    """The classes, splits and files of a folder, by the names of its files and folders.

    Attributes:
        root: The folder that holds the class folders, or the split folders.
        class_names: Names of the class folders, sorted; labels index into them.
        splits: The splits that have a folder of their own; empty if the class folders are directly
            in the root.
        files: All files in the class folders, ordered by split, class and name; also folders that
            could not be listed.
        strays: Images, by their suffix, that are in no class folder.
    """

    root: Path
    class_names: tuple[str, ...]
    splits: tuple[Split, ...]
    files: tuple[File, ...]
    strays: tuple[Path, ...]


def find_layout(folder: Path) -> Layout:
    """Find the classes, splits and files of a folder.

    Args:
        folder: Holds class folders, or split folders with class folders, or one folder that does
            (many archives unpack to such a folder).

    Raises:
        ValueError: If the layout is not understood, or there are fewer than two classes.
    """
    root, above = _find_root(folder)
    split_folders = _split_folders(root)
    if not split_folders:
        class_names = _class_names(root)
        in_no_split = tuple(_list_classes(root, class_names, None))
        return Layout(root, class_names, (), in_no_split, _strays(*above, root))
    class_names = _check_split_folders(root, split_folders)
    files = [
        file
        for split, path in split_folders.items()
        for file in _list_classes(path, class_names, split)
    ]
    strays = _strays(*above, root, *split_folders.values())
    return Layout(root, class_names, tuple(split_folders), tuple(files), strays)


def _find_root(folder: Path) -> tuple[Path, list[Path]]:
    """Find the folder of the class or split folders, below folders that hold one folder only.

    Returns:
        That folder, and the folders above it.
    """
    above: list[Path] = []
    while True:
        inside = _subfolders(folder)
        if _split_folders(folder) or len(inside) != 1 or inside[0].is_symlink():
            return folder, above
        if _strays(inside[0]):
            return folder, above
        above.append(folder)
        folder = inside[0]


def _split_folders(folder: Path) -> dict[Split, Path]:
    """Return the split folders directly in `folder`, in the order of the splits."""
    found: dict[Split, Path] = {}
    for path in _subfolders(folder):
        split = _SPLIT_FOLDERS.get(path.name.lower())
        if split in found:
            raise InvalidValueError(
                f"{folder} holds both {found[split].name}/ and {path.name}/, which mean the same",
                hint="Keep one of them.",
            )
        if split:
            found[split] = path
    return {split: found[split] for split in SPLITS if split in found}


def _check_split_folders(root: Path, split_folders: Mapping[Split, Path]) -> tuple[str, ...]:
    """Return the class names of `train/`, which the other split folders must share."""
    missing = [split for split in SPLITS[:2] if split not in split_folders]
    if missing:
        found = ", ".join(f"{path.name}/" for path in split_folders.values())
        raise InvalidValueError(
            f"{root} holds {found} but no {missing[0]}/",
            hint=(
                "Add it, or pass the folder of the class folders. If it is the name of a class, "
                f"rename that class. {_EXPECTED}"
            ),
        )
    class_names = _class_names(split_folders["train"])
    for folder in _subfolders(root):
        if folder in split_folders.values():
            _check_same_classes(split_folders["train"], class_names, folder)
        elif any(is_image_name(path) for path in walk(folder)):
            raise InvalidValueError(
                f"{folder} holds images, and there are split folders beside it, but its name is "
                f"not that of a split ({', '.join(SPLITS)})",
                hint="Rename it, or move it away.",
            )
    return class_names


def _check_same_classes(train: Path, class_names: Sequence[str], folder: Path) -> None:
    """Raise if a split folder does not hold the class folders that `train/` holds."""
    inside = [path.name for path in _subfolders(folder)]
    if not inside:
        raise InvalidValueError(
            f"{folder} holds no class folders, as {train} does",
            hint=f"Put its images into folders {list(class_names)}, or move it away.",
        )
    if inside != list(class_names):
        raise InvalidValueError(
            f"{train} holds the classes {list(class_names)}, but {folder} holds {inside}",
            hint="Give each the same class folders.",
        )


def _class_names(folder: Path) -> tuple[str, ...]:
    """Return the sorted names of the class folders in `folder`, at least two."""
    names = tuple(path.name for path in _subfolders(folder))
    if not names:
        hint = "It holds images itself: pass the folder above. " if _strays(folder) else ""
        if folder.name.lower() in _SPLIT_FOLDERS:
            hint = "Put its images into a folder for each class. "
        raise InvalidValueError(f"{folder} holds no class folders", hint=f"{hint}{_EXPECTED}")
    if len(names) == 1:
        raise InvalidValueError(
            f"{folder} holds one class only, {names[0]!r}, but a classifier needs at least two",
            hint="Put the images of each class into a folder of their own.",
        )
    return names


def _list_classes(folder: Path, class_names: Sequence[str], split: Split | None) -> Iterator[File]:
    """Yield the files of each class folder, sorted."""
    for label, name in enumerate(class_names):
        for path in sorted(walk(folder / name), key=lambda path: path.parts):
            yield File(path, label, split)


def _strays(*folders: Path) -> tuple[Path, ...]:
    """Return the images, by their suffix, that are directly in `folders`."""
    inside = (path for folder in folders for path in sorted(folder.iterdir()))
    return tuple(path for path in inside if is_image_name(path) and not path.is_dir())


def _subfolders(folder: Path) -> list[Path]:
    """Return the folders directly in `folder`, sorted, without hidden and system folders."""
    found = (path for path in folder.iterdir() if path.is_dir() and not is_system_file(path.name))
    return sorted(found, key=lambda path: path.name)  # on Windows, paths compare without case
