"""Metrics and tests: pure functions of counts, labels and probabilities, with NumPy only."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from catdog.typing import Floats, Labels

Z_95 = 1.959963984540054  # 0.975 quantile of the standard normal distribution
CALIBRATION_BINS = 15  # of equal width from 0 to 1

Counts = NDArray[np.int64]
Flags = NDArray[np.bool_]


def wilson_interval(right: float, n: float, *, z: float = Z_95) -> tuple[float, float]:
    """Compute the Wilson score interval of a proportion, `right` in `n`.

    Unlike the Wald interval it stays within 0 and 1, and its width is not 0 at 0 % and 100 %.

    Args:
        right: Number of successes, from 0 to `n`.
        n: Number of trials, at least 1.
        z: Quantile of the standard normal distribution; by default, for an interval of 95 %.

    Returns:
        Lower and upper end, from 0 to 1.

    Source: E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference",
    JASA 22 (1927); formula as in scipy.stats.binomtest(...).proportion_ci(method="wilson").
    """
    share = right / n
    denominator = 1 + z**2 / n
    centre = (share + z**2 / (2 * n)) / denominator
    half = z / denominator * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    low = 0.0 if right == 0 else centre - half  # exact, as 1 below: no rounding error
    high = 1.0 if right == n else centre + half
    return low, high


def effective_number(sizes: Counts) -> float:
    """Compute how many independent images some groups of images are worth, if each is all alike.

    Groups of equal size count as one image each. Of uneven sizes, the large ones decide, and there
    are fewer.

    Args:
        sizes: Number of images of each group; groups of 0 do not count.

    Source: L. Kish, "Survey Sampling" (1965), section 11.7, for unequal weights.
    """
    return float(sizes.sum() ** 2 / np.square(sizes).sum())


def confusion_matrix(labels: Labels, predictions: Labels, classes: int) -> Counts:
    """Compute the confusion matrix: true classes are rows, predicted classes are columns."""
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (labels, predictions), 1)
    return counts


def precision_recall_f1(counts: Counts) -> tuple[Floats, Floats, Floats]:
    """Compute precision, recall and F1 of each class, shape `(classes,)`, from 0 to 1.

    The precision of a class that is never predicted is 0, and so is the recall of a class without
    images, as with `zero_division=0` of scikit-learn.

    Args:
        counts: Confusion matrix, rows are true classes.
    """
    right, predicted, true = np.diag(counts), counts.sum(axis=0), counts.sum(axis=1)
    return _share(right, predicted), _share(right, true), _share(2 * right, predicted + true)


def _share(part: Counts, whole: Counts) -> Floats:
    """Return `part / whole`, and 0 where `whole` is 0."""
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)


def roc_auc(positive: Flags, scores: Floats) -> float | None:
    """Compute the ROC AUC, the area under the receiver operating characteristic curve.

    It is the share of pairs of a positive and a negative in which the positive has the higher
    score; a tie counts half.

    Args:
        positive: Whether each image is a positive, shape `(n,)`.
        scores: Score of each image, shape `(n,)`.

    Returns:
        From 0 to 1; `None` if there are no positives or no negatives.

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
    """The bins of a reliability diagram: images by confidence.

    Attributes:
        counts: Number of images in each bin, shape `(CALIBRATION_BINS,)`.
        right: Number of these that the model classifies correctly.
        confidence: Sum of their confidences.
    """

    counts: Counts
    right: Counts
    confidence: Floats


def reliability(confidences: Floats, right: Flags) -> Reliability:
    """Compute the bins of a reliability diagram.

    Images are binned by confidence, the probability of the predicted class. A bin includes its
    upper edge and excludes its lower edge.

    Args:
        confidences: Confidence of each image, above 0 and up to 1, shape `(n,)`.
        right: Whether the model classifies each image correctly, shape `(n,)`.

    Source: C. Guo and others, "On Calibration of Modern Neural Networks", ICML 2017, section 2.
    """
    edges = np.linspace(0, 1, CALIBRATION_BINS + 1)
    bins = np.digitize(confidences, edges, right=True) - 1
    return Reliability(
        counts=np.bincount(bins, minlength=CALIBRATION_BINS),
        right=np.bincount(bins[right], minlength=CALIBRATION_BINS),
        confidence=np.bincount(bins, confidences, minlength=CALIBRATION_BINS).astype(np.float64),
    )


def expected_calibration_error(bins: Reliability) -> float:
    """Compute the expected calibration error (ECE), from 0 to 1.

    It is the mean gap between confidence and accuracy, weighted by the number of images:
    `sum(counts / n * |right / counts - confidence / counts|)` over the bins.

    Source: as for `reliability`, equation 3.
    """
    return float(np.abs(bins.right - bins.confidence).sum() / bins.counts.sum())


def mcnemar_p_value(only_first: int, only_second: int) -> float:
    """Compute the two-sided p-value of McNemar's exact test.

    If both models are equally good, each image that only one of them gets right is a fair coin
    toss. The binomial coefficients are added as whole numbers, so no digit is lost by rounding.

    Args:
        only_first: Number of images that only the first model gets right.
        only_second: Number of images that only the second model gets right.

    Source: Q. McNemar, "Note on the Sampling Error of the Difference between Correlated Proportions
    or Percentages", Psychometrika 12 (1947); exact as in scipy.stats.binomtest(only_first,
    only_first + only_second).
    """
    tosses = only_first + only_second
    coefficient = total = 1  # the binomial coefficient of 0 of the tosses
    for chosen in range(1, min(only_first, only_second) + 1):
        coefficient = coefficient * (tosses - chosen + 1) // chosen
        total += coefficient
    p_value: float = 2 * total / 2**tosses
    return min(p_value, 1.0)  # both tails include the middle


def fisher_p_value(first_right: int, first_n: int, second_right: int, second_n: int) -> float:
    """Compute the two-sided p-value of Fisher's exact test of two proportions.

    Given how many are right in all, each table of counts has a hypergeometric probability if both
    proportions are the same. The p-value adds those that are at most as probable as the observed
    table. They are added as whole numbers, so no digit is lost by rounding.

    Args:
        first_right: Number of successes among the first.
        first_n: Number of the first; may be 0.
        second_right: Number of successes among the second.
        second_n: Number of the second; may be 0.

    Source: R. A. Fisher, "Statistical Methods for Research Workers", 5th edition (1934), section
    21.02; two-sided as in scipy.stats.fisher_exact.
    """
    right = first_right + second_right
    lowest, highest = max(0, right - second_n), min(first_n, right)
    ways = math.comb(first_n, lowest) * math.comb(second_n, right - lowest)
    all_ways = [ways]
    for chosen in range(lowest, highest):  # from the ways of `chosen` to those of one more
        ways = ways * (first_n - chosen) * (right - chosen)
        ways //= (chosen + 1) * (second_n - right + chosen + 1)
        all_ways.append(ways)
    observed = all_ways[first_right - lowest]
    p_value: float = sum(ways for ways in all_ways if ways <= observed) / sum(all_ways)
    return p_value


def paired_interval(only_first: int, only_second: int, n: int) -> tuple[float, float]:
    """Compute the 95 % confidence interval of a difference of paired proportions.

    The difference is the second accuracy minus the first, on the same `n` images. This is the
    adjusted Wald interval: one image is added to each of the two counts. The unadjusted interval
    has poor coverage at small counts, and a width of 0 if both counts are 0.

    Args:
        only_first: Number of images that only the first model gets right.
        only_second: Number of images that only the second model gets right.
        n: Number of images, at least 1.

    Returns:
        Lower and upper end, from -1 to 1.

    Source: D. G. Bonett and R. M. Price, "Adjusted Wald Confidence Interval for a Difference of
    Binomial Proportions Based on Paired Data", Journal of Educational and Behavioral Statistics 37
    (2012).
    """
    first, second = (only_first + 1) / (n + 2), (only_second + 1) / (n + 2)
    difference = second - first
    half = Z_95 * math.sqrt((first + second - difference**2) / (n + 2))
    return max(difference - half, -1.0), min(difference + half, 1.0)
