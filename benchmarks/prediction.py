"""What `predict` costs on a folder of photos, beside Keras: time and memory.

    python benchmarks/prediction.py --out docs/results/prediction.json

- time: `catdog.predict` on a folder, and `keras.Model.predict` over the same folder as
  `keras.utils.image_dataset_from_directory` serves it, with the same model, in turn
- memory: the peak of a process that predicts on few pictures, and of one that does on many

The real pictures are not downloaded: where Keras' cache lacks them, nothing is measured.
"""

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from itertools import cycle, islice
from pathlib import Path

import keras
from harness import (
    STATUS,
    Record,
    ask_python,
    new_record,
    peak_mib,
    spread,
    summary,
    time_in_turn,
    write_record,
)

from catdog import build_model
from catdog._keras_cache import cached_path
from catdog.prediction import predict

PARTS = ("time", "memory")
REAL_PICTURES = "cats_and_dogs_filtered"
CLASS_NAMES = ("cats", "dogs")
MODELS = ("cnn", "mobilenet_v2", "mobilenet_v2.linear")  # at their own sizes: 160, 160, 224 pixels
FILES = 2000
FEW, MANY = 200, 5000
RUNS = 2  # processes for each number of pictures; the highest peak counts
ALLOWANCE = 64  # MiB that the peak may grow from few pictures to many


def copy_pictures(folder: Path, count: int) -> Path:
    """Fill a folder with so many of the real pictures, over and over, as links."""
    folder.mkdir()
    pictures = sorted(cached_path(f"datasets/{REAL_PICTURES}").rglob("*.jpg"))
    for number, picture in enumerate(islice(cycle(pictures), count)):
        (folder / f"{number}.jpg").symlink_to(picture)
    return folder


def predict_with_catdog(model: keras.Model, folder: Path) -> None:
    """Predict on a folder."""
    predict(model, folder, class_names=CLASS_NAMES, verbose=0)


def predict_with_keras(model: keras.Model, folder: Path) -> None:
    """Predict on a folder as Keras' guides do."""
    pictures = keras.utils.image_dataset_from_directory(
        folder, labels=None, shuffle=False, image_size=model.input_shape[1:3], verbose=False
    )
    model.predict(pictures, verbose=0)


def measure_time(folder: Path, rounds: int) -> list[Record]:
    """Time both on one folder, for each model."""
    files = len(list(folder.iterdir()))
    print(f"\ntime, {files} photos, {rounds} rounds: ms a photo, median (range)")
    rows: list[Record] = []
    for name in MODELS:
        model = build_model(name, weights=None, seed=0)
        tasks = {"catdog": predict_with_catdog, "keras": predict_with_keras}
        timed = {task: partial(function, model, folder) for task, function in tasks.items()}
        seconds = time_in_turn(timed, rounds)
        each = {task: [1000 * value / files for value in seconds[task]] for task in tasks}
        ratios = [a / b for a, b in zip(seconds["catdog"], seconds["keras"], strict=True)]
        met = statistics.median(ratios) <= 1
        rows.append(
            {
                "model": name,
                "image_size": model.input_shape[1:3],
                "files": files,
                "rounds": rounds,
                "ms_per_photo": {task: summary(values) for task, values in each.items()},
                "catdog_to_keras": {**summary(ratios), "bar": 1, "met": met},
            }
        )
        print(
            f"  {name:20} catdog {spread(each['catdog'])}, keras {spread(each['keras'])}, "
            f"ratio {spread(ratios)}: {verdict(met)}"
        )
    return rows


def measure_memory(few: Path, many: Path) -> Record:
    """Compare the peaks of processes that predict on few and on many pictures."""
    peaks = {
        len(list(folder.iterdir())): max(
            ask_python(__file__, "--predict", folder) for _ in range(RUNS)
        )
        for folder in (few, many)
    }
    small, large = peaks.values()
    met = large - small <= ALLOWANCE
    print(f"\nmemory, {MODELS[0]}, MiB; the highest of {RUNS} peaks")
    for count, peak in peaks.items():
        print(f"  {count:6} photos  {peak:6}")
    print(f"  {large - small} more; at most {ALLOWANCE}: {verdict(met)}")
    return {"unit": "MiB", "peaks": peaks, "allowance": ALLOWANCE, "met": met}


def predict_and_report(folder: Path) -> None:
    """Predict on a folder; print the peak of the memory."""
    predict_with_catdog(build_model(MODELS[0], weights=None, seed=0), folder)
    print(json.dumps(peak_mib()))


def verdict(met: bool) -> str:
    """Say whether a bar was met."""
    return "met" if met else "NOT MET"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--rounds", type=int, default=5, help="timings of each model")
    parser.add_argument("--out", type=Path, help="write the results here, as JSON")
    parser.add_argument("--predict", type=Path, help=argparse.SUPPRESS)  # for processes of its own
    options = parser.parse_args(arguments)
    if options.predict:
        predict_and_report(options.predict)
        return
    if not cached_path(f"datasets/{REAL_PICTURES}").is_dir():
        sys.exit(f"{REAL_PICTURES} is not in Keras' cache. load_datasets() downloads it.")

    record = new_record()
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        results: Record = {}
        if "time" in options.only:
            results["time"] = measure_time(copy_pictures(root / "timed", FILES), options.rounds)
        if "memory" in options.only and STATUS.exists():
            folders = copy_pictures(root / "few", FEW), copy_pictures(root / "many", MANY)
            results["memory"] = measure_memory(*folders)
        elif "memory" in options.only:
            print(f"\nmemory: skipped, it is read from {STATUS}, which Linux has")
    write_record({**record, "results": results}, options.out)


if __name__ == "__main__":
    main()
