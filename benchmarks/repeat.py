"""Measure where a training repeats: the same seed on other threads, kernels and backends.

    python benchmarks/repeat.py --out docs/results/repeat.json

Needs JAX and PyTorch beside TensorFlow. Each condition is a new process, which trains every model
with the same seeds on the same few drawn images. Losses, weights and predicted probabilities are
compared with those of a reference run, number by number. The greatest absolute difference counts.
"""

import argparse
import importlib.metadata
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from harness import Record, new_record, write_record
from numpy.typing import NDArray

IMAGES_PER_CLASS = 40  # drawn faces
IMAGE_SIZE = (64, 64)
EPOCHS = 2
CASES: dict[
    str, tuple[str, str, dict[str, Any]]
] = {  # name of the case: function, model, further arguments
    "train, cnn": ("train", "cnn", {}),
    "train_head, mobilenet_v2": ("train_head", "mobilenet_v2", {"views": 2}),
    "fine_tune, mobilenet_v2": ("fine_tune", "mobilenet_v2", {}),
}
FIRST, JAX, TORCH = "the first run", "JAX", "PyTorch"


class Condition(NamedTuple):
    """How a run differs from its reference.

    Attributes:
        environment: Environment variables of its process.
        way: `"plain"`, or what the process does otherwise: see `run_case`.
        seed: Seed of the split and of the model.
        reference: The condition that it is compared with.
    """

    environment: dict[str, str]
    way: str = "plain"
    seed: int = 0
    reference: str = FIRST


CONDITIONS = {
    FIRST: Condition({}),
    "again in a new process": Condition({}),
    "on 1 thread": Condition({"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}),
    "with op determinism": Condition({}, "deterministic"),
    "interrupted and resumed": Condition({}, "resumed"),
    "from filled caches": Condition({}, "cached"),
    JAX: Condition({"KERAS_BACKEND": "jax"}),
    TORCH: Condition({"KERAS_BACKEND": "torch"}),
    "again in the same process": Condition({}, "twice"),
    "on 4 threads": Condition({"TF_NUM_INTRAOP_THREADS": "4", "TF_NUM_INTEROP_THREADS": "4"}),
    "without oneDNN": Condition({"TF_ENABLE_ONEDNN_OPTS": "0"}),
    "oneDNN limited to AVX2": Condition({"ONEDNN_MAX_CPU_ISA": "AVX2"}),
    "another seed": Condition({}, seed=1),
    "JAX again": Condition({"KERAS_BACKEND": "jax"}, reference=JAX),
    "PyTorch again": Condition({"KERAS_BACKEND": "torch"}, reference=TORCH),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, help="write the results here, as JSON")
    parser.add_argument("--worker", choices=CONDITIONS, help=argparse.SUPPRESS)  # internal
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.worker:
        run_condition(options.worker, options.folder)
        return
    record = new_record(images_per_class=IMAGES_PER_CLASS, image_size=IMAGE_SIZE, epochs=EPOCHS)
    for package in ("jax", "torch"):
        record["versions"][package] = importlib.metadata.version(package)
    with tempfile.TemporaryDirectory() as folder:
        record["rows"] = []
        for name in CONDITIONS:
            record["rows"].append(measure(name, Path(folder)))
            write_record(record, options.out)  # the rest may take long


def measure(name: str, folder: Path) -> Record:
    """Run a condition in a new process; return its differences from its reference, and print them.

    Args:
        name: Name of the condition.
        folder: Where the results of every condition are.
    """
    condition = CONDITIONS[name]
    subprocess.run(
        [sys.executable, __file__, "--worker", name, "--folder", folder],
        env={**os.environ, **condition.environment},
        check=True,
    )
    row: Record = {"condition": name, "reference": condition.reference, "cases": {}}
    print(f"{name}, compared with {condition.reference}")
    for case in CASES:
        found, expected = (
            np.load(results_path(folder, run, case)) for run in (name, condition.reference)
        )
        row["cases"][case] = {
            kind: float(np.abs(found[kind] - expected[kind]).max()) for kind in found.files
        }
        print(f"  {case:26} {row['cases'][case]}", flush=True)
    return row


def results_path(folder: Path, name: str, case: str) -> Path:
    """Return where the numbers of a run are."""
    number, position = [*CONDITIONS].index(name), [*CASES].index(case)
    return folder / f"{number}_{position}.npz"


def run_condition(name: str, folder: Path) -> None:
    """Run every case under this process's condition, and write its numbers."""
    condition = CONDITIONS[name]
    if condition.way == "deterministic":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
    for case in CASES:
        with tempfile.TemporaryDirectory() as scratch:
            numbers = run_case(case, condition, folder / "images", Path(scratch))
        arrays: dict[str, Any] = numbers
        np.savez(results_path(folder, name, case), **arrays)


def run_case(
    case: str, condition: Condition, images: Path, scratch: Path
) -> dict[str, NDArray[np.float64]]:
    """Train a model; return its losses, weights and predicted probabilities.

    The way `"twice"` returns those of the second training in this process; `"cached"` those of the
    second one that uses the same caches; and `"resumed"` those of a run that was interrupted in its
    second epoch, and called again with the same `checkpoint_dir`.
    """
    import catdog

    function, model_name, arguments = CASES[case]
    caches: dict[str, Any] = {"cache_dir": scratch} if condition.way == "cached" else {}
    data = catdog.load_datasets(
        draw_images(images), image_size=IMAGE_SIZE, seed=condition.seed, **caches
    )
    if function == "train_head":
        arguments = {**arguments, **caches}
    if condition.way == "resumed":
        arguments = {**arguments, "checkpoint_dir": scratch, "callbacks": [interruption()]}
    for _ in range(1 if condition.way in ("plain", "deterministic") else 2):
        model = catdog.build_model(model_name, image_size=IMAGE_SIZE, seed=condition.seed)
        try:
            history = getattr(catdog, function)(
                model, data, epochs=EPOCHS, verbose=0, **arguments
            ).history
        except KeyboardInterrupt:
            continue
    predictions = catdog.predict(model, data.paths("validation"), verbose=0)
    return {
        "losses": np.array([history["loss"], history["val_loss"]]),
        "weights": np.concatenate([np.ravel(weight) for weight in model.get_weights()]),
        "probabilities": np.stack([one.probabilities for one in predictions]),
    }


def interruption() -> Any:
    """Return a callback that interrupts the first run that reaches a second epoch."""
    import keras

    class Interruption(keras.callbacks.Callback):  # type: ignore[misc]  # keras ships no hints
        is_done = False

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            if epoch == 1 and not Interruption.is_done:
                Interruption.is_done = True
                raise KeyboardInterrupt

    return Interruption()


def draw_images(folder: Path) -> Path:
    """Copy a few of the drawn images into a folder, unless they are there; return the folder."""
    import catdog

    if not folder.exists():
        data = catdog.load_datasets("synthetic")
        labels, paths = data.labels("train"), np.array(data.paths("train"))
        for label, name in enumerate(data.class_names):
            (folder / name).mkdir(parents=True)
            for path in paths[labels == label][:IMAGES_PER_CLASS]:
                shutil.copy(path, folder / name)
    return folder


if __name__ == "__main__":
    main()
