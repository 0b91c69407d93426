"""How an evaluation is shown, as text and in notebooks."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from catdog._utils.tables import Table
from catdog._utils.text import counted, shorten

if TYPE_CHECKING:
    from catdog.evaluation.result import Evaluation

MAX_CLASSES_PRINTED = 10
MAX_LETTERS_PRINTED = 80  # of all class names in the head of the confusion matrix


def headline(of: "Evaluation") -> str:
    """Return how many images of which set were classified correctly."""
    return f"{of.split} set: {np.sum(of.correct)} of {counted(of.n, 'image')} right"


def figures(of: "Evaluation") -> Iterator[tuple[str, str, str]]:
    """Yield name, value and remark of the figures that are about all images."""
    low, high = of.interval
    verdict = "the interval is above it" if of.beats_baseline else "the interval is not above it"
    yield "accuracy", f"{of.accuracy:.1%}", f"(95 % interval {low:.1%} to {high:.1%})"
    yield "baseline", f"{of.baseline:.1%}", f"(always {of.majority!r}): {verdict}"
    yield "loss", f"{of.loss:.4f}", ""
    if of.auc is not None:
        yield "AUC", f"{of.auc:.4f}", ""
    yield (
        "calibration",
        f"{of.calibration_error:.1%}",
        "(gap between probability and accuracy)",
    )


def tables(of: "Evaluation") -> Iterator[Table]:
    """Yield the figures by class; of many classes, those where the model does worst."""
    names, scores = of.class_names, list(of.per_class.items())
    many = len(names) > MAX_CLASSES_PRINTED
    if many:
        seen = [score for score in scores if score[1].support]
        scores = sorted(seen, key=lambda score: score[1].f1)[:MAX_CLASSES_PRINTED]
    yield Table(
        head=("class", "precision", "recall", "F1", "images"),
        rows=[
            (name, f"{one.precision:.1%}", f"{one.recall:.1%}", f"{one.f1:.1%}", one.support)
            for name, one in scores
        ],
        title=f"{len(scores)} of {len(names)} classes, the lowest F1 first:" if many else "",
    )
    if not many and sum(map(len, names)) <= MAX_LETTERS_PRINTED:
        rows = [(name, *row) for name, row in zip(names, of.confusion_matrix, strict=True)]
        yield Table(("true class", *names, "(predicted)"), [(*row, "") for row in rows])
    elif confused := of.most_confused():
        yield Table(("true class", "taken for", "images"), confused[:MAX_CLASSES_PRINTED])


def remarks(of: "Evaluation") -> Iterator[str]:
    """Yield what a reader of the figures should know."""
    unseen = np.flatnonzero(of.confusion_matrix.sum(axis=1) == 0)
    unsaid = np.flatnonzero(of.confusion_matrix.sum(axis=0) == 0)
    if unseen.size:
        yield f"no images, so recall counts as 0: {_listed(of, unseen)}"
    if unsaid.size:
        yield f"never predicted, so precision counts as 0: {_listed(of, unsaid)}"
    if of.test_evaluations is not None:
        yield f"test set evaluated {counted(of.test_evaluations, 'time')}"


def _listed(of: "Evaluation", classes: NDArray[np.intp]) -> str:
    return ", ".join(shorten([repr(of.class_names[label]) for label in classes]))
