"""The layout of a folder of images: its classes, splits and files. No image is decoded."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from catdog._utils.errors import InvalidValueError
from catdog._utils.text import composed, list_names
from catdog.data.layout_checks import check_class_folders, check_complete, too_few_classes
from catdog.data.report import IgnoredReason
from catdog.data.split_folders import SplitFolders, find_split_folders
from catdog.images.formats import is_hidden
from catdog.images.identify import is_image_file
from catdog.images.listing import hidden_folders, images_in, subfolders, walk
from catdog.typing import Split


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
        files: The files in the class folders, without hidden ones, ordered by split, class and
            name; also folders that could not be listed.
        ignored: Images that are not used, and why.
        has_table: The labels are in a table, so that there need not be class folders.
    """

    root: Path
    class_names: tuple[str, ...]
    splits: tuple[Split, ...]
    files: tuple[File, ...]
    ignored: tuple[tuple[Path, IgnoredReason], ...]
    has_table: bool = False


def find_layout(folder: Path, *, grouped: bool = False) -> Layout:
    """Find the classes, splits and files of a folder.

    Args:
        folder: Holds class folders, or split folders with class folders, or one folder that does
            (many archives unpack to such a folder).
        grouped: The folders inside the class folders may have the same names in each class,
            because they are groups.

    Raises:
        ValueError: If the layout is not understood, or there are fewer than two classes.
    """
    root, passed = _find_root(folder)
    split_folders = find_split_folders(root)
    if split_folders.by_split:
        return _with_splits(root, passed, split_folders, grouped=grouped)
    classes = _find_classes(root)
    check_class_folders(root, classes, grouped=grouped)
    files = _list_classes(classes, classes, None)
    return _make_layout(root, classes, (), files, _ignored([*passed, root]))


def _with_splits(
    root: Path, passed: Sequence[Path], split_folders: SplitFolders, *, grouped: bool
) -> Layout:
    """Find the classes and files of a folder of split folders."""
    check_complete(root, split_folders)
    passed = [*passed, root]
    holders: dict[Split, Path] = {}
    for split, folder in split_folders.by_split.items():
        holders[split], above = _step_down(folder)
        passed += [*above, holders[split]]
    classes = _find_classes(holders["train"])
    check_class_folders(holders["train"], classes, grouped=grouped)
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
        if len(inside) != 1 or images_in(inside[0]):
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
        if images_in(inside[0]) or inside[0].is_symlink():
            break
        above.append(folder)
        folder = inside[0]
    return folder, above


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
        raise too_few_classes(folder, classes)
    return dict(sorted(classes.items()))


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
        ignored += [(path, "outside_class_folder") for path in images_in(folder)]
        for hidden in hidden_folders(folder):
            inside = sorted(walk(hidden, hidden=True))
            ignored += [(path, "hidden") for path in inside if is_image_file(path)]
    return ignored
