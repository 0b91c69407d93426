"""Copy classified images into one folder for each label. No image is moved or replaced."""

import filecmp
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

from catdog._utils.errors import FolderExpectedError
from catdog._utils.text import counted, printable
from catdog.cli.output import err
from catdog.cli.target import numbered, put_new, scratch_in
from catdog.inference.prediction import UNSURE, Prediction

OPTION = "--sort-into"
_Tried = dict[Path, tuple[list[Path], Iterator[Path]]]
MAX_NAME_BYTES = 200  # of a folder; file systems allow 255
# What no name may hold on some system: the separators of paths, control characters, and what
# Windows forbids. Halves of surrogate pairs are not valid in UTF-8.
_UNSAFE = re.compile('[\x00-\x1f\x7f<>:"/\\\\|?*\ud800-\udfff]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)  # on Windows


def sort_images(predictions: Iterable[Prediction], folder: Path) -> Iterator[Prediction]:
    """Yield predictions, each after its image was copied into the folder of its label.

    An image that is there already, by its name and content, is not copied again, so that a command
    can be repeated. Another image of the same name gets a number. Images that cannot be read are
    not copied.

    Args:
        predictions: Of image files.
        folder: Holds the folders of the labels, which are made when they are needed.

    Raises:
        OSError: If an image cannot be copied, or a file has the name of the folder. The images
            before it are complete.
    """
    copied: Counter[str] = Counter()
    taken: set[Path] = set()
    tried: _Tried = {}
    names: dict[str, str] = {}
    with scratch_in(folder) as scratch:
        for prediction in predictions:
            if prediction.error is None and prediction.path is not None:
                names = names or label_folders(prediction.class_names)
                name = names[prediction.label or UNSURE]
                _copy(prediction.path, _folder_in(folder, name), Path(scratch), taken, tried)
                copied[name] += 1
            yield prediction
    counts = ", ".join(f"{printable(name)} {count}" for name, count in sorted(copied.items()))
    images = counted(sum(copied.values()), "image")
    err(f"catdog: {images} sorted into {printable(folder)}{f' ({counts})' if counts else ''}")


def _folder_in(folder: Path, name: str) -> Path:
    """Return the folder of a label, made if it does not exist."""
    path = folder / name
    if path.exists() and not path.is_dir():
        raise FolderExpectedError(
            f"needs the folder {printable(path)}, which is a file",
            argument=OPTION,
            hint="Choose another name, or move the file.",
        )
    path.mkdir(exist_ok=True)
    return path


def label_folders(class_names: Sequence[str]) -> dict[str, str]:
    """Return the name of the folder of each class and of `unsure`, all different.

    They are valid names on all systems, and differ in more than upper and lower case.
    """
    folders: dict[str, str] = {}
    for label in dict.fromkeys([*class_names, UNSURE]):
        taken = {name.casefold() for name in folders.values()}
        names = map(str, numbered(Path(_folder_name(label))))
        folders[label] = next(name for name in names if name.casefold() not in taken)
    return folders


def _folder_name(label: str) -> str:
    """Return a name like the label that is valid on all systems, and not hidden."""
    name = _UNSAFE.sub("_", label).strip(" ").rstrip(" .")
    if not name or name.startswith(".") or _RESERVED.match(name):
        name = f"_{name}"
    return name.encode()[:MAX_NAME_BYTES].decode(errors="ignore").rstrip(" .")


def _copy(image: Path, folder: Path, scratch: Path, taken: set[Path], tried: _Tried) -> None:
    """Copy an image into a folder, under another name if another image has its name.

    Args:
        image: The file.
        folder: Where to copy it.
        scratch: A folder on the same disk, in which the copy is made: after a crash there is no
            half file under the name of an image.
        taken: The files that hold the images so far; the new one is added.
        tried: By the name of an image: the files of other images that were there before, and the
            names that were not tried yet. Many images may have one name.
    """
    copy = scratch / "image"
    shutil.copy2(image, copy)
    first = folder / image.name
    others, names = tried.setdefault(first, ([], numbered(first)))
    for target in chain(tuple(others), names):
        if target in taken:
            continue
        if _is_same(copy, target) or put_new(copy, target):
            taken.add(target)
            copy.unlink(missing_ok=True)
            return
        if target not in others:
            others.append(target)


def _is_same(copy: Path, target: Path) -> bool:
    return target.is_file() and filecmp.cmp(copy, target, shallow=False)
