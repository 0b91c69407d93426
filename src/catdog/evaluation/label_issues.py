"""Find images with label issues: a probably wrong label, or no class at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np
from numpy.typing import NDArray

from catdog._utils import checks
from catdog._utils.errors import InvalidValueError
from catdog._utils.public import public
from catdog._utils.tables import Table, escape, html_table, text_lines
from catdog._utils.text import counted, percent, printable
from catdog.data.datasets import Datasets, content_hashes
from catdog.data.duplicates import group_by_content
from catdog.data.features import Features
from catdog.data.findings import relative_name
from catdog.data.split import stratified_split
from catdog.data.split_features import given_data
from catdog.evaluation.backbone_features import extract_splits, select_splits
from catdog.evaluation.folds import units_and_folds
from catdog.evaluation.out_of_fold import as_vectors, log_posteriors, squared_distances
from catdog.matching import resize_as_predicted
from catdog.training.frozen import split_frozen
from catdog.typing import SPLITS, Floats, Labels, Split, Verbose

LabelIssueReason = Literal["improbable_label", "out_of_distribution"]
MAX_ROWS_PRINTED = 10
_CONFIRMED = 0.99  # probability of a label from which on an image need not be looked at


@public
@dataclass(frozen=True, slots=True)
class LabelIssue:
    """One image of `LabelIssues`: its label, the suggested label and the scores that rank it.

    Attributes:
        path: The file.
        split: The split that it is in.
        label: Name of the class that it is labelled as.
        suggested: Name of the most probable class, which may be `label`.
        probability: Probability of `suggested`, from 0 to 1. The classifier is overconfident.
        label_probability: Probability of `label`, from 0 to 1.
        distance: Mahalanobis distance of the features to the nearest class, divided by the median
            over all images.
        reason: `"out_of_distribution"` if the image ranks higher by its distance than by the
            probability of its label; else `"improbable_label"`.
    """

    path: Path
    split: Split
    label: str
    suggested: str
    probability: float
    label_probability: float
    distance: float
    reason: LabelIssueReason


@public
@dataclass(frozen=True, eq=False, repr=False)
class LabelIssues:
    """Images ranked by label issues, the most suspicious label first.

    Made by [`find_label_issues`][catdog.find_label_issues]. Print it for the first ten images; a
    notebook shows them as a table.

    Attributes:
        images: All images, the most suspicious first.
        folder: The folder that they were loaded from.
    """

    images: tuple[LabelIssue, ...]
    folder: Path

    def rows(self) -> list[dict[str, Any]]:
        """Return a plain row for each image, ready for `json.dump` or `pandas.DataFrame`."""
        return [{**asdict(issue), "path": str(issue.path)} for issue in self.images]

    def __repr__(self) -> str:
        return f"<LabelIssues: {_headline(self)}>"

    def __str__(self) -> str:
        return "\n".join([_headline(self), *text_lines(_table(self))])

    def _repr_html_(self) -> str:
        """Return the first ten images as a table, for notebooks."""
        return f"<p><b>{escape(_headline(self))}</b></p>\n{html_table(_table(self))}"


def is_confirmed(issue: LabelIssue) -> bool:
    """Return whether the classifier is sure of the label, as of most images.

    In a clean folder, such images are among the first by their rank.
    """
    return issue.reason == "improbable_label" and issue.label_probability >= _CONFIRMED


@public
def find_label_issues(
    model: keras.Model | None,
    data: Datasets | Features,
    *,
    splits: Sequence[Split] = ("train", "validation"),
    folds: int = 5,
    seed: int = 0,
    cache_dir: str | PathLike[str] | None = None,
    verbose: Verbose = "auto",
) -> LabelIssues:
    """Find wrong labels and out-of-distribution images by cross-validation on extracted features.

    The backbone extracts the features of every image once. Each image is scored by a classifier
    that was not trained on it (cross-validation). Groups, and duplicates and near duplicates of an
    image are in the same fold, so that they do not confirm each other's labels; if there are too
    few groups or clusters of a class for the folds, only duplicates are.

    There are two kinds of label issue. If an image shows another class, the probability of its
    label is low. If an image shows no class, it is far from all classes (out of distribution),
    while its probabilities may be high. Images are ranked by label probability and by distance;
    each gets the better rank. Check the first images by eye, because correct labels are among
    them: rare poses, drawings, and animals behind bars rank high too. No file is changed.

    Args:
        model: A model with a frozen backbone that was pretrained on other images, such as
            `"mobilenet_v2.linear"` or `"transfer"`. Its head is not used and may be untrained. The
            model is not changed. `None` with features.
        data: The images and their labels; or their features, as
            [`extract_features`][catdog.extract_features] returns them. If these are not split, all
            images are checked, and their split is given as `"train"`.
        splits: The splits to check, all together. To check the test set too, name `"test"`, but do
            so before any model is evaluated on it.
        folds: Number of folds, at least 2. With more folds each classifier is fitted to more
            images, and it takes longer.
        seed: Seed of the random folds, from 0 to 2**31 - 1.
        cache_dir: Keep the features in this folder, as [`train_head`][catdog.train_head] does.
        verbose: 0 shows no progress bar; any other value shows one if it takes long.

    Returns:
        All images, the most suspicious first.

    Raises:
        ValueError: If the model does not begin with a frozen backbone, has a `call` of its own, or
            does not fit the data; features have no labels, or come from another backbone;
            a class has fewer different images than there are folds; an argument is out of its
            range; or an image was changed or removed after it was loaded.

    Example:
        ```python
        from catdog import build_model, find_label_issues, load_datasets

        data = load_datasets("synthetic")
        model = build_model("mobilenet_v2.linear", image_size=(96, 96), weights=None, seed=0)
        print(find_label_issues(model, data, splits=["validation"]))
        ```

    Source: C. G. Northcutt, L. Jiang and I. L. Chuang, "Confident Learning: Estimating Uncertainty
    in Dataset Labels", JAIR 70 (2021), for ranking by the cross-validated probability of the given
    label; K. Lee and others, "A Simple Unified Framework for Detecting Out-of-Distribution Samples
    and Adversarial Attacks", NeurIPS 2018, for the Mahalanobis distance to the nearest class.
    """
    chosen = _check_splits(splits)
    folds = checks.check_positive_int("folds", folds, at_least=2)
    seed = checks.check_seed(seed)
    stored = data if isinstance(data, Features) else None
    data = given_data(data, split_needed=False)
    resized = data if stored else resize_as_predicted(model, data)
    labels = np.concatenate([data.labels(split) for split in chosen])
    contents = [content for split in chosen for content in content_hashes(data, split)]
    _check_enough(labels, contents, folds, data.class_names)
    if stored:
        if cache_dir is not None:
            checks.check_no_effect(["cache_dir"], "the features are extracted already")
        features = select_splits(stored, chosen, model, "find_label_issues")
    else:
        parts = split_frozen(model, "find_label_issues")
        features = extract_splits(parts, resized, chosen, cache_dir=cache_dir, verbose=verbose)
    try:
        _, folds_of = units_and_folds(data, chosen, labels, [folds], seed)
    except ValueError:  # too few groups
        folds_of = stratified_split(labels, [1 / folds] * folds, contents=contents, seed=seed)
    vectors = as_vectors(np.concatenate(features))
    squares = squared_distances(vectors, labels, folds_of)
    probabilities = np.exp(log_posteriors(squares, labels, vectors.shape[1]))
    return LabelIssues(
        tuple(_ranked(data, chosen, probabilities, np.sqrt(squares.min(axis=1)))),
        data.report.folder,
    )


def _check_splits(splits: Any) -> list[Split]:
    """Return the splits to check, in their usual order."""
    is_one = isinstance(splits, str) or not isinstance(splits, Iterable)
    given = [splits] if is_one else list(splits)
    named = {checks.check_choice("splits", split, SPLITS) for split in given}
    if not named:
        raise InvalidValueError(
            f'must name at least one of {", ".join(SPLITS)}, such as ["train"]', argument="splits"
        )
    return [split for split in SPLITS if split in named]


def _check_enough(
    labels: Labels, contents: Sequence[str], folds: int, class_names: Sequence[str]
) -> None:
    """Raise if a class has fewer different images than there are folds."""
    for label, name in enumerate(class_names):
        positions = np.flatnonzero(labels == label).tolist()
        different = group_by_content(positions, contents.__getitem__)
        if len(different) < folds:
            raise InvalidValueError(
                f"needs {folds} images of each class, duplicates not counted, but "
                f"{printable(name)} has {len(different)}",
                argument="folds",
                value=folds,
                hint="Pass fewer folds, at least 2, or name more splits.",
            )


def rank(
    label_probabilities: Floats, distances: Floats
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Rank images by the better of two ranks: by label probability and by distance.

    Args:
        label_probabilities: Probability of the label of each image, shape `(n,)`.
        distances: Distance of each image to the nearest class, shape `(n,)`.

    Returns:
        Positions of the images, the most suspicious first; and for each image whether its rank by
        distance is the better one.
    """
    by_label, by_distance = _ranks(-label_probabilities), _ranks(distances)
    order = np.lexsort((by_label, np.minimum(by_label, by_distance)))
    return order, by_distance < by_label


def _ranks(values: Floats) -> NDArray[np.intp]:
    """Return the rank of each value; the largest value has rank 0."""
    return np.argsort(np.argsort(-values, kind="stable"), kind="stable")


def _ranked(
    data: Datasets, splits: Sequence[Split], probabilities: Floats, distances: Floats
) -> Iterator[LabelIssue]:
    """Yield the images, the most suspicious first."""
    files = [(split, path) for split in splits for path in data.paths(split)]
    labels = np.concatenate([data.labels(split) for split in splits])
    label_probabilities = probabilities[np.arange(len(labels)), labels]
    order, is_distant = rank(label_probabilities, distances)
    median = float(np.median(distances)) or 1.0  # 0 if all images have the same features
    for position in order.tolist():
        split, path = files[position]
        suggested = int(probabilities[position].argmax())
        yield LabelIssue(
            path=path,
            split=split,
            label=data.class_names[labels[position]],
            suggested=data.class_names[suggested],
            probability=float(probabilities[position, suggested]),
            label_probability=float(label_probabilities[position]),
            distance=float(distances[position]) / median,
            reason="out_of_distribution" if is_distant[position] else "improbable_label",
        )


def _headline(issues: LabelIssues) -> str:
    """Return the number of images, and their splits."""
    splits = [split for split in SPLITS if any(issue.split == split for issue in issues.images)]
    images = counted(len(issues.images), "image")
    return f"{images} ({', '.join(splits)}), suspicious labels first"


def _table(issues: LabelIssues) -> Table:
    """Return the first images as a table."""
    return Table(
        head=("image", "label", "looks like", "probability", "distance"),
        rows=[_cells(issue, issues.folder) for issue in issues.images[:MAX_ROWS_PRINTED]],
    )


def _cells(issue: LabelIssue, folder: Path) -> tuple[str, ...]:
    """Return the cells of one image."""
    has_class = issue.reason == "improbable_label"
    return (
        relative_name(issue.path, folder),
        issue.label,
        issue.suggested if has_class else "none",
        percent(issue.probability) if has_class else "",
        f"{issue.distance:.1f}",
    )
