"""Types that several modules share."""

from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

Split: TypeAlias = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)

ImageSize: TypeAlias = tuple[int, int]
"""Height and width in pixels."""

Verbose: TypeAlias = Literal["auto", 0, 1, 2]
"""Keras' progress: a bar (1), a line per epoch (2), silence (0), or what fits the terminal."""

Labels: TypeAlias = NDArray[np.int32]
Floats: TypeAlias = NDArray[np.float64]
