"""Compare `train` with the training loop of the blog posts, on their small networks.

    python benchmarks/against_keras.py --out docs/results/against_keras.json

- training: the same model on the same training and validation images, each time in a new process.
  The two loops alternate, and their order changes from round to round. The first epoch starts with
  the folder of images, so it includes the loading. CPU time is that of all threads; other work on
  the machine hardly changes it. Memory is the peak of the process, on Linux only.
- import: `import catdog` and `import keras`, each in a new process.

The loop of the blog posts calls `image_dataset_from_directory`, shuffled, `prefetch`, and `fit`.
Before both loops, Keras is imported first, so that TensorFlow uses oneDNN for both or for none.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from harness import STATUS, Record, ask_python, new_record, peak_mib, spread, summary, write_record
from keras_sides import batches
from numpy.typing import NDArray
from sides import SPLITS, link_splits

from catdog import build_model, list_models, load_datasets, train

LOOPS = ("posts", "catdog")
IMPORTED = ("keras", "catdog")
IMPORT_AND_PRINT_SECONDS = """
import time
begin = time.perf_counter()
import {}
print(time.perf_counter() - begin)
"""


def measure_training(name: str, folder: Path, options: argparse.Namespace) -> Record:
    """Train a model with both loops, alternating."""
    found: dict[str, list[Record]] = {loop: [] for loop in LOOPS}
    for number in range(options.rounds):
        for loop in LOOPS[:: -1 if number % 2 else 1]:
            arguments = ["--loop", loop, str(folder), "--models", name, "--data", options.data]
            found[loop].append(ask_python(__file__, *arguments, "--epochs", options.epochs))
    faster = times_faster(found["posts"], found["catdog"])
    print(f"\n{name}")
    for loop, runs in found.items():
        for run in runs:
            print(f"  {loop:7} {run}")
    for what, figures in faster.items():
        print("  train is {median} ({min} to {max}) times faster: ".format(**figures) + what)
    return {"model": name, "runs": found, "times_faster": faster}


def times_faster(posts: Sequence[Record], ours: Sequence[Record]) -> dict[str, dict[str, float]]:
    """Return the time of the blog posts' loop divided by that of `train`, round by round."""
    pairs = list(zip(posts, ours, strict=True))
    return {
        what: summary([post[what] / our[what] for post, our in pairs])
        for what in ("first", "later", "first_cpu", "later_cpu")
    }


def train_by(loop: str, folder: Path, name: str, *, data: str, epochs: int) -> Record:
    """Train a model with one loop, in this process."""
    model = build_model(name, seed=0)
    begin, ends = clocks(), []
    watch = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: ends.append(clocks()))
    if loop == "catdog":
        train(model, load_datasets(data), epochs=epochs, callbacks=[watch], verbose=0)
    else:
        training, validation = (batches(folder / split) for split in SPLITS)
        model.fit(
            training,
            validation_data=validation,
            epochs=epochs,
            callbacks=[watch],
            verbose=0,
            shuffle=False,  # the dataset shuffles; Keras warns if both do
        )
    first, later = ends[0] - begin, (ends[-1] - ends[0]) / (epochs - 1)
    names = ("first", "first_cpu", "later", "later_cpu")
    run: Record = dict(zip(names, np.round([*first, *later], 2).tolist(), strict=True))
    return run | {"peak_mib": peak_mib() if STATUS.exists() else None}


def clocks() -> NDArray[np.float64]:
    """Return elapsed time and CPU time of this process, in seconds since an arbitrary start."""
    return np.array([time.perf_counter(), time.process_time()])


def measure_imports(rounds: int) -> Record:
    """Time imports in new processes, alternating, after a warm-up round that is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in IMPORTED}
    for number in range(rounds + 1):
        for name in IMPORTED:
            found = ask_python("-c", IMPORT_AND_PRINT_SECONDS.format(name))
            if number > 0:
                seconds[name].append(found)
    print("\nseconds of an import")
    for name, times in seconds.items():
        print(f"  {name:7} {spread(times)}")
    return {name: summary(times) for name, times in seconds.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the script."""
    networks = [name for name in list_models() if name.startswith("cnn")]
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--models", nargs="+", choices=networks, default=networks)
    parser.add_argument("--data", default="cats_and_dogs_filtered", help="data set or folder")
    parser.add_argument("--epochs", type=int, default=3, help="at least 2")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--imports", type=int, default=7, help="rounds of timed imports")
    parser.add_argument("--out", type=Path, help="write the results here, as JSON")
    parser.add_argument("--loop", nargs=2, help=argparse.SUPPRESS)  # internal
    options = parser.parse_args(arguments)
    if options.loop:
        loop, folder = options.loop
        (name,) = options.models
        run = train_by(loop, Path(folder), name, data=options.data, epochs=options.epochs)
        print(json.dumps(run))
        return

    record = new_record(data=options.data, epochs=options.epochs, rounds=options.rounds)
    with tempfile.TemporaryDirectory() as folder:
        link_splits(options.data, folder)
        record["rows"] = [measure_training(name, Path(folder), options) for name in options.models]
    record["imports"] = measure_imports(options.imports)
    write_record(record, options.out)


if __name__ == "__main__":
    main()
