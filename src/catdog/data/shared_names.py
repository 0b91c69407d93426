"""Images that have the names of images of another set or class, as warnings.

They may be versions of the same images, such as masks or segmented ones, whose pixels are not
recognised as near duplicates.
"""

import math
import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import combinations, pairwise
from pathlib import Path

from catdog._utils.errors import UsageWarning
from catdog._utils.text import list_names
from catdog.data.copy_names import means_masks
from catdog.typing import Split

MIN_SHARED = 10  # names; fewer may be chance
MIN_COUNTED = 100  # numbers from the first; small sets often have as many test as training images
_DIGITS = re.compile(r"[0-9]+")


def shared_names(
    paths: Iterable[Path], holders: Mapping[Split | None, Path], classes: Mapping[str, Path]
) -> list[UsageWarning]:
    """Return the warnings about images with the names of those of another split or class.

    Args:
        paths: The images.
        holders: The folder of the class folders of each split.
        classes: The class folders of one of them, by their names.
    """
    by_folder = _names_by_folder(paths)
    found = [_in_splits(by_folder, holders), _in_classes(by_folder, classes)]
    return [warning for warning in found if warning]


def _in_splits(
    by_folder: Mapping[Path, set[str]], holders: Mapping[Split | None, Path]
) -> UsageWarning | None:
    """Return a warning if most images of a split folder have the names of those of another one.

    Numbers that begin again in each split folder are usual, so they count only if there are many,
    and the training set has exactly the same names.
    """
    in_split = {split: _names_below(holder, by_folder) for split, holder in holders.items()}
    for (first, names), (second, others) in combinations(in_split.items(), 2):
        n_fewer = min(sum(map(len, found.values())) for found in (names, others))
        are_equal = first == "train" and names == others and n_fewer >= MIN_COUNTED
        shared = [
            f"{folder}/{name}"
            for folder in names.keys() & others.keys()
            if are_equal or not _are_counted(min(names[folder], others[folder], key=len))
            for name in names[folder] & others[folder]
        ]
        if len(shared) >= max(MIN_SHARED, n_fewer / 2):
            return UsageWarning(
                f"{len(shared):,} images of {holders[second].name}/ have the names of images of "
                f"the same class in {holders[first].name}/, such as {min(shared)!r}. They may be "
                "versions of these, such as segmented or resized ones, which are not always "
                "recognised as near duplicates.",
                hint="If they are, pass one of the two folders alone.",
            )
    return None


def _in_classes(
    by_folder: Mapping[Path, set[str]], classes: Mapping[str, Path]
) -> UsageWarning | None:
    """Return a warning if most images of a class have the names of those of other classes.

    Numbers that begin again in each class count only if one of the classes holds masks by its name,
    and another does not.
    """
    class_at = {folder: name for name, folder in classes.items()}
    masks = {name for name in classes if means_masks(name)}
    n_images: Counter[str] = Counter()
    classes_of: dict[str, set[str]] = {}  # by the place of an image in its class folder
    for folder, names in by_folder.items():
        above = next((path for path in (folder, *folder.parents) if path in class_at), None)
        if above is None:
            continue
        n_images[class_at[above]] += len(names)
        if _are_counted(names) and len(masks) in (0, len(classes)):
            continue
        for name in names:
            place = (folder.relative_to(above) / name).as_posix()
            classes_of.setdefault(place, set()).add(class_at[above])
    shared = {place: found for place, found in classes_of.items() if len(found) > 1}
    n_shared = Counter(name for found in shared.values() for name in found)
    most = [name for name in classes if n_shared[name] >= max(MIN_SHARED, n_images[name] / 2)]
    if not most or (masks and masks.isdisjoint(most)):
        return None
    return UsageWarning(
        f"Most images of the classes {list_names(most)} have the names of images of another class, "
        f"such as {min(shared)!r}. They may be masks, or images that belong together, such as "
        "versions of one image, which are not always recognised as near duplicates.",
        hint="Move masks away. To keep images of one name in the same set, pass "
        r'group_by=r"([^/]*)\.[^./]*$".',
    )


def _names_by_folder(paths: Iterable[Path]) -> dict[Path, set[str]]:
    """Return the names of images, without suffixes, by their folder."""
    names: dict[str, set[str]] = {}
    for path in paths:
        folder, name = os.path.split(path)  # faster than the attributes of a path
        names.setdefault(folder, set()).add(name.rpartition(".")[0] or name)
    return {Path(folder): found for folder, found in names.items()}


def _names_below(holder: Path, by_folder: Mapping[Path, set[str]]) -> dict[str, set[str]]:
    """Return the names of images in a split's folder, by the way from there to their folder."""
    return {
        folder.relative_to(holder).as_posix(): names
        for folder, names in by_folder.items()
        if folder.is_relative_to(holder)
    }


def _are_counted(names: Collection[str]) -> bool:
    """Return whether most names differ only in numbers that count: `cat.1`, `cat.2`, or `f1_1`.

    Names such as `cat.1_flip` and `cat.2_flip` are counted for themselves.
    """
    alike: dict[str, list[list[int]]] = {}
    for name in names:
        numbers = [int(digits) for digits in _DIGITS.findall(name)]
        alike.setdefault(_DIGITS.sub("0", name), []).append(numbers)
    n_counted = sum(
        len(rows)
        for rows in alike.values()
        if (len(rows) > 2 or len(alike) == 1) and _is_count(rows)
    )
    return 2 * n_counted >= len(names)


def _is_count(rows: Sequence[Sequence[int]]) -> bool:
    """Return whether the numbers of names count them: one of these, or all together.

    Half of the names may be missing.
    """
    columns = list(zip(*rows, strict=True))
    counting = [column for column in columns if len(set(column)) == len(rows)]
    most = 2 * len(rows)
    return bool(columns) and (
        any(_n_possible(column) <= most for column in counting)
        or math.prod(map(_n_possible, columns)) <= most
    )


def _n_possible(numbers: Iterable[int]) -> int:
    """Return how many numbers there are from the lowest to the highest, in their common step."""
    found = sorted(set(numbers))
    step = math.gcd(*(after - before for before, after in pairwise(found)))
    return (found[-1] - found[0]) // max(step, 1) + 1
