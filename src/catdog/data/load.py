"""Load a folder of images as training, validation and test sets."""

import warnings
from collections.abc import Mapping, Sequence
from os import PathLike

from catdog._utils import checks
from catdog._utils.errors import HintCode, InvalidValueError, UsageWarning
from catdog._utils.public import public
from catdog._utils.text import counted, printable, with_lines
from catdog.data.datasets import Datasets
from catdog.data.groups import read_group_by, with_groups
from catdog.data.layout import find_layout
from catdog.data.report import (
    IGNORED_REASONS,
    MEANING,
    Bursts,
    Finding,
    ImageFile,
    ScanReport,
    describe,
    image_notes,
    usable_images,
)
from catdog.data.scan import scan_layout
from catdog.data.sets import check_groups_apart, plan_sets, split_images
from catdog.data.source import find_source
from catdog.data.split_changes import (
    add_new_files,
    not_in_sets,
    warn_changed,
    warn_unused,
)
from catdog.data.split_file import find_images, read_split
from catdog.images.notes import warn_of_notes
from catdog.typing import SPLITS, GroupBy, ImageSize, NearDuplicates, NewFiles, OnBadImage, Split


@public
def load_datasets(
    source: "str | PathLike[str]" = "cats_and_dogs_filtered",
    *,
    image_size: ImageSize = (160, 160),
    batch_size: int = 32,
    seed: int | None = None,
    validation_fraction: float | None = None,
    test_fraction: float | None = None,
    group_by: GroupBy | None = None,
    near_duplicates: NearDuplicates = "together",
    on_bad_image: OnBadImage = "raise",
    split_file: "str | PathLike[str] | None" = None,
    new_files: NewFiles = "skip",
    cache_mib: int = 1024,
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
    `pred/` and the like, which are to be predicted, are ignored with a warning.

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
        group_by: Which images belong together, such as the frames of a video or the images of a
            patient. No group is in two of the sets. `"folder"`: each folder below a class folder
            is a group. A regular expression: its first group, in the path relative to the folder,
            is the key, as in `r"(track\d+)_"`. A mapping or a CSV file (columns `file` and
            `group`): the group of each relative path. The same key in two classes is one group.
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
        cache_mib: Cache limit of the decoded images in MiB, for each image size, at three bytes per
            pixel: 3000 images at 160 x 160 take 220 MiB. Images beyond it are decoded on every
            pass.

    Returns:
        The three sets, whose batches are `float32` images in `[0, 255]` of shape
        `(batch, height, width, 3)` with `int32` labels.

    Raises:
        FileNotFoundError: If the folder or the split file does not exist.
        NotADirectoryError: If the source is a file.
        OSError: If the download fails.
        TypeError: If the source is neither a name nor a path.
        ValueError: If the folder's layout is not understood, files cannot be used, a class is empty
            or too small to be split, there are fewer than two classes or too few groups, images of
            the split file are missing or changed, or an argument is out of its range.

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
    if seed is not None:
        seed = checks.check_seed(seed)
    skip = checks.check_choice("on_bad_image", on_bad_image, ("raise", "skip")) == "skip"
    choices = ("together", "ignore")
    near_together = checks.check_choice("near_duplicates", near_duplicates, choices) == "together"
    grow = checks.check_choice("new_files", new_files, ("skip", "train")) == "train"
    given = {"validation_fraction": validation_fraction, "test_fraction": test_fraction}
    fractions = {
        argument: checks.check_fraction(argument, value)
        for argument, value in given.items()
        if value is not None
    }
    # The inner folders may be groups; a split file has its groups, and decides the level.
    has_groups = group_by is not None or split_file is not None
    layout = find_layout(find_source("source", source), grouped=has_groups)
    plan = plan_sets(layout, fractions)
    if split_file is None and grow:
        checks.check_no_effect(["new_files"], "there is no split_file")
    group_of = None if group_by is None else read_group_by(group_by)
    if split_file is not None:
        useless = [*fractions, *(["group_by"] if group_of and not grow else [])]
        checks.check_no_effect(useless, "the split file says which image is in which set")
    file = None if split_file is None else read_split(split_file, layout)
    report = scan_layout(layout)  # may take long, so all arguments were checked before
    _warn_ignored(report)
    warn_of_notes(image_notes(report), stacklevel=2)
    sets: Mapping[Split, Sequence[ImageFile]]
    if file is None:
        seed = seed or 0
        _refuse_or_skip(report.bad, report, skip)
        images = usable_images(report)
        if group_of:
            images = with_groups(images, report, group_of)
        if report.bursts and not group_of and len(layout.splits) < len(SPLITS):
            _warn_bursts(report.bursts)
        sets = split_images(images, plan, layout.class_names, seed, near_together=near_together)
        check_groups_apart(sets, report)
    else:
        sets = find_images(file, report)
        warn_changed(file, sets, report)
        seed = file.seed if seed is None else seed
        _refuse_or_skip(not_in_sets(report.bad, sets), report, skip)
        if grow:
            sets = add_new_files(sets, report, group_of, near_together=near_together)
        warn_unused(sets, report, grow)
    return Datasets(layout.class_names, size, batch, seed, cache_limit, report, sets)


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
    warnings.warn(UsageWarning(with_lines(f"{summary}, and were left out", lines)), stacklevel=3)


def _warn_bursts(bursts: Bursts) -> None:
    """Warn that images seem to be bursts, before these are torn apart by a split."""
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
