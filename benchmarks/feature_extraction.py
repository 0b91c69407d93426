"""Compare methods of TensorFlow to extract features with a frozen backbone on the CPU.

    python benchmarks/feature_extraction.py --out docs/results/feature_extraction.json

- speed: milliseconds per image after the setup, all methods in one process, alternating
- setup: seconds from the model to the features of a first batch, in a new process each time,
  because first calls in a process take longer
- XLA: once, in a process that is stopped if it takes too long

The networks are those of the zoo with ImageNet weights, the images those of the built-in data set.
"""

import argparse
import json
import math
import os
import subprocess
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from harness import Record, ask_python, new_record, summary, time_in_turn, write_record
from numpy.typing import NDArray
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from catdog import build_model, load_datasets
from catdog.data.datasets import ordered_batches
from catdog.inference.litert import MIN_IMAGES_TO_COMPILE, compile_with_litert
from catdog.models.graph import split_model

MODELS = {160: "mobilenet_v2.both_flips", 224: "mobilenet_v2.linear"}  # by input size
BATCH = 32
CORES = os.cpu_count() or 1
XLA_IMAGES = 64
XLA_LIMIT = 120.0  # seconds

Pixels = NDArray[np.float32]
Features = NDArray[np.float32]
Run = Callable[[Pixels], Features]
Method = Callable[[keras.Model], Run]


def in_batches(compute: Callable[[Pixels], Any], *, batch: int = BATCH, threads: int = 1) -> Run:
    """Return a function that runs all images through `compute`, in batches."""
    pool = ThreadPoolExecutor(threads)

    def run(images: Pixels) -> Features:
        batches = [images[begin : begin + batch] for begin in range(0, len(images), batch)]
        return np.concatenate(list(pool.map(lambda each: np.asarray(compute(each)), batches)))

    return run


def predict(model: keras.Model) -> Run:
    """Run the model with `predict_on_batch` of Keras."""
    return in_batches(model.predict_on_batch)


def graph(model: keras.Model, *, xla: bool = False) -> Run:
    """Run the model as a `tf.function`, optionally compiled by XLA."""
    function = tf.function(partial(model, training=False), jit_compile=xla, autograph=False)
    return in_batches(lambda images: function(tf.constant(images)))


def folded(model: keras.Model, *, batch: int = BATCH, threads: int = 1) -> Run:
    """Run the model as a graph with constants for variables, so that TensorFlow can fold them."""
    constants = convert_variables_to_constants_v2(trace(model, None))
    return in_batches(
        lambda images: constants(tf.constant(images))[0], batch=batch, threads=threads
    )


def compiled(model: keras.Model) -> Run:
    """Run the model as catdog does: in LiteRT, one interpreter per core, one image at a time."""
    interpreters = compile_with_litert(
        model,
        np.random.default_rng(0).uniform(-1, 1, (2, *model.input_shape[1:])).astype(np.float32),
    )
    if interpreters is None:
        raise SystemExit("catdog does not compile here. Hide a GPU: CUDA_VISIBLE_DEVICES=-1.")
    return in_batches(interpreters.compute)


def lite(model: keras.Model, *, origin: str, interpreters: int = CORES, threads: int = 1) -> Run:
    """Run the model in LiteRT, in other ways than catdog.

    Args:
        model: The model to run.
        origin: The source of the conversion: `"graph"`, `"graph and model"` or `"model"`.
        interpreters: Number of interpreters; each gets a share of the images.
        threads: Threads of each interpreter, which gets one image at a time.
    """
    if origin == "model":
        converter = tf.lite.TFLiteConverter.from_keras_model(model)
    else:
        holder = [model] if origin == "graph and model" else []
        converter = tf.lite.TFLiteConverter.from_concrete_functions([trace(model, 1)], *holder)
    program = converter.convert()
    made = [interpreter(program, threads) for _ in range(interpreters)]
    pool = ThreadPoolExecutor(interpreters)

    def run(images: Pixels) -> Features:
        shares = pool.map(run_share, made, np.array_split(images, interpreters))
        return np.concatenate(list(shares))

    return run


def interpreter(program: bytes, threads: int) -> Any:
    """Return an interpreter that is ready to run."""
    with warnings.catch_warnings():  # TensorFlow 2.21 announces the move to ai_edge_litert
        warnings.simplefilter("ignore")
        made = tf.lite.Interpreter(model_content=program, num_threads=threads)
    made.allocate_tensors()
    return made


def run_share(made: Any, images: Pixels) -> Features:
    """Run images through an interpreter, one at a time."""
    before, after = (made.get_input_details()[0]["index"], made.get_output_details()[0]["index"])
    features = []
    for image in images:
        made.set_tensor(before, image[np.newaxis])
        made.invoke()
        features.append(made.get_tensor(after)[0])
    return np.array(features)


def trace(model: keras.Model, batch: int | None) -> Any:
    """Return a model as a graph for batches of one size, or of any size."""
    pixels = tf.TensorSpec((batch, *model.input_shape[1:]), tf.float32)
    call = tf.function(partial(model, training=False), autograph=False)
    return call.get_concrete_function(pixels)


# The names are part of the record.
BASE, CATDOG = "predict_on_batch", "LiteRT, an interpreter a core (catdog)"
METHODS: dict[str, Method] = {
    BASE: predict,
    "tf.function": graph,
    "constants for variables": folded,
    CATDOG: compiled,
    "LiteRT, one interpreter on all cores": partial(
        lite, origin="graph", interpreters=1, threads=CORES
    ),
}
SPEED_ONLY: dict[str, Method] = {
    f"constants, batches of {batch}, {threads} at once": partial(
        folded, batch=batch, threads=threads
    )
    for batch in (1, 8, BATCH)
    for threads in (1, 2)
    if (batch, threads) != (BATCH, 1)  # that is "constants for variables"
}
SETUP_ONLY: dict[str, Method] = {
    "LiteRT, converted from the model": partial(lite, origin="model"),
    "LiteRT, converted with the model's variables": partial(lite, origin="graph and model"),
}
XLA: dict[str, Method] = {"XLA": partial(graph, xla=True)}


def measure(side: int, options: argparse.Namespace) -> Record:
    """Measure all methods at one input size."""
    backbone, images = backbone_and_images(side, options.images)
    print(f"\n{side} px, {len(images)} images, {options.rounds} rounds")
    runs = {name: method(backbone) for name, method in (METHODS | SPEED_ONLY).items()}
    expected = runs[BASE](images)
    speed = time_in_turn({name: partial(run, images) for name, run in runs.items()}, options.rounds)
    setup = measure_setup(side, options.rounds)
    rows: dict[str, Record] = {name: {"way": name} for name in speed | setup}
    for name, seconds in speed.items():
        rows[name]["ms"] = summary([1000 * each / len(images) for each in seconds])
        difference = np.abs(runs[name](images) - expected).max()
        rows[name]["largest_difference"] = float(difference)
    for name, seconds in setup.items():
        rows[name]["setup"] = summary(seconds)
    for row in rows.values():
        print(describe(row))
    pays = pays_from(rows[BASE], rows[CATDOG])
    print(f"  {CATDOG} saves time from {pays} images; catdog uses it from {MIN_IMAGES_TO_COMPILE}")
    return {
        "side": side,
        "model": MODELS[side],
        "images": len(images),
        "rounds": options.rounds,
        "largest_feature": float(np.abs(expected).max()),
        "rows": list(rows.values()),
        "xla": measure_xla(side),
        "pays_from": pays,
        "min_images_to_compile": MIN_IMAGES_TO_COMPILE,
    }


def backbone_and_images(side: int, count: int) -> tuple[keras.Model, Pixels]:
    """Return the backbone of the zoo's model for an input size, and images as it takes them."""
    parts = split_model(build_model(MODELS[side], seed=0))
    data = load_datasets("synthetic", image_size=(side, side), batch_size=count)
    images = next(iter(ordered_batches(data, "train")))[0]
    if parts.augmentation:
        images = parts.augmentation(images, training=False)
    return parts.backbone, np.asarray(images)


def measure_setup(side: int, rounds: int) -> dict[str, list[float]]:
    """Return the setup time of each method in new processes, in seconds, alternating."""
    seconds: dict[str, list[float]] = {name: [] for name in METHODS | SETUP_ONLY}
    for _ in range(rounds):
        for name in seconds:
            seconds[name].append(ask_python(__file__, "--cold", name, side)["setup"])
    return seconds


def measure_xla(side: int) -> Record:
    """Return the times of XLA, or its time limit if it took longer."""
    try:
        figures: Record = ask_python(__file__, "--cold", "XLA", side, timeout=XLA_LIMIT)
    except subprocess.TimeoutExpired:
        figures = {"longer_than": XLA_LIMIT}
    print(f"  XLA: {figures}")
    return figures


def run_cold(name: str, side: int) -> Record:
    """Set up one method in this process, and run a few more images."""
    backbone, images = backbone_and_images(side, BATCH + XLA_IMAGES)
    begin = time.perf_counter()
    run = (METHODS | SETUP_ONLY | XLA)[name](backbone)
    run(images[:BATCH])
    ready = time.perf_counter()
    run(images[BATCH:])
    seconds = time.perf_counter() - ready
    return {"setup": round(ready - begin, 3), "ms": round(1000 * seconds / XLA_IMAGES, 3)}


def pays_from(base: Mapping[str, Any], other: Mapping[str, Any]) -> int | None:
    """Return the number of images from which on a method takes less time than the base.

    Both times include the setup, and the setup includes one batch.
    """
    ms_saved = base["ms"]["median"] - other["ms"]["median"]
    seconds_lost = other["setup"]["median"] - base["setup"]["median"]
    return BATCH + math.ceil(1000 * seconds_lost / ms_saved) if ms_saved > 0 else None


def describe(row: Record) -> str:
    """Return a line of figures."""
    ms = "{median:6.2f} ms ({min:.2f} to {max:.2f})".format(**row["ms"]) if "ms" in row else ""
    difference = f"{row['largest_difference']:.0e}" if "ms" in row else ""
    setup = "{median:5.2f} s".format(**row["setup"]) if "setup" in row else ""
    return f"  {row['way']:46}  {ms:28}  {setup:8}  {difference}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sides", type=int, nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, help="write the results here, as JSON")
    parser.add_argument("--cold", nargs=2, help=argparse.SUPPRESS)  # internal
    options = parser.parse_args(arguments)
    if options.cold:
        name, side = options.cold
        print(json.dumps(run_cold(name, int(side))))
        return

    record = new_record()
    record["results"] = [measure(side, options) for side in options.sides]
    write_record(record, options.out)


if __name__ == "__main__":
    main()
