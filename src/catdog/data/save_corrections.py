"""Save decisions about single images, which `load_datasets` applies."""

import os
import stat
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from catdog._utils import checks
from catdog._utils.errors import FileAccessError, InvalidTypeError, InvalidValueError
from catdog._utils.files import atomic_write
from catdog._utils.public import public
from catdog._utils.text import composed, list_names
from catdog.data.corrections import Corrections, corrections_to_json, make_entry, read_corrections
from catdog.data.datasets import Datasets
from catdog.data.file_names import FileNames
from catdog.data.findings import relative_name

ARGUMENT = "decisions"
_WRITABLE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


@public
def save_corrections(
    data: Datasets,
    decisions: "Mapping[str, str | None] | Mapping[Path, str | None]",
    path: "str | PathLike[str]",
) -> None:
    """Save decisions about single images: another label, or leave out.

    `load_datasets(folder, corrections=path)` applies them. The file is JSON, and identifies an
    image by the SHA-256 hash of its content, so that a decision also holds for duplicates, and
    after the image was moved or renamed. No image file is changed.

    Args:
        data: The images.
        decisions: For each image the name of its class, or `None` to leave it out. The keys are
            paths relative to `data.report.folder`, or those of `data.paths`.
        path: The file to write, such as `"corrections.json"`. If it is such a file already, the
            decisions are added to it; a new decision about an image replaces the earlier one.
            What else the file holds is kept.

    Raises:
        FileNotFoundError: If the folder of `path` does not exist.
        OSError: If the file is read-only, or cannot be written.
        TypeError: If an argument is of another type.
        ValueError: If an image is not among those of the data, a label is none of its classes, two
            decisions about one image differ, or there is another file at `path`.

    Example:
        ```python
        from catdog import load_datasets, save_corrections

        data = load_datasets("synthetic")
        wrong, unclear = data.paths("train")[:2]
        save_corrections(data, {wrong: "dogs", unclear: None}, "corrections.json")
        data = load_datasets("synthetic", corrections="corrections.json")
        ```
    """
    checks.check_made_by("data", data, Datasets, "load_datasets")
    target = checks.check_path("path", path, example="corrections.json")
    if not isinstance(decisions, Mapping):
        raise InvalidTypeError(
            f"must be a mapping of image and label, not {decisions!r}", argument=ARGUMENT
        )
    new = _make_entries(data, decisions)
    target = Path(os.path.realpath(target))  # a link stays
    checks.check_folder_of(target, path)
    known = Corrections({}, {}, {})
    if os.path.lexists(target):
        known = read_corrections(target, data.class_names, argument="path")
        check_writable(target, path, argument="path")
    text = corrections_to_json({**known.entries, **new}.values(), known.more)
    atomic_write(target, lambda scratch: scratch.write_text(text, "ascii"))


def check_writable(target: Path, path: Any, *, argument: str) -> None:
    """Raise if a file is read-only; a renamed file would replace it all the same.

    Args:
        target: The file, which exists.
        path: What was passed.
        argument: Name of the argument that it was passed as, for the error.
    """
    if not (target.stat().st_mode & _WRITABLE and os.access(target, os.W_OK)):
        raise FileAccessError(
            "is read-only",
            argument=argument,
            value=str(path),
            hint="Make it writable, or choose another name.",
        )


def _make_entries(data: Datasets, decisions: Mapping[Any, Any]) -> dict[str, dict[str, Any]]:
    """Return the entry of each decision, by the hash of the image."""
    report = data.report
    contents = {image.path: image.sha256 for image in (*report._readable, *report._before)}
    names = FileNames(ARGUMENT, report.folder, contents)
    entries: dict[str, dict[str, Any]] = {}
    for key, decision in decisions.items():
        image = names.find(os.fspath(key) if isinstance(key, PathLike) else str(key))
        if image not in contents:
            raise InvalidValueError(
                f"has {str(key)!r}, which is no image of {report.folder}", argument=ARGUMENT
            )
        label = composed(decision) if isinstance(decision, str) else decision
        if label is not None and label not in data.class_names:
            raise InvalidValueError(
                f"gives {str(key)!r} the label {decision!r}, which is none of the classes "
                f"{list_names(data.class_names)}",
                argument=ARGUMENT,
                hint="Pass None to leave the image out.",
            )
        sha256, name = contents[image], relative_name(image, report.folder)
        other = entries.setdefault(sha256, make_entry(sha256, label, file=name))
        if other.get("label") != label:
            raise InvalidValueError(
                f"decides otherwise about {name} than about {other['file']}, the same image",
                argument=ARGUMENT,
            )
    return entries
