"""Train the models of the two blog posts, and compare with the accuracies that they report.

    python examples/reproduce_posts.py                          # all eight, 20 epochs
    python examples/reproduce_posts.py cnn.two_block --epochs 5

Prints one table, and writes every figure as JSON, with its command and versions. Results are added
to an existing file, so that the models can be trained one by one.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from catdog import (
    Evaluation,
    ReportedAccuracy,
    build_model,
    evaluate,
    list_models,
    load_datasets,
    model_spec,
    train,
)

PACKAGES = ("catdog", "tensorflow", "keras", "numpy", "pillow")
COLUMNS = "{:<28} {:>18} {:>11} {:>30} {:>9}"


def posts() -> dict[str, ReportedAccuracy]:
    """Return the accuracies that the blog posts report, for each of their models."""
    reported = {name: model_spec(name).reported for name in list_models()}
    return {name: figures for name, figures in reported.items() if figures}


def reproduce(name: str, source: str, *, epochs: int, seed: int) -> dict[str, Any]:
    """Train one model, evaluate it on the validation and test images, and return the figures."""
    data = load_datasets(source, seed=seed)
    model = build_model(name, seed=seed)
    start = time.perf_counter()
    history = train(model, data, epochs=epochs)
    seconds = time.perf_counter() - start
    return {
        "model": model_spec(name).name,
        "data": source,
        "seed": seed,
        "epochs": epochs,
        "seconds": round(seconds, 1),
        "image_size": list(model.input_shape[1:3]),
        "history": {key: rounded(values) for key, values in history.history.items()},
        "validation": figures(evaluate(model, data, split="validation", verbose=0)),
        "test": figures(evaluate(model, data, split="test", verbose=0)),
        **provenance(),
    }


def figures(evaluation: Evaluation) -> dict[str, Any]:
    """Return the figures of an evaluation for the record."""
    return {
        "n": evaluation.n,
        "accuracy": round(evaluation.accuracy, 4),
        "interval": rounded(evaluation.interval),
        "baseline": round(evaluation.baseline, 4),
        "loss": round(evaluation.loss, 4),
        "confusion_matrix": evaluation.confusion_matrix.tolist(),
    }


def rounded(values: Sequence[float]) -> list[float]:
    """Return the values, rounded to four digits."""
    return [round(float(value), 4) for value in values]


def provenance() -> dict[str, Any]:
    """Return the command, the versions and the machine for the record."""
    return {
        "command": shlex.join(["python", *sys.argv]),
        "versions": {
            "python": platform.python_version(),
            **{package: importlib.metadata.version(package) for package in PACKAGES},
        },
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
    }


def print_row(row: dict[str, Any]) -> None:
    """Print the line of one model."""
    reported = posts()[row["model"]]
    low, high = (f"{share:.0%}" for share in reported.validation)
    settled = low if low == high else f"{low} to {high}"
    validation = row["validation"]
    interval = "{:.1%} to {:.1%}".format(*validation["interval"])
    print(
        COLUMNS.format(
            row["model"],
            f"{settled}, n={reported.n}",
            f"{validation['accuracy']:.1%}",
            f"{interval}, n={validation['n']}",
            f"{validation['baseline']:.1%}",
        )
    )


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of an existing file; exit if it contains something else."""
    if not path.exists():
        return []
    try:
        record = json.loads(path.read_text())
        rows = list(record.pop("rows"))
        valid = not record and all(position(row) >= 0 and identity(row) for row in rows)
    except (OSError, AttributeError, KeyError, TypeError, ValueError):
        valid = False
    if not valid:
        sys.exit(f"--out {path} contains something else than figures of this script. Name another.")
    return rows


def add_row(row: dict[str, Any], path: Path) -> list[dict[str, Any]]:
    """Add a row to a file, where it replaces one of the same run; return all rows."""
    rows = [old for old in read_rows(path) if identity(old) != identity(row)]
    rows = sorted([*rows, row], key=lambda row: (position(row), identity(row)))
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps({"rows": rows}, indent=1) + "\n")
    part.replace(path)  # atomic: the old file stays until the new one is complete
    return rows


def identity(row: dict[str, Any]) -> tuple[Any, ...]:
    """Return the values that identify a run."""
    return tuple(row[key] for key in ("model", "data", "epochs", "seed"))


def position(row: dict[str, Any]) -> int:
    """Return the position of a row in the table, by its model."""
    return list(posts()).index(row["model"])


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("models", nargs="*", metavar="model", help="names (default: all eight)")
    parser.add_argument("--data", default="cats_and_dogs_filtered", help="data set or folder")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("reproduce_posts.json"))
    options = parser.parse_args(arguments)

    names = [model_spec(name).name for name in options.models] or list(posts())
    for name in names:
        if name not in posts():
            parser.error(f"no blog post reports {name}. Their models: {', '.join(posts())}")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    rows = read_rows(options.out)
    for name in names:
        print(f"\n{name}")
        row = reproduce(name, options.data, epochs=options.epochs, seed=options.seed)
        rows = add_row(row, options.out)

    print("\nAccuracy on the validation images after the last epoch:\n")
    print(COLUMNS.format("model", "post reports", "measured", "95 % interval", "baseline"))
    for row in rows:
        print_row(row)
    print(f"\nAll figures, including those of the test set: {options.out}")


if __name__ == "__main__":
    main()
