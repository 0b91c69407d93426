import json
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catdog import Evaluation, evaluate, load_datasets
from catdog.evaluation.comparison import Comparison, compare
from catdog.evaluation.leaderboard import leaderboard
from catdog.evaluation.metrics import mcnemar_p_value, paired_interval
from tests.evaluations import answering, make_evaluation

ANSWERS = st.lists(st.tuples(*[st.integers(0, 1)] * 3), min_size=1, max_size=60)


def pair(only_first: int, only_second: int, both: int = 0, neither: int = 0) -> Comparison:
    """Compare two models that are right on so many images."""
    first = [0] * only_first + [1] * only_second + [0] * both + [1] * neither
    second = [1] * only_first + [0] * only_second + [0] * both + [1] * neither
    labels = [0] * len(first)
    return compare(answering(labels, first), answering(labels, second))


@given(ANSWERS)
def test_counts(rows: list[tuple[int, int, int]]) -> None:
    labels, first, second = zip(*rows, strict=True)
    result = compare(answering(labels, first), answering(labels, second))
    expected = {(True, True): 0, (True, False): 0, (False, True): 0, (False, False): 0}
    for label, one, other in rows:
        expected[one == label, other == label] += 1
    counts = (result.both_right, result.only_first, result.only_second, result.both_wrong)
    assert counts == tuple(expected.values())
    assert result.n == len(rows)
    accuracies = [np.mean(np.equal(labels, answers)) for answers in (first, second)]
    assert result.difference == pytest.approx(accuracies[1] - accuracies[0])
    assert result.p_value == mcnemar_p_value(result.only_first, result.only_second)
    assert result.interval == paired_interval(result.only_first, result.only_second, result.n)


def test_the_better_model_is_named() -> None:
    assert str(pair(1, 20, both=178, neither=1)).splitlines() == [
        "The second is better: a detectable difference on 200 images (p < 0.001).",
        "  accuracy    first 89.5%, second 99.0%",
        "  right       first alone 1, second alone 20, both 178, neither 1",
        "  difference  +9.5 points  (95 % confidence interval +4.9 to +13.9)",
    ]
    sentence, *_ = str(pair(9, 1)).splitlines()
    assert sentence == "The first is better: a detectable difference on 10 images (p = 0.021)."


def test_no_detectable_difference() -> None:
    sentence, *_ = str(pair(12, 21, both=150, neither=17)).splitlines()
    assert sentence == "No detectable difference on 200 images: it may be due to chance (p = 0.16)."
    sentence, *_ = str(pair(0, 0, both=1)).splitlines()
    assert sentence == "No detectable difference on 1 image: both are right on the same images."


def test_a_close_case_says_so() -> None:
    result = pair(3, 11, both=186)  # the interval excludes 0, the exact test is stricter
    assert result.interval[0] > 0
    assert not result.detectable
    assert str(result).startswith(
        "No detectable difference on 200 images, but it is close: it may be due to chance"
    )


def test_a_model_does_not_differ_from_itself() -> None:
    one = answering([0, 1, 1], [0, 1, 0])
    assert compare(one, one).p_value == 1


def test_a_comparison_as_a_dictionary_and_in_notebooks() -> None:
    result = pair(1, 20, both=179)
    record = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert record["only_second"] == 20
    assert record["detectable"] is True
    assert record["interval"] == list(result.interval)
    assert set(record) >= {"split", "n", "difference", "p_value", "both_right", "both_wrong"}
    assert result._repr_html_() == f"<pre>{result}</pre>"


def renamed(one: Evaluation, start: int) -> Evaluation:
    """Return the evaluation of other images."""
    return replace(one, paths=tuple(one.paths[0].with_name(f"{start + i}") for i in range(one.n)))


OTHERS = {
    "1 image of a test set, 1 in common": make_evaluation([0], [[1, 0]], split="test"),
    "3 images of a validation set, 0 in common": renamed(answering([0, 1, 1], [0, 0, 0]), 7),
    "have another label now": answering([1, 1, 1], [0, 0, 0]),
    "their classes differ": make_evaluation([0, 1, 1], np.eye(3)),
}


@pytest.mark.parametrize("reason", OTHERS)
def test_evaluations_of_different_images_are_refused(reason: str) -> None:
    one = answering([0, 1, 1], [0, 0, 0])
    with pytest.raises(
        ValueError, match=f"^first and second cannot be.*{reason}.*Load the data on"
    ):
        compare(one, OTHERS[reason])
    with pytest.raises(ValueError, match=f"^cnn and other cannot be compared.*{reason}"):
        leaderboard({"cnn": one, "other": OTHERS[reason]})


def test_models_instead_of_evaluations() -> None:
    one = answering([0], [0])
    with pytest.raises(
        TypeError, match=r"second must be what evaluate returns, not str\. Evaluate ea"
    ):
        compare(one, "mobilenet")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"cnn must be what evaluate returns, not NoneType"):
        leaderboard({"cnn": None})  # type: ignore[dict-item]
    with pytest.raises(TypeError, match="evaluations must be a dictionary such as.*, not list"):
        leaderboard([one])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="evaluations is empty. Pass some by name"):
        leaderboard({})


def test_models_of_any_size_are_compared(image_folder: Path) -> None:
    data = load_datasets(image_folder, image_size=(8, 8))
    evaluations = []
    for size in (8, 6):
        layers = [keras.layers.Flatten(), keras.layers.Dense(2)]
        model = keras.Sequential([keras.Input((size, size, 3)), *layers])
        evaluations.append(evaluate(model, data, split="validation", verbose=0))
    assert compare(*evaluations).n == len(data.paths("validation"))
