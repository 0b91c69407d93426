"""Conventions that all plots follow."""

from pathlib import Path
from typing import Any

import pytest
from matplotlib import pyplot as plt

from catdog import (
    Datasets,
    leaderboard,
    plot_calibration,
    plot_confusion,
    plot_coverage,
    plot_examples,
    plot_history,
    plot_leaderboard,
    plot_top_losses,
)
from tests.evaluations import answering
from tests.plotting.conftest import history_of


def test_nothing_is_shown_saved_or_drawn_elsewhere(
    data: Datasets, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plt, "show", lambda: pytest.fail("shown"))
    _, axes = plt.subplots()
    assert plot_history(history_of(loss=[1.0]), metric="loss", ax=axes) is axes
    plot_examples(data)
    evaluation = answering([0, 1], [0, 0])
    plot_confusion(evaluation, ax=axes)
    plot_calibration(evaluation)
    board = leaderboard({"cnn": evaluation})
    assert plot_leaderboard(board, ax=axes) is axes
    assert len(plt.get_fignums()) == 3
    assert list(tmp_path.glob("*.png")) == []


@pytest.mark.parametrize(
    ("plot", "maker"),
    [
        (plot_confusion, "evaluate"),
        (plot_top_losses, "evaluate"),
        (plot_calibration, "evaluate"),
        (plot_coverage, "evaluate"),
        (plot_leaderboard, "leaderboard"),
        (plot_examples, "load_datasets"),
    ],
)
def test_values_of_a_wrong_type_are_refused(plot: Any, maker: str) -> None:
    with pytest.raises(TypeError, match=f"must be what {maker} returns, not dict"):
        plot({"cnn": answering([0, 1], [0, 1])})
