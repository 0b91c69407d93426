"""Make the table of what repeats where, from the record of `benchmarks/repeat.py`."""

from typing import Any

from cells import measured_with, table

KINDS = ("losses", "weights", "probabilities")


def differences(record: dict[str, Any]) -> str:
    """Return how far each run is from its reference, for each training function and model."""
    rows = record["rows"][1:]  # the first run is the reference
    cases = list(rows[0]["cases"])
    cells = [[condition(row), *(cell(row["cases"][case]) for case in cases)] for row in rows]
    about = (
        f"Greatest absolute difference of losses / weights / predicted probabilities from "
        f"{rows[0]['reference']}, if no other is named. {record['epochs']} epochs on "
        f"{2 * record['images_per_class']} drawn images of {record['image_size'][0]} pixels, which "
        "are split as usual; `equal` means that every number is the same, to the last bit."
    )
    head = ["Run", *(f"`{case.replace(', ', '`, `')}`" for case in cases)]
    return "\n\n".join([about, table(head, cells), measured_with(record)])


def condition(row: dict[str, Any]) -> str:
    """Return how a run differs from its reference, which is named if it is not the first run."""
    is_of_first = row["reference"] == "the first run"
    return row["condition"] if is_of_first else f"{row['condition']}, from {row['reference']}"


def cell(figures: dict[str, float]) -> str:
    """Return the differences, or that there are none."""
    if not any(figures.values()):
        return "equal"
    return " / ".join(f"{figures[kind]:.0e}" if figures[kind] else "0" for kind in KINDS)
