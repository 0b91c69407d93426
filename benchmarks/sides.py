"""Run one side of a comparison of `run.py`, and print what its steps took as JSON.

    python benchmarks/sides.py predict-catdog FOLDER cnn

Each step is timed: elapsed time, and CPU time of all threads, which other work on the machine
hardly changes. The peak memory is that of the process. `run.py` starts each side in a new process;
the guard of the tests calls the functions. The sides of Keras are in `keras_sides.py`, since what
is imported first, catdog or TensorFlow, decides whether TensorFlow uses oneDNN.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from harness import STATUS, Record, peak_mib
from PIL import Image

from catdog import Datasets, build_model, load_datasets, predict, train, train_head
from catdog._utils.keras_cache import cached_path
from catdog.typing import Split

CLASS_NAMES = ("cats", "dogs")
IMAGE_SIZE = (160, 160)
SPLITS: tuple[Split, ...] = ("train", "validation")
REAL_IMAGES = "cats_and_dogs_filtered"
LARGE_SIZE = (3000, 4000)  # height and width; 12 megapixels, as phones have
PHOTO_SIZE = (375, 500)  # most of the real photos are of about this size

Steps = dict[str, Callable[[], object]]


def predict_with_catdog(folder: str, name: str) -> Steps:
    """Predict on a folder with catdog, for the first time in a process and again."""
    model = build_model(name, weights=None, seed=0)
    run = partial(predict, model, folder, class_names=CLASS_NAMES, verbose=0)
    return {"cold": run, "warm": run}


def train_with_catdog(source: str, _: str, name: str, epochs: str) -> Steps:
    """Scan a folder, load it, and train on it."""
    model = build_model(name, seed=0)

    def run() -> None:
        train(model, load_datasets(source), epochs=int(epochs), verbose=0)

    return {"train": run}


def train_only_the_head(source: str, cache_dir: str, name: str, epochs: str) -> Steps:
    """Train the head of a model on images that are loaded already."""
    data, model = load_datasets(source), build_model(name, seed=0)
    run = partial(train_head, model, data, epochs=int(epochs), cache_dir=cache_dir, verbose=0)
    return {"train": run}


def load_with_catdog(folder: str, cache_mib: str) -> Steps:
    """Scan a folder and read its images at 160 pixels; then read them again.

    Without a cache (`cache_mib` 0), the scan keeps no pixels for the first pass.
    """
    loaded: list[Datasets] = []

    def first() -> None:
        loaded.append(load_datasets(folder, image_size=IMAGE_SIZE, cache_mib=int(cache_mib)))
        again()

    def again() -> None:
        for split in loaded[0]:
            read(split)

    return {"first": first, "again": again}


def read(images: Iterable[object]) -> None:
    """Run over all batches."""
    for _ in images:
        pass


def link_photos(folder: str, count: str, depth: str) -> Steps:
    """Fill a folder with links to real photos, or with drawn ones if these are not in the cache.

    They are in a folder for each class, or all in `folder` if `depth` is "flat". The real photos
    repeat if there are too few.
    """
    photos = sorted(cached_path(f"datasets/{REAL_IMAGES}").rglob("*.jpg"))
    spread = photos[:: max(1, len(photos) // int(count))]  # of both classes, for a small folder
    for number in range(int(count)):
        path = _place(Path(folder), number, depth)
        if photos:
            path.symlink_to(spread[number % len(spread)])
        else:
            draw_photo(path, number, PHOTO_SIZE)
    return {}


def draw_large(folder: str, count: str) -> Steps:
    """Draw photos of 12 megapixels in two class folders."""
    for number in range(int(count)):
        draw_photo(_place(Path(folder), number, "classes"), number, LARGE_SIZE)
    return {}


def _place(folder: Path, number: int, depth: str) -> Path:
    """Return where a photo of a number is written; its folder is made."""
    parent = folder if depth == "flat" else folder / CLASS_NAMES[number % len(CLASS_NAMES)]
    parent.mkdir(parents=True, exist_ok=True)
    return parent / f"{number}.jpg"


def draw_photo(path: Path, number: int, size: tuple[int, int]) -> None:
    """Write a JPEG file of blurred noise, different for each number, with the noise of a sensor."""
    rng = np.random.default_rng(number)
    height, width = size
    blurred = Image.fromarray(rng.integers(0, 256, (30, 40, 3), dtype=np.uint8)).resize(
        (width, height), Image.Resampling.BILINEAR
    )
    noise = rng.integers(-6, 7, (height, width, 1), dtype=np.int16)
    pixels = np.clip(np.asarray(blurred, np.int16) + noise, 0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(path, quality=90)


def link_splits(source: str, root: str) -> Steps:
    """Link the training and validation images of catdog's split into class folders, for Keras."""
    data = load_datasets(source)
    for split in SPLITS:
        for name in data.class_names:
            Path(root, split, name).mkdir(parents=True)
        for number, (path, label) in enumerate(
            zip(data.paths(split), data.labels(split), strict=True)
        ):
            link = Path(root, split, data.class_names[label], f"{number}{path.suffix}")
            link.symlink_to(path)
    return {}


Sides = Mapping[str, Callable[..., Steps]]

SIDES: Sides = {
    "predict-catdog": predict_with_catdog,
    "train-catdog": train_with_catdog,
    "train-head": train_only_the_head,
    "load-catdog": load_with_catdog,
    "link-photos": link_photos,
    "draw-large": draw_large,
    "link-splits": link_splits,
}


def timed(task: Callable[[], object]) -> Record:
    """Return the elapsed time and the CPU time of a task, in seconds."""
    wall, cores = time.perf_counter(), time.process_time()
    task()
    return {"seconds": time.perf_counter() - wall, "cpu_seconds": time.process_time() - cores}


def run_side(side: Callable[..., Steps], *arguments: str) -> Record:
    """Return what each step of a side took; what is done before its first step is not timed."""
    measured: Record = {step: timed(task) for step, task in side(*arguments).items()}
    return measured | {"peak_mib": peak_mib() if STATUS.exists() else None}


def run_one(sides: Sides, about: str | None, arguments: Sequence[str] | None) -> None:
    """Run the side that the arguments name; `about` is the docstring of the script."""
    parser = argparse.ArgumentParser(description=(about or "").partition("\n")[0])
    parser.add_argument("side", choices=sides)
    parser.add_argument("arguments", nargs="*")
    options: Any = parser.parse_args(arguments)
    print(json.dumps(run_side(sides[options.side], *options.arguments)))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the script."""
    run_one(SIDES, __doc__, arguments)


if __name__ == "__main__":
    main()
