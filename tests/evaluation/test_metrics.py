"""Every metric agrees with an independent one: SciPy, scikit-learn, or one written here."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats
from sklearn import metrics

from catdog import Evaluation
from catdog.evaluation.metrics import (
    confusion_matrix,
    expected_calibration_error,
    fisher_p_value,
    mcnemar_p_value,
    paired_interval,
    precision_recall_f1,
    reliability,
    roc_auc,
    wilson_interval,
)
from catdog.models.logits import log_softmax
from tests.evaluations import evaluations, make_evaluation

COUNTS = st.integers(0, 60)


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_interval_agrees_with_scipy(right_of_n: tuple[int, int]) -> None:
    right, n = right_of_n
    expected = stats.binomtest(right, n).proportion_ci(0.95, method="wilson")
    assert wilson_interval(right, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_wilson_interval_at_another_level() -> None:
    expected = stats.binomtest(70, 100).proportion_ci(0.99, method="wilson")
    found = wilson_interval(70, 100, z=float(stats.norm.ppf(0.995)))
    assert found == pytest.approx((expected.low, expected.high), abs=1e-12)


@pytest.mark.parametrize("n", [1, 7, 192, 1000])
def test_wilson_interval_at_0_and_1(n: int) -> None:
    low, high = wilson_interval(0, n)
    assert low == 0 < high < 1
    low, high = wilson_interval(n, n)
    assert 0 < low < 1 == high


def test_wilson_interval_of_the_accuracy_in_the_blog_post() -> None:
    low, high = wilson_interval(188, 192)
    assert (round(low, 3), round(high, 3)) == (0.948, 0.992)


@given(st.lists(st.lists(st.floats(-1e4, 1e4), min_size=3, max_size=3), min_size=1, max_size=9))
def test_log_softmax_agrees_with_scipy(rows: list[list[float]]) -> None:
    logits = np.array(rows)
    np.testing.assert_allclose(log_softmax(logits), special.log_softmax(logits, axis=1), atol=1e-9)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60))
def test_confusion_matrix_agrees_with_sklearn(pairs: list[tuple[int, int]]) -> None:
    labels, predictions = np.array(pairs, np.int32).T
    expected = metrics.confusion_matrix(labels, predictions, labels=range(4))
    assert np.array_equal(confusion_matrix(labels, predictions, 4), expected)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60))
def test_precision_recall_f1_agree_with_sklearn(pairs: list[tuple[int, int]]) -> None:
    labels, predictions = np.array(pairs, np.int32).T
    ours = precision_recall_f1(confusion_matrix(labels, predictions, 4))
    *expected, _ = metrics.precision_recall_fscore_support(
        labels, predictions, labels=range(4), zero_division=0
    )
    np.testing.assert_allclose(ours, expected)


@given(
    st.lists(
        st.tuples(st.booleans(), st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]) | st.floats(0, 1)),
        min_size=1,
        max_size=60,
    )
)
def test_auc_agrees_with_sklearn(pairs: list[tuple[bool, float]]) -> None:
    positive, scores = (np.array(column) for column in zip(*pairs, strict=True))
    if positive.all() or not positive.any():
        assert roc_auc(positive, scores) is None
    else:
        assert roc_auc(positive, scores) == pytest.approx(metrics.roc_auc_score(positive, scores))


def test_auc_of_ties_is_one_half() -> None:
    assert roc_auc(np.array([True, False, False]), np.full(3, 0.7)) == 0.5


@given(
    st.lists(
        st.tuples(
            st.sampled_from([i / 15 for i in range(1, 16)]) | st.floats(1e-9, 1), st.booleans()
        ),
        min_size=1,
        max_size=60,
    )
)
def test_calibration_error_agrees_with_a_simple_loop(pairs: list[tuple[float, bool]]) -> None:
    gap = 0.0
    edges = np.linspace(0, 1, 16)
    for low, high in pairwise(edges):
        inside = [(confidence, right) for confidence, right in pairs if low < confidence <= high]
        if inside:
            mean = sum(confidence for confidence, _ in inside) / len(inside)
            accuracy = sum(right for _, right in inside) / len(inside)
            gap += len(inside) / len(pairs) * abs(accuracy - mean)
    confidences, right = (np.array(column) for column in zip(*pairs, strict=True))
    assert expected_calibration_error(reliability(confidences, right)) == pytest.approx(gap)


@given(*[st.integers(0, 40).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))] * 2)
def test_fisher_agrees_with_scipy(first: tuple[int, int], second: tuple[int, int]) -> None:
    table = [[right, n - right] for right, n in (first, second)]
    expected = stats.fisher_exact(table).pvalue
    assert fisher_p_value(*first, *second) == pytest.approx(expected)


def test_fisher_of_many_images() -> None:
    assert fisher_p_value(5000, 5200, 4000, 4800) == pytest.approx(
        stats.fisher_exact([[5000, 200], [4000, 800]]).pvalue, rel=1e-6
    )
    assert fisher_p_value(0, 0, 3, 9) == 1


@given(COUNTS, COUNTS)
def test_mcnemar_agrees_with_scipy(only_first: int, only_second: int) -> None:
    tosses = only_first + only_second
    expected = stats.binomtest(only_first, tosses).pvalue if tosses else 1
    assert mcnemar_p_value(only_first, only_second) == pytest.approx(expected, rel=1e-12)


def test_mcnemar_of_many_images() -> None:
    assert mcnemar_p_value(9000, 11000) == pytest.approx(stats.binomtest(9000, 20000).pvalue)
    assert mcnemar_p_value(0, 5000) == 0  # below the smallest float


@pytest.mark.parametrize(
    ("only_first", "only_second", "n", "expected"),
    [
        # D. G. Bonett and R. M. Price (2012), example 1: of 200 people 60 answered "true" twice, 50
        # only in the 9th grade and 22 only in the 12th.
        (50, 22, 200, (-0.2198621, -0.0573656)),
        # The example of ci.prop.ps in statpsych, the R package of the method's first author.
        (4, 26, 48, (0.2548067, 0.6251933)),
    ],
)
def test_paired_interval_of_published_examples(
    only_first: int, only_second: int, n: int, expected: tuple[float, float]
) -> None:
    assert paired_interval(only_first, only_second, n) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize(
    ("only_first", "only_second"), [(0.01, 0.01), (0.02, 0.10), (0.15, 0.15), (0.0, 0.05)]
)
@pytest.mark.parametrize("n", [50, 200, 1000])
def test_paired_interval_covers_the_truth(n: int, only_first: float, only_second: float) -> None:
    both = 1 - only_first - only_second
    counts = np.random.default_rng(0).multinomial(n, (only_first, only_second, both), size=4000)
    truth = only_second - only_first
    intervals = np.array([paired_interval(int(a), int(b), n) for a, b, _ in counts])
    covered = np.mean((intervals[:, 0] <= truth) & (truth <= intervals[:, 1]))
    assert 0.94 < covered <= 1


@given(COUNTS, COUNTS, COUNTS)
def test_paired_interval_and_test_do_not_contradict(
    only_first: int, only_second: int, rest: int
) -> None:
    n = max(1, only_first + only_second + rest)
    low, high = paired_interval(only_first, only_second, n)
    assert -1 <= low <= (only_second - only_first) / n <= high <= 1
    assert paired_interval(only_second, only_first, n) == pytest.approx((-high, -low))
    if mcnemar_p_value(only_first, only_second) < 0.05:
        assert low > 0 or high < 0


@given(evaluations())
def test_no_metric_is_nan(result: Evaluation) -> None:
    assert np.isfinite(result.losses).all()
    assert (result.losses >= 0).all()
    for metric in (result.accuracy, result.loss, result.calibration_error, result.macro_f1):
        assert math.isfinite(metric)
    assert 0 <= result.calibration_error <= 1
    assert result.auc is None or 0 <= result.auc <= 1


def test_a_perfect_model_has_a_loss_of_zero() -> None:
    result = make_evaluation([0, 1], [[1e4, -1e4], [-1e4, 1e4]])
    assert (result.loss, result.accuracy, result.auc, result.calibration_error) == (0, 1, 1, 0)
    assert not np.signbit(result.losses).any()
    wrong = make_evaluation([1], [[1e4, -1e4]])
    assert wrong.loss == 2e4  # large, not infinite


def test_calibration_error_of_a_known_case() -> None:
    # Two images at 0.8, one of them right; two at 0.5, none right: (2 * 0.3 + 2 * 0.5) / 4.
    logits = np.array([[math.log(4), 0], [math.log(4), 0], [0, 0], [0, 0]])
    assert make_evaluation([0, 1, 1, 1], logits).calibration_error == pytest.approx(0.4)
