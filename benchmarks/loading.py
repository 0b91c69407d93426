"""Measure the time of the scan, its growth with the number of files, and the memory of training.

    python benchmarks/loading.py --out docs/results/loading.json

- scan: the scan of the 3000 real images, compared with decoding them only
- linear: the scan of drawn folders with more and more images
- memory: the memory of training on the largest of these folders, beyond its cache limit `cache_mib`

The real images are not downloaded: that part is skipped if they are not in the cache of Keras.
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
BAR = 1.5  # a scan may take this many times as long as decoding
SIZES = (1250, 2500, 5000, 10000, 20000)  # files in the folders drawn
CLASS_NAMES = ("cats", "dogs")
IMAGE_SIZE = (160, 160)
CACHE_LIMITS = (0, 256, 1024)  # MiB; training and validation images (80 % of 20000) would take 1172
FLOOR_FILES = 200
RUNS = 2  # processes for each limit; the highest peak counts, and the lowest floor
# Memory that a process may take beyond the floor and its cache limit, in MiB: the paths and hashes
# of 20000 images (40), the batches that tf.data prefetches (9 each; it decides how many), and the
# gaps that thousands of cached images leave in the heap (up to a tenth of the limit).
ALLOWANCE = 192


def measure_scan(rounds: int) -> Record:
    """Time the scan of the real images and two ways of decoding them, alternating."""
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
        print(f"  scan / decoding with {name}: {spread(ratios)}; at most {BAR}: {verdict(met)}")
    return record


def real_folder() -> Path:
    """Return the folder of the real images, which may not exist."""
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
    """Time the scan of folders of several sizes, and loading the largest, alternating."""
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
    print(f"  the highest of these is {ratio} times the lowest")
    loading = seconds["load_datasets"]
    print(f"  load_datasets (scan and split) of {largest} files: {spread(loading)} seconds")
    return {
        "rounds": rounds,
        "rows": rows,
        "largest_to_smallest": ratio,
        "load_datasets": {"files": largest, "seconds": summary(loading)},
    }


def draw_folders(root: Path, sizes: Sequence[int]) -> dict[int, Path]:
    """Write folders of small noisy JPEGs, all different; the folders share files by hard links."""
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
    """Train on a folder with several cache limits, each time in a new process."""
    floors = [train_in_new_process(small, 0) for _ in range(RUNS)]
    floor = min(each["peak"] for each in floors)
    print(f"\nmemory of training, MiB; the highest of {RUNS} peaks")
    print(f"  floor {floor}: {FLOOR_FILES} images and no cache; allowance {ALLOWANCE}")
    print("   limit  before training    peak  above floor   beyond limit  within allowance")
    rows = []
    for limit in CACHE_LIMITS:
        runs = [train_in_new_process(folder, limit) for _ in range(RUNS)]
        before, peak = (max(each[when] for each in runs) for when in ("before", "peak"))
        above = peak - floor
        met = above <= limit + ALLOWANCE
        rows.append({"cache_mib": limit, "runs": runs, "above_floor": above, "met": met})
        beyond = above - limit
        print(f"  {limit:6}  {before:15}  {peak:6}  {above:11}  {beyond:13}  {verdict(met):>16}")
    return {"unit": "MiB", "floor_runs": floors, "allowance": ALLOWANCE, "rows": rows}


def train_in_new_process(folder: Path, cache_mib: int) -> dict[str, int]:
    """Run `train_and_report` in a new process and return its figures."""
    answer: dict[str, int] = ask_python(__file__, "--train", folder, cache_mib)
    return answer


def train_and_report(folder: Path, cache_mib: int) -> None:
    """Train a tiny model for an epoch; print the peak memory before it and at the end."""
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
    """Return whether a limit was met, in words."""
    return "met" if met else "NOT MET"


def measure(parts: Sequence[str], sizes: Sequence[int], rounds: int) -> Record:
    """Take the selected measurements that are possible on this machine."""
    results: Record = {}
    if "scan" in parts and real_folder().is_dir():
        results["scan"] = measure_scan(3 * rounds)  # they are short, so their times vary more
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
    parser.add_argument("--train", nargs=2, help=argparse.SUPPRESS)  # internal
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
