"""Compare the accuracy of models that trained in bfloat16 with that in float32.

    python benchmarks/mixed_precision.py --out docs/results/mixed_precision.json

For each seed, the same model trains twice on the drawn images, once with `mixed_precision=True`.
Both are evaluated on the same test images, and compared by McNemar's exact test.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from harness import Record, ask_python, new_record, write_record

from catdog import build_model, compare, evaluate, load_datasets, train


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", default="cnn_preprocessed")
    parser.add_argument("--image-size", type=int, default=32, metavar="PIXELS")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--out", type=Path, help="write the results here, as JSON")
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)  # internal: the seed
    options = parser.parse_args(arguments)
    if options.worker is not None:
        print(json.dumps(train_both(options, options.worker)))
        return
    facts = {"model": options.model, "image_size": options.image_size, "epochs": options.epochs}
    record = new_record(**facts, seeds=options.seeds)
    sizes = ["--model", options.model, "--image-size", options.image_size]
    record["rows"] = [
        ask_python(__file__, "--worker", seed, *sizes, "--epochs", options.epochs)
        for seed in options.seeds
    ]
    for row in record["rows"]:
        print(row)
    write_record(record, options.out)


def train_both(options: argparse.Namespace, seed: int) -> Record:
    """Train in float32 and in bfloat16 from a seed, and compare the two on the test images."""
    size = (options.image_size, options.image_size)
    data = load_datasets("synthetic", seed=seed)
    results = []
    for is_mixed in (False, True):
        model = build_model(options.model, image_size=size, seed=seed)
        train(model, data, epochs=options.epochs, mixed_precision=is_mixed, verbose=0)
        results.append(evaluate(model, data, verbose=0))
    found = compare(*results)
    low, high = found.interval
    return {
        "seed": seed,
        "n": found.n,
        "float32": results[0].accuracy,
        "bfloat16": results[1].accuracy,
        "difference": found.difference,
        "interval": [low, high],
        "p": found.p_value,
    }


if __name__ == "__main__":
    main()
