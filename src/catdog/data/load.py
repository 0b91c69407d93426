"""Load a folder of images as training, validation and test sets."""

import warnings
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path

from catdog._utils import checks
from catdog._utils.errors import HintCode, InvalidValueError, UsageWarning
from catdog._utils.public import public
from catdog._utils.text import counted, printable, with_lines
from catdog.data.corrections import (
    apply_corrections,
    images_to_split,
    read_corrections,
    warn_unknown,
)
from catdog.data.datasets import Datasets
from catdog.data.early_pixels import EarlyPixels
from catdog.data.findings import IGNORED_REASONS, MEANING, Bursts, Finding, ImageFile
from catdog.data.groups import GroupOf, doubts_about_groups, read_group_by, with_groups
from catdog.data.layout import Layout, find_layout
from catdog.data.report import ScanReport, describe, image_notes
from catdog.data.scan import scan_layout
from catdog.data.session import Session
from catdog.data.sets import check_groups_apart, plan_sets, split_images
from catdog.data.source import find_source
from catdog.data.split_changes import (
    add_new_files,
    not_in_sets,
    warn_changed,
    warn_unused,
    with_groups_of_today,
)
from catdog.data.split_file import find_images, read_split
from catdog.data.table_layout import find_table_layout
from catdog.images.notes import warn_of_notes
from catdog.typing import (
    SPLITS,
    GroupBy,
    ImageSize,
    LabelTable,
    NearDuplicates,
    NewFiles,
    OnBadImage,
    Split,
)


@public
def load_datasets(
    source: "str | PathLike[str]" = "cats_and_dogs_filtered",
    *,
    image_size: ImageSize = (160, 160),
    batch_size: int = 32,
    seed: int | None = None,
    validation_fraction: float | None = None,
    test_fraction: float | None = None,
    labels: LabelTable | None = None,
    group_by: GroupBy | None = None,
    corrections: "str | PathLike[str] | None" = None,
    near_duplicates: NearDuplicates = "together",
    on_bad_image: OnBadImage = "raise",
    split_file: "str | PathLike[str] | None" = None,
    new_files: NewFiles = "skip",
    cache_mib: int = 1024,
    cache_dir: "str | PathLike[str] | None" = None,
) -> Datasets:
    r"""Load images as a training, a validation and a test set that share no image.

    All files are scanned first, as by [`scan_images`][catdog.scan_images]. Then the images are
    split by the seed, stratified by class; duplicates and near duplicates of an image stay in one
    set. The layout of the folder determines what is split:

    | the folder holds | validation set | test set |
    |---|---|---|
    | one folder per class | `validation_fraction` (0.2) of all | `test_fraction` (0.2) of all |
    | `train/`, `validation/` | the rest of `validation/` | `test_fraction` (0.2) of `validation/` |
    | `train/`, `test/` | `validation_fraction` (0.2) of `train/` | `test/` |
    | `train/`, `validation/`, `test/` | `validation/` | `test/` |

    Other names mean the same: `Training/`, `val/`, `dev/`, `testing/`, and names that differ in
    such a word only, as `training_set/` and `test_set/` or `seg_train/` and `seg_test/`. Images in
    `pred/` and the like, which are to be predicted, are ignored with a warning, and so are a
    validation or test folder without images. If each class folder holds folders of images, the
    outer ones are the classes, with a warning. `train/` beside `bus/` and `plane/`, all with images
    directly inside, is a class, with a warning. Where it is not clear which folders are the classes
    or the splits, an error says what to do.

    Images are JPEG, PNG, WebP, TIFF, AVIF, BMP and GIF files in a class folder or in folders below
    it, and HEIC files if the extra package for them is installed. The format is detected from the
    content. System files and files that are not images are ignored, and so are hidden images, with
    a warning. Values of 16 bits are scaled by their range, so 65535
    becomes 255; a warning lists images that do not fill it, and come out dark.

    Args:
        source: A folder of images, or the name of a data set: `"cats_and_dogs_filtered"` (3000
            photos, downloaded once into Keras' cache, 68.6 MB) or `"synthetic"` (1800 drawn faces,
            no download).
        image_size: Height and width in pixels to which the images are resized.
        batch_size: Number of images in a batch.
        seed: From 0 to 2**31 - 1. The same seed gives the same sets and batches in every process.
            `None` means the seed of the split file, or 0.
        validation_fraction: Share of the images for validation, between 0 and 1 (see the table).
        test_fraction: Share of the images for the test, between 0 and 1 (see the table).
        labels: A table of the images and their labels, in place of class folders: a CSV file, a
            mapping of file to label, or rows with the columns `file` and `label`, and perhaps
            `split` and `group`. Files are named relative to the folder. Images that the table does
            not list are ignored, with a warning.
        group_by: Which images belong together, such as the frames of a video or the images of a
            patient. No group is in two of the sets. `"folder"`: each folder in a class folder
            is a group. A regular expression: its first group, in the path relative to the folder,
            is the key, as in `r"(track\d+)_"`. A mapping or a CSV file (columns `file` and
            `group`): the group of each relative path. The same key in two classes is one group.
            With `labels`, `"folder"` means the first folder of the path.
        corrections: A file of decisions about single images, as
            [`save_corrections`][catdog.save_corrections] writes it: another label, or leave out.
            They are applied after the split, so no other image changes the set; but images whose
            conflicting labels they settle are new, and a new split is drawn. No image file is
            changed. `None` means the corrections of the split file, or none.
        near_duplicates: What to do with images that are nearly the same, such as an image and its
            resized copy, or two frames of a video: keep them `"together"` in one of the sets, or
            `"ignore"` it. If so many are alike that the sets cannot be filled, a warning says so,
            and they are not kept together. `evaluate` reports near duplicates in the training set
            in any case.
        on_bad_image: What to do if files cannot be used: `"raise"` an error that lists them, or
            `"skip"` them, with a warning that lists them. `data.report` has the complete list.
        split_file: Take the three sets from this file, which `Datasets.save_split` wrote, instead
            of splitting the images. All its images must exist and be unchanged; one that was moved
            or renamed is found by its content. If it is in another class folder now, it has that
            class, and a warning lists it. `seed` is then used for the order of the training images
            only.
        new_files: What to do with images that the split file does not list: `"skip"` them, or
            `"train"` on them. Validation and test set do not change.
        cache_mib: Cache limit of the decoded images in memory, in MiB, for each image size, at
            three bytes per pixel: 3000 images at 160 x 160 take 220 MiB. Images beyond it are
            decoded on every pass, if there is no `cache_dir`.
        cache_dir: A folder to cache all decoded images in, for later passes and processes, at three
            bytes per pixel on disk. See `feature_cache_size` and `clear_feature_cache`. If it
            cannot be used, or the disk is nearly full, a warning says so, and images are decoded.

    Returns:
        The three sets, whose batches are `float32` images in `[0, 255]` of shape
        `(batch, height, width, 3)` with `int32` labels.

    Raises:
        FileNotFoundError: If the folder, the table, or one of the other files does not exist.
        NotADirectoryError: If the source or `cache_dir` is a file.
        OSError: If the download fails.
        TypeError: If the source is neither a name nor a path, the table is of another type, or
            `cache_dir` is not a path.
        ValueError: If the folder's layout is not understood, files cannot be used, a class is empty
            or too small to be split, there are fewer than two classes or too few groups, images of
            the split file are missing or changed, the table or the corrections are not valid, or an
            argument is out of its range, or `cache_dir` is inside the source.

    Example:
        ```python
        from catdog import load_datasets

        data = load_datasets("synthetic")
        train, validation, test = data
        print(data.class_names, data.label_counts("train"))
        ```
    """
    size = checks.check_image_size(image_size)
    batch = checks.check_positive_int("batch_size", batch_size)
    cache_limit = checks.check_positive_int("cache_mib", cache_mib, at_least=0)
    seed = None if seed is None else checks.check_seed(seed)
    skip = checks.check_choice("on_bad_image", on_bad_image, ("raise", "skip")) == "skip"
    choices = ("together", "ignore")
    near_together = checks.check_choice("near_duplicates", near_duplicates, choices) == "together"
    grow = checks.check_choice("new_files", new_files, ("skip", "train")) == "train"
    fractions = checks.check_fractions(
        {"validation_fraction": validation_fraction, "test_fraction": test_fraction}
    )
    folder = find_source("source", source)
    cache = None if cache_dir is None else checks.check_cache_dir(cache_dir, outside=folder)
    # The inner folders may be groups. A split file decides which folders are the classes.
    known = split_file is not None and not grow  # new images are checked as without a split file
    layout, group_of = _find_layout(folder, labels, group_by, known, passed=[split_file])
    plan = plan_sets(layout, fractions)
    if split_file is None and grow:
        checks.check_no_effect(["new_files"], "there is no split_file")
    if group_by is not None:
        group_of = _read_groups(group_by, group_of, layout)
    if split_file is not None:
        useless = [] if grow else _only_for_new_images(group_by, near_together=near_together)
        useless = [*fractions, *useless]
        checks.check_no_effect(useless, "the split file says which image is in which set")
    file = None if split_file is None else read_split(split_file, layout)
    corrected = None if corrections is None else read_corrections(corrections, layout.class_names)
    decisions = corrected.decisions if corrected else file.decisions if file else {}
    for doubt in [*layout.doubts, *doubts_about_groups(layout, group_of)]:
        warnings.warn(doubt, stacklevel=2)
    early = EarlyPixels(size, cache_limit)
    report = scan_layout(layout, decisions, early)  # may take long: all arguments were checked
    if corrected:
        warn_unknown(corrected, report, stacklevel=2)
    _warn_ignored(report)
    warn_of_notes(image_notes(report), stacklevel=2)
    sets: Mapping[Split, Sequence[ImageFile]]
    if file is None:
        seed = seed or 0
        _refuse_or_skip(report.bad, report, skip)
        images = images_to_split(report)
        if group_of:
            images = with_groups(images, report, group_of)
        if report.bursts and not group_of and len(layout.splits) < len(SPLITS):
            _warn_bursts(report.bursts)
        sets = split_images(images, plan, layout.class_names, seed, near_together=near_together)
        sets = apply_corrections(sets, report)
        check_groups_apart(sets, report)
    else:
        sets = find_images(file, report, decisions)
        warn_changed(file, sets, report, layout)
        seed = file.seed if seed is None else seed
        _refuse_or_skip(not_in_sets(report.bad, sets), report, skip)
        if grow:
            sets = add_new_files(sets, report, group_of, near_together=near_together)
        else:
            warn_unused(sets, report)
        sets = with_groups_of_today(sets, report, group_of, refuse=not grow)
    kept = Session(early=early.of(sets))
    return Datasets(layout.class_names, size, batch, seed, cache_limit, cache, report, sets, kept)


def _only_for_new_images(group_by: GroupBy | None, *, near_together: bool) -> list[str]:
    """Return the arguments that have no effect on images that a split file lists."""
    grouped = ["group_by"] if group_by is not None else []
    return grouped if near_together else [*grouped, "near_duplicates"]


def _find_layout(
    folder: Path,
    labels: LabelTable | None,
    group_by: GroupBy | None,
    known: bool,
    passed: Sequence[object],
) -> tuple[Layout, GroupOf | None]:
    """Return the layout by class folders or by a table, and what finds the groups of the table."""
    if labels is None:
        return find_layout(folder, group_by=group_by, known=known, passed=passed), None
    return find_table_layout(folder, labels, group_by=group_by, known=known, passed=passed)


def _read_groups(group_by: GroupBy, group_of: GroupOf | None, layout: Layout) -> GroupOf:
    """Return what finds the group of an image by `group_by`; raise if the table has groups too."""
    if group_of:
        raise InvalidValueError(
            "and the column group of labels both say what belongs together",
            argument="group_by",
            hint="Leave one of them out.",
        )
    return read_group_by(group_by, layout)


def _refuse_or_skip(bad: Sequence[Finding], report: ScanReport, skip: bool) -> None:
    """Raise an error that lists the bad files, or warn that they are left out."""
    if not bad:
        return
    lines = [f"{finding.reason}: {describe(finding, report.folder)}" for finding in bad]
    files = counted(len({finding.path for finding in bad}), "file")
    summary = f"{files} of {report.n_files} in {printable(report.folder)} cannot be used"
    if not skip:
        raise InvalidValueError(
            f"{with_lines(summary, lines)}\n",
            hint=(
                'Repair or remove them, or leave them out with on_bad_image="skip". '
                "catdog.scan_images lists them all."
            ),
            hint_code=HintCode.SKIP_BAD_IMAGES,
        )
    were = "was" if files.startswith("1 ") else "were"
    warnings.warn(UsageWarning(with_lines(f"{summary}, and {were} left out", lines)), stacklevel=3)


def _warn_bursts(bursts: Bursts) -> None:
    """Warn that images seem to be bursts, which a split of single images would separate."""
    warning = UsageWarning(f"{bursts}\n", hint=bursts.hint, hint_code=HintCode.KEEP_BURSTS)
    warnings.warn(warning, stacklevel=3)


def _warn_ignored(report: ScanReport) -> None:
    """Warn of images that are ignored because of the folder that they are in."""
    for reason in IGNORED_REASONS:
        ignored = [
            describe(finding, report.folder)
            for finding in report.findings
            if finding.reason == reason
        ]
        if ignored:
            noun = "link" if reason == "linked_folder" else "image"
            sentence = f"{counted(len(ignored), noun)} {MEANING[reason]}"
            warnings.warn(UsageWarning(with_lines(sentence, ignored)), stacklevel=3)
