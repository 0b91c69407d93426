"""Compare two models on the same images, with McNemar's exact test."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from catdog._utils.errors import InvalidValueError
from catdog._utils.public import public
from catdog._utils.text import counted
from catdog.evaluation import metrics
from catdog.evaluation.result import Evaluation, check_evaluation
from catdog.typing import Split

SIGNIFICANCE_LEVEL = 0.05  # a difference with a smaller p-value is detectable


@public
@dataclass(frozen=True)
class Comparison:
    """Result of comparing two models on the same images.

    Made by [`compare`][catdog.compare]. Print it for a sentence and its figures.

    Attributes:
        split: The split that both were evaluated on.
        both_right: Images that both got right.
        only_first: Images that only the first got right.
        only_second: Images that only the second got right.
        both_wrong: Images that both got wrong.
    """

    split: Split
    both_right: int
    only_first: int
    only_second: int
    both_wrong: int

    @property
    def n(self) -> int:
        """Number of images."""
        return self.both_right + self.only_first + self.only_second + self.both_wrong

    @property
    def difference(self) -> float:
        """Accuracy of the second minus accuracy of the first, from -1 to 1."""
        return (self.only_second - self.only_first) / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper end of the 95 % confidence interval of the difference.

        Source: Bonett and Price, "Adjusted Wald Confidence Interval for a Difference of Binomial
        Proportions Based on Paired Data", Journal of Educational and Behavioral Statistics 37
        (2012).
        """
        return metrics.paired_interval(self.only_first, self.only_second, self.n)

    @property
    def p_value(self) -> float:
        """Two-sided p-value of McNemar's exact test.

        It is the probability that two equally good models differ at least this much by chance.
        """
        return metrics.mcnemar_p_value(self.only_first, self.only_second)

    @property
    def detectable(self) -> bool:
        """Whether the p-value is below the significance level of 0.05.

        The exact test is a little stricter than the interval. A difference may be undetectable
        although the interval just excludes 0. A detectable difference always has an interval that
        excludes 0.
        """
        return self.p_value < SIGNIFICANCE_LEVEL

    def to_dict(self) -> dict[str, Any]:
        """Return every figure, ready for `json.dump`."""
        return {
            "split": self.split,
            "n": self.n,
            "both_right": self.both_right,
            "only_first": self.only_first,
            "only_second": self.only_second,
            "both_wrong": self.both_wrong,
            "difference": self.difference,
            "interval": list(self.interval),
            "p_value": self.p_value,
            "detectable": self.detectable,
        }

    def __str__(self) -> str:
        low, high = self.interval
        first, second = (
            (self.both_right + only) / self.n for only in (self.only_first, self.only_second)
        )
        return "\n".join(
            [
                _sentence(self),
                f"  accuracy    first {first:.1%}, second {second:.1%}",
                f"  right       first alone {self.only_first}, second alone {self.only_second}, "
                f"both {self.both_right}, neither {self.both_wrong}",
                f"  difference  {_points(self.difference)} points  "
                f"(95 % confidence interval {_points(low)} to {_points(high)})",
            ]
        )

    def _repr_html_(self) -> str:
        """Return the sentence and its figures, for notebooks."""
        return f"<pre>{self}</pre>"


@public
def compare(first: Evaluation, second: Evaluation) -> Comparison:
    """Compare two models on the same images with McNemar's exact test.

    Only the images that one model gets right and the other wrong show a difference. This test
    detects smaller differences than checking whether the two intervals of the accuracy overlap.

    Args:
        first: What `evaluate` returned for one model.
        second: What it returned for the other, on the same images.

    Returns:
        The counts, the p-value, and the difference of the accuracies with its confidence interval.

    Raises:
        TypeError: If an argument is not an `Evaluation`.
        ValueError: If the two were evaluated on different images.

    Example:
        ```python
        from catdog import build_model, compare, evaluate, load_datasets

        data = load_datasets("synthetic")
        models = (build_model("cnn", image_size=(48, 48), seed=seed) for seed in (0, 1))
        print(compare(*(evaluate(model, data, split="validation") for model in models)))
        ```
    """
    check_same_images({"first": first, "second": second})
    first_right, second_right = first.correct, second.correct
    return Comparison(
        split=first.split,
        both_right=int(np.sum(first_right & second_right)),
        only_first=int(np.sum(first_right & ~second_right)),
        only_second=int(np.sum(~first_right & second_right)),
        both_wrong=int(np.sum(~first_right & ~second_right)),
    )


def check_same_images(evaluations: Mapping[str, Evaluation]) -> None:
    """Raise if a value is not an evaluation, or if the evaluations are of different images."""
    for name, evaluation in evaluations.items():
        check_evaluation(evaluation, name)
    if not evaluations:
        raise InvalidValueError(
            "is empty",
            argument="evaluations",
            hint='Pass some by name: {"cnn": evaluate(model, data)}.',
        )
    (first_name, first), *others = evaluations.items()
    for name, evaluation in others:
        if difference := _describe_difference(first, evaluation):
            raise InvalidValueError(
                f"{first_name} and {name} cannot be compared: {difference}",
                hint="Load the data once and evaluate every model on the same split of it: "
                "evaluate(model, data, split=...).",
            )


def _describe_difference(first: Evaluation, second: Evaluation) -> str:
    """Return how the images of two evaluations differ; an empty string if they are the same."""
    if first.class_names != second.class_names:
        return "their classes differ"
    if first.paths != second.paths:
        shared = len(set(first.paths) & set(second.paths))
        images = (
            f"{counted(evaluation.n, 'image')} of a {evaluation.split} set"
            for evaluation in (first, second)
        )
        return f"they were evaluated on {' and '.join(images)}, {shared} in common"
    if not np.array_equal(first.labels, second.labels):
        return "some images have another label now"
    return ""


def _sentence(comparison: Comparison) -> str:
    """Return the result of a comparison as a sentence."""
    images, p_value = counted(comparison.n, "image"), format_p_value(comparison.p_value)
    if comparison.detectable:
        better = "second" if comparison.difference > 0 else "first"
        return f"The {better} is better: a detectable difference on {images} ({p_value})."
    if comparison.only_first == comparison.only_second == 0:
        return f"No detectable difference on {images}: both are right on the same images."
    low, high = comparison.interval
    close = "" if low <= 0 <= high else ", but it is close"
    return f"No detectable difference on {images}{close}: it may be due to chance ({p_value})."


def format_p_value(value: float) -> str:
    """Return a p-value such as `p = 0.012`."""
    return "p < 0.001" if value < 0.001 else f"p = {value:.2g}"


def _points(share: float) -> str:
    """Return a difference of shares in percentage points."""
    return f"{100 * share:+.1f}"
