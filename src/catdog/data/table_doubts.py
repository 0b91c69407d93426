"""What a table of labels may mean in another way than it is used, as warnings."""

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from catdog._utils.errors import UsageWarning
from catdog._utils.text import counted, list_names, printable, with_lines
from catdog.data.file_names import FileNames
from catdog.data.findings import relative_name
from catdog.data.split_folders import Role, splits_of_paths
from catdog.typing import SPLITS


def find_missing(paths: Iterable[Path], listing: Iterable[Path]) -> list[Path]:
    """Return the files that do not exist.

    Args:
        paths: The files that the table lists.
        listing: The files of the folder; others may be behind a link.
    """
    existing = set(listing)
    return [path for path in paths if path not in existing and not os.path.lexists(path)]


def similar_files(
    missing: Iterable[Path], listed: Collection[Path], names: FileNames
) -> UsageWarning | None:
    """Return the warning about files that do not exist, while others have similar names.

    Args:
        missing: The files that do not exist.
        listed: All files of the table, which are meant by their own rows.
        names: Finds the files of the folder.
    """
    tried = [relative_name(path, names.folder) for path in missing]
    similar = [
        (name, other)
        for name in tried
        if (other := names.find_similar(name)) and names.folder / other not in listed
    ]
    if not similar:
        return None
    sentence = (
        f"{counted(len(similar), 'file')} of the table of labels do not exist, but others have "
        "similar names"
    )
    lines = [printable(f"{name}: is it {other}?") for name, other in similar]
    return UsageWarning(with_lines(sentence, lines))


def unused_folders(
    roles: Mapping[Path, Role], paths: Sequence[Path], folder: Path
) -> UsageWarning | None:
    """Return the warning about folders such as `train/` and `test/` that do not decide the split.

    Args:
        roles: What the column `split` says about each file; empty without it.
        paths: The files that the table lists.
        folder: The folder that they are in.
    """
    in_folders = splits_of_paths(paths, folder)
    if not in_folders:
        return None
    if not roles:
        listed = list_names(sorted({f"{place}/" for place, _ in in_folders.values()}))
        return UsageWarning(
            f"By the names of the folders, there is a split already, which is not used: {listed}. "
            "catdog splits the images, and images of the test folder may be trained on.",
            hint="To use it, add a column split to the table, with train, validation or test.",
        )
    has_folder = {role for _, role in in_folders.values()}
    moved = [
        f"{printable(relative_name(path, folder))} is for {role}"
        for path, role in roles.items()
        # "validation" of a table may be a part of train/, if there is no folder for it.
        if role in SPLITS and role in has_folder and in_folders.get(path, ("", role))[1] != role
    ]
    if not moved:
        return None
    sentence = (
        f"By the column split, {counted(len(moved), 'image')} belong to another set than by the "
        "folders. The table decides"
    )
    return UsageWarning(with_lines(sentence, moved))
