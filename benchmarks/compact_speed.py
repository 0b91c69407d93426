"""Compare the prediction time of `compact` at 128 pixels with MobileNetV2 at 160 pixels.

    python benchmarks/compact_speed.py --out docs/results/compact_speed.json

Both predict the same number of random images in batches, alternating, so that other work on the
machine slows both. The weights do not change the time: they are the initial ones. The time is that
of `model.predict` alone, from pixels in memory.
"""

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median

import keras
import numpy as np
from harness import new_record, spread, summary, time_in_turn, write_record

from catdog import build_model
from catdog.models import compact

BAR = 1 / 3  # at most this share of the time of MobileNetV2


def prediction(model: keras.Model, images: int, batch_size: int) -> Callable[[], object]:
    """Return a function that runs a model on random images."""
    pixels = np.random.default_rng(0).uniform(0, 255, (images, *model.input_shape[1:]))
    return partial(model.predict, pixels.astype(np.float32), batch_size=batch_size, verbose=0)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, default=640)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--out", type=Path, help="write the results here, as JSON")
    options = parser.parse_args(arguments)

    record = new_record(images=options.images, batch_size=options.batch_size)
    models = {
        "compact": compact.build((128, 128), 2),
        "mobilenet_v2": build_model("mobilenet_v2", weights=None),
    }
    tasks = {
        name: prediction(model, options.images, options.batch_size)
        for name, model in models.items()
    }
    seconds = time_in_turn(tasks, options.rounds)
    cost = {name: [1000 * each / options.images for each in seconds[name]] for name in models}
    ratios = [a / b for a, b in zip(cost["compact"], cost["mobilenet_v2"], strict=True)]
    for name in models:
        print(f"  {name:12} {spread(cost[name])} ms an image")
    print(f"  compact takes {spread(ratios)} of the time of MobileNetV2; bar {BAR:.2f}")
    record["milliseconds"] = {name: summary(cost[name]) for name in models}
    record["pixels"] = {name: model.input_shape[1:3] for name, model in models.items()}
    record["ratio"] = {**summary(ratios), "bar": BAR, "met": median(ratios) <= BAR}
    write_record(record, options.out)


if __name__ == "__main__":
    main()
