"""Measure what `fine_tune` adds to a trained head, on real images.

    python benchmarks/fine_tune.py --out docs/results/fine_tune.json

For each seed, `train_head` trains a head on the 2000 training images. From that model, each way
fine-tunes a copy in a new process: all layers, or the last block. All settings are the defaults;
training stops, and epochs are kept, by the 200 validation images. Then every model is evaluated
once on the same 800 test images, and each fine-tuned one is compared with its head by McNemar's
exact test. The statistics of batch normalisation are read before and after.
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from harness import Record, ask_python, new_record, write_record

from catdog import build_model, evaluate, fine_tune, load_datasets, load_model, train_head
from catdog.evaluation.metrics import mcnemar_p_value

WAYS = ("head", "all", "last_block")
TEST_FRACTION = 0.8  # of the images that were not trained on


def train_by(way: str, options: argparse.Namespace, seed: int) -> Record:
    """Train a head and save its model, or fine-tune the saved one; evaluate it."""
    data = load_datasets(seed=seed, test_fraction=TEST_FRACTION)
    path = options.models / f"{seed}.keras"
    model: Any = build_model(options.model, seed=seed) if way == "head" else load_model(path)
    before = statistics_of(model)
    if way == "head":
        history = train_head(model, data, verbose=0)
        model.save(path)
    else:
        history = fine_tune(model, data, unfreeze=way, epochs=options.epochs, verbose=0)
    moved = max(
        np.abs(now - then).max() for now, then in zip(statistics_of(model), before, strict=True)
    )
    result = evaluate(model, data, verbose=0)
    return {
        "way": way,
        "seed": seed,
        "epochs": len(history.epoch),
        "kept_epoch": history.kept_epoch,
        "statistics_moved": float(moved),
        "accuracy": result.accuracy,
        "interval": result.interval,
        "n": result.n,
        "right": (result.predictions == result.labels).tolist(),
    }


def statistics_of(model: keras.Model) -> list[Any]:
    """Return the moving means and variances of all batch normalisation, as arrays."""
    return [
        keras.ops.convert_to_numpy(weight)
        for weight in model.weights
        if weight.path.rpartition("/")[2] in ("moving_mean", "moving_variance")
    ]


def measure(options: argparse.Namespace, seed: int) -> list[Record]:
    """Train and fine-tune from a seed, each in a new process; return a row for each."""
    rows = []
    for way in WAYS:
        arguments = ["--way", way, "--seeds", seed, "--models", options.models]
        row = ask_python(__file__, *arguments, "--model", options.model, "--epochs", options.epochs)
        rows.append(row)
        compare(rows[0], row)
        print(
            f"  seed {seed} {way:10}   {row['accuracy']:.1%} of {row['n']}"
            f"   kept epoch {row['kept_epoch']}   statistics moved by {row['statistics_moved']}"
            f"   {row['paired']}",
            flush=True,
        )
    for row in rows:
        del row["right"]
    return rows


def compare(head: Record, tuned: Record) -> None:
    """Add the comparison with the head: the images that only one of two models is right on."""
    pairs = list(zip(head["right"], tuned["right"], strict=True))
    only_head, only_tuned = pairs.count((True, False)), pairs.count((False, True))
    p = round(mcnemar_p_value(only_head, only_tuned), 4)
    tuned["paired"] = {"only_head": only_head, "only_tuned": only_tuned, "p": p}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", default="mobilenet_v2")
    parser.add_argument("--epochs", type=int, default=10, help="of fine-tuning, at most")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--out", type=Path, help="write the results here, as JSON")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)  # internal
    parser.add_argument("--models", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.way:
        print(json.dumps(train_by(options.way, options, options.seeds[0])))
        return

    record = new_record(model=options.model, epochs=options.epochs, seeds=options.seeds)
    with tempfile.TemporaryDirectory() as folder:
        options.models = Path(folder)
        rows = [row for seed in options.seeds for row in measure(options, seed)]
    write_record(record | {"rows": rows}, options.out)


if __name__ == "__main__":
    main()
