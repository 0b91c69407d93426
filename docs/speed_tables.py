"""Make the table of all ratios of speed, from the records of `benchmarks/run.py`."""

import statistics
from collections.abc import Sequence
from typing import Any

from cells import measured_with, median_and_range, table, versions

NOT_MEASURED = "No record yet: `python benchmarks/run.py --out docs/results/speed` writes them."
UNITS = {"seconds": "s", "peak_mib": "MiB"}


def speed(records: Sequence[dict[str, Any]]) -> str:
    """Return every ratio with its bar, met or missed, and what the records were measured with."""
    if not records:
        return NOT_MEASURED
    ordered = sorted(records, key=lambda record: record["number"])
    head = ["What", "", "Ratio", "By CPU time", "Limit", "Rounds", "Measured"]
    rows = rows_of(ordered)
    missed = sum("**missed**" in cells[-3] for cells in rows)
    about = (
        "Median and range of the ratios of all rounds; measured are the medians of the two sides. "
        f"{missed} of {len(rows)} limits are missed:"
    )
    return "\n\n".join([about, table(head, rows), *machines(ordered)])


def rows_of(records: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Return the rows of all records; the first of each names what is compared.

    After the last record with a limit of the median, a row shows the median of all that have one.
    """
    with_median = [record for record in records if record.get("median_bar")]
    rows = []
    for record in records:
        for number, row in enumerate(record["rows"]):
            rows.append([record["about"] if not number else "", *cells_of(row, record["rounds"])])
        if with_median and record is with_median[-1]:
            rows.append(median_of(with_median))
    return rows


def cells_of(row: dict[str, Any], rounds: int) -> list[str]:
    """Return the cells of a ratio."""
    show = median_and_range if rounds > 1 else only_median
    return [
        row["what"],
        show(row[row["figure"]]),
        show(row["cpu_seconds"]) if "cpu_seconds" in row else "",
        limit(row["kind"], row["bar"], row["met"]),
        str(rounds),
        " / ".join(f"{each['median']:,.1f}" for each in row["of"]) + " " + UNITS[row["figure"]],
    ]


def only_median(figures: dict[str, float]) -> str:
    """Return the figure of one round, which has no range."""
    return f"{figures['median']:.2f}"


def median_of(records: Sequence[dict[str, Any]]) -> list[str]:
    """Return the cells of the median of the ratios of records, and of its limit."""
    ratios = [row for record in records for row in record["rows"]]
    seconds, cpu = (
        statistics.median(row[clock]["median"] for row in ratios)
        for clock in ("seconds", "cpu_seconds")
    )
    bar = records[-1]["median_bar"]
    about = f"median of the {len(ratios)} rows above" if len(ratios) > 1 else "of the row above"
    return [
        "",
        about,
        f"{seconds:.2f}",
        f"{cpu:.2f}",
        limit("at least", bar, seconds >= bar),
        "",
        "",
    ]


def limit(kind: str, bar: float, met: bool) -> str:
    """Return a limit, and whether it is met, as `at most 1: met`."""
    return f"{kind} {bar:g}: {'met' if met else '**missed**'}"


def machines(records: Sequence[dict[str, Any]]) -> list[str]:
    """Return for each machine and its versions the commands of the records measured with these."""
    commands: dict[str, dict[str, None]] = {}
    for record in records:
        commands.setdefault(machine(record), {})[f"- Command: `{record['command']}`"] = None
    return ["\n".join([*found, used]) for used, found in commands.items()]


def machine(record: dict[str, Any]) -> str:
    """Return versions and processor of a record, and what TensorFlow does on it."""
    facts = {
        "Versions": versions(record),
        "Cores": record["cores"],
        "Processor": record["cpu"],
    }
    if "onednn_by_default" in record:
        facts["oneDNN, if TensorFlow decides"] = "on" if record["onednn_by_default"] else "off"
    return "\n".join(f"- {name}: {fact}" for name, fact in facts.items())


def pass_ends(record: dict[str, Any]) -> str:
    """Return how many passes end late, with AUTOTUNE and without, as a table."""
    head = [
        "Images from",
        "Passes that end late",
        "Longest wait (s)",
        "Last batch after (s)",
        "End after (s)",
    ]
    rows = [
        [
            row["pipeline"],
            f"{row['late']} of {record['passes']}",
            f"{row['longest_wait']:.2f}",
            median_and_range(row["last_batch"]),
            median_and_range(row["end"]),
        ]
        for row in record["rows"]
    ]
    about = (
        f"Passes over {record['photos']:,} photos, of all pipelines in turn; late is more than "
        f"{1000 * record['late_seconds']:g} ms after the last batch (median and range):"
    )
    return "\n\n".join([about, table(head, rows), measured_with(record)])
