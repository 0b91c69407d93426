"""Several models side by side, evaluated on the same images."""

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
        evaluations: The evaluations by name, sorted.
    """

    evaluations: Mapping[str, Evaluation]

    def rows(self) -> list[dict[str, Any]]:
        """Return a plain row for each model, ready for `json.dump` or `pandas.DataFrame`.

        Each has the keys `model`, `accuracy`, `interval`, `baseline`, `loss`, `n` and `p_value`:
        that of McNemar's exact test against the first row, `None` in the first row itself.
        """
        best = next(iter(self.evaluations.values()))
        return [
            {
                "model": name,
                "accuracy": one.accuracy,
                "interval": list(one.interval),
                "baseline": one.baseline,
                "loss": one.loss,
                "n": one.n,
                "p_value": compare(best, one).p_value if place else None,
            }
            for place, (name, one) in enumerate(self.evaluations.items())
        ]

    def __str__(self) -> str:
        remarks = [f"  {remark}" for remark in _remarks(self)]
        return "\n".join([_title(self), *text_lines(_table(self)), *remarks])

    def _repr_html_(self) -> str:
        """Return the board as a table, for notebooks."""
        remarks = [f"<p>{escape(remark)}</p>" for remark in _remarks(self)]
        return "\n".join([f"<p>{escape(_title(self))}</p>", html_table(_table(self)), *remarks])


@public
def leaderboard(evaluations: Mapping[str, Evaluation]) -> Leaderboard:
    """Put several models side by side, the most accurate first.

    Args:
        evaluations: What `evaluate` returned for each model, by a name of your choice; all on the
            same images.

    Returns:
        A table of accuracies with their intervals, baselines and losses. Its last column says
        whether a model is detectably worse than the first one.

    Raises:
        TypeError: If something else than evaluations by name is passed.
        ValueError: If there is none, or they were evaluated on different images.

    Example:
        ```python
        from catdog import build_model, evaluate, leaderboard, load_datasets

        data = load_datasets("synthetic")
        evaluated = {
            name: evaluate(build_model(name, image_size=(48, 48)), data, split="validation")
            for name in ("cnn", "cnn_augmented")
        }
        print(leaderboard(evaluated))
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


def _title(of: Leaderboard) -> str:
    one = next(iter(of.evaluations.values()))
    return f"{one.split} set, {counted(one.n, 'image')}"


def _table(of: Leaderboard) -> Table:
    return Table(
        head=("model", "accuracy", "95 % interval", "baseline", "loss", "behind the first?"),
        rows=[
            (
                row["model"],
                f"{row['accuracy']:.1%}",
                "{:.1%} to {:.1%}".format(*row["interval"]),
                f"{row['baseline']:.1%}",
                f"{row['loss']:.4f}",
                _verdict(row["p_value"]),
            )
            for row in of.rows()
        ],
    )


def _verdict(p_value: float | None) -> str:
    if p_value is None:
        return ""
    return (
        f"{'yes' if p_value < SIGNIFICANCE_LEVEL else 'not detectably'} ({format_p_value(p_value)})"
    )


def _remarks(of: Leaderboard) -> list[str]:
    test_evaluations = [
        one.test_evaluations for one in of.evaluations.values() if one.test_evaluations is not None
    ]
    return (
        [f"test set evaluated {counted(max(test_evaluations), 'time')}"] if test_evaluations else []
    )
