"""The comparisons that `run.py` measures: their sides, their ratios and their bars."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness import ask_python

SIDES = Path(__file__).with_name("sides.py")
KERAS_SIDES = Path(__file__).with_name("keras_sides.py")
CACHE_DIR = Path(__file__).with_name("cache_dir.py")
LIST_MODELS = "import json, catdog; print(json.dumps(catdog.list_models()))"
PREDICT_BARS = {"cnn": 0.9, "compact": 0.8, "mobilenet_v2": 0.55}  # for many photos
HEAD_MODEL = "mobilenet_v2.both_flips"
DEFAULT_CACHE_MIB = 1024  # of `load_datasets`
REAL_IMAGES = "cats_and_dogs_filtered"


@dataclass(frozen=True)
class Scale:
    """How much is measured.

    Attributes:
        few: Number of photos for which `predict` compiles nothing.
        many: Number of photos for which it does.
        large: Number of photos of 12 megapixels.
        epochs: Epochs of each training.
        cached: Number of photos for `cache_dir`.
        source: What is trained on: the name of a data set, or the number of photos of a folder.
    """

    few: int = 300
    many: int = 5000
    large: int = 120
    epochs: int = 20
    cached: int = 20_000
    source: str | int = REAL_IMAGES


QUICK = Scale(few=24, many=48, large=8, epochs=2, cached=400, source=40)


@dataclass(frozen=True)
class Ratio:
    """A ratio of two measurements, and its bar.

    Attributes:
        what: The row of the table.
        over: Side and step of what is divided.
        under: Side and step of the divisor; `None` for a figure of its own.
        bar: The limit of the median.
        kind: Whether the median must be at most the bar or at least.
        figure: What is compared: elapsed seconds, or the peak memory of the processes.
    """

    what: str
    over: tuple[str, str]
    under: tuple[str, str] | None
    bar: float
    kind: Literal["at most", "at least"] = "at most"
    figure: Literal["seconds", "peak_mib"] = "seconds"


@dataclass(frozen=True)
class Comparison:
    """Sides that run in turn, each in a new process, and the ratios of what they took.

    Attributes:
        name: Name of the comparison and of its record.
        about: What is measured.
        sides: The command of each side. `{scratch}` stands for a folder, `{round}` for the number
            of the round.
        ratios: The ratios.
        prepare: Commands that make the files.
        median_bar: The limit of the median over all comparisons that have one.
        warm_up: Rounds before those that count; a training is too long to need one.
    """

    name: str
    about: str
    sides: dict[str, Sequence[str]]
    ratios: Sequence[Ratio]
    prepare: Sequence[Sequence[str]] = ()
    median_bar: float | None = None
    warm_up: int = 1


def side(name: str, *arguments: object) -> list[str]:
    """Return the command that runs a side of `sides.py`, or of `keras_sides.py` by its name."""
    script = KERAS_SIDES if name.endswith(("-keras", "-posts")) else SIDES
    return [sys.executable, str(script), name, *map(str, arguments)]


def list_comparisons(scale: Scale) -> list[Comparison]:
    """Return all comparisons, in the order of the table."""
    names: list[str] = ask_python("-c", LIST_MODELS)
    bare = list(dict.fromkeys(name.partition(".")[0] for name in names))
    found = [first_answer(), large_photos(scale), ordinary_photos(scale)]
    first_variants = {next(name for name in names if name.partition(".")[0] == one) for one in bare}
    predicted = [*bare, *(name for name in names if name not in first_variants)]
    found += [
        predict(name, count, scale) for count in (scale.few, scale.many) for name in predicted
    ]
    networks = [name for name in names if name.startswith("cnn")]
    found += [training(name, scale) for name in networks]
    return [*found, head(scale), cache_dir(scale)]


def first_answer() -> Comparison:
    """Compare `catdog predict` with importing TensorFlow."""
    photo = "{scratch}/photo/0.jpg"
    return Comparison(
        "first_answer",
        "`catdog predict photo.jpg` / `import tensorflow`, whole processes",
        {
            "catdog": [sys.executable, "-m", "catdog", "predict", photo],
            "tensorflow": [sys.executable, "-c", "import tensorflow"],
        },
        [
            Ratio("time", ("catdog", "process"), ("tensorflow", "process"), 0.25),
            Ratio("peak memory (MiB)", ("catdog", "process"), None, 150, figure="peak_mib"),
        ],
        [side("link-photos", "{scratch}/photo", 1, "flat")],
    )


def large_photos(scale: Scale) -> Comparison:
    """Compare the loading of photos of 12 megapixels with that of Keras."""
    folder, sides = "{scratch}/large", ("catdog", "keras")
    return Comparison(
        "large_photos",
        f"load {scale.large} JPEG files of 12 megapixels at 160 pixels, scan and one pass / "
        "`image_dataset_from_directory` and one pass",
        {one: side(f"load-{one}", folder, DEFAULT_CACHE_MIB) for one in sides},
        [
            Ratio("time", ("catdog", "first"), ("keras", "first"), 0.35),
            Ratio("peak memory", ("catdog", "first"), ("keras", "first"), 1.0, figure="peak_mib"),
        ],
        [side("draw-large", folder, scale.large)],
    )


def ordinary_photos(scale: Scale) -> Comparison:
    """Compare decoding and resizing with that of Keras, in a pass over a folder without a cache."""
    counts, sides = (scale.few, scale.many), ("catdog", "keras")
    return Comparison(
        "ordinary_photos",
        "decode and resize ordinary photos at 160 pixels, a pass without a cache / "
        "a pass of `image_dataset_from_directory`",
        {
            f"{one} {count}": side(f"load-{one}", f"{{scratch}}/{count}", 0)
            for count in counts
            for one in sides
        },
        [
            Ratio(
                f"{count:,} photos", (f"catdog {count}", "again"), (f"keras {count}", "again"), 1.0
            )
            for count in counts
        ],
        [side("link-photos", f"{{scratch}}/{count}", count, "classes") for count in counts],
    )


def predict(name: str, count: int, scale: Scale) -> Comparison:
    """Compare `predict` with Keras, for the first time in a process and again."""
    folder, sides = f"{{scratch}}/predict_{count}", ("catdog", "keras")
    bar = PREDICT_BARS.get(name, 1.0) if count == scale.many else 1.0
    size = "many" if count == scale.many else "few"
    return Comparison(
        f"predict_{size}_{name}",
        f"`predict`, `{name}`, {count:,} photos / `keras.Model.predict`",
        {one: side(f"predict-{one}", folder, name) for one in sides},
        [
            Ratio("first call", ("catdog", "cold"), ("keras", "cold"), 1.0),
            Ratio("later call", ("catdog", "warm"), ("keras", "warm"), bar),
        ],
        [side("link-photos", folder, count, "flat")],
    )


def training(name: str, scale: Scale) -> Comparison:
    """Compare `train` with the loop of the blog posts, for a network of the posts."""
    source, prepare = _source(scale)
    return Comparison(
        f"train_{name}",
        f"the loop of the blog posts / `train`, `{name}`, {scale.epochs} epochs with scan and "
        "loading",
        {
            loop: side(f"train-{loop}", source, "{scratch}/splits", name, scale.epochs)
            for loop in ("posts", "catdog")
        },
        [Ratio("time", ("posts", "train"), ("catdog", "train"), 1.0, "at least")],
        prepare,
        median_bar=1.25,
        warm_up=0,
    )


def head(scale: Scale) -> Comparison:
    """Compare `train_head` with the loop of the blog posts, without a cache and with one."""
    source, prepare = _source(scale)
    cached = side("train-head", source, "{scratch}/features_{round}", HEAD_MODEL, scale.epochs)
    loop = side("train-posts", source, "{scratch}/splits", HEAD_MODEL, scale.epochs)
    return Comparison(
        "train_head",
        f"the loop of the blog posts / `train_head`, `{HEAD_MODEL}`, {scale.epochs} epochs",
        {"posts": loop, "cold": cached, "warm": cached},
        [
            Ratio("cold", ("posts", "train"), ("cold", "train"), 30, "at least"),
            Ratio("warm, in a new process", ("posts", "train"), ("warm", "train"), 250, "at least"),
        ],
        prepare,
        warm_up=0,
    )


def _source(scale: Scale) -> tuple[str, list[list[str]]]:
    """Return what is trained on, and the commands that make the folders."""
    if isinstance(scale.source, str):
        return scale.source, [side("link-splits", scale.source, "{scratch}/splits")]
    folder = "{scratch}/source"
    link = side("link-photos", folder, scale.source, "classes")
    return folder, [link, side("link-splits", folder, "{scratch}/splits")]


def cache_dir(scale: Scale) -> Comparison:
    """Compare later epochs from `cache_dir` with decoding again; `cache_dir.py` measures them."""
    command = [sys.executable, str(CACHE_DIR), "--photos", str(scale.cached)]
    return Comparison(
        "cache_dir",
        f"later epochs over {scale.cached:,} photos, decoded again / from `cache_dir`",
        {"own": [*command, "--rounds", "1", "--out", "{scratch}/cache_dir_{round}.json"]},
        [Ratio("time", ("own", "decoded"), ("own", "cache_dir"), 3.0, "at least")],
        warm_up=0,  # it has first epochs of its own
    )
