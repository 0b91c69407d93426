"""Types that several modules share."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from typing_extensions import TypeAliasType

Split = TypeAliasType("Split", Literal["train", "validation", "test"])
SPLITS: tuple[Split, ...] = ("train", "validation", "test")

ImageSize = TypeAliasType("ImageSize", tuple[int, int])
"""Height and width in pixels."""

Verbose = TypeAliasType("Verbose", Literal["auto", 0, 1, 2])
"""Keras' progress: a bar (1), a line per epoch (2), silence (0), or what fits the terminal."""

Labels = TypeAliasType("Labels", NDArray[np.int32])
Floats = TypeAliasType("Floats", NDArray[np.float64])
