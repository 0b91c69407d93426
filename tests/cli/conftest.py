import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import pytest

from catdog import Datasets, load_datasets, save_model
from catdog._utils.keras_internals import LOG_LEVEL_VARIABLE
from catdog.matching import record_training

SIZE = (24, 24)
COMMANDS = (
    "predict",
    "train",
    "evaluate",
    "report",
    "models",
    "scan",
    "review",
    "labels",
    "calibrate",
    "compare",
    "explain",
    "export",
    "cache",
    "completion",
)
ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/how-to/command-line.md"

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def runs_in_scratch_folder(in_scratch_folder: Path) -> None:
    """Commands write into the current folder."""


def untrained_model(has_backbone: bool = False) -> keras.Model:
    """Return a model whose probabilities are all near 0.5."""
    near_zero = keras.initializers.RandomNormal(stddev=1e-3, seed=0)
    layers = [
        keras.layers.Conv2D(2, 3, trainable=not has_backbone),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(2, kernel_initializer=near_zero),
    ]
    model = keras.Sequential([keras.Input((*SIZE, 3)), *layers])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


@pytest.fixture
def data(image_folder: Path) -> Datasets:
    return load_datasets(image_folder, seed=3)


@pytest.fixture
def file(data: Datasets) -> str:
    """Write a model with the metadata of a training with seed 3; return its file."""
    model = untrained_model()
    record_training(model, data)
    save_model(model, "pets.keras")
    return "pets.keras"


def strict_json(text: str) -> Any:
    """Parse JSON that holds neither NaN nor infinity."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a process of its own, without the log level of the tests, as users do."""
    own = {name: value for name, value in os.environ.items() if name != LOG_LEVEL_VARIABLE}
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        env={**own, **environment},
        check=False,
    )
