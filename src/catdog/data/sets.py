"""Divide the images of a folder into a training, a validation and a test set."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from catdog._utils import checks
from catdog._utils.errors import InvalidValueError
from catdog._utils.text import printable, shorten
from catdog.data.duplicates import group_by_content
from catdog.data.layout import Layout
from catdog.data.report import ImageFile
from catdog.data.split import stratified_split
from catdog.images.formats import FORMATS
from catdog.typing import Split

DEFAULT_FRACTION = 0.2

# For each split folder (`None`: the folder has none), the sets and their shares of its images.
Plan = Mapping[Split | None, Mapping[Split, float]]


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
            fractions.keys() - {"test_fraction"}, "the folder has its own validation/"
        )
        return {"train": {"train": 1.0}, "validation": {"validation": 1 - test, "test": test}}
    if "validation" not in layout.splits:
        checks.check_no_effect(
            fractions.keys() - {"validation_fraction"}, "the folder has its own test/"
        )
        return {
            "train": {"train": 1 - validation, "validation": validation},
            "test": {"test": 1.0},
        }
    checks.check_no_effect(fractions, "the folder has its own validation/ and test/")
    return {split: {split: 1.0} for split in layout.splits}


def split_images(
    images: Sequence[ImageFile], plan: Plan, class_names: Sequence[str], seed: int
) -> dict[Split, list[ImageFile]]:
    """Split the images into the three sets, stratified by class."""
    sets: dict[Split, list[ImageFile]] = {}
    for part, shares in plan.items():
        members = [image for image in images if image.split == part]
        _check_enough(members, shares, class_names)
        labels = np.array([image.label for image in members])
        contents = [image.sha256 for image in members]
        positions = stratified_split(labels, list(shares.values()), contents=contents, seed=seed)
        for split, chosen in zip(shares, positions, strict=True):
            sets[split] = [members[position] for position in chosen]
    return sets


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
