"""Measure how long passes over images last after their last batch, with AUTOTUNE and without.

    python benchmarks/pass_ends.py --out docs/results/pass_ends.json

The photos are real ones, or drawn ones if these are not in the cache of Keras.
"""

import argparse
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import keras
import tensorflow as tf
from harness import Record, new_record, summary, write_record
from sides import IMAGE_SIZE, link_photos

from catdog import load_datasets

PHOTOS, PASSES = 2000, 20
LATE_SECONDS = 0.005  # after the last batch


def time_pass(images: Iterable[object]) -> tuple[float, float]:
    """Return the seconds of a pass up to its last batch, and those up to its end."""
    begin = last = time.perf_counter()
    for _ in images:
        last = time.perf_counter()
    return last - begin, time.perf_counter() - begin


def pipelines(folder: str) -> dict[str, tf.data.Dataset]:
    """Return the pipelines that are compared, by their names."""
    listed = keras.utils.image_dataset_from_directory(folder, image_size=IMAGE_SIZE, verbose=False)
    not_tuned = tf.data.Options()
    not_tuned.autotune.enabled = False
    return {
        "`image_dataset_from_directory`": listed,
        "the same with `autotune.enabled = False`": listed.with_options(not_tuned),
        "`load_datasets(...).train`": load_datasets(
            folder,
            image_size=IMAGE_SIZE,
            validation_fraction=0.01,
            test_fraction=0.01,
            cache_mib=0,
        ).train,
    }


def measure(folder: str) -> list[Record]:
    """Run the passes of all pipelines in turn, after one of each that is not counted."""
    compared = pipelines(folder)
    for images in compared.values():
        time_pass(images)
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in compared}
    for _ in range(PASSES):
        for name, images in compared.items():
            times[name].append(time_pass(images))
    return [row_of(name, found) for name, found in times.items()]


def row_of(name: str, times: Sequence[tuple[float, float]]) -> Record:
    """Return the row of a pipeline."""
    waits = [end - last for last, end in times]
    row = {
        "pipeline": name,
        "late": sum(wait > LATE_SECONDS for wait in waits),
        "longest_wait": round(max(waits), 3),
        "last_batch": summary([last for last, _ in times]),
        "end": summary([end for _, end in times]),
    }
    print(row)
    return row


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, help="write the results here, as JSON")
    options = parser.parse_args(arguments)
    record = new_record(photos=PHOTOS, passes=PASSES, late_seconds=LATE_SECONDS)
    with tempfile.TemporaryDirectory() as folder:
        link_photos(folder, str(PHOTOS), "classes")
        write_record({**record, "rows": measure(folder)}, options.out)


if __name__ == "__main__":
    main()
