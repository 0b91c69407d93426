"""Measure the accuracy of catdog's own variants on real images they were not trained on.

    python benchmarks/variants.py --out docs/results/variants.json

Trains a variant with `train_head` on the 2000 training images, for a number of epochs chosen in
advance, and evaluates it once on the validation and the test images together (n = 1000). The
seconds are those of the whole script up to the trained model, including imports.
"""

import time

BEGIN = time.perf_counter()

import argparse  # noqa: E402  # the imports are timed as well
from collections.abc import Sequence  # noqa: E402
from pathlib import Path  # noqa: E402

from harness import Record, new_record, write_record  # noqa: E402

from catdog import build_model, evaluate, load_datasets, train_head  # noqa: E402
from catdog.evaluation.metrics import wilson_interval  # noqa: E402


def measure(name: str, *, epochs: int, seed: int) -> Record:
    """Train one variant and evaluate it on all images that it was not trained on."""
    data = load_datasets(seed=seed)
    model = build_model(name, seed=seed)
    train_head(model, data, epochs=epochs, verbose=0)
    seconds = time.perf_counter() - BEGIN
    results = {
        split: evaluate(model, data, split=split, verbose=0) for split in ("validation", "test")
    }
    n = sum(result.n for result in results.values())
    right = sum(int(result.confusion_matrix.trace()) for result in results.values())
    return {
        "model": name,
        "epochs": epochs,
        "seed": seed,
        "seconds": round(seconds, 1),
        "n": n,
        "right": right,
        "accuracy": right / n,
        "interval": wilson_interval(right, n),
        "splits": {
            split: {"n": result.n, "accuracy": result.accuracy, "interval": result.interval}
            for split, result in results.items()
        },
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", default="mobilenet_v2.linear")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="write the results here, as JSON")
    options = parser.parse_args(arguments)

    row = measure(options.model, epochs=options.epochs, seed=options.seed)
    record = new_record() | {"rows": [row]}
    low, high = row["interval"]
    print(
        f"{row['model']}, {row['epochs']} epochs, seed {row['seed']}: {row['right']} of {row['n']}"
        f" right, {row['accuracy']:.1%} ({low:.1%} to {high:.1%}); {row['seconds']} s on"
        f" {record['cores']} cores"
    )
    write_record(record, options.out)


if __name__ == "__main__":
    main()
