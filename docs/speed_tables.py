"""Make the table of all ratios of speed, from the records of `benchmarks/run.py`."""

from collections.abc import Sequence
from typing import Any

from cells import measured_with, median_and_range, table

NOT_MEASURED = "No record yet: `python benchmarks/run.py --out docs/results/speed` writes them."
UNITS = {"seconds": "s", "peak_mib": "MiB"}


def speed(records: Sequence[dict[str, Any]]) -> str:
    """Return every ratio with its bar, met or missed, and what the records were measured with."""
    if not records:
        return NOT_MEASURED
    ordered = sorted(records, key=lambda record: record["number"])
    head = ["What", "", "Ratio", "By CPU time", "Limit", "", "Measured"]
    rows = [cells for record in ordered for cells in rows_of(record)]
    missed = sum(cells[-2] == "**missed**" for cells in rows)
    about = (
        f"Median and range of the ratios, side by side in each round ({rounds(ordered)} rounds); "
        f"{missed} of {len(rows)} limits are missed:"
    )
    return "\n\n".join([about, table(head, rows), *machines(ordered)])


def rows_of(record: dict[str, Any]) -> list[list[str]]:
    """Return the rows of a record; the first names what is compared."""
    rows = [
        [
            row["what"],
            median_and_range(row[row["figure"]]),
            median_and_range(row["cpu_seconds"]) if "cpu_seconds" in row else "",
            f"{row['kind']} {row['bar']:g}",
            verdict(row["met"]),
            " / ".join(f"{each['median']:,.1f}" for each in row["of"]) + " " + UNITS[row["figure"]],
        ]
        for row in record["rows"]
    ]
    if "median" in record:
        median = record["median"]
        ratios = [f"{median[name]:.2f}" for name in ("seconds", "cpu_seconds")]
        limit = f"at least {median['bar']:g}"
        rows.append(["median of these rows", *ratios, limit, verdict(median["met"]), ""])
    return [[record["about"] if not number else "", *row] for number, row in enumerate(rows)]


def verdict(met: bool) -> str:
    """Return whether a limit is met, in words."""
    return "met" if met else "**missed**"


def rounds(records: Sequence[dict[str, Any]]) -> str:
    """Return the number of rounds of all records, as `5` or `3 to 5`."""
    counts = sorted({record["rounds"] for record in records})
    return str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"


def machines(records: Sequence[dict[str, Any]]) -> list[str]:
    """Return command, versions and processor of the records, each combination once."""
    return list(
        dict.fromkeys(
            f"{measured_with(record)}\n- Processor: {record['cpu']}" for record in records
        )
    )
