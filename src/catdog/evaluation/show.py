"""Format an evaluation as text lines and tables."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from catdog._utils.tables import Table
from catdog._utils.text import counted, shorten

if TYPE_CHECKING:
    from catdog.evaluation.result import Evaluation

MAX_CLASSES_PRINTED = 10
MAX_LETTERS_NAMED = 40  # in a remark on some of the classes
MIN_CLASS_IMAGES = 10  # of fewer, one image more or less moves the recall by over ten points
MIN_UNLIKE = 20  # of fewer, the confidence interval is wider than 30 points
MAX_LETTERS_PRINTED = 80  # of all class names together, in the header of the confusion matrix


def headline(evaluation: "Evaluation") -> str:
    """Return how many images of which split the model classifies correctly."""
    right, images = np.sum(evaluation.correct), counted(evaluation.n, "image")
    return f"{evaluation.split} set: {right} of {images} right"


def figures(evaluation: "Evaluation") -> Iterator[tuple[str, str, str]]:
    """Yield name, value and remark of each metric over all images."""
    low, high = evaluation.interval
    interval = f"(95 % confidence interval {low:.1%} to {high:.1%})"
    verdict = "is above it" if evaluation.beats_baseline else "is not above it"
    majority = f"(majority class {evaluation.majority!r}): the interval {verdict}"
    yield "accuracy", f"{evaluation.accuracy:.1%}", interval
    yield "baseline", f"{evaluation.baseline:.1%}", majority
    yield "loss", f"{evaluation.loss:.4f}", ""
    if evaluation.auc is not None:
        yield "AUC", f"{evaluation.auc:.4f}", ""
    yield "calibration", f"{evaluation.calibration_error:.1%}", "(expected calibration error)"


def tables(evaluation: "Evaluation") -> Iterator[Table]:
    """Yield the metrics by class and the confusions; of many classes, only the worst ones."""
    names, scores = evaluation.class_names, list(evaluation.per_class.items())
    has_many = len(names) > MAX_CLASSES_PRINTED
    if has_many:
        with_images = [item for item in scores if item[1].support]
        scores = sorted(with_images, key=lambda item: item[1].f1)[:MAX_CLASSES_PRINTED]
    yield Table(
        head=("class", "precision", "recall", "F1", "images"),
        rows=[
            (
                name,
                f"{score.precision:.1%}",
                f"{score.recall:.1%}",
                f"{score.f1:.1%}",
                score.support,
            )
            for name, score in scores
        ],
        title=f"{len(scores)} of {len(names)} classes, the lowest F1 first:" if has_many else "",
    )
    if not has_many and sum(map(len, names)) <= MAX_LETTERS_PRINTED:
        rows = [(name, *row) for name, row in zip(names, evaluation.confusion_matrix, strict=True)]
        yield Table(("true class", *names, "(predicted)"), [(*row, "") for row in rows])
    elif confused := evaluation.most_confused():
        yield Table(("true class", "predicted class", "images"), confused[:MAX_CLASSES_PRINTED])


def remarks(evaluation: "Evaluation") -> Iterator[str]:
    """Yield near duplicates, classes of few or no images, and the number of test evaluations."""
    if evaluation.near_training_unknown:
        why = evaluation.near_training_unknown
        yield f"near duplicates of training images are not known: {why}"
    elif evaluation.near_training.any():
        yield from _near_duplicates(evaluation)
    support = evaluation.confusion_matrix.sum(axis=1)
    without_images = np.flatnonzero(support == 0)
    with_few_images = np.flatnonzero((support > 0) & (support < MIN_CLASS_IMAGES))
    never_predicted = np.flatnonzero(evaluation.confusion_matrix.sum(axis=0) == 0)
    if with_few_images.size:
        yield _few_images(evaluation, with_few_images)
    if without_images.size:
        names = _class_names(evaluation, without_images)
        yield f"no images, so recall counts as 0: {names}"
    if never_predicted.size:
        names = _class_names(evaluation, never_predicted)
        yield f"never predicted, so precision counts as 0: {names}"
    if evaluation.test_evaluations is not None:
        yield f"test set evaluated {counted(evaluation.test_evaluations, 'time')}"


def _near_duplicates(evaluation: "Evaluation") -> Iterator[str]:
    """Yield the accuracy with and without images that are nearly the same as training images."""
    near, unlike = evaluation.near_training, evaluation.unlike_training
    are = "is" if near.sum() == 1 else "are"
    yield (
        f"{near.sum()} of {counted(evaluation.n, 'image')} {are} nearly the same as training "
        "images, directly or through images between: "
        f"{evaluation.correct[near].mean():.1%} of these are right"
    )
    if unlike is None or unlike.n < MIN_UNLIKE:
        yield (
            "too few other images for the accuracy on new images: name the groups, see group_by of "
            "load_datasets"
        )
        return
    low, high = unlike.interval
    yield (
        f"the other {unlike.n}: {unlike.accuracy:.1%} right (95 % confidence interval {low:.1%} to "
        f"{high:.1%}). Trust this one"
    )


def _few_images(evaluation: "Evaluation", labels: NDArray[np.intp]) -> str:
    """Return the remark that classes have too few images; it names a few classes only."""
    names = _class_names(evaluation, labels)
    if len(names) > MAX_LETTERS_NAMED:
        names = f"{len(labels)} of {len(evaluation.class_names)} classes"
    return f"fewer than {MIN_CLASS_IMAGES} images, too few for figures of a class: {names}"


def _class_names(evaluation: "Evaluation", labels: NDArray[np.intp]) -> str:
    """Return the names of classes, at most ten of them."""
    return ", ".join(shorten([repr(evaluation.class_names[label]) for label in labels]))
