"""Data and helpers for the tests of plots."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.typing import NDArray

from catdog import (
    Datasets,
    load_datasets,
)

SIZE = (8, 8)


@pytest.fixture
def data(image_folder: Path) -> Datasets:
    return load_datasets(image_folder, image_size=SIZE)


def images_of(figure: Figure) -> list[tuple[str, NDArray[Any]]]:
    """Return title and pixels of every image in a figure."""
    return [
        (axes.get_title(), np.asarray(axes.images[0].get_array()))
        for axes in figure.axes
        if axes.images
    ]


def history_of(**values: list[float]) -> keras.callbacks.History:
    history = keras.callbacks.History()
    history.history = values
    return history
