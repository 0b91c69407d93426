"""Predict the class of an image from one cue, by cross-validation: simple classifiers in NumPy."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from catdog.typing import Floats, Labels

MIN_ERROR_REDUCTION = 0.1  # share of the baseline's errors that a shortcut avoids, at least
ROWS_AT_ONCE = 16  # images whose distances to all others are computed at once, in the CPU's cache


def predict_from_categories(
    categories: Sequence[str], labels: Labels, folds: Sequence[NDArray[np.intp]]
) -> Labels:
    """Predict the most common class of each category, as counted in the other folds.

    Of equally common classes, the one with more images is predicted; so is the majority class for a
    category that the other folds do not have.

    Args:
        categories: Category of each image.
        labels: Class of each image, shape `(n,)`, integers from 0.
        folds: Positions of the images in each fold.

    Returns:
        Predicted class of each image, shape `(n,)`.

    Source: R. C. Holte, "Very Simple Classification Rules Perform Well on Most Commonly Used
    Datasets", Machine Learning 11 (1993): the rule 1R.
    """
    _, codes = np.unique(np.asarray(categories), return_inverse=True)
    shape = (codes.max() + 1, labels.max() + 1)
    counts = np.zeros((len(folds), *shape), np.int64)
    for number, fold in enumerate(folds):
        np.add.at(counts[number], (codes[fold], labels[fold]), 1)
    predicted = np.empty_like(labels)
    for number, fold in enumerate(folds):
        others = counts.sum(axis=0) - counts[number]
        predicted[fold] = _most_votes(others, others.sum(axis=0))[codes[fold]]
    return predicted


def predict_from_neighbours(
    numbers: Floats, labels: Labels, folds: Sequence[NDArray[np.intp]]
) -> Labels:
    """Predict the most common class of the k nearest neighbours in the other folds.

    The numbers are divided by their standard deviations. All images that are as near as the k-th
    neighbour vote, so the order of the images has no influence. k is the square root of the mean
    number of images of a class, but not more than the images of any class that matters: a class of
    fewer images than neighbours could not win. Classes without which a cue can still be a shortcut
    do not matter.

    Args:
        numbers: The cue of each image, shape `(n, d)`.
        labels: Class of each image, shape `(n,)`, integers from 0.
        folds: Positions of the images in each fold.

    Returns:
        Predicted class of each image, shape `(n,)`.

    Source: T. M. Cover and P. E. Hart, "Nearest Neighbor Pattern Classification", IEEE Transactions
    on Information Theory 13 (1967).
    """
    deviations = numbers.std(axis=0)
    scaled = (numbers / np.where(deviations > 0, deviations, 1)).astype(np.float32)
    one_hot = np.eye(labels.max() + 1, dtype=np.float32)[labels]
    predicted = np.empty_like(labels)
    for fold in folds:
        others = np.setdiff1d(np.arange(len(labels)), fold)
        points, classes = scaled[others], one_hot[others]
        counts = classes.sum(axis=0)
        k = _neighbour_count(counts)
        for start in range(0, len(fold), ROWS_AT_ONCE):
            rows = fold[start : start + ROWS_AT_ONCE]
            votes = _votes(scaled[rows], points, classes, k)
            predicted[rows] = _most_votes(votes, counts)
    return predicted


def _neighbour_count(class_counts: NDArray[np.floating]) -> int:
    """Return the number of neighbours that vote."""
    from_smallest = np.sort(class_counts)
    errors = from_smallest[:-1]  # of the majority-class baseline
    matters = errors[np.cumsum(errors) >= MIN_ERROR_REDUCTION * errors.sum()]
    smallest = matters.min(initial=from_smallest[-1])
    return max(1, min(math.ceil(math.sqrt(class_counts.mean())), int(smallest)))


def _votes(
    queries: NDArray[np.float32],
    points: NDArray[np.float32],
    one_hot: NDArray[np.float32],
    k: int,
) -> NDArray[np.float32]:
    """Count the classes of the k nearest points of each query, and of all as near as the k-th."""
    squares = np.zeros((len(queries), len(points)), np.float32)
    for query, point in zip(queries.T, points.T, strict=True):  # exact: equal numbers give 0
        differences = query[:, np.newaxis] - point
        differences *= differences
        squares += differences
    limits = np.partition(squares, k - 1, axis=1)[:, k - 1 : k]
    return (squares <= limits).astype(np.float32) @ one_hot


def _most_votes(votes: NDArray[np.number], class_counts: NDArray[np.number]) -> Labels:
    """Return the class with the most votes of each row; of equal ones, the most common class."""
    tie_break = class_counts / (class_counts.sum() + 1)  # below one vote
    winners: Labels = np.argmax(votes + tie_break, axis=1).astype(np.int32)
    return winners
