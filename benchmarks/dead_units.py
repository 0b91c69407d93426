"""Count the dead hidden units of augmented networks on scaled and unscaled pixels.

    python benchmarks/dead_units.py --out docs/results/dead_units.json

Trains the augmented networks with and without the preprocessor for a few epochs, from several
seeds, and counts the hidden units (the dense layer of 64, after its relu) that output 0 for every
validation image. Such a unit has no gradient, so it stays at 0.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from harness import new_record, write_record

from catdog import Datasets, build_model, evaluate, load_datasets, train

MODELS = (
    "cnn_augmented.three_block",
    "cnn_augmented.two_block",
    "cnn_preprocessed.three_block",
    "cnn_preprocessed.two_block",
)


def measure(name: str, data: Datasets, *, epochs: int, seed: int) -> dict[str, Any]:
    """Train one model and count its dead hidden units, before and after the training."""
    model = build_model(name, seed=seed)
    dead_before = dead_units(model, data)
    history = train(model, data, epochs=epochs, verbose=2)
    return {
        "model": name,
        "seed": seed,
        "epochs": epochs,
        "first_loss": round(history.history["loss"][0], 3),
        "dead_before": dead_before,
        "dead_after": dead_units(model, data),
        "units": model.layers[-2].units,
        "validation_accuracy": round(evaluate(model, data, split="validation").accuracy, 4),
    }


def dead_units(model: keras.Model, data: Datasets) -> int:
    """Count the units of the last hidden layer that output 0 for every validation image."""
    hidden = keras.Model(model.inputs, model.layers[-2].output)
    outputs = hidden.predict(data.validation, verbose=0)
    return int(np.sum((outputs == 0).all(axis=0)))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", default="cats_and_dogs_filtered", help="data set or folder")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--out", type=Path, default=Path("dead_units.json"))
    options = parser.parse_args(arguments)

    record = new_record(data=options.data)
    data = load_datasets(options.data)
    rows = []
    for name in MODELS:
        for seed in options.seeds:
            print(f"\n{name}, seed {seed}")
            rows.append(measure(name, data, epochs=options.epochs, seed=seed))
            print(rows[-1])
    write_record(record | {"rows": rows}, options.out)


if __name__ == "__main__":
    main()
