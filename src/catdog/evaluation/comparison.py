"""Which of two models is better, judged on the same images."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from catdog._utils.public import public
from catdog._utils.text import counted
from catdog.evaluation import metrics
from catdog.evaluation.result import Evaluation, check_evaluation
from catdog.typing import Split

SIGNIFICANCE_LEVEL = 0.05  # a difference with a smaller p-value counts as detected


@public
@dataclass(frozen=True)
class Comparison:
    """How two models did on the same images.

    Made by [`compare`][catdog.compare]. Print it for a sentence and its figures.

    Attributes:
        split: The set that both were judged on.
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
        """Accuracy of the second less that of the first, from -1 to 1."""
        return (self.only_second - self.only_first) / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper end of a 95 % interval of the difference.

        Source: Bonett and Price, "Adjusted Wald Confidence Interval for a Difference of Binomial
        Proportions Based on Paired Data", Journal of Educational and Behavioral Statistics 37
        (2012).
        """
        return metrics.paired_interval(self.only_first, self.only_second, self.n)

    @property
    def p_value(self) -> float:
        """How often equally good models would differ at least so much, by McNemar's exact test."""
        return metrics.mcnemar_p_value(self.only_first, self.only_second)

    @property
    def detectable(self) -> bool:
        """Whether the p-value is below 0.05.

        The exact test is a little stricter than the interval: there may be no detectable difference
        though the interval just leaves out 0; never the other way round.
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
                f"(95 % interval {_points(low)} to {_points(high)})",
            ]
        )

    def _repr_html_(self) -> str:
        """Return the sentence and its figures, for notebooks."""
        return f"<pre>{self}</pre>"


@public
def compare(first: Evaluation, second: Evaluation) -> Comparison:
    """Tell whether one of two models is better, from their answers for the same images.

    Only the images that one model gets right and the other wrong can tell them apart. So this
    finds smaller differences than a look at whether the two intervals of the accuracy overlap.

    Args:
        first: What `evaluate` returned for one model.
        second: What it returned for the other, on the same images.

    Returns:
        The counts, McNemar's exact test, and the difference of the accuracies with its interval.

    Raises:
        TypeError: If something else is passed.
        ValueError: If the two were judged on different images.

    Example:
        ```python
        from catdog import build_model, compare, evaluate, load_datasets

        data = load_datasets("synthetic")
        models = (build_model("cnn", image_size=(48, 48), seed=seed) for seed in (0, 1))
        print(compare(*(evaluate(model, data, split="validation") for model in models)))
        ```
    """
    check_same_images({"first": first, "second": second})
    first_right, second_right = (first.correct, second.correct)
    return Comparison(
        split=first.split,
        both_right=int(np.sum(first_right & second_right)),
        only_first=int(np.sum(first_right & ~second_right)),
        only_second=int(np.sum(~first_right & second_right)),
        both_wrong=int(np.sum(~first_right & ~second_right)),
    )


def check_same_images(evaluations: Mapping[str, Evaluation]) -> None:
    """Refuse what is no evaluation, and evaluations of different images."""
    for name, one in evaluations.items():
        check_evaluation(one, name)
    if not evaluations:
        raise ValueError('evaluations is empty. Pass some by name: {"cnn": evaluate(model, data)}.')
    (reference, expected), *others = evaluations.items()
    for name, one in others:
        if difference := _difference(expected, one):
            raise ValueError(
                f"{reference} and {name} cannot be compared: {difference}. Load the data once and "
                "judge every model on them, on the same split: evaluate(model, data, split=...)."
            )


def _difference(first: Evaluation, second: Evaluation) -> str:
    """Return in what the judged images of two evaluations differ, or nothing."""
    if first.class_names != second.class_names:
        return "their classes differ"
    if first.paths != second.paths:
        shared = len(set(first.paths) & set(second.paths))
        sets = (f"{counted(one.n, 'image')} of a {one.split} set" for one in (first, second))
        return f"they were judged on {' and '.join(sets)}, {shared} in common"
    if not np.array_equal(first.labels, second.labels):
        return "some images have changed their class"
    return ""


def _sentence(of: Comparison) -> str:
    """Return what the comparison means, in words."""
    images, p_value = counted(of.n, "image"), format_p_value(of.p_value)
    if of.detectable:
        better = "second" if of.difference > 0 else "first"
        return f"The {better} is better: chance hardly makes so much on {images} ({p_value})."
    if of.only_first == of.only_second == 0:
        return f"No detectable difference on {images}: both are right on the very same ones."
    low, high = of.interval
    close = "" if low <= 0 <= high else ", but it is close"
    return f"No detectable difference on {images}{close}: chance may make so much ({p_value})."


def format_p_value(value: float) -> str:
    """Return a p-value such as `p = 0.012`."""
    return "p < 0.001" if value < 0.001 else f"p = {value:.2g}"


def _points(share: float) -> str:
    """Return a difference of shares in percentage points."""
    return f"{100 * share:+.1f}"
