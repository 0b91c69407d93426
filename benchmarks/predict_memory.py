"""Compare `predict` with Keras on a folder of photos: time and memory.

    python benchmarks/prediction.py --out docs/results/prediction.json

- time: `catdog.predict` on a folder, and `keras.Model.predict` on the same folder, loaded by
  `keras.utils.image_dataset_from_directory`, with the same model, alternating
- memory: the peak of a process that predicts on many images, and of one that predicts on more

The real images are not downloaded: if they are not in the cache of Keras, nothing is measured.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import NamedTuple

import keras
from harness import (
    STATUS,
    Record,
    ask_python,
    new_record,
    peak_mib,
    spread,
    summary,
    write_record,
)

from catdog import build_model, predict
from catdog._utils.keras_cache import cached_path

PARTS = ("time", "memory")
REAL_IMAGES = "cats_and_dogs_filtered"
CLASS_NAMES = ("cats", "dogs")
MODELS = ("cnn", "compact", "mobilenet_v2")  # at their default sizes: 160, 128, 160 pixels
FEW, MANY, MORE = 300, 2000, 5000  # predict compiles the model for 1000 images or more
RUNS = 2  # processes for each number of images; the highest peak counts
ALLOWANCE = 64  # MiB; the peak may grow by this much


def copy_images(folder: Path, count: int) -> Path:
    """Fill a folder with `count` links to the real images, which repeat if needed."""
    folder.mkdir()
    images = sorted(cached_path(f"datasets/{REAL_IMAGES}").rglob("*.jpg"))
    for number, image in enumerate(islice(cycle(images), count)):
        (folder / f"{number}.jpg").symlink_to(image)
    return folder


def predict_with_catdog(model: keras.Model, folder: Path) -> None:
    """Predict on a folder with catdog."""
    predict(model, folder, class_names=CLASS_NAMES, verbose=0)


def predict_with_keras(model: keras.Model, folder: Path) -> None:
    """Predict on a folder with Keras, as its guides do."""
    images = keras.utils.image_dataset_from_directory(
        folder, labels=None, shuffle=False, image_size=model.input_shape[1:3], verbose=False
    )
    model.predict(images, verbose=0)


TASKS = {"catdog": predict_with_catdog, "keras": predict_with_keras}


def measure_time(folder: Path, rounds: int) -> list[Record]:
    """Time both on one folder, for each model, after a warm-up round that is not counted."""
    files = len(list(folder.iterdir()))
    print(
        f"\n{files} photos, {rounds} rounds: ms per photo, and CPU ms of all cores, median (range)"
    )
    rows: list[Record] = []
    for name in MODELS:
        model = build_model(name, weights=None, seed=0)
        times: dict[str, list[Times]] = {task: [] for task in TASKS}
        for number in range(rounds + 1):
            for task, function in TASKS.items():
                measured = time_once(partial(function, model, folder), files)
                if number > 0:
                    times[task].append(measured)
        row: Record = {"model": name, "image_size": model.input_shape[1:3], "files": files}
        for task, (wall, cores) in columns(times).items():
            row[task] = {"ms_per_photo": summary(wall), "core_ms_per_photo": summary(cores)}
            print(f"  {name:20} {task:6}  {spread(wall)}  {spread(cores)}")
        ratios = [
            catdog_time.wall / keras_time.wall
            for catdog_time, keras_time in zip(times["catdog"], times["keras"], strict=True)
        ]
        met = statistics.median(ratios) <= 1
        row["catdog_to_keras"] = {**summary(ratios), "bar": 1, "met": met}
        print(f"  {name:20} ratio   {spread(ratios)}; at most 1: {verdict(met)}")
        rows.append(row)
    return rows


class Times(NamedTuple):
    """Milliseconds per photo: elapsed time, and CPU time of all cores."""

    wall: float
    cores: float


def time_once(task: Callable[[], object], photos: int) -> Times:
    """Time a task; other work on the machine changes the elapsed time, hardly the CPU time."""
    wall, cores = time.perf_counter(), time.process_time()
    task()
    return Times(
        1000 * (time.perf_counter() - wall) / photos, 1000 * (time.process_time() - cores) / photos
    )


def columns(times: Mapping[str, Sequence[Times]]) -> dict[str, tuple[list[float], list[float]]]:
    """Return the times of each task as two lists."""
    return {
        task: ([each.wall for each in every], [each.cores for each in every])
        for task, every in times.items()
    }


def measure_memory(many: Path, more: Path) -> Record:
    """Compare the peak memory of processes that predict on many images and on more."""
    peaks = {
        len(list(folder.iterdir())): max(
            ask_python(__file__, "--predict", folder) for _ in range(RUNS)
        )
        for folder in (many, more)
    }
    small, large = peaks.values()
    met = large - small <= ALLOWANCE
    print(f"\nmemory, {MODELS[0]}, MiB; the highest of {RUNS} peaks")
    for count, peak in peaks.items():
        print(f"  {count:6} photos  {peak:6}")
    print(f"  {large - small} more; at most {ALLOWANCE}: {verdict(met)}")
    return {"unit": "MiB", "peaks": peaks, "allowance": ALLOWANCE, "met": met}


def predict_and_report(folder: Path) -> None:
    """Predict on a folder; print the peak memory."""
    predict_with_catdog(build_model(MODELS[0], weights=None, seed=0), folder)
    print(json.dumps(peak_mib()))


def verdict(met: bool) -> str:
    """Return whether a limit was met, in words."""
    return "met" if met else "NOT MET"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--rounds", type=int, default=3, help="timed runs of each model")
    parser.add_argument("--out", type=Path, help="write the results here, as JSON")
    parser.add_argument("--predict", type=Path, help=argparse.SUPPRESS)  # internal
    options = parser.parse_args(arguments)
    if options.predict:
        predict_and_report(options.predict)
        return
    if not cached_path(f"datasets/{REAL_IMAGES}").is_dir():
        sys.exit(f"{REAL_IMAGES} is not in Keras' cache. load_datasets() downloads it.")

    record = new_record()
    with tempfile.TemporaryDirectory() as scratch:
        few, many, more = (
            copy_images(Path(scratch, str(count)), count) for count in (FEW, MANY, MORE)
        )
        results: Record = {}
        if "time" in options.only:
            results["rounds"] = options.rounds
            results["time"] = [
                row for folder in (few, more) for row in measure_time(folder, options.rounds)
            ]
        if "memory" in options.only and STATUS.exists():
            results["memory"] = measure_memory(many, more)
        elif "memory" in options.only:
            print(f"\nmemory: skipped, it is read from {STATUS}, which Linux has")
    write_record({**record, "results": results}, options.out)


if __name__ == "__main__":
    main()
