"""What a folder of pictures holds: its layout, its classes and its files. No TensorFlow here."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catdog._types import SPLITS, Labels, Split

PICTURE_SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".webp"})

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


@dataclass(frozen=True, eq=False)
class Pictures:
    """Files and their labels, in one fixed order.

    Attributes:
        paths: The picture files, `n` of them.
        labels: Index of each picture's class, shape `(n,)`, `int32`.
    """

    paths: tuple[Path, ...]
    labels: Labels

    def __len__(self) -> int:
        return len(self.paths)

    def take(self, positions: NDArray[np.intp]) -> "Pictures":
        """Return the pictures at `positions`, in that order."""
        return Pictures(tuple(self.paths[i] for i in positions), self.labels[positions])


@dataclass(frozen=True, eq=False)
class FolderIndex:
    """The pictures of a folder, as its own sub-folders divide them.

    Attributes:
        class_names: Names of the class folders, sorted; labels index into them.
        undivided: All pictures, if the class folders lie directly in the folder; else `None`.
        parts: The pictures of each split folder; empty if the pictures are undivided.
    """

    class_names: tuple[str, ...]
    undivided: Pictures | None
    parts: Mapping[Split, Pictures]


def index_folder(folder: Path) -> FolderIndex:
    """List the pictures below `folder`, whose layout is found by its content.

    Args:
        folder: Holds class folders, or split folders with class folders, or one folder that does
            (as archives often unpack).

    Raises:
        NotADirectoryError: If `folder` is a file.
        ValueError: If the layout is not understood, a class is empty, or there are fewer than two.
    """
    if not folder.is_dir():
        raise NotADirectoryError(f"source={str(folder)!r} is a file. Pass a folder. {_EXPECTED}")
    root = _find_root(folder)
    split_folders = _split_folders(root)
    if split_folders:
        index = _index_split_folders(root, split_folders)
    else:
        class_names = _class_names(root)
        index = FolderIndex(class_names, _list_classes(root, class_names), {})
    _check_listed_once(index)
    return index


def _index_split_folders(root: Path, split_folders: Mapping[Split, Path]) -> FolderIndex:
    """List `train/`, `validation/` and perhaps `test/`, which must hold the same classes."""
    missing = [split for split in SPLITS[:2] if split not in split_folders]
    if missing:
        found = ", ".join(f"{path.name}/" for path in split_folders.values())
        raise ValueError(
            f"{root} holds {found} but no {missing[0]}/. Add it, or pass the folder of the class "
            f"folders alone. A class of such a name must be renamed. {_EXPECTED}"
        )
    class_names = _class_names(split_folders["train"])
    _check_split_folders(root, split_folders, class_names)
    parts = {split: _list_classes(path, class_names) for split, path in split_folders.items()}
    return FolderIndex(class_names, None, parts)


def _check_listed_once(index: FolderIndex) -> None:
    """Raise if links lead to one file twice: it could land in two sets, or in two classes."""
    pictures = [index.undivided] if index.undivided else index.parts.values()
    seen: dict[str, Path] = {}
    for path in (path for part in pictures for path in part.paths):
        first = seen.setdefault(os.path.realpath(path), path)
        if first is not path:
            raise ValueError(
                f"{path} and {first} are one and the same file, which could then be trained on and "
                "tested on. Remove one of the links."
            )


def _check_split_folders(
    root: Path, split_folders: Mapping[Split, Path], class_names: Sequence[str]
) -> None:
    """Raise if a split folder holds other classes, or pictures lie in another folder."""
    for folder in _subfolders(root):
        inside = [path.name for path in _subfolders(folder)]
        if folder in split_folders.values():
            if inside != list(class_names):
                raise ValueError(
                    f"{split_folders['train']} holds the classes {list(class_names)}, but {folder} "
                    f"holds {inside}. Give each the same class folders."
                )
        elif next(_walk_pictures(folder), None):
            raise ValueError(
                f"{folder} holds pictures, but its name means none of {', '.join(SPLITS)}, which "
                "lie beside it. Rename it, or move it away."
            )


def _find_root(folder: Path) -> Path:
    """Step down through folders that hold nothing but one folder, as archives often unpack."""
    while True:
        inside = _subfolders(folder)
        if _split_folders(folder) or len(inside) != 1 or inside[0].is_symlink():
            return folder
        if _holds_pictures(inside[0]):
            return folder
        folder = inside[0]


def _split_folders(folder: Path) -> dict[Split, Path]:
    """Return the split folders directly in `folder`, in the order of the splits."""
    found: dict[Split, Path] = {}
    for path in _subfolders(folder):
        split = _SPLIT_FOLDERS.get(path.name.lower())
        if split in found:
            raise ValueError(
                f"{folder} holds both {found[split].name}/ and {path.name}/, which mean the same. "
                "Keep one of them."
            )
        if split:
            found[split] = path
    return {split: found[split] for split in SPLITS if split in found}


def _class_names(folder: Path) -> tuple[str, ...]:
    """Return the sorted names of the class folders in `folder`, at least two."""
    names = tuple(path.name for path in _subfolders(folder))
    if not names:
        hint = (
            "It holds pictures itself: pass the folder above. " if _holds_pictures(folder) else ""
        )
        raise ValueError(f"{folder} holds no class folders. {hint}{_EXPECTED}")
    if len(names) == 1:
        raise ValueError(
            f"{folder} holds one class only, {names[0]!r}: there is nothing to tell apart. "
            "Put the pictures of each class into a folder of their own, at least two."
        )
    return names


def _list_classes(folder: Path, class_names: Sequence[str]) -> Pictures:
    """List the pictures of each class folder, none of them empty."""
    paths: list[Path] = []
    labels: list[int] = []
    for label, name in enumerate(class_names):
        found = list(_walk_pictures(folder / name))
        if not found:
            suffixes = " ".join(sorted(PICTURE_SUFFIXES))
            raise ValueError(
                f"The class folder {folder / name} holds no pictures ({suffixes}). "
                "Add some, or remove the folder."
            )
        paths += found
        labels += [label] * len(found)
    return Pictures(tuple(paths), np.array(labels, np.int32))


def _walk_pictures(folder: Path) -> Iterator[Path]:
    """Yield the pictures in `folder` and below it, sorted."""
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if _is_junk(entry.name):
            continue
        if entry.is_dir(follow_symlinks=False):  # a link may lead round in circles
            yield from _walk_pictures(Path(entry.path))
        elif entry.is_file() and Path(entry.name).suffix.lower() in PICTURE_SUFFIXES:
            yield Path(entry.path)


def _holds_pictures(folder: Path) -> bool:
    """Tell whether a picture lies directly in `folder`."""
    return any(
        path.suffix.lower() in PICTURE_SUFFIXES and not _is_junk(path.name)
        for path in folder.iterdir()
    )


def _subfolders(folder: Path) -> list[Path]:
    """Return the folders directly in `folder`, sorted, without what systems leave there."""
    found = (path for path in folder.iterdir() if path.is_dir() and not _is_junk(path.name))
    return sorted(found, key=lambda path: path.name)  # Windows compares paths without their case


def _is_junk(name: str) -> bool:
    """Tell hidden files and archive left-overs such as `.DS_Store`, `._cat.jpg`, `__MACOSX`."""
    return name.startswith((".", "__MACOSX"))
