"""Rank several models by their accuracy on the same images."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from catdog._utils.errors import InvalidTypeError
from catdog._utils.public import public
from catdog._utils.tables import Table, escape, html_table, text_lines
from catdog._utils.text import counted
from catdog.evaluation.comparison import (
    SIGNIFICANCE_LEVEL,
    check_same_images,
    compare,
    format_p_value,
)
from catdog.evaluation.result import Evaluation


@public
@dataclass(frozen=True, eq=False)
class Leaderboard:
    """Several models evaluated on the same images, the most accurate first.

    Made by [`leaderboard`][catdog.leaderboard]. Print it for a table; a notebook shows it as one.

    Attributes:
        evaluations: The evaluations by name, the most accurate first.
    """

    evaluations: Mapping[str, Evaluation]

    def rows(self) -> list[dict[str, Any]]:
        """Return a plain row for each model, ready for `json.dump` or `pandas.DataFrame`.

        Each row has the keys `model`, `accuracy`, `interval` (95 % confidence interval of the
        accuracy), `baseline`, `loss`, `n` and `p_value`. The p-value is that of McNemar's exact
        test against the first row; it is `None` in the first row.
        """
        best = next(iter(self.evaluations.values()))
        return [
            {
                "model": name,
                "accuracy": evaluation.accuracy,
                "interval": list(evaluation.interval),
                "baseline": evaluation.baseline,
                "loss": evaluation.loss,
                "n": evaluation.n,
                "p_value": compare(best, evaluation).p_value if place else None,
            }
            for place, (name, evaluation) in enumerate(self.evaluations.items())
        ]

    def __str__(self) -> str:
        remarks = [f"  {remark}" for remark in _remarks(self)]
        return "\n".join([_title(self), *text_lines(_table(self)), *remarks])

    def _repr_html_(self) -> str:
        """Return the leaderboard as a table, for notebooks."""
        remarks = [f"<p>{escape(remark)}</p>" for remark in _remarks(self)]
        return "\n".join([f"<p>{escape(_title(self))}</p>", html_table(_table(self)), *remarks])


@public
def leaderboard(evaluations: Mapping[str, Evaluation]) -> Leaderboard:
    """Rank several models by their accuracy on the same images.

    Models of equal accuracy are ranked by their loss.

    Args:
        evaluations: What `evaluate` returned for each model, by a name of your choice. All must be
            of the same images.

    Returns:
        A table of accuracies with their 95 % confidence intervals, baselines and losses. Its last
        column says whether a model is detectably worse than the first one.

    Raises:
        TypeError: If `evaluations` is not a mapping from names to evaluations.
        ValueError: If it is empty, or the models were evaluated on different images.

    Example:
        ```python
        from catdog import build_model, evaluate, leaderboard, load_datasets

        data = load_datasets("synthetic")
        evaluations = {
            name: evaluate(build_model(name, image_size=(48, 48)), data, split="validation")
            for name in ("cnn", "cnn_augmented")
        }
        print(leaderboard(evaluations))
        ```
    """
    if not isinstance(evaluations, Mapping):
        raise InvalidTypeError(
            'must be a dictionary such as {"cnn": evaluate(model, data)}, not '
            f"{type(evaluations).__name__}",
            argument="evaluations",
        )
    check_same_images(evaluations)
    ranked = sorted(evaluations.items(), key=lambda item: (-item[1].accuracy, item[1].loss))
    return Leaderboard(dict(ranked))


def _title(board: Leaderboard) -> str:
    """Return the split and the number of images."""
    best = next(iter(board.evaluations.values()))
    return f"{best.split} set, {counted(best.n, 'image')}, 95 % confidence intervals"


def _table(board: Leaderboard) -> Table:
    """Return a row for each model."""
    return Table(
        head=("model", "accuracy", "interval", "baseline", "loss", "worse than the first?"),
        rows=[
            (
                row["model"],
                f"{row['accuracy']:.1%}",
                "{:.1%} to {:.1%}".format(*row["interval"]),
                f"{row['baseline']:.1%}",
                f"{row['loss']:.4f}",
                _verdict(row["p_value"]),
            )
            for row in board.rows()
        ],
    )


def _verdict(p_value: float | None) -> str:
    """Return whether a model is detectably worse than the first one."""
    if p_value is None:
        return ""
    verdict = "yes" if p_value < SIGNIFICANCE_LEVEL else "not detectably"
    return f"{verdict} ({format_p_value(p_value)})"


def _remarks(board: Leaderboard) -> list[str]:
    """Return how often the test set was evaluated, if this is the test set."""
    counts = [evaluation.test_evaluations for evaluation in board.evaluations.values()]
    known = [count for count in counts if count is not None]
    return [f"test set evaluated {counted(max(known), 'time')}"] if known else []
