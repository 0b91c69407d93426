"""Types for annotations.

Example:
    ```python
    from catdog.typing import ImageSize, Split

    image_size: ImageSize = (160, 160)
    split: Split = "validation"
    ```
"""

from collections.abc import Iterable, Mapping
from os import PathLike
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
    "GroupBy",
    "ImageSize",
    "LabelTable",
    "Labels",
    "NearDuplicates",
    "NewFiles",
    "OnBadImage",
    "Split",
    "Verbose",
]

Split = TypeAliasType("Split", Literal["train", "validation", "test"])
"""One of the three splits of a `Datasets`."""

SPLITS: tuple[Split, ...] = ("train", "validation", "test")
"""The three splits, in the order in which a `Datasets` unpacks."""

ImageSize = TypeAliasType("ImageSize", tuple[int, int])
"""Height and width, in pixels."""

Verbose = TypeAliasType("Verbose", Literal["auto", 0, 1, 2])
"""Progress output of Keras: none (0), a bar (1), a line per epoch (2), or chosen by Keras."""

Labels = TypeAliasType("Labels", NDArray[np.int32])
"""Labels as positions in `class_names`: `int32`, shape `(n,)`."""

Floats = TypeAliasType("Floats", NDArray[np.float64])
"""Numbers of double precision, such as probabilities: `float64`, any shape."""

OnBadImage = TypeAliasType("OnBadImage", Literal["raise", "skip"])
"""What to do with images that cannot be used: raise an error, or skip them with a warning."""

GroupBy = TypeAliasType("GroupBy", str | PathLike[str] | Mapping[str, str])
"""`"folder"`, a regular expression, a CSV file, or the group of each file by its relative path."""

LabelTable = TypeAliasType(
    "LabelTable", str | PathLike[str] | Mapping[str, object] | Iterable[Mapping[str, object]]
)
"""A CSV file, the label of each file by its path, or rows such as `{"file": ..., "label": ...}`."""

NearDuplicates = TypeAliasType("NearDuplicates", Literal["together", "ignore"])
"""What to do with images that are nearly the same: keep them in one set, or ignore it."""

NewFiles = TypeAliasType("NewFiles", Literal["skip", "train"])
"""What to do with images that a split file does not list: skip them, or train on them."""

ClassWeight = TypeAliasType("ClassWeight", Literal["balanced"] | Mapping[str, float])
"""`"balanced"`, or the weight of each class by its name."""

Flip = TypeAliasType("Flip", Literal["horizontal", "vertical", "horizontal_and_vertical"])
"""The axes along which augmentation flips images at random."""

ExportFormat = TypeAliasType("ExportFormat", Literal["saved_model", "litert", "onnx", "html"])
"""The file formats of `export_model`."""
