"""Train `compact` from scratch, on two CPU cores.

    KERAS_HOME=... python tools/train_compact.py --work FOLDER

Needs both archives and MobileNetV2's weights for 224 pixels in the cache of Keras, and scikit-learn
(of the group `test`). A stopped run continues after the last complete epoch in the folder, and
gives the same weights as an unbroken run, except for the order in which threads add. The folder
then contains

- `lessons.npz`: the outputs of the teacher for the training images; computed once
- `checkpoint.npz`: the state of the run, after every epoch
- `log.jsonl`: one line per epoch
- `compact.weights.h5`: the averaged weights of the last epoch
- `compact.run.json`: how they were trained

Choices are made on 1000 held-out images. `tools/bundle_weights.py` evaluates the network on 1000
other images, and bundles it with the package.
"""

import argparse
import json
import logging
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from compact_augment import draw_changes
from compact_data import Images, read_images, write_run
from compact_student import Batch, Student
from compact_teacher import Lessons, draw_boxes, extract_features, teach

from catdog._utils.files import atomic_write
from catdog._utils.seeding import seeded
from catdog.evaluation.metrics import wilson_interval
from catdog.models.compact import build

WARM_UP = 3.0  # epochs


@dataclass(frozen=True)
class Settings:
    """The settings of a run; a run with other settings is not resumed.

    The constants of these scripts change the result as well. If you change one, use a new folder.
    """

    seed: int = 0
    epochs: int = 120
    views: int = 8
    batch_size: int = 64
    learning_rate: float = 2e-3


def learning_rate(settings: Settings, progress: float) -> float:
    """Return the learning rate after `progress` epochs: a linear warm-up, then a cosine to zero.

    Source: Loshchilov and Hutter, "SGDR", ICLR 2017, https://arxiv.org/abs/1608.03983.
    """
    if progress < WARM_UP:
        return settings.learning_rate * progress / WARM_UP
    done = (progress - WARM_UP) / (settings.epochs - WARM_UP)
    return settings.learning_rate * (1 + math.cos(math.pi * min(done, 1))) / 2


def batches(images: Images, lessons: Lessons, settings: Settings, epoch: int) -> Iterator[Batch]:
    """Yield the batches of one epoch: each image once, in one crop, without an incomplete batch."""
    rng = np.random.default_rng([settings.seed, 3, epoch])
    order = rng.permutation(len(images))
    views = rng.integers(lessons.boxes.shape[1], size=len(images))
    changes = draw_changes(lessons.boxes[order, views], rng)
    size = settings.batch_size
    for begin in range(0, len(order) - size + 1, size):
        part = slice(begin, begin + size)
        chosen, view = order[part], views[part]
        yield Batch(
            pixels=images.pixels[chosen],
            changes=type(changes)(*(each[part] for each in changes)),
            labels=images.labels[chosen],
            logits=lessons.logits[chosen, view],
            features=lessons.features[chosen, view],
        )


def evaluate_network(network: keras.Model, images: Images) -> dict[str, Any]:
    """Return the accuracy of the network on images, with its 95 % confidence interval."""
    logits = network.predict(images.pixels.astype(np.float32), batch_size=100, verbose=0)
    right, n = int((logits.argmax(axis=1) == images.labels).sum()), len(images)
    return {"right": right, "n": n, "accuracy": right / n, "interval": wilson_interval(right, n)}


def train(
    images: Images,
    lessons: Lessons,
    evaluated: dict[str, Images],
    settings: Settings,
    work: Path,
    *,
    last_epoch: int | None = None,
) -> Student:
    """Start or resume a training; write a checkpoint and a line of the log after every epoch.

    Args:
        images: The training images.
        lessons: The outputs of the teacher for them.
        evaluated: Images to evaluate the averaged weights on after every epoch, by name.
        settings: The settings of the run.
        work: The folder of the run.
        last_epoch: Stop after this many epochs, as if killed.

    Raises:
        ValueError: If the folder contains a run with other settings.
    """
    with seeded(settings.seed):
        student = Student(build(images.pixels.shape[1:3], 2), components=lessons.features.shape[-1])
    checkpoint = work / "checkpoint.npz"
    first = _resume(student, checkpoint, settings) if checkpoint.is_file() else 0
    for epoch in range(first, last_epoch or settings.epochs):
        begin, cpu = time.perf_counter(), time.process_time()
        figures = _one_epoch(student, images, lessons, settings, epoch)
        seconds, cpu_seconds = time.perf_counter() - begin, time.process_time() - cpu
        network = student.use_averaged()
        line = {
            "epoch": epoch + 1,
            "seconds": round(seconds, 1),
            "cpu_seconds": round(cpu_seconds, 1),
            "rate": learning_rate(settings, epoch + 1),
            **figures,
            **{name: evaluate_network(network, each) for name, each in evaluated.items()},
        }
        student.save(checkpoint, epoch=epoch + 1, settings=json.dumps(asdict(settings)))
        with (work / "log.jsonl").open("a") as log:
            log.write(json.dumps(line) + "\n")
    return student


def _resume(student: Student, checkpoint: Path, settings: Settings) -> int:
    """Load the checkpoint, and return the number of completed epochs."""
    facts = student.load(checkpoint)
    saved = json.loads(str(facts["settings"]))
    if saved != asdict(settings):
        raise ValueError(
            f"{checkpoint} was begun with {saved}, not with {asdict(settings)}. Use those, or "
            "pass another --work."
        )
    return int(facts["epoch"])


def _one_epoch(
    student: Student, images: Images, lessons: Lessons, settings: Settings, epoch: int
) -> dict[str, float]:
    steps = len(images) // settings.batch_size
    figures = [
        student.learn(batch, learning_rate(settings, epoch + step / steps))
        for step, batch in enumerate(batches(images, lessons, settings, epoch))
    ]
    names = ("by_labels", "by_logits", "by_features", "accuracy")
    return {
        name: round(float(value), 4)
        for name, value in zip(names, np.mean(figures, axis=0), strict=True)
    }


def prepare_lessons(images: Images, settings: Settings, path: Path) -> Lessons:
    """Return the outputs of the teacher, from the file if it is of the same images and settings."""
    key = json.dumps([settings.seed, settings.views, *images.hashes.tolist()])
    if path.is_file():
        with np.load(path) as file:
            if str(file["key"]) == key:
                return Lessons(file["boxes"], file["logits"], file["features"])
    boxes = draw_boxes(len(images), settings.views, seed=settings.seed)
    lessons = teach(
        extract_features(images.pixels, boxes), boxes, images.labels, seed=settings.seed
    )

    def write(scratch: Path) -> None:
        with scratch.open("wb") as file:
            np.savez(file, key=np.array(key), **asdict(lessons))

    atomic_write(path, write)
    return lessons


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the script."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--work", type=Path, required=True, help="the folder of the run")
    options = parser.parse_args(arguments)
    settings = Settings()
    options.work.mkdir(parents=True, exist_ok=True)
    training, held_out = read_images(settings.seed)
    lessons = prepare_lessons(training, settings, options.work / "lessons.npz")
    student = train(training, lessons, held_out, settings, options.work)
    student.use_averaged().save_weights(options.work / "compact.weights.h5")
    log = [json.loads(line) for line in (options.work / "log.jsonl").read_text().splitlines()]
    cpu_seconds = sum(line["cpu_seconds"] for line in log)
    write_run(options.work, "compact", asdict(settings), training, held_out, cpu_seconds)


if __name__ == "__main__":
    main()
