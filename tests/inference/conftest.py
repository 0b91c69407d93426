"""Data and a model for the tests of predictions."""

import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from catdog import Datasets, load_datasets
from catdog.inference import interpreter
from catdog.models.metadata import ModelMetadata, attach_metadata
from tests.conftest import make_colour_model

SIZE = (36, 32)
NAMES = ("cats", "dogs")

layers = keras.layers


@pytest.fixture
def data(image_folder: Path) -> Datasets:
    return load_datasets(image_folder, image_size=SIZE)


@pytest.fixture
def model() -> keras.Model:
    """A model of cats and dogs whose logits depend on the brightness alone; equal at 100."""
    return by_brightness()


@pytest.fixture
def no_litert(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hide LiteRT's own package, as if it were not installed."""
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    interpreter._interpreter_class.cache_clear()
    yield
    interpreter._interpreter_class.cache_clear()


def by_brightness(size: tuple[int | None, int | None] = SIZE, classes: int = 2) -> keras.Model:
    """Return a model whose logits depend on the mean brightness of an image alone."""
    slopes = np.linspace(-0.01, 0.01, classes)
    model = make_colour_model(np.tile(slopes, (3, 1)), -300.0 * slopes, image_size=size)
    attach_metadata(model, ModelMetadata(tuple(f"class {n}" for n in range(classes))))
    if classes == 2:
        attach_metadata(model, ModelMetadata(NAMES))
    return model


def grey(brightness: float, size: tuple[int, int] = SIZE) -> NDArray[Any]:
    """Return an image of one grey value."""
    return np.full((*size, 3), brightness, np.uint8)


def expected(brightness: float) -> float:
    """Return the probability of dogs that `by_brightness` computes."""
    return 1 / (1 + math.exp(-0.06 * (brightness - 100)))


def write_image(path: Path, seed: int = 0) -> Path:
    """Write an image of noise, of another size than the model's."""
    noise = np.random.default_rng(seed).integers(0, 256, (50, 70, 3), np.uint8)
    Image.fromarray(noise).save(path)
    return path
