"""Types for annotations: `from catdog.typing import ImageSize, Split`."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from typing_extensions import TypeAliasType

__all__ = [
    "SPLITS",
    "ClassWeight",
    "ExportFormat",
    "Flip",
    "Floats",
    "ImageSize",
    "Labels",
    "NewFiles",
    "OnBadImage",
    "Split",
    "Verbose",
]

Split = TypeAliasType("Split", Literal["train", "validation", "test"])
"""One of the three sets of a `Datasets`."""

SPLITS: tuple[Split, ...] = ("train", "validation", "test")

ImageSize = TypeAliasType("ImageSize", tuple[int, int])
"""Height and width in pixels."""

Verbose = TypeAliasType("Verbose", Literal["auto", 0, 1, 2])
"""Keras' progress: a bar (1), a line per epoch (2), silence (0), or what fits the terminal."""

Labels = TypeAliasType("Labels", NDArray[np.int32])
"""Positions in `class_names`, shape `(n,)`."""

Floats = TypeAliasType("Floats", NDArray[np.float64])

OnBadImage = TypeAliasType("OnBadImage", Literal["raise", "skip"])
"""What to do about images that cannot be used: raise an error, or skip them with a warning."""

NewFiles = TypeAliasType("NewFiles", Literal["skip", "train"])
"""What to do with images that a split file does not list."""

ClassWeight = TypeAliasType("ClassWeight", Literal["balanced"] | Mapping[str, float])
"""`"balanced"`, or a weight for each class name."""

Flip = TypeAliasType("Flip", Literal["horizontal", "vertical", "horizontal_and_vertical"])
"""Along which axes augmentation mirrors images."""

ExportFormat = TypeAliasType("ExportFormat", Literal["saved_model", "litert", "onnx"])
"""The formats of `export_model`."""
