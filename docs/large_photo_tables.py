"""Make the tables of large photos from the records of their benchmarks."""

from typing import Any

from cells import accuracy, code, measured_with, table

from catdog.evaluation.metrics import wilson_interval
from catdog.images.scale import OVERSIZE


def scales(record: dict[str, Any]) -> str:
    """Return accuracy and CPU time by the scale at which large photos are decoded."""
    rows = [
        [
            code(row["model"]),
            name_of(row["factor"]),
            accuracy(figures(row)),
            "" if row["factor"] is None else changes(row["paired"]),
            f"{row['cpu_ms_per_photo']:.0f}",
        ]
        for row in record["rows"]
    ]
    head = ["Model", "Size after decoding, at least", "Test set"]
    head += ["Right only here / only at full scale, p", "CPU time of decoding (ms per photo)"]
    facts = (
        f"- Photos: {record['megapixels']} megapixels, with noise of a standard deviation of "
        f"{record['noise']:g} of 255, JPEG of quality {record['quality']}"
    )
    return f"{table(head, rows)}\n\n{facts}\n{measured_with(record)}"


def name_of(factor: int | None) -> str:
    """Return the scale of a row, as words; the one that catdog uses is marked."""
    if factor is None:
        return "full scale"
    times = "the size of the model" if factor == 1 else f"{factor} times the size of the model"
    return f"**{times}**" if factor == OVERSIZE else times


def figures(row: dict[str, Any]) -> dict[str, Any]:
    """Return the accuracy of a row, with its interval and the number of photos."""
    right, n = row["right"], row["n"]
    return {"accuracy": right / n, "interval": wilson_interval(right, n), "n": n}


def changes(paired: dict[str, Any]) -> str:
    """Return on how many photos only one of the two is right, and McNemar's exact p."""
    return f"{paired['only_this']} / {paired['only_full']}, p = {paired['p']:.2f}"
