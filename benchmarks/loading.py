"""What loading images costs: the time of the scan, how it grows, and the memory of training.

    python benchmarks/loading.py --out docs/results/loading.json

- scan: looking at the 3000 real images, beside merely decoding them, as every pass over them does
- linear: looking at folders of more and more images, drawn for this
- memory: how far training from the largest of these folders goes beyond its budget, `cache_mib`

The real images are not downloaded: where Keras' cache lacks them, that part is skipped.
"""

import argparse
import json
import os
import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
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
from PIL import Image

from catdog import load_datasets, scan_images, train
from catdog._utils.keras_cache import cached_path

PARTS = ("scan", "linear", "memory")
REAL_IMAGES = "cats_and_dogs_filtered"
BAR = 1.5  # plain decodes that a scan may cost
SIZES = (1250, 2500, 5000, 10000, 20000)  # files in the folders drawn
CLASS_NAMES = ("cats", "dogs")
IMAGE_SIZE = (160, 160)
BUDGETS = (0, 256, 1024)  # MiB; training and validation images (80 % of 20000) would take 1172
FLOOR_FILES = 200
RUNS = 2  # processes for each budget; the highest peak counts, and the lowest floor
# What a process may take beyond the floor and its budget, in MiB: the paths and hashes of 20000
# images (40), the batches that tf.data holds ready (9 each; it decides how many), and the holes
# that thousands of kept images leave in the heap (up to a tenth of the budget).
ALLOWANCE = 192


def measure_scan(rounds: int) -> Record:
    """Time the scan of the real images and two plain decodes of them, in turn."""
    paths = sorted(real_folder().rglob("*.jpg"))
    seconds = time_in_turn(
        {
            "scan": partial(scan_images, REAL_IMAGES),
            "tensorflow": partial(decode_with_tensorflow, paths),
            "pillow": partial(decode_with_pillow, paths),
        },
        rounds,
    )
    print(f"\nscan of {len(paths)} real images, {rounds} rounds: seconds, median (range)")
    for name, times in seconds.items():
        print(f"  {name:12}  {spread(times)}")
    record: Record = {"files": len(paths), "rounds": rounds}
    record["seconds"] = {name: summary(times) for name, times in seconds.items()}
    for name in ("tensorflow", "pillow"):
        ratios = [scan / plain for scan, plain in zip(seconds["scan"], seconds[name], strict=True)]
        met = statistics.median(ratios) <= BAR
        record[f"scan_to_{name}"] = {**summary(ratios), "bar": BAR, "met": met}
        print(f"  scan is {spread(ratios)} decodes with {name}; at most {BAR}: {verdict(met)}")
    return record


def real_folder() -> Path:
    """Return where the real images are, if they are."""
    return cached_path(f"datasets/{REAL_IMAGES}")


def decode_with_tensorflow(paths: Sequence[Path]) -> None:
    """Decode images as `keras.utils.image_dataset_from_directory` does, without resizing."""

    def decode(path: Any) -> Any:
        return tf.io.decode_image(tf.io.read_file(path), channels=3, expand_animations=False)

    names = tf.data.Dataset.from_tensor_slices([str(path) for path in paths])
    for _ in names.map(decode, num_parallel_calls=tf.data.AUTOTUNE):
        pass


def decode_with_pillow(paths: Sequence[Path]) -> None:
    """Decode images with Pillow on all cores."""

    def decode(path: Path) -> None:
        with Image.open(path) as image:
            image.convert("RGB")

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(decode, paths):
            pass


def measure_growth(folders: Mapping[int, Path], rounds: int) -> Record:
    """Time the scan of folders of several sizes in turn, and loading the largest."""
    largest = max(folders)
    tasks: dict[str, Callable[[], object]] = {
        str(size): partial(scan_images, folder) for size, folder in folders.items()
    }
    tasks["load_datasets"] = partial(load_datasets, folders[largest])
    seconds = time_in_turn(tasks, rounds)
    print(f"\ngrowth of the scan, {rounds} rounds: seconds per 1000 files, median (range)")
    rows: list[Record] = []
    for size in folders:
        per_1000 = [each / size * 1000 for each in seconds[str(size)]]
        rows.append({"files": size, "seconds_per_1000": summary(per_1000)})
        print(f"  {size:6} files  {spread(per_1000)}")
    medians = [row["seconds_per_1000"]["median"] for row in rows]
    ratio = round(max(medians) / min(medians), 2)
    print(f"  the largest of these is {ratio} times the smallest")
    loading = seconds["load_datasets"]
    print(f"  load_datasets (scan and split) of {largest} files: {spread(loading)} seconds")
    return {
        "rounds": rounds,
        "rows": rows,
        "largest_to_smallest": ratio,
        "load_datasets": {"files": largest, "seconds": summary(loading)},
    }


def draw_folders(root: Path, sizes: Sequence[int]) -> dict[int, Path]:
    """Write folders of small noisy JPEGs, all different; the same files in each, as hard links."""
    rng = np.random.default_rng(0)
    folders = {size: root / str(size) for size in sizes}
    for folder in folders.values():
        for name in CLASS_NAMES:
            (folder / name).mkdir(parents=True)
    for number in range(max(sizes)):
        name = f"{CLASS_NAMES[number % len(CLASS_NAMES)]}/{number}.jpg"
        first, *others = (folder / name for size, folder in folders.items() if number < size)
        noise = rng.integers(0, 256, (30, 40, 3), dtype=np.uint8)
        Image.fromarray(noise).resize((160, 120), Image.Resampling.BILINEAR).save(first)
        for other in others:
            other.hardlink_to(first)
    return folders


def measure_memory(folder: Path, small: Path) -> Record:
    """Train from a folder with several budgets, each time in a process of its own."""
    floors = [train_elsewhere(small, 0) for _ in range(RUNS)]
    floor = min(each["peak"] for each in floors)
    print(f"\nmemory of training, MiB; the highest of {RUNS} peaks")
    print(f"  floor {floor}: {FLOOR_FILES} images and no budget; allowance {ALLOWANCE}")
    print("  budget  before training    peak  above floor  beyond budget  within allowance")
    rows = []
    for budget in BUDGETS:
        runs = [train_elsewhere(folder, budget) for _ in range(RUNS)]
        before, peak = (max(each[when] for each in runs) for when in ("before", "peak"))
        above = peak - floor
        met = above <= budget + ALLOWANCE
        rows.append({"cache_mib": budget, "runs": runs, "above_floor": above, "met": met})
        beyond = above - budget
        print(f"  {budget:6}  {before:15}  {peak:6}  {above:11}  {beyond:13}  {verdict(met):>16}")
    return {"unit": "MiB", "floor_runs": floors, "allowance": ALLOWANCE, "rows": rows}


def train_elsewhere(folder: Path, cache_mib: int) -> dict[str, int]:
    """Run `train_and_report` in a new process and return what it says."""
    answer: dict[str, int] = ask_python(__file__, "--train", folder, cache_mib)
    return answer


def train_and_report(folder: Path, cache_mib: int) -> None:
    """Train a tiny model for an epoch; print the peak of the memory before it and at the end."""
    data = load_datasets(folder, image_size=IMAGE_SIZE, cache_mib=cache_mib)
    layers = [
        keras.Input((*IMAGE_SIZE, 3)),
        keras.layers.AveragePooling2D(16),
        keras.layers.Flatten(),
        keras.layers.Dense(len(CLASS_NAMES)),
    ]
    model = keras.Sequential(layers)
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    before = peak_mib()
    train(model, data, epochs=1, verbose=0)
    print(json.dumps({"before": before, "peak": peak_mib()}))


def verdict(met: bool) -> str:
    """Say whether a bar was met."""
    return "met" if met else "NOT MET"


def measure(parts: Sequence[str], sizes: Sequence[int], rounds: int) -> Record:
    """Take the measurements that were asked for and can be taken here."""
    results: Record = {}
    if "scan" in parts and real_folder().is_dir():
        results["scan"] = measure_scan(3 * rounds)  # they are short, and a machine has its moods
    elif "scan" in parts:
        print(f"\nscan: skipped, {REAL_IMAGES} is not in Keras' cache")
    if parts == ["scan"]:
        return results
    with tempfile.TemporaryDirectory() as root:
        folders = draw_folders(Path(root), (FLOOR_FILES, *sizes))
        if "linear" in parts:
            grown = {size: folders[size] for size in sizes}
            results["linear"] = measure_growth(grown, rounds)
        if "memory" in parts and STATUS.exists():
            results["memory"] = measure_memory(folders[max(sizes)], folders[FLOOR_FILES])
        elif "memory" in parts:
            print(f"\nmemory: skipped, it is read from {STATUS}, which Linux has")
    return results


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="files in the folders")
    parser.add_argument(
        "--rounds", type=int, default=5, help="timings of each folder; scan: 3 times that"
    )
    parser.add_argument("--out", type=Path, help="write the results here, as JSON")
    parser.add_argument("--train", nargs=2, help=argparse.SUPPRESS)  # for processes of its own
    options = parser.parse_args(arguments)
    if options.train:
        folder, cache_mib = options.train
        train_and_report(Path(folder), int(cache_mib))
        return

    record = new_record()
    record["results"] = measure(options.only, options.sizes, options.rounds)
    write_record(record, options.out)


if __name__ == "__main__":
    main()
