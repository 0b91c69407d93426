"""Check for leaks: does the accuracy depend on images that are like those of the training?"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from os import PathLike

import keras
import numpy as np
from numpy.typing import NDArray

from catdog._utils import checks
from catdog._utils.errors import HintCode, InvalidValueError
from catdog._utils.public import public
from catdog.data.datasets import (
    Datasets,
    content_hashes,
    count_test_evaluation,
    near_duplicate_clusters,
)
from catdog.evaluation.backbone_features import extract_splits
from catdog.evaluation.clusters import Vectors, unit_vectors
from catdog.evaluation.held_out import FOLDS, held_out_levels, similarity_levels
from catdog.evaluation.leak_report import HeldOutLevel, LeakReport, SimilarityBin
from catdog.evaluation.out_of_fold import as_vectors
from catdog.evaluation.similarity_limit import near_duplicate_limit
from catdog.inference.forward import checked_logits
from catdog.matching import resize_as_predicted
from catdog.models.metadata import check_same_classes
from catdog.training.frozen import split_frozen
from catdog.typing import Labels, Split, Verbose

MAX_CLUSTERED = 5000  # images; the similarities of all their pairs take 200 MB
BLOCK_ROWS = 1024


@public
def check_leaks(
    model: keras.Model,
    data: Datasets,
    *,
    split: Split = "test",
    seed: int = 0,
    cache_dir: str | PathLike[str] | None = None,
    verbose: Verbose = "auto",
) -> LeakReport:
    """Check whether the accuracy depends on images that are like those of the training.

    Two views of the same question, both by the cosine similarity of the backbone's features, from
    which the mean of all images is subtracted first:

    - The model is evaluated on one split, and its images are sorted by the similarity to the
      nearest training image. If those without a near duplicate in the training set do detectably
      worse (Fisher's exact test), the report says so.
    - Whole clusters of similar images are held out in a cross-validation of a linear classifier on
      the same features, from single files to clusters of less and less similar images. If the
      accuracy drops detectably (a sign test over files, or over groups), by a point or more, the
      images may come in bursts. A level at which one cluster has more than a fifth of a class is
      left out: the folds could not be balanced, and the accuracy would drop for that reason.

    The report is a warning, never the true accuracy. To find that, name the images that belong
    together: `load_datasets(folder, group_by=...)`.

    Args:
        model: A trained model that begins with a frozen backbone, pretrained on other images, such
            as `"mobilenet_v2.linear"` or `"transfer"`. It is not changed.
        data: The images that it was trained on.
        split: `"test"` or `"validation"`. On `"test"` this counts as a test evaluation, and the
            clusters are made of the images of all sets; on `"validation"` the test set is not used.
        seed: Seed of the folds, from 0 to 2**31 - 1.
        cache_dir: Keep the features in this folder, as [`train_head`][catdog.train_head] does.
        verbose: 0 shows no progress bar; any other value shows one if it takes long.

    Returns:
        Both tables and the warnings.

    Raises:
        ValueError: If the model does not begin with a frozen backbone, has a `call` of its own, or
            does not fit the data; a class has fewer than five different images, or there are more
            than 1000 classes; an argument is out of its range; or an image was changed or removed
            after it was loaded.

    Example:
        ```python
        from catdog import build_model, check_leaks, load_datasets, train_head

        data = load_datasets("synthetic")
        model = build_model("mobilenet_v2.linear", image_size=(96, 96), weights=None, seed=0)
        train_head(model, data, epochs=2)
        print(check_leaks(model, data, split="validation"))
        ```

    Source: R. A. Fisher, "Statistical Methods for Research Workers", 5th edition (1934), section
    21.02, for the exact test.
    """
    report = find_leaks(model, data, split=split, seed=seed, cache_dir=cache_dir, verbose=verbose)
    count_test_evaluation(data, split)
    return report


def find_leaks(
    model: keras.Model,
    data: Datasets,
    *,
    split: Split,
    seed: int,
    cache_dir: str | PathLike[str] | None,
    verbose: Verbose,
) -> LeakReport:
    """Check for leaks as part of an evaluation that is counted already; see `check_leaks`."""
    splits = _splits_to_use(split)
    seed = checks.check_seed(seed)
    resized = resize_as_predicted(model, data)
    check_same_classes(
        model,
        data.class_names,
        "Name the folders of the images after the model's classes, or train the model on them.",
        HintCode.MATCH_CLASSES,
    )
    parts = split_frozen(model, "check_leaks")
    features = extract_splits(parts, resized, splits, cache_dir=cache_dir, verbose=verbose)
    vectors = as_vectors(np.concatenate(features))
    logits = checked_logits(model, parts.head.predict(features[-1], verbose=0), resized.image_size)
    correct = logits.argmax(axis=1) == data.labels(split)
    nearest = _nearest_similarity(vectors[-len(correct) :], vectors[: len(features[0])])
    labels = np.concatenate([data.labels(each) for each in splits])
    limit = near_duplicate_limit(vectors, labels)
    levels = _levels(data, splits, vectors, labels, limit=limit, seed=seed)
    bins = tuple(_bins(nearest, correct, limit))
    return LeakReport(split, bins, levels, len(vectors), limit)


def _splits_to_use(split: Split) -> tuple[Split, ...]:
    """Return the splits whose images are used: training first, the evaluated one last."""
    if checks.check_split(split) == "train":
        raise InvalidValueError(
            'must be "test" or "validation": the images of "train" are those of the training',
            argument="split",
        )
    return ("train", "validation") if split == "validation" else ("train", "validation", "test")


def _nearest_similarity(vectors: Vectors, train_vectors: Vectors) -> NDArray[np.float32]:
    """Return the cosine similarity of each image to the nearest training image."""
    units, train_units = unit_vectors(vectors), unit_vectors(train_vectors)
    begins = range(0, len(units), BLOCK_ROWS)
    return np.concatenate(
        [(units[begin : begin + BLOCK_ROWS] @ train_units.T).max(axis=1) for begin in begins]
    )


def _bins(
    similarities: NDArray[np.float32], correct: NDArray[np.bool_], limit: float
) -> Iterator[SimilarityBin]:
    """Yield the bins that hold images, the least similar first."""
    edges = [-1.0, *reversed(similarity_levels(limit)), 1.0]
    bins = np.digitize(similarities, edges[1:-1])
    for number in np.unique(bins).tolist():
        inside = bins == number
        right = int(correct[inside].sum())
        yield SimilarityBin(edges[number], edges[number + 1], int(inside.sum()), right)


def _levels(
    data: Datasets,
    splits: Sequence[Split],
    vectors: Vectors,
    labels: Labels,
    *,
    limit: float,
    seed: int,
) -> tuple[HeldOutLevel, ...]:
    """Return the cross-validated accuracy by what is held out."""
    contents = [content for split in splits for content in content_hashes(data, split)]
    chosen = np.arange(len(vectors))
    if len(vectors) > MAX_CLUSTERED:
        chosen = _sample(labels, contents, seed)
    levels = held_out_levels(
        vectors[chosen],
        labels[chosen],
        [contents[position] for position in chosen],
        {
            name: [keys[position] for position in chosen]
            for name, keys in _kept_together(data, splits).items()
        },
        limit=limit,
        seed=seed,
    )
    return tuple(levels)


def _sample(labels: Labels, contents: Sequence[str], seed: int) -> NDArray[np.intp]:
    """Return the positions of `MAX_CLUSTERED` random images, with one for each fold of each class.

    Args:
        labels: Class of each image, shape `(n,)`.
        contents: Content of each image, such as a hash; the images for the folds differ in it.
        seed: Seed of the sample.
    """
    classes = len(np.unique(labels))
    if classes * FOLDS > MAX_CLUSTERED:
        raise InvalidValueError(
            f"check_leaks compares at most {MAX_CLUSTERED:,} images, {FOLDS} of each class, and "
            f"there are {classes:,} classes",
            hint="Check the images of some of the classes.",
        )
    found: list[set[str]] = [set() for _ in range(int(labels.max()) + 1)]
    needed: list[int] = []
    others: list[int] = []
    for position in np.random.default_rng(seed).permutation(len(labels)).tolist():
        different = found[labels[position]]
        if len(different) < FOLDS and contents[position] not in different:
            different.add(contents[position])
            needed.append(position)
        else:
            others.append(position)
    return np.sort([*needed, *others][:MAX_CLUSTERED])


def _kept_together(data: Datasets, splits: Sequence[Split]) -> dict[str, list[Hashable]]:
    """Return what the split keeps together: for each kind, the key of each image, or `None`."""
    kinds: dict[str, list[Hashable]] = {}
    clusters = {split: near_duplicate_clusters(data, split) for split in splits}
    inside = [{*each} - {None} for each in clusters.values()]
    if any(inside) and sum(map(len, inside)) == len(set.union(*inside)):  # none is in two sets
        kinds["near duplicates"] = [cluster for each in clusters.values() for cluster in each]
    groups = [data.groups(split) for split in splits]
    if None in groups:
        return kinds
    return {**kinds, "groups": [group for each in groups for group in each or ()]}
