"""Make the tables of the page on backends and devices, from the records of their scripts."""

from typing import Any

from cells import measured_with, median_and_range, table

BACKENDS = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}


def times(record: dict[str, Any]) -> str:
    """Return the CPU time of a step on each backend, with its ratio to that on TensorFlow."""
    rows = [
        [row["model"], row["step"], *(cell(row[backend]) for backend in BACKENDS)]
        for row in record["rows"]
    ]
    about = (
        f"CPU time of a step of {record['batch_size']} images of {record['image_size']} pixels in "
        f"milliseconds, and how many times as long as on TensorFlow: median and range of "
        f"{record['rounds']} rounds."
    )
    head = ["Model", "Step", *BACKENDS.values()]
    return "\n\n".join([about, table(head, rows), measured_with(record)])


def cell(figures: dict[str, Any]) -> str:
    """Return the milliseconds, and the ratio, if there is one."""
    milliseconds = f"{figures['milliseconds']:,.0f}"
    ratio = figures.get("ratio")
    return f"{milliseconds}<br>{median_and_range(ratio)} times" if ratio else milliseconds


def mixed_precision(record: dict[str, Any]) -> str:
    """Return the accuracies after training in float32 and in bfloat16, for each seed."""
    rows = [
        [
            str(row["seed"]),
            f"{row['float32']:.1%}",
            f"{row['bfloat16']:.1%}",
            points(row["difference"], *row["interval"]),
            f"{row['p']:.2g}",
        ]
        for row in record["rows"]
    ]
    about = (
        f"Accuracy of `{record['model']}` on the same {record['rows'][0]['n']} drawn test images "
        f"of {record['image_size']} pixels, after {record['epochs']} epochs; the difference in "
        "points with its 95 % confidence interval, and p in McNemar's exact test."
    )
    head = ["Seed", "float32", "bfloat16", "Difference", "p"]
    return "\n\n".join([about, table(head, rows), measured_with(record)])


def points(difference: float, low: float, high: float) -> str:
    """Return a difference of shares with its interval in points, as `+0.5 (-1.0 to +2.0)`."""
    return f"{100 * difference:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"
