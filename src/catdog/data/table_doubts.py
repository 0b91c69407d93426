"""What a table of labels may mean in another way than it is used, as warnings."""

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from catdog._utils.errors import UsageWarning
from catdog._utils.text import counted, list_names, printable, with_lines
from catdog.data.column_doubts import unused_columns
from catdog.data.file_names import FileNames, plain_stem
from catdog.data.findings import relative_name
from catdog.data.label_doubts import says_no_label
from catdog.data.list_files import names_of
from catdog.data.name_doubts import doubts_about_class_names, splits_in_names, words_of
from catdog.data.split_folders import Role, splits_of_paths
from catdog.data.subject_folders import doubt_about_subjects
from catdog.data.tables import Row, Table
from catdog.data.unused_lists import unused_lists
from catdog.images.formats import is_hidden
from catdog.images.identify import is_named_as_image
from catdog.typing import SPLITS, Split

# Words in the name of a column of images.
_OF_FILES = frozenset({"file", "filename", "filepath", "image", "img", "path", "photo", "picture"})


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
        f"There is no file for {counted(len(similar), 'name')} of the table of labels, but others "
        "have similar names"
    )
    lines = [printable(f"{name}: is it {other}?") for name, other in similar]
    return UsageWarning(with_lines(sentence, lines))


def doubts_about_table(
    folder: Path,
    table: Table,
    roles: Mapping[Path, Role],
    used: Mapping[Path, Row],
    *,
    grouped: bool,
) -> Iterator[UsageWarning]:
    """Yield the warnings about what the table may mean, but does not say.

    Args:
        folder: The names of the files are relative to it.
        table: The content of the table.
        roles: What the column `split` says about each file.
        used: The row of each image that is used.
        grouped: `group_by` says what belongs together.
    """
    label_of = {path: row["label"] for path, row in used.items()}
    is_grouped = grouped or "group" in table.columns
    in_folders = splits_of_paths(used, folder)
    found = [
        unused_folders(roles, in_folders, folder),
        unused_columns(table.others, table.columns, grouped=grouped),
        None if roles else splits_in_names([*used]),
        None
        if is_grouped
        else doubt_about_subjects(label_of, roles, folder, in_splits=bool(in_folders)),
    ]
    yield from (doubt for doubt in found if doubt is not None)
    yield from doubts_about_class_names(
        {name for name in label_of.values() if not says_no_label(name)}, grouped=is_grouped
    )
    yield from _other_file_columns(table, used)


def doubts_about_lists(
    folder: Path,
    listing: Iterable[Path],
    roles: Mapping[Path, Role],
    used: Mapping[Path, Row],
    passed: Sequence[Any],
) -> Iterator[UsageWarning]:
    """Return the warnings about other files than the table that name its images.

    Args:
        folder: The names of the files are relative to it.
        listing: All files in it.
        roles: What the column `split` says about each file.
        used: The row of each image that is used.
        passed: The table, and other files that are used, as `load_datasets` takes them.
    """
    rows = used.values()
    names = names_of(
        used, {row["label"] for row in rows}, {row["group"] for row in rows if "group" in row}
    )
    visible = [path for path in listing if not any(map(is_hidden, path.relative_to(folder).parts))]
    return unused_lists(
        [folder],
        names,
        others=visible,
        used=passed,
        known_sets={split for split in SPLITS if split in roles.values()},
        labels="table" if isinstance(passed[0], str | PathLike) else "memory",
    )


def unused_folders(
    roles: Mapping[Path, Role], in_folders: Mapping[Path, tuple[str, Split]], folder: Path
) -> UsageWarning | None:
    """Return the warning about folders such as `train/` and `test/` that do not decide the split.

    Args:
        roles: What the column `split` says about each file; empty without it.
        in_folders: The split folder of each file in one, and its split, as `splits_of_paths`.
        folder: The folder that they are in.
    """
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
        if role in has_folder and in_folders.get(path, ("", role))[1] != role
    ]
    if not moved:
        return None
    sentence = (
        f"By the column split, {counted(len(moved), 'image')} belong to another set than by the "
        "folders. The table decides"
    )
    return UsageWarning(with_lines(sentence, moved))


def _other_file_columns(table: Table, found: Collection[Path]) -> Iterator[UsageWarning]:
    """Yield the warnings about other columns that name files of the table, in other rows.

    Args:
        table: The table, whose column of files may be a number of the row.
        found: The images that are used.
    """
    stems = {plain_stem(path.name) for path in found}
    given = [plain_stem(row["file"]) for row in table.rows]
    for name, cells in table.others.items():
        texts = ["" if cell is None else str(cell) for cell in cells]
        is_file = not _OF_FILES.isdisjoint(words_of(name)) or any(
            is_named_as_image(Path(text)) for text in texts
        )
        others = map(plain_stem, texts) if is_file else ()
        pairs = [(own, other) for own, other in zip(given, others, strict=False) if other in stems]
        differing = sum(own != other for own, other in pairs)
        if differing and 2 * len(pairs) > len(texts):
            yield UsageWarning(
                f"The column {table.columns['file']} of the table of labels is used as the file, "
                f"but the column {name} names other files of the folder in {differing:,} of "
                f"{len(texts):,} rows.",
                hint=f"If {name} is the image that has the label, name that column file, and leave "
                "the other one out.",
            )
