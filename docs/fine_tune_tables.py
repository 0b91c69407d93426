"""Make the table of the record of `fine_tune`."""

from typing import Any

from cells import accuracy, measured_with, table

from catdog.evaluation.comparison import SIGNIFICANCE_LEVEL
from catdog.evaluation.metrics import paired_interval

NAMES = {"head": "`train_head`", "all": '`unfreeze="all"`', "last_block": '`unfreeze="last_block"`'}


def fine_tuned(record: dict[str, Any]) -> str:
    """Return the accuracy of each head, and of what fine-tuning made of it, as a table."""
    head = ["Seed", "Training", "Epoch kept", "Test set", "Points over the head", "p"]
    rows = [
        [
            str(row["seed"]),
            NAMES[row["way"]],
            f"{row['kept_epoch']} of {row['epochs']}",
            accuracy(row),
            *(["", ""] if row["way"] == "head" else difference(row)),
        ]
        for row in record["rows"]
    ]
    facts = f"- Model: `{record['model']}`; fine-tuning: {record['epochs']} epochs at most"
    parts = [table(head, rows), verdict(record["rows"]), f"{facts}\n{measured_with(record)}"]
    return "\n\n".join(parts)


def difference(row: dict[str, Any]) -> list[str]:
    """Return the difference from the head in points, with its interval, and McNemar's exact p."""
    counts = row["paired"]
    only_head, only_tuned = counts["only_head"], counts["only_tuned"]
    low, high = (100 * end for end in paired_interval(only_head, only_tuned, row["n"]))
    points = 100 * (only_tuned - only_head) / row["n"]
    return [f"{points:+.1f} ({low:+.1f} to {high:+.1f})", f"{counts['p']:.3f}"]


def verdict(rows: list[dict[str, Any]]) -> str:
    """Return what the rows say together: detectable gains and losses, and what moved."""
    tuned = [row for row in rows if row["way"] != "head"]
    found = [row["paired"] for row in tuned if row["paired"]["p"] < SIGNIFICANCE_LEVEL]
    gains = sum(each["only_tuned"] > each["only_head"] for each in found)
    moved = max(row["statistics_moved"] for row in tuned)
    return (
        f"Of {len(tuned)} fine-tuned models, {gains} gained and {len(found) - gains} lost accuracy "
        f"detectably (McNemar's exact test at the level of {SIGNIFICANCE_LEVEL:g}; the intervals "
        "are approximations). The largest change of a statistic of batch normalisation is "
        f"{moved:g}."
    )
