"""How accurate a model is if it abstains when it is unsure."""

from dataclasses import dataclass

import numpy as np

from catdog._utils.public import public
from catdog._utils.tables import Table, text_lines
from catdog._utils.text import counted
from catdog.evaluation.metrics import Counts, wilson_interval
from catdog.evaluation.result import Evaluation, check_evaluation
from catdog.typing import Floats, Split

PRINTED_THRESHOLDS = (0.0, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)


@public
@dataclass(frozen=True, eq=False, repr=False)
class CoverageCurve:
    """How often a model answers, and how often it is right, if it answers only when sure enough.

    Arrays have one entry a threshold, from low to high. Print it for a readable table.

    Attributes:
        thresholds: Every probability of a predicted class that occurs: values for `unsure_below`.
            By rounding, one may just miss its own image.
        answered: Number of images whose probability is not below the threshold.
        right: How many of these the model gets right.
        n: Number of images.
        split: The set they are of.
    """

    thresholds: Floats
    answered: Counts
    right: Counts
    n: int
    split: Split

    @property
    def coverage(self) -> Floats:
        """Share of the images that are answered, from 0 to 1."""
        coverage: Floats = self.answered / self.n
        return coverage

    @property
    def accuracy(self) -> Floats:
        """Share of the answers that are right, from 0 to 1."""
        accuracy: Floats = self.right / self.answered
        return accuracy

    def __repr__(self) -> str:
        return f"<CoverageCurve: {counted(self.n, 'image')} of the {self.split} set>"

    def __str__(self) -> str:
        positions = np.searchsorted(self.thresholds, PRINTED_THRESHOLDS)
        rows = [
            self._row(threshold, position)
            for threshold, position in zip(PRINTED_THRESHOLDS, positions, strict=True)
            if position < len(self.thresholds)
        ]
        table = Table(("unsure below", "answered", "", "of these right", "95 % interval"), rows)
        return "\n".join(
            [f"{counted(self.n, 'image')} of the {self.split} set", *text_lines(table)]
        )

    def _row(self, threshold: float, position: int) -> tuple[str, ...]:
        low, high = wilson_interval(int(self.right[position]), int(self.answered[position]))
        return (
            f"{threshold:.0%}",
            f"{self.answered[position]}",
            f"{self.coverage[position]:.1%}",
            f"{self.accuracy[position]:.1%}",
            f"{low:.1%} to {high:.1%}",
        )


@public
def coverage_curve(evaluation: Evaluation) -> CoverageCurve:
    """Return what it buys to answer only when sure: fewer answers, more of them right.

    Choose `unsure_below` of `predict` by the validation images, after `calibrate`. How good the
    choice is, the test images tell.

    Args:
        evaluation: What `evaluate` returned.

    Example:
        ```python
        from catdog import build_model, coverage_curve, evaluate, load_datasets, train

        data = load_datasets("synthetic")
        model = build_model("cnn", image_size=(32, 32))
        train(model, data, epochs=3)
        print(coverage_curve(evaluate(model, data, split="validation")))
        ```
    """
    check_evaluation(evaluation)
    confidences = evaluation.probabilities.max(axis=1)
    right = evaluation.correct
    thresholds, where = np.unique(confidences, return_inverse=True)
    return CoverageCurve(
        thresholds=thresholds,
        answered=_and_above(np.bincount(where)),
        right=_and_above(np.bincount(where[right], minlength=len(thresholds))),
        n=evaluation.n,
        split=evaluation.split,
    )


def _and_above(counts: Counts) -> Counts:
    """Return for each entry the sum of it and all after it."""
    return counts[::-1].cumsum()[::-1]
