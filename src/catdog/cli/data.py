"""Load the folder that a command names, by the options that several commands have."""

import os
from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from typing import Any

from catdog.data.datasets import Datasets
from catdog.data.fetch import KNOWN
from catdog.data.findings import relative_name
from catdog.data.load import load_datasets
from catdog.evaluation.label_issues import LabelIssue
from catdog.evaluation.result import EvaluatedImage


def load_data(
    options: Namespace,
    *,
    seed: int | None,
    skip_bad: bool,
    cache_dir: str | None = None,
    cache_mib: int = 1024,
    batch_size: int = 32,
) -> Datasets:
    """Return the images of a folder, split as the options say.

    Args:
        options: Has the folder, and what says how its images are labelled and split.
        seed: Seed of the split.
        skip_bad: Leave out files that cannot be used.
        cache_dir: Folder that decoded images are cached in.
        cache_mib: Limit of the decoded images in memory, in MiB.
        batch_size: Number of images in a batch.
    """
    return load_datasets(
        options.folder,
        batch_size=batch_size,
        seed=seed,
        validation_fraction=options.validation_fraction,
        test_fraction=options.test_fraction,
        split_file=options.split_file,
        new_files=options.new_files,
        labels=options.labels,
        group_by=options.group_by,
        corrections=options.corrections,
        near_duplicates=options.near_duplicates,
        on_bad_image="skip" if skip_bad else "raise",
        cache_mib=cache_mib,
        cache_dir=cache_dir,
    )


def image_row(
    found: EvaluatedImage | LabelIssue, options: Namespace, data: Datasets
) -> dict[str, Any]:
    """Return what was found about one image, with its path as a shell takes it."""
    return {**asdict(found), "path": shell_path(found.path, options, data)}


def shell_path(path: Path, options: Namespace, data: Datasets) -> str:
    """Return the path of an image as a shell takes it: it begins with the folder as passed."""
    if options.folder in KNOWN:
        return str(path)
    return os.path.join(options.folder, relative_name(path, data.report.folder))  # noqa: PTH118
