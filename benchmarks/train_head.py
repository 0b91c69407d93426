"""What running the frozen part once saves: `train_head` against the plain loop over images.

    python benchmarks/train_head.py --out docs/results/train_head.json

Each way trains the same model on the real images in a process of its own, from the same seed:

- plain: `train`, which runs the frozen part over every image in every epoch
- cold: `train_head`, with an empty feature cache on the disk, which it fills
- warm: `train_head` again, with the features from the disk

The time is that of the training call alone, with the first reading of the images. Accuracies are
those on the validation images after the last epoch; the test of their difference is paired (the
same images): McNemar's exact test.
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

WAYS = ("plain", "cold", "warm")
COLD_BAR = 20.0  # times faster than plain
WARM_BAR = 10.0  # times faster than cold


def train_one_way(way: str, options: argparse.Namespace) -> Record:
    """Train a model from the same seed and judge it on the validation images."""
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
    """Train in a new process."""
    given = ["--model", options.model, "--epochs", options.epochs, "--seed", options.seed]
    row: Record = ask_python(__file__, "--way", way, "--cache-dir", cache_dir, *given)
    low, high = row["interval"]
    print(
        f"  {way:6} {row['seconds']:8.1f} s   validation {row['accuracy']:.1%}"
        f" ({low:.1%} to {high:.1%}, n = {row['n']})",
        flush=True,
    )
    return row


def compare(first: Sequence[bool], second: Sequence[bool]) -> Record:
    """Return how many images only one of two models got right, and McNemar's exact p."""
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
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)  # for the new processes
    parser.add_argument("--cache-dir", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.way:
        print(json.dumps(train_one_way(options.way, options)))
        return

    record = new_record(model=options.model, epochs=options.epochs, seed=options.seed)
    with tempfile.TemporaryDirectory() as cache_dir:
        rows = {way: run_child(way, options, cache_dir) for way in WAYS}
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
