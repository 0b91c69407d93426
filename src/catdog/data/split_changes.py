"""What changed in a folder since its split file was written: new, moved and relabelled images."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from catdog._utils.errors import HintCode, InvalidValueError, UsageWarning
from catdog._utils.text import counted, printable, with_lines
from catdog.data.findings import Finding, ImageFile, relative_name
from catdog.data.groups import GroupOf, known_groups, look_up, with_groups
from catdog.data.layout import Layout
from catdog.data.report import ScanReport, usable_images
from catdog.data.sets import check_groups_apart, plan_sets
from catdog.data.split_file import SplitFile
from catdog.typing import SPLITS, Split

_OfFile = TypeVar("_OfFile", ImageFile, Finding)


def add_new_files(
    sets: Mapping[Split, Sequence[ImageFile]],
    report: ScanReport,
    group_of: GroupOf | None,
    *,
    near_together: bool,
) -> dict[Split, Sequence[ImageFile]]:
    """Add the images that the split file does not list to the training set.

    Duplicates of its images are not added, nor images of groups that are evaluated on, nor, if
    `near_together`, near duplicates of images that are evaluated on. A warning lists what is not
    added, and why.
    """
    contents = {image.sha256 for inside in sets.values() for image in inside}
    evaluated = [image for split in SPLITS[1:] for image in sets[split]]
    clusters = {image.cluster for image in evaluated} - {None} if near_together else ()
    held_out = {image.group for image in evaluated} - {None}
    if held_out and not group_of:
        raise InvalidValueError(
            'is needed with new_files="train", because the split file records groups',
            argument="group_by",
            hint="Pass what it was for the split.",
        )
    new: list[ImageFile] = []
    not_added: dict[ImageFile, str] = {}
    for image in not_in_sets(usable_images(report), sets):
        if image.split not in (None, "train"):
            not_added[image] = f"belongs to the {image.split} set"
        elif image.sha256 in contents:
            not_added[image] = "is a duplicate of an image in the split file"
        elif image.cluster in clusters:
            not_added[image] = "is nearly the same as a validation or test image"
        else:
            new.append(image)
    if group_of:
        # Also the groups by the names of today: the split may have been made without groups.
        held_out |= known_groups(evaluated, report, group_of)
        new = with_groups(new, report, group_of)
        reason = "is of the group of a validation or test image"
        not_added |= {image: reason for image in new if image.group in held_out}
    _warn_not_added(not_added, report)
    added = [image for image in new if image not in not_added]
    grown = sorted([*sets["train"], *added], key=lambda image: (image.label, image.path.parts))
    return {**sets, "train": grown}


def _warn_not_added(not_added: Mapping[ImageFile, str], report: ScanReport) -> None:
    if not not_added:
        return
    images = counted(len(not_added), "image")
    sentence = (
        f"The split file does not list {images} in {printable(report.folder)} that cannot be added "
        "to the training set"
    )
    lines = [
        f"{printable(relative_name(image.path, report.folder))} {reason}"
        for image, reason in not_added.items()
    ]
    warnings.warn(UsageWarning(with_lines(sentence, lines)), stacklevel=4)


def with_groups_of_today(
    sets: Mapping[Split, Sequence[ImageFile]],
    report: ScanReport,
    group_of: GroupOf | None,
    *,
    refuse: bool,
) -> dict[Split, Sequence[ImageFile]]:
    """Return the sets of a split file with the groups that a table or `group_by` names now.

    An image without a group now keeps the group that the split file records. If nothing names
    groups now, those of the split file are checked: it may have been edited, or written after the
    warning.

    Args:
        sets: The images of each set.
        report: The result of the scan.
        group_of: Finds the group of an image; `None` if nothing names groups now.
        refuse: Raise an error if a group is in two sets, in place of a warning.

    Raises:
        ValueError: If a group is in two sets, and `refuse` is true.
    """
    grouped: dict[Split, Sequence[ImageFile]] = {
        split: [
            image if group is None else replace(image, group=group)
            for image, group in zip(images, look_up(images, report, group_of), strict=True)
        ]
        if group_of
        else images
        for split, images in sets.items()
    }
    try:
        check_groups_apart(grouped, report)
    except InvalidValueError as error:
        hint = "Make a new split, or leave the groups out." if group_of else "Make a new split."
        if refuse and group_of:
            raise InvalidValueError(f"By the split file, {error.rule}", hint=hint) from error
        warnings.warn(UsageWarning(f"By the split file, {error.rule}.", hint=hint), stacklevel=3)
    return grouped


def warn_changed(
    file: SplitFile,
    sets: Mapping[Split, Sequence[ImageFile]],
    report: ScanReport,
    layout: Layout,
) -> None:
    """Warn of images of the split file that have another class or split now.

    Corrections of today are no surprise.
    """
    labels = {entry.sha256: entry.label for split in SPLITS for entry in file.entries[split]}
    relabelled = [
        printable(
            f"{relative_name(image.path, report.folder)} was {report.class_names[before]!r} and "
            f"is {report.class_names[image.label]!r}"
        )
        for split in SPLITS
        for image in sets[split]
        if (before := labels[image.sha256]) != image.label and image.sha256 not in report._decisions
    ]
    if relabelled:
        sentence = (
            f"{counted(len(relabelled), 'image')} of the split file changed the class. "
            "The sets are the same, the labels are new"
        )
        warnings.warn(UsageWarning(with_lines(sentence, relabelled)), stacklevel=3)
    plan = plan_sets(layout, {})
    moved = [
        printable(
            f"{relative_name(image.path, report.folder)} is in the {split} set, and now for "
            f"{image.split}"
        )
        for split in SPLITS
        for image in sets[split]
        if split not in plan[image.split]
    ]
    if moved:
        by = "by the table" if layout.has_table else "by its folder"
        sentence = (
            f"{counted(len(moved), 'image')} of the split file would be in another set {by}. "
            "The split file decides"
        )
        warnings.warn(UsageWarning(with_lines(sentence, moved)), stacklevel=3)


def warn_unused(sets: Mapping[Split, Sequence[ImageFile]], report: ScanReport) -> None:
    """Warn of usable images that are in none of the sets, because the split file lacks them."""
    unused = not_in_sets(usable_images(report), sets)
    if not unused:
        return
    example = printable(relative_name(unused[0].path, report.folder))
    warnings.warn(
        UsageWarning(
            f"The split file does not list {counted(len(unused), 'image')} in "
            f"{printable(report.folder)} ({example}, for example): now in none of the sets.",
            hint='new_files="train" adds new ones to the training set.',
            hint_code=HintCode.ADD_NEW_FILES,
        ),
        stacklevel=3,
    )


def not_in_sets(
    items: Iterable[_OfFile], sets: Mapping[Split, Sequence[ImageFile]]
) -> list[_OfFile]:
    """Return the images, or findings, whose file is in no set."""
    known = {image.path for inside in sets.values() for image in inside}
    return [item for item in items if item.path not in known]
