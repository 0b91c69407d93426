"""Compare the training time of `train_head` with that of `train`.

    python benchmarks/train_head.py --out docs/results/train_head.json

Each method trains the same model on the real images in a new process, from the same seed:

- plain: `train`, which runs the backbone on every image in every epoch
- cold: `train_head`, with an empty feature cache on the disk, which it fills
- warm: `train_head` again, with the features from the disk

The time is that of the training call, which includes reading the images. Accuracies are those on
the validation images after the last epoch. Their difference is tested by McNemar's exact test.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from harness import Record, ask_python, new_record, write_record

from catdog import build_model, evaluate, load_datasets, train, train_head
from catdog.evaluation.metrics import mcnemar_p_value

METHODS = ("plain", "cold", "warm")
COLD_BAR = 20.0  # at least this many times faster than plain
WARM_BAR = 10.0  # at least this many times faster than cold


def train_by(way: str, options: argparse.Namespace) -> Record:
    """Train a model by one method and evaluate it on the validation images."""
    data = load_datasets(seed=options.seed)
    model = build_model(options.model, seed=options.seed)
    begin = time.perf_counter()
    if way == "plain":
        train(model, data, epochs=options.epochs, verbose=0)
    else:
        train_head(model, data, epochs=options.epochs, cache_dir=options.cache_dir, verbose=0)
    seconds = time.perf_counter() - begin
    result = evaluate(model, data, split="validation", verbose=0)
    return {
        "way": way,
        "seconds": round(seconds, 2),
        "accuracy": result.accuracy,
        "interval": result.interval,
        "n": result.n,
        "right": (result.predictions == result.labels).tolist(),
    }


def run_child(way: str, options: argparse.Namespace, cache_dir: str) -> Record:
    """Train by one method in a new process."""
    arguments = ["--model", options.model, "--epochs", options.epochs, "--seed", options.seed]
    row: Record = ask_python(__file__, "--way", way, "--cache-dir", cache_dir, *arguments)
    low, high = row["interval"]
    print(
        f"  {way:6} {row['seconds']:8.1f} s   validation {row['accuracy']:.1%}"
        f" ({low:.1%} to {high:.1%}, n = {row['n']})",
        flush=True,
    )
    return row


def compare(first: Sequence[bool], second: Sequence[bool]) -> Record:
    """Return the numbers of images that only one of two models got right, and McNemar's exact p."""
    only_first = sum(a and not b for a, b in zip(first, second, strict=True))
    only_second = sum(b and not a for a, b in zip(first, second, strict=True))
    p = mcnemar_p_value(only_first, only_second)
    return {"only_plain": only_first, "only_cold": only_second, "p": round(p, 4)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", default="mobilenet_v2.both_flips")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="write the results here, as JSON")
    parser.add_argument("--way", choices=METHODS, help=argparse.SUPPRESS)  # internal
    parser.add_argument("--cache-dir", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.way:
        print(json.dumps(train_by(options.way, options)))
        return

    record = new_record(model=options.model, epochs=options.epochs, seed=options.seed)
    with tempfile.TemporaryDirectory() as cache_dir:
        rows = {way: run_child(way, options, cache_dir) for way in METHODS}
    paired = compare(rows["plain"]["right"], rows["cold"]["right"])
    speed = {
        "plain_to_cold": rows["plain"]["seconds"] / rows["cold"]["seconds"],
        "cold_to_warm": rows["cold"]["seconds"] / rows["warm"]["seconds"],
    }
    print(f"  cold is {speed['plain_to_cold']:.1f} times faster than plain; bar {COLD_BAR:g}")
    print(f"  warm is {speed['cold_to_warm']:.1f} times faster than cold; bar {WARM_BAR:g}")
    print(f"  right in only one of plain and cold: {paired}")
    for row in rows.values():
        del row["right"]
    record |= {"rows": list(rows.values()), "paired": paired}
    record["times_faster"] = {name: round(value, 2) for name, value in speed.items()}
    write_record(record, options.out)


if __name__ == "__main__":
    main()
