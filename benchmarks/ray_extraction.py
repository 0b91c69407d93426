"""Measure feature extraction by several processes of Ray, by images and by processes.

    python benchmarks/ray_extraction.py --out docs/results/ray_extraction.json

- runs: seconds from the call to the last file, of processes that have one core each, as machines of
  one core would have. Images, features and model are on one disk. Every run begins without files.
- single: the same images in one process with all cores, without Ray, by `extract_features`
- stages: CPU milliseconds per image to read, to decode, and to run the backbone, without Ray

The images are drawn photos of the size of the real ones, the backbone is that of the zoo with
ImageNet weights. Needs the packages of `pip install ".[ray]"`.
"""

import argparse
import importlib.metadata
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from cache_dir import PHOTO_SIZE, draw_photos
from harness import Record, new_record, summary, write_record

from catdog import BatchFeatureExtractor, build_model, extract_features, load_features, save_model
from catdog.images.inputs import ImageSource, read_pixels
from catdog.models.graph import split_model
from catdog.training.run_backbone import compute_features
from catdog.typing import ImageSize

IMAGES = (1000, 4000, 16_000)
WORKERS = (1, 2)
IMAGES_PER_FILE = 256
STAGE_IMAGES = 500  # images whose stages are timed one by one
MODEL = "mobilenet_v2.linear"
SIZE = 160


class OnOneCore(BatchFeatureExtractor):
    """Extracts features on a core of its own, and compiles the backbone for one core."""

    def __init__(self, model: str, save_to: str) -> None:
        """Take a free core of this machine, then open the model."""
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {_take_core(Path(save_to))})
        super().__init__(model, save_to=save_to)


def _take_core(folder: Path) -> int:
    """Return the number of a core that no other process has taken."""
    for core in range(os.cpu_count() or 1):
        try:
            Path(f"{folder}.core{core}").touch(exist_ok=False)
        except FileExistsError:
            continue
        return core
    raise RuntimeError("there are more processes than cores")


def run_with_ray(paths: Sequence[str], model: Path, folder: Path, workers: int) -> float:
    """Return the seconds that the processes take to extract and write the features of images."""
    import ray

    images = ray.data.from_items(
        [{"path": path} for path in paths], override_num_blocks=-(-len(paths) // IMAGES_PER_FILE)
    ).materialize()
    begin = time.perf_counter()
    images.map_batches(
        OnOneCore,
        fn_constructor_kwargs={"model": str(model), "save_to": str(folder)},
        batch_size=None,
        compute=ray.data.ActorPoolStrategy(size=workers),
    ).materialize()
    seconds = time.perf_counter() - begin
    features = load_features(folder)
    if list(features.paths) != sorted(paths):
        raise SystemExit("images are missing or doubled")
    return seconds


def measure_runs(
    paths: Sequence[str], model: Path, scratch: Path, options: argparse.Namespace
) -> list[Record]:
    """Measure all numbers of images and processes in turn, with a start of Ray for each round."""
    import ray

    seconds: dict[tuple[int, int], list[float]] = {}
    stored: dict[int, int] = {}
    for number in range(options.rounds):
        ray.init(num_cpus=max(options.workers), include_dashboard=False, log_to_driver=False)
        for count in options.images:
            for workers in options.workers:
                folder = scratch / f"{number}.{count}.{workers}"
                found = run_with_ray(paths[:count], model, folder, workers)
                seconds.setdefault((count, workers), []).append(found)
                stored[count] = sum(file.stat().st_size for file in folder.iterdir())
                shutil.rmtree(folder)
                print(f"{count} images, {workers} processes: {found:.1f} s")
        ray.shutdown()
    return [
        {
            "images": count,
            "workers": workers,
            "seconds": summary(found),
            "stored_bytes": stored[count],
        }
        for (count, workers), found in seconds.items()
    ]


def measure_single(paths: Sequence[str], model: keras.Model, counts: Sequence[int]) -> list[Record]:
    """Measure one process with all cores, without Ray."""
    rows = []
    for count in counts:
        begin = time.perf_counter()
        extract_features(model, paths[:count], verbose=0)
        rows.append({"images": count, "seconds": round(time.perf_counter() - begin, 3)})
    return rows


def measure_stages(paths: Sequence[str], model: keras.Model, size: ImageSize) -> Record:
    """Measure the CPU time of each stage for one image, in this process."""
    contents: list[bytes] = []
    pixels: list[Any] = []
    compute = compute_features(split_model(model), size, 10**6).run  # compiled
    compute(np.zeros((1, *size, 3), np.float32))

    def read() -> None:
        contents.extend(Path(path).read_bytes() for path in paths)

    def decode() -> None:
        sources = [ImageSource(content, "photo") for content in contents]
        pixels.extend(read_pixels(source, size) for source in sources)

    def run() -> None:
        for begin in range(0, len(pixels), 32):
            compute(np.stack(pixels[begin : begin + 32], dtype=np.float32, casting="unsafe"))

    stages = {"read": read, "decode": decode, "backbone": run}
    found: Record = {name: cpu_ms(stage) / len(paths) for name, stage in stages.items()}
    return {name: round(ms, 4) for name, ms in found.items()}


def cpu_ms(task: Callable[[], object]) -> float:
    """Return the CPU time of a task in milliseconds, of all threads together."""
    begin = time.process_time()
    task()
    return 1000 * (time.process_time() - begin)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--images", type=int, nargs="+", default=IMAGES)
    parser.add_argument("--workers", type=int, nargs="+", default=WORKERS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--image-size", type=int, default=SIZE)
    parser.add_argument("--weights", default="default", help="default: ImageNet; none for a test")
    parser.add_argument("--out", type=Path, help="where to write the record")
    options = parser.parse_args(arguments)
    size = (options.image_size, options.image_size)
    weights = None if options.weights == "none" else options.weights
    model = build_model(MODEL, image_size=size, weights=weights, seed=0)
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        folder = draw_photos(scratch / "photos", max(options.images), PHOTO_SIZE)
        paths = sorted(str(path) for path in folder.rglob("*.jpg"))
        save_model(model, scratch / "model.keras")
        record = new_record(
            ray=importlib.metadata.version("ray"),
            model=MODEL,
            image_size=size,
            photo_size=PHOTO_SIZE,
            file_bytes=round(np.mean([Path(path).stat().st_size for path in paths])),
            images_per_file=IMAGES_PER_FILE,
            rounds=options.rounds,
        )
        record["stages"] = measure_stages(paths[:STAGE_IMAGES], model, size)
        record["single"] = measure_single(paths, model, options.images)
        record["runs"] = measure_runs(paths, scratch / "model.keras", scratch, options)
    write_record(record, options.out)


if __name__ == "__main__":
    main()
