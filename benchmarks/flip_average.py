"""Test whether features averaged over an image and its mirror image improve a linear head.

    python benchmarks/flip_average.py --out docs/results/flip_average.json

Extracts the features of the training and validation images and of their mirror images, once, with
the backbone of `mobilenet_v2.linear`. Then trains its linear head, from several seeds and with
several weights of an L2 penalty, on the features of the images alone and on the mean of both. All
heads are evaluated on the validation images after the last epoch; the test images are not used.

The best penalty of each kind is the one with the highest mean accuracy; ties are broken by the
lowest mean loss. With these two penalties, the heads of the first seed are compared image by image.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
from harness import Record, new_record, write_record
from numpy.typing import NDArray

from catdog import Datasets, build_model, load_datasets
from catdog.evaluation.metrics import mcnemar_p_value, paired_interval, wilson_interval
from catdog.models.graph import ModelParts, split_model
from catdog.training.features import FeatureExtractor
from catdog.typing import Split

MODEL = "mobilenet_v2.linear"
PENALTIES = (0.0, 1e-4, 1e-3, 1e-2)

Features = dict[Split, NDArray[np.float32]]


class HeadResult(NamedTuple):
    """The results of a head on the validation images."""

    loss: float  # mean cross-entropy, without the penalty
    correct: NDArray[np.bool_]  # (n,)


def both_kinds(data: Datasets) -> dict[str, Features]:
    """Return the features of the images, and their mean with those of the mirror images."""
    model = build_model(MODEL)
    resized, parts = data.at(model.input_shape[1:3]), split_model(model)
    plain, mirrored = (run(each, resized) for each in (parts, mirrored_parts(parts)))
    return {
        "plain": plain,
        "flip_averaged": {
            split: np.mean([plain[split], mirrored[split]], axis=0) for split in plain
        },
    }


def mirrored_parts(parts: ModelParts) -> ModelParts:
    """Return the same parts, with a backbone that flips every image horizontally first."""
    pixels = keras.Input(parts.backbone.input_shape[1:])
    mirrored = keras.Model(pixels, parts.backbone(keras.ops.flip(pixels, axis=2)))
    return ModelParts(parts.augmentation, mirrored, parts.head)


def run(parts: ModelParts, data: Datasets) -> Features:
    """Return the features of the training and validation images, each `(n, features)`."""
    splits: tuple[Split, ...] = ("train", "validation")
    extractor = FeatureExtractor(parts, data, sum(len(data.paths(split)) for split in splits))
    return {split: extractor.features(split)[0] for split in splits}


def train_and_evaluate(
    features: Features, data: Datasets, *, penalty: float, epochs: int, seed: int
) -> HeadResult:
    """Train a linear head on the training features and evaluate it on the validation features."""
    keras.utils.set_random_seed(seed)
    classes = len(data.class_names)
    regularizer = keras.regularizers.L2(penalty)
    head = keras.Sequential([keras.layers.Dense(classes, kernel_regularizer=regularizer)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    head.compile("adam", loss)
    head.fit(
        features["train"],
        data.labels("train"),
        batch_size=data.batch_size,
        epochs=epochs,
        verbose=0,
    )
    logits, labels = head.predict(features["validation"], verbose=0), data.labels("validation")
    return HeadResult(float(loss(labels, logits)), logits.argmax(axis=1) == labels)


def row_of(heads: Sequence[HeadResult], *, kind: str, penalty: float) -> Record:
    """Return the figures of heads that differ only in their seed."""
    accuracies = [float(head.correct.mean()) for head in heads]
    return {
        "features": kind,
        "l2": penalty,
        "accuracies": accuracies,
        "mean_accuracy": float(np.mean(accuracies)),
        "mean_loss": float(np.mean([head.loss for head in heads])),
    }


def compare(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> Record:
    """Compare two heads on the same images by McNemar's exact test."""
    n, only_first, only_second = (
        len(first),
        int((first & ~second).sum()),
        int((second & ~first).sum()),
    )
    return {
        "n": n,
        "accuracy": [float(correct.mean()) for correct in (first, second)],
        "interval": [wilson_interval(int(correct.sum()), n) for correct in (first, second)],
        "only_first": only_first,
        "only_second": only_second,
        "difference": (only_second - only_first) / n,
        "difference_interval": paired_interval(only_first, only_second, n),
        "p": mcnemar_p_value(only_first, only_second),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", default="cats_and_dogs_filtered", help="data set or folder")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--out", type=Path, help="write the results here, as JSON")
    options = parser.parse_args(arguments)

    record = new_record(model=MODEL, data=options.data, epochs=options.epochs, seeds=options.seeds)
    data = load_datasets(options.data)
    rows, best = [], {}
    for kind, features in both_kinds(data).items():
        found = {}
        for penalty in PENALTIES:
            heads = [
                train_and_evaluate(
                    features, data, penalty=penalty, epochs=options.epochs, seed=seed
                )
                for seed in options.seeds
            ]
            row = row_of(heads, kind=kind, penalty=penalty)
            found[row["mean_accuracy"], -row["mean_loss"]] = row, heads[0]
            print(
                f"  {kind:13}  L2 {penalty:<6g}  accuracy {row['mean_accuracy']:.2%}  "
                f"loss {row['mean_loss']:.4f}"
            )
            rows.append(row)
        best[kind] = found[max(found)]
    paired = compare(*(head.correct for _, head in best.values()))
    record |= {"rows": rows, "best": {kind: row["l2"] for kind, (row, _) in best.items()}}
    record["paired"] = paired
    print(f"  best L2: {record['best']}; of seed {options.seeds[0]}: {paired}")
    write_record(record, options.out)


if __name__ == "__main__":
    main()
