"""Make tables of the records about the blog posts' models, and the package's file of accuracies."""

from typing import Any

from cells import accuracy, code, plain_span, share, span, table, versions
from model_tables import reported

import catdog
from catdog.evaluation.metrics import wilson_interval

SEED = 0  # of the run whose accuracy stands for the model where only one is shown


def posts_results(record: dict[str, Any]) -> str:
    """Return the table of the blog posts' models, with the provenance of its figures."""
    rows = record["rows"]
    head = [
        "Model",
        "The blog post reports",
        "Seed",
        "Validation",
        "Validation, last five epochs",
        "Test",
        "Baseline",
        "Training",
        "Seconds",
    ]
    return f"{table(head, [result_cells(row) for row in rows])}\n\n{provenance(rows)}"


def result_cells(row: dict[str, Any]) -> list[str]:
    """Return the cells of one trained model."""
    history = row["history"]
    last_five = history["val_accuracy"][-5:]
    return [
        code(row["model"]),
        reported(catdog.model_spec(row["model"])),
        str(row["seed"]),
        accuracy(row["validation"]),
        span((min(last_five), max(last_five))),
        accuracy(row["test"]),
        f"{row['validation']['baseline']:.1%}",
        f"{history['accuracy'][-1]:.1%}",
        f"{row['seconds']:,.0f}",
    ]


def of_one_seed(record: dict[str, Any]) -> list[dict[str, Any]]:
    """Return one row for each model."""
    return [row for row in record["rows"] if row["seed"] == SEED]


def time_of_all(record: dict[str, Any]) -> str:
    """Return how long it took to train every model once, as a sentence."""
    rows = of_one_seed(record)
    minutes = sum(row["seconds"] for row in rows) / 60
    (machine,) = {row["machine"] for row in rows}
    return (
        f"The {len(rows)} trainings of seed {SEED} took {minutes:.0f} minutes ({machine}, while "
        "other work ran on it)."
    )


def agreement(record: dict[str, Any]) -> str:
    """Return which figures of the blog posts lie in catdog's intervals, as a table."""
    head = ["Model", "95 % confidence interval, measured", "Last epoch, reported", "Text, reported"]
    rows = []
    for row in of_one_seed(record):
        post = catdog.model_spec(row["model"]).reported
        assert post is not None
        interval = row["validation"]["interval"]
        last = (post.final_validation, post.final_validation)
        rows.append(
            [
                code(row["model"]),
                plain_span(interval),
                f"{post.final_validation:.1%}: {place(last, interval)}",
                f"{plain_span(post.validation, digits=0)}: {place(post.validation, interval)}",
            ]
        )
    return table(head, rows)


def place(ends: tuple[float, float], interval: tuple[float, float]) -> str:
    """Return whether a range lies in an interval, or else where it lies."""
    (low, high), (lowest, highest) = ends, interval
    if low > highest:
        return "above"
    if high < lowest:
        return "below"
    return "inside" if lowest <= low and high <= highest else "partly inside"


def dead_units(record: dict[str, Any], posts: dict[str, Any]) -> str:
    """Return the table of dead hidden units, one row per run.

    Args:
        record: The record of the units.
        posts: The record of the blog posts' models, on the same validation images.
    """
    (n,) = {row["validation"]["n"] for row in posts["rows"]}
    head = ["Model", "Seed", "First epoch's loss", "Dead before", "Dead after", "Validation"]
    rows = [
        [
            code(row["model"]),
            str(row["seed"]),
            f"{row['first_loss']:.1f}",
            f"{row['dead_before']} of {row['units']}",
            f"{row['dead_after']} of {row['units']}",
            share(row["validation_accuracy"], n),
        ]
        for row in record["rows"]
    ]
    epochs = record["rows"][0]["epochs"]
    facts = f"- Command: `{record['command']}`\n- Epochs: {epochs}\n- Versions: {versions(record)}"
    return f"{table(head, rows)}\n\n{facts}"


def measured_accuracies(
    posts: dict[str, Any], variants: dict[str, Any]
) -> dict[str, dict[str, Any]]:
    """Return the measured accuracy of every model in the records, by name.

    For the blog posts' models it is that of the validation images, as in the blog posts: nothing
    was chosen by it. The validation images did choose the penalty of catdog's own variant, so for
    that it is the accuracy on the test images, which are those of the blog posts' models.
    """
    rows = of_one_seed(posts)
    measured = {
        row["model"]: figures(row["validation"], row, split="validation", command=row["command"])
        for row in rows
    }
    (baseline,) = {row["test"]["baseline"] for row in rows}
    for row in variants["rows"]:
        test = row["splits"]["test"] | {"baseline": baseline}
        row = row | {"data": rows[0]["data"]}
        measured[row["model"]] = figures(test, row, split="test", command=variants["command"])
    return measured


def figures(
    result: dict[str, Any], row: dict[str, Any], *, split: str, command: str
) -> dict[str, Any]:
    """Return the fields of a `MeasuredAccuracy`."""
    right = round(result["accuracy"] * result["n"])  # the records round the accuracy
    return {
        "accuracy": right / result["n"],
        "interval": wilson_interval(right, result["n"]),
        "n": result["n"],
        "baseline": result["baseline"],
        "data": f"{row['data']}, {split} set",
        "seed": row["seed"],
        "command": command,
    }


def provenance(rows: list[dict[str, Any]]) -> str:
    """Return commands, data, epochs, versions and machines of the rows, as a list."""
    facts: dict[str, list[str]] = {
        "Command": [f"`{row['command']}`" for row in rows],
        "Images": [f"`{row['data']}`" for row in rows],
        "Epochs": [str(row["epochs"]) for row in rows],
        "Versions": [versions(row) for row in rows],
        "Machine": [row["machine"] for row in rows],
    }
    # dict.fromkeys drops repetitions and keeps the order
    return "\n".join(
        f"- {name}: {'; '.join(dict.fromkeys(values))}" for name, values in facts.items()
    )
