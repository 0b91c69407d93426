"""Load the folder that a command names, by the options that several commands have."""

from argparse import Namespace

from catdog.data.datasets import Datasets
from catdog.data.load import load_datasets


def load_data(
    options: Namespace, *, seed: int | None, skip_bad: bool, cache_dir: str | None = None
) -> Datasets:
    """Return the images of a folder, split as the options say.

    Args:
        options: Has the folder, and what says how its images are labelled and split.
        seed: Seed of the split.
        skip_bad: Leave out files that cannot be used.
        cache_dir: Folder that decoded images are cached in.
    """
    return load_datasets(
        options.folder,
        seed=seed,
        split_file=options.split_file,
        labels=options.labels,
        group_by=options.group_by,
        corrections=options.corrections,
        near_duplicates=options.near_duplicates,
        on_bad_image="skip" if skip_bad else "raise",
        cache_dir=cache_dir,
    )
