"""`catdog train --compare`: compare the new model with an earlier one on the same test images."""

from __future__ import annotations

import warnings
from argparse import Namespace
from collections.abc import Iterator

import keras

from catdog._utils.errors import InvalidValueError, UsageWarning
from catdog._utils.text import counted, list_names, printable
from catdog.cli.data import load_data
from catdog.cli.output import progress_on_stderr
from catdog.cli.wording import renamed
from catdog.data.corrections import read_corrections
from catdog.data.datasets import Datasets, content_hashes
from catdog.evaluation.comparison import compare
from catdog.evaluation.evaluate import evaluate
from catdog.matching import hash_contents, hash_training_images
from catdog.models.metadata import get_metadata
from catdog.models.saving import load_model


def open_earlier(options: Namespace) -> keras.Model | None:
    """Return the model to compare with; `None` if there is none."""
    if options.compare is None:
        return None
    with renamed("path", "--compare"):
        return load_model(options.compare)


def split_seed(earlier: keras.Model | None, options: Namespace) -> int | None:
    """Return the seed of the split: that of the earlier model, unless the options say another."""
    metadata = get_metadata(earlier) if earlier else None
    if options.seed is None and not options.split_file and metadata and metadata.split:
        return metadata.split.seed
    seed: int | None = options.seed
    return seed


def check_same_split(earlier: keras.Model, data: Datasets, options: Namespace) -> None:
    """Raise unless the earlier model was trained on the same split, but for the corrections.

    Its training images may have had other labels, and may be left out now. The images of the test
    set must have been test images then.

    Raises:
        ValueError: If it was trained on other images or classes, or it is not known on which.
    """
    metadata = get_metadata(earlier)
    if metadata is None or metadata.train_sha256 is None:
        raise _refused("has no record of the images that it was trained on", options)
    if metadata.class_names != data.class_names:
        classes = list_names(metadata.class_names)
        raise _refused(f"is for other classes: {classes}", options)
    if metadata.train_sha256 == hash_training_images(data):
        return
    before = _without_corrections(data, options)
    is_same = metadata.train_sha256 in _earlier_training_sets(before, options)
    if not is_same or not set(content_hashes(data, "test")) <= set(content_hashes(before, "test")):
        raise _refused(
            "was trained on another split, so images of this test set may be among its training "
            "images",
            options,
            hint="Pass the options of its training: --split-file, --group-by, --near-duplicates, "
            "--labels, --validation-fraction, --test-fraction, --seed. Corrections that settle "
            "conflicting labels change a split that is not in a file: train the earlier model with "
            "--save-split, then pass --split-file.",
        )


def _earlier_training_sets(before: Datasets, options: Namespace) -> Iterator[str]:
    """Yield the hash of the training images without corrections, and after each that left one out.

    In a second review, the earlier model was trained with the decisions of the first one, which are
    the first in the file.
    """
    contents = content_hashes(before, "train")
    yield hash_contents(contents)
    if options.corrections is None:
        return
    decisions = read_corrections(options.corrections, before.class_names).decisions
    for sha256, label in decisions.items():
        if label is None and sha256 in contents:
            contents = [content for content in contents if content != sha256]
            yield hash_contents(contents)


def _refused(problem: str, options: Namespace, *, hint: str = "") -> InvalidValueError:
    return InvalidValueError(problem, argument="--compare", value=options.compare, hint=hint)


def _without_corrections(data: Datasets, options: Namespace) -> Datasets:
    """Return the images as they were split before the corrections."""
    without = Namespace(**{**vars(options), "corrections": None})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UsageWarning)  # those that matter were shown before
        return load_data(without, seed=data.seed, skip_bad=True)


def comparison(
    earlier: keras.Model, model: keras.Model, data: Datasets, *, names: tuple[str, str]
) -> str:
    """Return the paired comparison of two models on the test set, as text.

    Args:
        earlier: The first model.
        model: The second model.
        data: The images.
        names: What to call the models.
    """
    with progress_on_stderr():
        results = [evaluate(each, data, split="test", verbose=0) for each in (earlier, model)]
    corrected = {each.path for each in data.report.findings if each.reason == "corrected"}
    relabelled = len(corrected.intersection(data.paths("test")))
    first, second = map(printable, names)
    lines = [f"test set: first {first}, second {second}", str(compare(*results))]
    if relabelled:
        lines.append(
            f"  {counted(relabelled, 'test image')} counted with the corrected label for both"
        )
    return "\n".join(lines)
