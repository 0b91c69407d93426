"""Metrics and their intervals: pure functions of counts, labels and probabilities, in NumPy."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from catdog.typing import Floats, Labels

Z_95 = 1.959963984540054  # 0.975 quantile of the standard normal distribution
CALIBRATION_BINS = 15

Counts = NDArray[np.int64]
Flags = NDArray[np.bool_]


def wilson_interval(right: int, n: int) -> tuple[float, float]:
    """Return the Wilson 95 % interval of a share of `right` in `n`.

    Unlike the textbook interval it stays within 0 and 1, and has a width at 0 % and 100 %.

    Source: E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference",
    JASA 22 (1927); formula as in scipy.stats.binomtest(...).proportion_ci(method="wilson").
    """
    share = right / n
    denominator = 1 + Z_95**2 / n
    centre = (share + Z_95**2 / (2 * n)) / denominator
    half = Z_95 / denominator * math.sqrt(share * (1 - share) / n + Z_95**2 / (4 * n**2))
    low = 0.0 if right == 0 else centre - half  # exactly 0 and 1 there, but for rounding
    high = 1.0 if right == n else centre + half
    return low, high


def confusion_matrix(labels: Labels, predictions: Labels, classes: int) -> Counts:
    """Count images by true class (rows) and predicted class (columns)."""
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (labels, predictions), 1)
    return counts


def precision_recall_f1(counts: Counts) -> tuple[Floats, Floats, Floats]:
    """Return precision, recall and F1 of each class, shape `(classes,)`, from 0 to 1.

    A share of nothing counts as 0, as with `zero_division=0` of scikit-learn: the precision of a
    class that is never predicted, the recall of a class without images.

    Args:
        counts: Confusion matrix, rows are true classes.
    """
    right, predicted, true = np.diag(counts), counts.sum(axis=0), counts.sum(axis=1)
    return _share(right, predicted), _share(right, true), _share(2 * right, predicted + true)


def _share(part: Counts, whole: Counts) -> Floats:
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)


def roc_auc(positive: Flags, scores: Floats) -> float | None:
    """Return how often a positive scores above a negative; a tie counts half.

    That is the area under the ROC curve; `None` if there are no positives or no negatives.

    Source: J. A. Hanley and B. J. McNeil, "The Meaning and Use of the Area under a Receiver
    Operating Characteristic (ROC) Curve", Radiology 143 (1982): the Mann-Whitney statistic.
    """
    positives = int(positive.sum())
    pairs = positives * (len(positive) - positives)
    if not pairs:
        return None
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2  # tied scores share their mean rank
    wins = ranks[inverse][positive].sum() - positives * (positives + 1) / 2
    return float(wins / pairs)


class Reliability(NamedTuple):
    """Images by the model's confidence, in `CALIBRATION_BINS` bins of equal width from 0 to 1.

    Attributes:
        counts: Images in each bin.
        right: How many of them the model got right.
        confidence: Sum of the confidences of the bin.
    """

    counts: Counts
    right: Counts
    confidence: Floats


def reliability(confidences: Floats, right: Flags) -> Reliability:
    """Sort images into bins by confidence, the probability of the predicted class.

    A bin holds its upper edge but not its lower one.

    Source: C. Guo and others, "On Calibration of Modern Neural Networks", ICML 2017, section 2.
    """
    edges = np.linspace(0, 1, CALIBRATION_BINS + 1)
    bins = np.digitize(confidences, edges, right=True) - 1
    return Reliability(
        counts=np.bincount(bins, minlength=CALIBRATION_BINS),
        right=np.bincount(bins[right], minlength=CALIBRATION_BINS),
        confidence=np.bincount(bins, confidences, minlength=CALIBRATION_BINS).astype(np.float64),
    )


def expected_calibration_error(of: Reliability) -> float:
    """Return the mean gap between confidence and accuracy, from 0 to 1.

    `sum(counts / n * |right / counts - confidence / counts|)` over the bins.

    Source: as for `reliability`, equation 3.
    """
    return float(np.abs(of.right - of.confidence).sum() / of.counts.sum())


def mcnemar_p_value(only_first: int, only_second: int) -> float:
    """Return the two-sided p-value of McNemar's exact test.

    Were both models equally good, each image that only one of them gets right would be a toss of
    a coin. Whole numbers are added up, so nothing is lost to rounding.

    Source: Q. McNemar, "Note on the Sampling Error of the Difference between Correlated Proportions
    or Percentages", Psychometrika 12 (1947); exact as in scipy.stats.binomtest(only_first,
    only_first + only_second).
    """
    tosses = only_first + only_second
    ways = total = 1  # to choose 0 of the tosses
    for chosen in range(1, min(only_first, only_second) + 1):
        ways = ways * (tosses - chosen + 1) // chosen
        total += ways
    p_value: float = 2 * total / 2**tosses
    return min(p_value, 1.0)  # both tails hold the middle


def paired_interval(only_first: int, only_second: int, n: int) -> tuple[float, float]:
    """Return a 95 % interval of the second accuracy minus the first, on the same `n` images.

    The Wald interval of paired proportions with one image added to each of the two counts, which
    mends its poor coverage at small counts and its width of 0 at equal models.

    Source: D. G. Bonett and R. M. Price, "Adjusted Wald Confidence Interval for a Difference of
    Binomial Proportions Based on Paired Data", Journal of Educational and Behavioral Statistics 37
    (2012).
    """
    first, second = (only_first + 1) / (n + 2), (only_second + 1) / (n + 2)
    difference = second - first
    half = Z_95 * math.sqrt((first + second - difference**2) / (n + 2))
    return max(difference - half, -1.0), min(difference + half, 1.0)
