import json
from collections.abc import Sequence

from catdog import Evaluation
from catdog.evaluation.leaderboard import leaderboard
from tests.evaluations import answering, make_evaluation


def board_of(answers: dict[str, Sequence[int]]) -> dict[str, Evaluation]:
    return {name: answering([0] * 10, given) for name, given in answers.items()}


def test_a_leaderboard() -> None:
    evaluations = board_of({"poor": [1] * 8 + [0] * 2, "good": [0] * 10, "fair": [0] * 9 + [1]})
    board = leaderboard(evaluations)
    assert list(board.evaluations) == ["good", "fair", "poor"]
    assert str(board).splitlines() == [
        "validation set, 10 images, 95 % confidence intervals",
        "  model  accuracy         interval  baseline    loss   worse than the first?",
        "  good     100.0%  72.2% to 100.0%     50.0%  0.3133",
        "  fair      90.0%   59.6% to 98.2%     50.0%  0.4133  not detectably (p = 1)",
        "  poor      20.0%    5.7% to 51.0%     50.0%  1.1133        yes (p = 0.0078)",
    ]
    rows = json.loads(json.dumps(board.rows(), allow_nan=False))
    assert [row["p_value"] for row in rows] == [None, 1, 2 / 2**8]
    assert rows[1]["interval"] == list(evaluations["fair"].interval)
    assert rows[2]["accuracy"] == 0.2
    assert {row["n"] for row in rows} == {10}


def test_of_equally_accurate_models_the_smaller_loss_leads() -> None:
    sure, unsure = (make_evaluation([0], [[logit, 0]]) for logit in (3, 1))
    assert list(leaderboard({"unsure": unsure, "sure": sure}).evaluations) == ["sure", "unsure"]


def test_a_leaderboard_shows_the_number_of_test_evaluations() -> None:
    evaluations = {
        f"{count}": make_evaluation([0], [[1, 0]], split="test", test_evaluations=count)
        for count in (1, 2)
    }
    assert str(leaderboard(evaluations)).endswith("\n  test set evaluated 2 times")


def test_a_leaderboard_in_a_notebook_is_escaped() -> None:
    html = leaderboard({"<script>": answering([0], [0])})._repr_html_()
    assert "<td>&lt;script&gt;</td><td>100.0%</td>" in html
    assert "<script>" not in html
