"""The layout of a folder of images: its classes, splits and files. No image is decoded."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from catdog._utils.errors import InvalidValueError
from catdog._utils.text import composed, list_names
from catdog.data.report import IgnoredReason
from catdog.data.split_folders import SplitFolders, find_split_folders, holds_splits, is_split_name
from catdog.images.formats import is_hidden
from catdog.images.identify import is_image_file
from catdog.images.listing import subfolders, walk
from catdog.typing import SPLITS, Split

_EXPECTED = (
    "catdog expects one folder per class (cats/, dogs/), "
    "or train/ and validation/ or test/ with one folder per class in each."
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
        class_names: Names of the class folders in Unicode's composed form (NFC), sorted; labels
            index into them.
        splits: The splits that have a folder of their own; empty if the class folders are directly
            in the root.
        files: All files in the class folders, ordered by split, class and name; also folders that
            could not be listed.
        ignored: Images that are not used, and why.
    """

    root: Path
    class_names: tuple[str, ...]
    splits: tuple[Split, ...]
    files: tuple[File, ...]
    ignored: tuple[tuple[Path, IgnoredReason], ...]


def find_layout(folder: Path) -> Layout:
    """Find the classes, splits and files of a folder.

    Args:
        folder: Holds class folders, or split folders with class folders, or one folder that does
            (many archives unpack to such a folder).

    Raises:
        ValueError: If the layout is not understood, or there are fewer than two classes.
    """
    root, passed = _find_root(folder)
    split_folders = find_split_folders(root)
    if split_folders.by_split:
        return _with_splits(root, passed, split_folders)
    classes = _find_classes(root)
    _check_nothing_nested(root, classes)
    files = _list_classes(classes, classes, None)
    return _make_layout(root, classes, (), files, _ignored([*passed, root]))


def _with_splits(root: Path, passed: Sequence[Path], split_folders: SplitFolders) -> Layout:
    """Find the classes and files of a folder of split folders."""
    _check_complete(root, split_folders)
    passed = [*passed, root]
    holders: dict[Split, Path] = {}
    for split, folder in split_folders.by_split.items():
        holders[split], above = _step_down(folder)
        passed += [*above, holders[split]]
    classes = _find_classes(holders["train"])
    files: list[File] = []
    for split, folder in holders.items():
        inside = _find_same_classes(holders["train"], classes, folder)
        files += _list_classes(classes, inside, split)
    unlabelled: list[tuple[Path, IgnoredReason]] = [
        (path, "unlabelled")
        for folder in split_folders.unlabelled
        for path in sorted(walk(folder))
        if is_image_file(path)
    ]
    return _make_layout(root, classes, tuple(holders), files, [*_ignored(passed), *unlabelled])


def _make_layout(
    root: Path,
    classes: Mapping[str, Path],
    splits: tuple[Split, ...],
    files: Iterable[File],
    ignored: Sequence[tuple[Path, IgnoredReason]],
) -> Layout:
    """Make a layout, with the hidden images of the class folders among the ignored ones."""
    used: list[File] = []
    hidden: list[tuple[Path, IgnoredReason]] = []
    for file in files:
        if not any(map(is_hidden, file.path.relative_to(root).parts)):
            used.append(file)
        elif is_image_file(file.path):
            hidden.append((file.path, "hidden"))
    return Layout(root, tuple(classes), splits, tuple(used), (*ignored, *hidden))


def _find_root(folder: Path) -> tuple[Path, list[Path]]:
    """Find the folder of the class or split folders, below folders that hold one folder only.

    Returns:
        That folder, and the folders above it.
    """
    above: list[Path] = []
    seen: set[Path] = set()  # a link may lead back to its parent
    while not find_split_folders(folder).by_split and folder.resolve() not in seen:
        inside = subfolders(folder)
        if len(inside) != 1 or _images_in(inside[0]):
            break
        seen.add(folder.resolve())
        above.append(folder)
        folder = inside[0]
    return folder, above


def _step_down(folder: Path) -> tuple[Path, list[Path]]:
    """Find the folder of the class folders in a split folder, as `seg_train/seg_train/`.

    Returns:
        That folder, and the folders above it.
    """
    above: list[Path] = []
    while len(inside := subfolders(folder)) == 1 and subfolders(inside[0]):
        if _images_in(inside[0]) or inside[0].is_symlink():
            break
        above.append(folder)
        folder = inside[0]
    return folder, above


def _check_complete(root: Path, split_folders: SplitFolders) -> None:
    """Raise if the split folders are not enough, or other folders beside them hold images."""
    by_split = split_folders.by_split
    if "train" not in by_split or len(by_split) == 1:
        found = ", ".join(f"{path.name}/" for path in by_split.values())
        missing = "validation/ and no test/" if "train" in by_split else "train/"
        raise InvalidValueError(
            f"{root} holds {found} but no {missing}",
            hint=(
                "Add it, or pass the folder of the class folders. If it is the name of a class, "
                f"rename that class. {_EXPECTED}"
            ),
        )
    known = {*by_split.values(), *split_folders.unlabelled}
    for folder in subfolders(root):
        if folder not in known and any(is_image_file(path) for path in walk(folder)):
            raise InvalidValueError(
                f"{folder} holds images, and there are split folders beside it, but its name is "
                f"not that of a split ({', '.join(SPLITS)})",
                hint="Rename it, or move it away.",
            )


def _find_classes(folder: Path) -> dict[str, Path]:
    """Return the class folders in `folder` by their names, sorted, at least two.

    The names are in Unicode's composed form: systems store "é" in one or in two characters.
    """
    classes: dict[str, Path] = {}
    for path in subfolders(folder):
        name = composed(path.name)
        if name in classes:
            raise InvalidValueError(
                f"{folder} holds two folders {name!r}, whose names differ only in how Unicode "
                "writes their accents",
                hint="Put the images of both into one folder, or rename one.",
            )
        classes[name] = path
    if len(classes) < 2:
        raise _too_few_classes(folder, classes)
    return dict(sorted(classes.items()))


def _too_few_classes(folder: Path, classes: Mapping[str, Path]) -> InvalidValueError:
    """Return the error for a folder with no class folder, or with one only."""
    hidden = [path.name for path in _hidden_folders(folder)]
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
    hint = "It holds images itself: pass the folder above. " if _images_in(folder) else ""
    if is_split_name(folder.name):
        hint = "Put its images into a folder for each class. "
    return InvalidValueError(f"{folder} holds no class folders", hint=f"{dots}{hint}{_EXPECTED}")


def _find_same_classes(
    train: Path, classes: Mapping[str, Path], folder: Path
) -> Mapping[str, Path]:
    """Return the class folders of a split folder, which must be those of the training set."""
    if not subfolders(folder):
        raise InvalidValueError(
            f"{folder} holds no class folders, as {train} does",
            hint=f"Put its images into folders {list_names(classes)}, or move it away.",
        )
    inside = {composed(path.name): path for path in subfolders(folder)}
    if len(inside) < len(subfolders(folder)) or inside.keys() != classes.keys():
        raise InvalidValueError(
            f"{train} holds the classes {list_names(classes)}, but {folder} holds "
            f"{list_names([path.name for path in subfolders(folder)])}",
            hint="Give each the same class folders.",
        )
    return inside


def _check_nothing_nested(root: Path, classes: Mapping[str, Path]) -> None:
    """Raise if a folder in `root` cannot be a class by the names of the folders inside it."""
    for folder in classes.values():
        if splits := holds_splits(folder):
            raise InvalidValueError(
                f"{folder} is beside other folders, as a class is, but holds split folders: "
                f"{list_names(splits)}",
                hint=(
                    "Pass that folder if it holds everything. If it is a class, put train/ and "
                    "test/ outside, with one folder per class in each."
                ),
            )
        inside = {composed(path.name) for path in subfolders(folder)}
        if len(inside & classes.keys()) > 1:
            raise InvalidValueError(
                f"{folder} is beside class folders, but holds folders of the same names: "
                f"{list_names(sorted(inside & classes.keys()))}",
                hint=f"Move it away if it is a duplicate of {root}, or pass it alone.",
            )


def _list_classes(
    classes: Iterable[str], folders: Mapping[str, Path], split: Split | None
) -> Iterator[File]:
    """Yield the files of each class folder, sorted; hidden files too."""
    for label, name in enumerate(classes):
        for path in sorted(walk(folders[name], hidden=True), key=lambda path: path.parts):
            yield File(path, label, split)


def _ignored(folders: Iterable[Path]) -> list[tuple[Path, IgnoredReason]]:
    """Return the images beside the class folders or in hidden ones."""
    ignored: list[tuple[Path, IgnoredReason]] = []
    for folder in folders:
        ignored += [(path, "outside_class_folder") for path in _images_in(folder)]
        for hidden in _hidden_folders(folder):
            inside = sorted(walk(hidden, hidden=True))
            ignored += [(path, "hidden") for path in inside if is_image_file(path)]
    return ignored


def _images_in(folder: Path) -> list[Path]:
    """Return the images directly in `folder`, sorted."""
    return [path for path in sorted(folder.iterdir()) if is_image_file(path) and not path.is_dir()]


def _hidden_folders(folder: Path) -> list[Path]:
    """Return the folders in `folder` whose names begin with a dot, and that hold images."""
    return [
        path
        for path in sorted(folder.iterdir())
        if is_hidden(path.name) and path.is_dir() and any(map(is_image_file, walk(path)))
    ]
