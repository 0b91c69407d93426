"""A guard of speed: nothing takes twice the time that it should, compared with Keras.

It fails on a change of kind only, such as a model or a graph that is built for every batch.
Processor time is compared, the least of several runs that alternate with those of Keras.
`benchmarks/run.py` measures exactly.
"""

import importlib
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
# The fixed costs of a pass, which vary with other work on the machine, hide those of few photos.
PHOTOS = {"load": 192, "predict": 48, "train": 48}
ROUNDS = {"load": 6, "predict": 3, "train": 3}  # a short one is disturbed more by other work
MARGIN = 2.0  # times the expected ratio
# catdog / Keras, measured with these photos on two cores. For so few, a training begins with a scan
# that costs as much as a part of an epoch, and a pass over three sets has the fixed costs of three.
EXPECTED = {"load": 2.0, "predict": 0.9, "train": 1.5}


@pytest.fixture
def sides(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Import the sides of the comparisons, whose folder is importable while the test runs."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return importlib.import_module("sides")


@pytest.fixture
def keras_sides(sides: ModuleType) -> ModuleType:
    """Import the sides of Keras, which import those of catdog."""
    return importlib.import_module("keras_sides")


def draw_photos(sides: ModuleType, folder: Path, count: int) -> Path:
    """Draw photos into two class folders, and return their folder."""
    for number in range(count):
        path = folder / sides.CLASS_NAMES[number % 2] / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        sides.draw_photo(path, number, sides.PHOTO_SIZE)
    return folder


def least_ratio(ours: Callable[[], object], keras: Callable[[], object], *, rounds: int) -> float:
    """Return the ratio of the least processor times of two tasks, after a first run of each."""
    ours()
    keras()
    times: list[list[float]] = [[], []]
    for _ in range(rounds):
        for task, found in zip((ours, keras), times, strict=True):
            begin = time.process_time()
            task()
            found.append(time.process_time() - begin)
    return min(times[0]) / min(times[1])


@pytest.mark.parametrize("what", EXPECTED)
def test_nothing_takes_twice_the_expected_time(
    what: str, sides: ModuleType, keras_sides: ModuleType, tmp_path: Path
) -> None:
    photos = draw_photos(sides, tmp_path / "photos", PHOTOS[what])
    if what == "load":
        ours, keras = sides.load_with_catdog(photos, "0"), keras_sides.load_with_keras(photos, "0")
        ours["first"](), keras["first"]()
        ratio = least_ratio(ours["again"], keras["again"], rounds=ROUNDS[what])
    elif what == "predict":
        folder = photos / sides.CLASS_NAMES[0]
        ours, keras = (
            side(folder, "compact")
            for side in (sides.predict_with_catdog, keras_sides.predict_with_keras)
        )
        ratio = least_ratio(ours["warm"], keras["warm"], rounds=ROUNDS[what])
    else:
        splits = tmp_path / "splits"
        sides.link_splits(photos, splits)
        ours, keras = (
            side(photos, splits, "cnn.two_block", "2")
            for side in (sides.train_with_catdog, keras_sides.train_with_posts)
        )
        ratio = least_ratio(ours["train"], keras["train"], rounds=ROUNDS[what])
    assert ratio < MARGIN * EXPECTED[what], f"{ratio:.2f} of the time of Keras"
