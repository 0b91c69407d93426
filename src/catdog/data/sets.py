"""Split the images of a folder into a training, a validation and a test set."""

import warnings
from collections.abc import Hashable, Iterable, Mapping, Sequence
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from catdog._utils import checks
from catdog._utils.errors import HintCode, InvalidValueError, UsageWarning
from catdog._utils.text import counted, list_names, printable, shorten
from catdog.data.duplicates import group_by_content
from catdog.data.findings import ImageFile
from catdog.data.group_split import grouped_split, join
from catdog.data.layout import Layout
from catdog.data.report import ScanReport
from catdog.data.split import stratified_split
from catdog.images.formats import FORMATS
from catdog.typing import Split

DEFAULT_FRACTION = 0.2

# For each split folder (`None`: the folder has none), the sets and their shares of its images.
Plan = Mapping[Split | None, Mapping[Split, float]]

Positions = tuple[NDArray[np.intp], ...]  # of the images of each set


def plan_sets(layout: Layout, fractions: Mapping[str, float]) -> Plan:
    """Return which share of which split folder each set gets."""
    validation = fractions.get("validation_fraction", DEFAULT_FRACTION)
    test = fractions.get("test_fraction", DEFAULT_FRACTION)
    if not layout.splits:
        if validation + test >= 1:
            raise InvalidValueError(
                f"validation_fraction={validation} and test_fraction={test} leave nothing "
                "to train on",
                hint="Choose two that add up to less than 1.",
            )
        return {None: {"train": 1 - validation - test, "validation": validation, "test": test}}
    if "test" not in layout.splits:
        checks.check_no_effect(
            fractions.keys() - {"test_fraction"}, "there is a validation set already"
        )
        return {"train": {"train": 1.0}, "validation": {"validation": 1 - test, "test": test}}
    if "validation" not in layout.splits:
        checks.check_no_effect(
            fractions.keys() - {"validation_fraction"}, "there is a test set already"
        )
        return {
            "train": {"train": 1 - validation, "validation": validation},
            "test": {"test": 1.0},
        }
    checks.check_no_effect(fractions, "there are a validation and a test set already")
    return {split: {split: 1.0} for split in layout.splits}


def split_images(
    images: Sequence[ImageFile],
    plan: Plan,
    class_names: Sequence[str],
    seed: int,
    *,
    near_together: bool,
) -> dict[Split, list[ImageFile]]:
    """Split the images into the three sets, stratified by class.

    Args:
        images: The images, with their groups and clusters of near duplicates.
        plan: What `plan_sets` returned.
        class_names: Names of the classes.
        seed: Seed of the split.
        near_together: Whether near duplicates stay in one set.
    """
    sets: dict[Split, list[ImageFile]] = {}
    for part, shares in plan.items():
        members = [image for image in images if image.split == part]
        _check_enough(members, shares, class_names)
        try:
            positions = _split_groups(members, shares, [image.group for image in members], seed)
        except ValueError as error:
            raise _too_few_groups(members, shares, class_names) from error
        if _is_far_from(shares, members, positions):
            _warn_of_sizes(shares, positions)
        if near_together and _separate_near_duplicates(members, positions):
            positions = _keep_near_duplicates(members, shares, seed, otherwise=positions)
        for split, chosen in zip(shares, positions, strict=True):
            sets[split] = [members[position] for position in chosen]
    return sets


def _split_groups(
    images: Sequence[ImageFile],
    shares: Mapping[Split, float],
    groups: Sequence[Hashable],
    seed: int,
) -> Positions:
    """Return the positions of the images of each set: whole groups, if there are groups."""
    labels = np.array([image.label for image in images])
    contents = [image.sha256 for image in images]
    parts = list(shares.values())
    if all(group is None for group in groups):
        return stratified_split(labels, parts, contents=contents, seed=seed)
    return grouped_split(labels, parts, groups=groups, contents=contents, seed=seed)


def _is_far_from(
    shares: Mapping[Split, float], images: Sequence[ImageFile], positions: Positions
) -> bool:
    """Return whether a set has less than half of its share of a class, and not by one image."""
    labels = np.array([image.label for image in images])
    of_class = np.bincount(labels)
    return any(
        (np.bincount(labels[chosen], minlength=len(of_class)) + 1 < share * of_class / 2).any()
        for share, chosen in zip(shares.values(), positions, strict=True)
    )


def _warn_of_sizes(shares: Mapping[Split, float], positions: Positions) -> None:
    """Warn that whole groups give sets of other sizes than asked for."""
    count = sum(map(len, positions))
    listed = [
        f"{split} {len(chosen):,} (asked for: {share * count:,.0f})"
        for (split, share), chosen in zip(shares.items(), positions, strict=True)
    ]
    warnings.warn(
        UsageWarning(
            "Images that belong together, groups or duplicates, are too many for sets of the sizes "
            f"and class shares that were asked for. The sets have: {', '.join(listed)}.",
            hint="Name smaller groups if there are any, or choose other fractions.",
        ),
        stacklevel=4,
    )


def _separate_near_duplicates(images: Sequence[ImageFile], positions: Positions) -> bool:
    """Return whether near duplicates are in two sets."""
    inside = [{images[position].cluster for position in chosen} - {None} for chosen in positions]
    return sum(map(len, inside)) > len(set().union(*inside))


def _keep_near_duplicates(
    images: Sequence[ImageFile],
    shares: Mapping[Split, float],
    seed: int,
    *,
    otherwise: Positions,
) -> Positions:
    """Split whole clusters of near duplicates, or warn that they are too large for the sets."""
    clusters = [image.cluster for image in images]
    groups = join([image.group for image in images], clusters)
    with suppress(ValueError):  # they do not suffice for an image of each class in each set
        positions = _split_groups(images, shares, groups.tolist(), seed)
        is_far = _is_far_from(shares, images, positions)
        if not is_far or _is_far_from(shares, images, otherwise):
            return positions
    alike = len(clusters) - clusters.count(None)
    warnings.warn(
        UsageWarning(
            f"{alike} of {counted(len(images), 'image')} are nearly the same as others, too "
            "many to keep near duplicates in one set. So images to evaluate on are nearly the "
            "same as images to train on, and the accuracy may be too high.",
            hint="Name the images that belong together, such as the frames of a video, with "
            'group_by. Or pass near_duplicates="ignore".',
            hint_code=HintCode.NAME_GROUPS,
        ),
        stacklevel=4,
    )
    return otherwise


def _too_few_groups(
    images: Iterable[ImageFile], sets: Iterable[Split], class_names: Sequence[str]
) -> InvalidValueError:
    """Return the error for groups that cannot give each set an image of each class."""
    groups: list[set[str | None]] = [set() for _ in class_names]
    for image in images:
        groups[image.label].add(image.group)
    counted_groups = [
        f"{printable(name)} has {counted(len(inside), 'group')}"
        for name, inside in zip(class_names, groups, strict=True)
    ]
    return InvalidValueError(
        f"Each class needs a group of its own for each of {', '.join(sets)}, but "
        f"{', '.join(shorten(counted_groups))}",
        hint="Groups that share an image count as one. Name smaller groups, add images of others, "
        "or leave the groups out.",
    )


def check_groups_apart(sets: Mapping[Split, Sequence[ImageFile]], report: ScanReport) -> None:
    """Raise if a group is in two sets, because it is in two split folders."""
    first: dict[str, Split] = {}
    shared: dict[str, Split] = {}
    for split, images in sets.items():
        for image in images:
            if image.group is not None and first.setdefault(image.group, split) != split:
                shared[image.group] = split
    if shared:
        listed = [f"{printable(name)} ({first[name]}, {split})" for name, split in shared.items()]
        raise InvalidValueError(
            f"{counted(len(shared), 'group')} of {report.folder} would be in two sets: "
            f"{', '.join(shorten(listed))}",
            hint="Move each group into one split, or leave the groups out.",
        )


def check_classes(
    sets: Mapping[Split, Sequence[ImageFile]],
    class_names: Sequence[str],
    why: str,
    hint: str,
    hint_code: HintCode | None = None,
) -> None:
    """Raise if a set has no image of a class any more.

    Args:
        sets: The images of each set.
        class_names: Names of the classes.
        why: The end of the sentence.
        hint: What to do.
        hint_code: Identifies the hint, as in errors.
    """
    for split, images in sets.items():
        present = {image.label for image in images}
        lost = [name for label, name in enumerate(class_names) if label not in present]
        if lost:
            raise InvalidValueError(
                f"The {split} set has no image of {list_names(lost)} any more, {why}",
                hint=hint,
                hint_code=hint_code,
            )


def _check_enough(
    images: Iterable[ImageFile], shares: Iterable[Split], class_names: Sequence[str]
) -> None:
    """Raise if a class has too few different images: each set needs one."""
    different = [0] * len(class_names)
    for group in group_by_content(images, lambda image: image.sha256):
        different[group[0].label] += 1  # duplicates in two classes were left out
    sets = list(shares)
    few = [
        f"{printable(name)} has {count}"
        for name, count in zip(class_names, different, strict=True)
        if count < len(sets)
    ]
    if few:
        raise InvalidValueError(
            f"Each class needs an image for each of {', '.join(sets)}, duplicates not counted. "
            f"But {', '.join(shorten(few))}",
            hint=f"Add images ({', '.join(FORMATS)}), or remove the class.",
        )
