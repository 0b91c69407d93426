"""Time training and prediction steps on every backend of Keras.

    python benchmarks/backends.py --out docs/results/backends.json

Needs JAX and PyTorch beside TensorFlow. Every round starts a process for each backend, in turn, so
that other work on the machine slows all of them. A process times a few steps of each model on one
batch of random images, after two steps that are not counted. A ratio is that of CPU times in one
round: time on the backend divided by time on TensorFlow.
"""

import argparse
import importlib.metadata
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from harness import Record, new_record, spread, summary, write_record

BACKENDS = ("tensorflow", "jax", "torch")
MODELS = ("cnn", "cnn_augmented", "compact", "mobilenet_v2.linear")
ROTATION = "RandomRotation alone"
STEPS = 4
MAX_STEP_SECONDS = 5.0  # after a longer step, no further one is timed


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--image-size", type=int, default=64, metavar="PIXELS")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, help="write the results here, as JSON")
    parser.add_argument("--worker", action="store_true", help="time this process's backend")
    options = parser.parse_args(arguments)
    if options.worker:
        print(json.dumps(time_backend(options.image_size, options.batch_size)))
        return
    record = new_record(
        image_size=options.image_size, batch_size=options.batch_size, rounds=options.rounds
    )
    for package in ("jax", "torch"):
        record["versions"][package] = importlib.metadata.version(package)
    runs = [
        {backend: run(backend, options.image_size, options.batch_size) for backend in BACKENDS}
        for _ in range(options.rounds)
    ]
    record["rows"] = [row_of(name, step, runs) for name, step in runs[0]["tensorflow"]]
    write_record(record, options.out)


Seconds = dict[tuple[str, str], float]
"""CPU time of a step in seconds, by the name of the model and of the step."""


def run(backend: str, image_size: int, batch_size: int) -> Seconds:
    """Time the steps on a backend, in a process of its own."""
    sizes = ["--image-size", str(image_size), "--batch-size", str(batch_size)]
    done = subprocess.run(
        [sys.executable, __file__, "--worker", *sizes],
        env={**os.environ, "KERAS_BACKEND": backend},
        stdout=subprocess.PIPE,
        check=True,
    )
    return {(name, step): seconds for name, step, seconds in json.loads(done.stdout)}


def time_backend(image_size: int, batch_size: int) -> list[tuple[str, str, float]]:
    """Time a training and a prediction step of each model on this process's backend."""
    import keras
    import numpy as np

    from catdog import build_model

    images = np.random.default_rng(0).uniform(0, 255, (batch_size, image_size, image_size, 3))
    images = images.astype(np.float32)
    labels = np.arange(batch_size) % 2
    found = []
    for name in MODELS:
        model = build_model(name, image_size=(image_size, image_size), weights=None, seed=0)
        steps: dict[str, Callable[[], object]] = {
            "train": partial(model.train_on_batch, images, labels),
            "predict": partial(model.predict_on_batch, images),
        }
        found += [(name, step, cpu_seconds(steps[step])) for step in steps]
    rotation = partial(keras.layers.RandomRotation(0.2, seed=0), images, training=True)
    seconds = cpu_seconds(lambda: keras.ops.convert_to_numpy(rotation()))
    return [*found, (ROTATION, "train", seconds)]


def cpu_seconds(step: Callable[[], object]) -> float:
    """Return the CPU time of a step of all threads: the mean of some, after two others."""
    step()
    begin = time.process_time()
    step()
    count = STEPS if time.process_time() - begin < MAX_STEP_SECONDS else 1
    begin = time.process_time()
    for _ in range(count):
        step()
    return (time.process_time() - begin) / count


def row_of(name: str, step: str, runs: Sequence[dict[str, Seconds]]) -> Record:
    """Return the figures of one step on every backend, and print them."""
    row: Record = {"model": name, "step": step}
    for backend in BACKENDS:
        seconds = [each[backend][name, step] for each in runs]
        row[backend] = {"milliseconds": round(1000 * statistics.median(seconds), 1)}
        ratios = [each[backend][name, step] / each["tensorflow"][name, step] for each in runs]
        if backend != "tensorflow":
            row[backend]["ratio"] = summary(ratios)
            print(f"  {name:20} {step:8} {backend:6} {spread(ratios)} of TensorFlow's time")
    return row


if __name__ == "__main__":
    main()
