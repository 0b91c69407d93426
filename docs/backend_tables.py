"""Make the table of the time on each backend of Keras, from the record of its script."""

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
