"""Measure epochs over more images than the memory limit, with and without `cache_dir`.

    python benchmarks/cache_dir.py --only time --out docs/results/cache_dir.json
    python benchmarks/cache_dir.py --only memory --out docs/results/cache_dir_memory.json

- time: later epochs over the training and validation images of a folder of drawn photos. Every
  round reads one epoch with images decoded again, one from `cache_dir`, and one with all images in
  memory. The system keeps files in memory that is free, so the disk itself is not measured.
- memory: the peak memory of a process while it reads two epochs, after the scan, beyond that of a
  process with few images. Mapped files would count, what the system keeps of files does not.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
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
from loading import ALLOWANCE, CLASS_NAMES, FLOOR_FILES, IMAGE_SIZE, verdict
from PIL import Image

from catdog import Datasets, feature_cache_size, load_datasets

PARTS = ("time", "memory")
PHOTOS = 20_000
PHOTO_SIZE = (375, 500)  # height and width; most of the real photos are of about this size
LIMIT_MIB = 256
LARGE_LIMIT_MIB = 4096  # of the memory for all images
RESET_PEAK = Path("/proc/self/clear_refs")
BAR = 3.0  # an epoch from `cache_dir` is at least so many times faster than decoding again
CLOCKS = ("seconds", "cpu_seconds")


def draw_photos(folder: Path, count: int, size: tuple[int, int]) -> Path:
    """Write JPEG files of blurred noise, all different, in two classes; return the folder."""
    height, width = size
    for name in CLASS_NAMES:
        (folder / name).mkdir(parents=True)

    def draw(number: int) -> None:
        rng = np.random.default_rng(number)
        noise = Image.fromarray(rng.integers(0, 256, (30, 40, 3), dtype=np.uint8))
        path = folder / CLASS_NAMES[number % len(CLASS_NAMES)] / f"{number}.jpg"
        noise.resize((width, height), Image.Resampling.BILINEAR).save(path, quality=90)

    with ThreadPoolExecutor() as pool:
        list(pool.map(draw, range(count)))
    return folder


def epoch(data: Datasets) -> int:
    """Read the batches of one epoch of a training; return the number of images."""
    return sum(len(labels) for part in (data.train, data.validation) for _, labels in part)


def timed_epoch(data: Datasets) -> dict[str, float]:
    """Return the time of one epoch, by the clock and of all processor cores."""
    wall, cpu = time.perf_counter(), time.process_time()
    epoch(data)
    return dict(zip(CLOCKS, (time.perf_counter() - wall, time.process_time() - cpu), strict=True))


def measure_time(folder: Path, cache_dir: Path, rounds: int) -> Record:
    """Time a first epoch of each kind, then later ones in turn."""
    load = partial(load_datasets, folder, image_size=IMAGE_SIZE)
    kinds = {
        "decoded": load(cache_mib=LIMIT_MIB),
        "cache_dir": load(cache_mib=LIMIT_MIB, cache_dir=cache_dir),
        "memory": load(cache_mib=LARGE_LIMIT_MIB),
    }
    first = {name: timed_epoch(data) for name, data in kinds.items()}
    later: dict[str, list[dict[str, float]]] = {name: [] for name in kinds}
    for _ in range(rounds):
        for name, data in kinds.items():
            later[name].append(timed_epoch(data))
    record: Record = {"rounds": rounds, "images": epoch(kinds["memory"]), "rows": []}
    print(f"\nepochs of {record['images']} images, {rounds} rounds: seconds, CPU seconds")
    for name, epochs in later.items():
        later_times = " ".join(f"{spread([each[clock] for each in epochs]):24}" for clock in CLOCKS)
        print(f"  {name:10} {later_times}; first epoch {first[name]}")
        row: Record = {"images_from": name}
        for clock in CLOCKS:
            row[f"first_{clock}"] = round(first[name][clock], 2)
            row[clock] = summary([each[clock] for each in epochs])
        record["rows"].append(row)
    record["times_faster"] = times_faster(later["decoded"], later["cache_dir"])
    return record


def times_faster(slow: Sequence[dict[str, float]], fast: Sequence[dict[str, float]]) -> Record:
    """Return how many times faster one kind of epoch is than another, by each clock."""
    found: Record = {"bar": BAR}
    for clock in CLOCKS:
        ratios = [one[clock] / other[clock] for one, other in zip(slow, fast, strict=True)]
        met = statistics.median(ratios) >= BAR
        found[clock] = {**summary(ratios, 2), "met": met}
        print(f"  {clock}: {spread(ratios)} times faster; at least {BAR:g}: {verdict(met)}")
    return found


def measure_memory(folder: Path, small: Path, cache_dir: Path) -> list[Record]:
    """Return the peak memory of processes that read two epochs, each of another kind."""

    def read(folder: Path, limit: int, *options: Path) -> int:
        peak: int = ask_python(__file__, "--read", folder, limit, *options)
        return peak

    floor = read(small, 0)
    print(f"\npeak memory in MiB, beyond {floor}: {FLOOR_FILES} images and no cache")
    rows = []
    for name, limit, options in (
        ("decoded", LIMIT_MIB, ()),
        ("cache_dir, new", LIMIT_MIB, (cache_dir,)),
        ("cache_dir, filled", LIMIT_MIB, (cache_dir,)),
        ("cache_dir, filled", 0, (cache_dir,)),
    ):
        peak = read(folder, limit, *options)
        met = peak - floor <= limit + ALLOWANCE
        row = {"images_from": name, "cache_mib": limit, "peak": peak, "above_floor": peak - floor}
        rows.append({**row, "allowance": ALLOWANCE, "met": met})
        print(f"  {name}, limit {limit}: {peak - floor}; within allowance: {verdict(met)}")
    return rows


def read_and_report(folder: str, cache_mib: str, cache_dir: str | None = None) -> None:
    """Read two epochs, and print the peak memory."""
    data = load_datasets(
        folder, image_size=IMAGE_SIZE, cache_mib=int(cache_mib), cache_dir=cache_dir
    )
    RESET_PEAK.write_text("5")  # the scan has a peak of its own, which `loading.py` measures
    for _ in range(2):
        epoch(data)
    print(json.dumps(peak_mib()))


def measure(part: str, photos: int, size: tuple[int, int], rounds: int) -> Record:
    """Draw the photos, and take one of the measurements."""
    with tempfile.TemporaryDirectory() as root:
        folder = draw_photos(Path(root) / "photos", photos, size)
        cache_dir = Path(root) / "cache"
        if part == "time":
            found = measure_time(folder, cache_dir, rounds)
            return {**found, "cache_mib_on_disk": feature_cache_size(cache_dir) // 2**20}
        small = draw_photos(Path(root) / "small", FLOOR_FILES, size)
        return {"rows": measure_memory(folder, small, cache_dir)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", choices=PARTS, default="time", help="default: %(default)s")
    parser.add_argument("--photos", type=int, default=PHOTOS, help="default: %(default)s")
    parser.add_argument(
        "--photo-size", type=int, nargs=2, default=PHOTO_SIZE, help="height and width in pixels"
    )
    parser.add_argument("--rounds", type=int, default=5, help="epochs of each kind")
    parser.add_argument("--out", type=Path, help="write the results here, as JSON")
    parser.add_argument("--read", nargs="+", help=argparse.SUPPRESS)  # internal
    options: Any = parser.parse_args(arguments)
    if options.read:
        read_and_report(*options.read)
        return
    if options.only == "memory" and not STATUS.exists():
        parser.error(f"the memory is read from {STATUS}, which Linux has")
    facts = {"photos": options.photos, "photo_size": list(options.photo_size)}
    record = new_record(**facts, image_size=list(IMAGE_SIZE), cache_mib=LIMIT_MIB)
    record["results"] = measure(
        options.only, options.photos, tuple(options.photo_size), options.rounds
    )
    write_record(record, options.out)


if __name__ == "__main__":
    main()
