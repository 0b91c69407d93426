"""Selective prediction: accuracy and coverage of a model that abstains when it is unsure."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from catdog._utils.public import public
from catdog._utils.tables import Table, text_lines
from catdog._utils.text import counted
from catdog.evaluation.metrics import Counts, wilson_interval
from catdog.evaluation.result import Evaluation, check_evaluation
from catdog.typing import Floats, Split

PRINTED_THRESHOLDS = (0.0, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)  # probabilities


@public
@dataclass(frozen=True, eq=False, repr=False)
class CoverageCurve:
    """Coverage and accuracy of a model that abstains below a probability (selective prediction).

    The coverage is the share of the images that the model answers. One minus the accuracy of these
    answers is the selective risk, so this is also called a risk-coverage curve. Arrays have one
    entry per threshold, in ascending order. Print it for a readable table.

    Attributes:
        thresholds: Every probability of a predicted class that occurs: values for `unsure_below`.
            Because of rounding, a threshold may just exclude its own image.
        answered: Number of images whose probability is not below the threshold.
        right: Number of these that the model classifies correctly.
        n: Number of images.
        split: The split that the images are from.
    """

    thresholds: Floats
    answered: Counts
    right: Counts
    n: int
    split: Split

    @property
    def coverage(self) -> Floats:
        """Share of the images that the model answers, from 0 to 1."""
        coverage: Floats = self.answered / self.n
        return coverage

    @property
    def accuracy(self) -> Floats:
        """Share of the answered images that are classified correctly, from 0 to 1."""
        accuracy: Floats = self.right / self.answered
        return accuracy

    def __repr__(self) -> str:
        return f"<CoverageCurve: {counted(self.n, 'image')} of the {self.split} set>"

    def rows(self) -> list[dict[str, Any]]:
        """Return a plain row for each round threshold, ready for `pandas.DataFrame`.

        The keys are `unsure_below`, `answered`, `right`, `coverage`, `accuracy` and `interval`.
        Thresholds above which there is no answer are left out.
        """
        positions = np.searchsorted(self.thresholds, PRINTED_THRESHOLDS)
        return [
            self._row(threshold, position)
            for threshold, position in zip(PRINTED_THRESHOLDS, positions.tolist(), strict=True)
            if position < len(self.thresholds)
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return the figures at round thresholds, ready for `json.dump`."""
        return {"split": self.split, "n": self.n, "thresholds": self.rows()}

    def __str__(self) -> str:
        rows = [_cells(row) for row in self.rows()]
        table = Table(("unsure below", "answered", "coverage", "accuracy", "interval"), rows)
        images = f"{counted(self.n, 'image')} of the {self.split} set"
        return "\n".join([f"{images}, 95 % confidence intervals", *text_lines(table)])

    def _row(self, threshold: float, position: int) -> dict[str, Any]:
        """Return the figures of one threshold."""
        right, answered = int(self.right[position]), int(self.answered[position])
        return {
            "unsure_below": threshold,
            "answered": answered,
            "right": right,
            "coverage": answered / self.n,
            "accuracy": right / answered,
            "interval": list(wilson_interval(right, answered)),
        }


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    """Return the cells of one threshold."""
    low, high = row["interval"]
    return (
        f"{row['unsure_below']:.0%}",
        f"{row['answered']}",
        f"{row['coverage']:.1%}",
        f"{row['accuracy']:.1%}",
        f"{low:.1%} to {high:.1%}",
    )


@public
def coverage_curve(evaluation: Evaluation) -> CoverageCurve:
    """Compute the coverage and the accuracy of a model at every threshold for abstaining.

    A higher threshold gives fewer answers, and usually a higher share of them is right. Choose
    `unsure_below` of `predict` on the validation images, after `calibrate`. Then evaluate the
    choice on the test images.

    Args:
        evaluation: What `evaluate` returned.

    Returns:
        The curve, with one entry per threshold.

    Raises:
        TypeError: If `evaluation` is not an `Evaluation`.

    Example:
        ```python
        from catdog import build_model, coverage_curve, evaluate, load_datasets, train

        data = load_datasets("synthetic")
        model = build_model("cnn", image_size=(32, 32))
        train(model, data, epochs=3)
        print(coverage_curve(evaluate(model, data, split="validation")))
        ```

    Source: Y. Geifman and R. El-Yaniv, "Selective Classification for Deep Neural Networks",
    NIPS 2017, section 2.
    """
    check_evaluation(evaluation)
    confidences = evaluation.probabilities.max(axis=1)
    right = evaluation.correct
    thresholds, indices = np.unique(confidences, return_inverse=True)
    return CoverageCurve(
        thresholds=thresholds,
        answered=_suffix_sums(np.bincount(indices)),
        right=_suffix_sums(np.bincount(indices[right], minlength=len(thresholds))),
        n=evaluation.n,
        split=evaluation.split,
    )


def _suffix_sums(counts: Counts) -> Counts:
    """Return for each entry the sum of itself and all later entries."""
    return counts[::-1].cumsum()[::-1]
