"""The layout of a folder of images: its classes, splits and files. No image is decoded."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from catdog._utils.errors import InvalidValueError, UsageWarning
from catdog._utils.text import composed
from catdog.data.copy_names import Copies, copies_by_name, copies_in_other_splits
from catdog.data.findings import IgnoredReason
from catdog.data.inner_folders import doubts_about_inner_folders
from catdog.data.layout_checks import (
    check_can_be_listed,
    check_class_folders,
    check_class_names,
    check_complete,
    doubt_about_level,
    find_same_classes,
    possible_classes,
    too_few_classes,
    without_lists,
)
from catdog.data.layout_doubts import class_with_split_name, passed_over, without_empty_splits
from catdog.data.list_files import names_of
from catdog.data.name_doubts import doubts_about_class_names, splits_in_names
from catdog.data.shared_names import shared_names
from catdog.data.split_folders import SplitFolders, find_split_folders
from catdog.data.unused_lists import unused_lists
from catdog.images.formats import is_hidden
from catdog.images.identify import is_image_file
from catdog.images.listing import has_direct_images, hidden_folders, images_in, subfolders, walk
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
        doubts: What was assumed about the layout, but may be meant in another way.
        copies: Images that may be copies or masks of others, by their names.
        level: A warning that folders inside the class folders may be the classes; not if groups.
    """

    root: Path
    class_names: tuple[str, ...]
    splits: tuple[Split, ...]
    files: tuple[File, ...]
    ignored: tuple[tuple[Path, IgnoredReason], ...]
    has_table: bool = False
    doubts: tuple[UsageWarning, ...] = ()
    copies: Copies | None = None
    level: UsageWarning | None = None


def find_layout(
    folder: Path, *, group_by: Any = None, known: bool = False, passed: Iterable[Any] = ()
) -> Layout:
    """Find the classes, splits and files of a folder.

    Args:
        folder: Holds class folders, or split folders with class folders, or one folder that does
            (many archives unpack to such a folder).
        group_by: As `load_datasets` takes it. If it is passed, the folders inside the class folders
            may have the same names in each class, because they may be groups.
        known: The classes are not in doubt, because a split file lists their images.
        passed: Files that are used, too, such as the split file.

    Raises:
        ValueError: If the layout is not understood, or there are fewer than two classes.
    """
    found = _find_folders(folder, grouped=group_by is not None, known=known)
    holders, classes = found.holders, found.classes
    first = next(iter(holders.values()))
    files: list[File] = []
    for split, holder in holders.items():
        inside = classes if holder == first else find_same_classes(first, classes, holder)
        files += _list_classes(classes, inside, split)
    split_folders = found.split_folders
    ignored = [*_ignored(found.above), *_list_unlabelled(split_folders)]
    splits = tuple(split_folders.by_split)
    layout = _make_layout(found.root, classes, splits, files, ignored, found.doubts)
    if known:
        return layout
    paths = [file.path for file in layout.files if is_image_file(file.path)]
    images = set(paths)
    others = [file.path for file in layout.files if file.path not in images]
    names = names_of(paths, classes)
    lists = unused_lists(
        found.above,
        names,
        others=others,
        used=[group_by, *passed],
        known_sets=splits,
        labels="folders",
    )
    own_split = None if splits else splits_in_names(paths)
    shared = shared_names(paths, holders, classes) if group_by is None else []
    doubts = [*layout.doubts, *lists, *filter(None, [own_split]), *shared]
    copies = copies_by_name(paths) or copies_in_other_splits(paths, [*holders.values()])
    return replace(layout, doubts=tuple(doubts), copies=copies, level=found.level)


class _Folders(NamedTuple):
    """The folders of a layout, whose files are not listed yet.

    Attributes:
        root: The folder of the class folders or of the split folders.
        split_folders: The split folders, if there are any.
        holders: The folder of the class folders of each split; the training set's first.
        above: All folders from the one that was passed to the holders.
        classes: The class folders of the first holder, by their names.
        doubts: What was assumed.
        level: As in `Layout`.
    """

    root: Path
    split_folders: SplitFolders
    holders: Mapping[Split | None, Path]
    above: Sequence[Path]
    classes: Mapping[str, Path]
    doubts: Sequence[UsageWarning]
    level: UsageWarning | None


def _find_folders(folder: Path, *, grouped: bool, known: bool) -> _Folders:
    """Find the class folders of a folder, as `find_layout` does, and check them."""
    root, passed = _find_root(folder)
    split_folders, doubts = without_empty_splits(find_split_folders(root))
    if doubt := class_with_split_name(root, split_folders):
        split_folders, doubts = SplitFolders({}, ()), [doubt]
    doubts += passed_over(passed)
    holders, above = _find_holders(root, split_folders)
    first = next(iter(holders.values()))
    classes = _find_classes(first, in_split=first != root)
    inside = [] if known else doubts_about_inner_folders(holders.values(), grouped=grouped)
    check_class_folders(first, classes)
    level = None if known else doubt_about_level(first, classes, grouped=grouped)
    if not known:
        check_class_names(first, classes)
        doubts += [*inside, *doubts_about_class_names(classes, grouped=grouped)]
    return _Folders(root, split_folders, holders, [*passed, *above], classes, doubts, level)


def _find_holders(
    root: Path, split_folders: SplitFolders
) -> tuple[dict[Split | None, Path], list[Path]]:
    """Find the folders of the class folders: one for each split, the training set's first.

    Returns:
        Each folder by its split, the root by `None` if there are no split folders; and all folders
        from the root to these.
    """
    if not split_folders.by_split:
        return {None: root}, [root]
    check_complete(root, split_folders)
    holders: dict[Split | None, Path] = {}
    passed = [root]
    for split, folder in split_folders.by_split.items():
        check_can_be_listed(folder)
        holders[split], above = _step_down(folder)
        passed += [*above, holders[split]]
    return holders, passed


def _make_layout(
    root: Path,
    classes: Mapping[str, Path],
    splits: tuple[Split, ...],
    files: Iterable[File],
    ignored: Iterable[tuple[Path, IgnoredReason]],
    doubts: Iterable[UsageWarning],
) -> Layout:
    """Make a layout, with the hidden images of the class folders among the ignored ones."""
    used: list[File] = []
    hidden: list[tuple[Path, IgnoredReason]] = []
    for file in files:
        if not any(map(is_hidden, file.path.relative_to(root).parts)):
            used.append(file)
        elif is_image_file(file.path):
            hidden.append((file.path, "hidden"))
    return Layout(
        root, tuple(classes), splits, tuple(used), (*ignored, *hidden), doubts=tuple(doubts)
    )


def _find_root(folder: Path) -> tuple[Path, list[Path]]:
    """Find the folder of the class or split folders, below folders that hold one folder only.

    Returns:
        That folder, and the folders above it.
    """
    above: list[Path] = []
    seen: set[Path] = set()  # a link may lead back to its parent
    while not find_split_folders(folder).by_split and folder.resolve() not in seen:
        inside = without_lists(possible_classes(folder))
        if len(inside) != 1 or has_direct_images(inside[0]):
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
    while len(inside := possible_classes(folder)) == 1 and subfolders(inside[0]):
        if has_direct_images(inside[0]) or inside[0].is_symlink():
            break
        above.append(folder)
        folder = inside[0]
    return folder, above


def _find_classes(folder: Path, *, in_split: bool) -> dict[str, Path]:
    """Return the class folders in `folder` by their names, sorted, at least two.

    The names are in Unicode's composed form: systems store "é" in one or in two characters.
    """
    classes: dict[str, Path] = {}
    for path in possible_classes(folder):
        name = composed(path.name)
        if name in classes:
            raise InvalidValueError(
                f"{folder} holds two folders {name!r}, whose names differ only in how Unicode "
                "writes their accents",
                hint="Put the images of both into one folder, or rename one.",
            )
        classes[name] = path
    if len(classes) < 2:
        raise too_few_classes(folder, classes, in_split=in_split)
    return dict(sorted(classes.items()))


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


def _list_unlabelled(split_folders: SplitFolders) -> list[tuple[Path, IgnoredReason]]:
    """Return the images to predict."""
    return [
        (path, "unlabelled")
        for folder in split_folders.unlabelled
        for path in sorted(walk(folder))
        if is_image_file(path)
    ]
