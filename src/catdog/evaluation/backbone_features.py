"""Features of a model's frozen backbone, for functions that look at the images through it."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike

import keras
import numpy as np
from numpy.typing import NDArray

from catdog._utils import checks
from catdog.data.datasets import Datasets
from catdog.data.features import Features, rows_of
from catdog.models.graph import ModelParts
from catdog.training.features import FeatureExtractor
from catdog.training.frozen import check_backbone, split_frozen
from catdog.typing import Split, Verbose


def extract_splits(
    parts: ModelParts,
    resized: Datasets,
    splits: Sequence[Split],
    *,
    cache_dir: str | PathLike[str] | None,
    verbose: Verbose,
) -> list[NDArray[np.float32]]:
    """Return the features of the images of each split, shape `(n, ...)`, without augmentation.

    Args:
        parts: The model, from `split_frozen`.
        resized: The data, at the model's input size.
        splits: The splits whose images are run.
        cache_dir: Folder of the feature cache; `None` for no cache.
        verbose: 0 shows no progress bar.
    """
    count = sum(len(resized.paths(split)) for split in splits)
    shown = checks.check_verbose(verbose) != 0
    extractor = FeatureExtractor(parts, resized, count, cache_dir, shown)
    return [extractor.features(split)[0] for split in splits]


def select_splits(
    stored: Features, splits: Sequence[Split], model: keras.Model | None, function: str
) -> list[NDArray[np.float32]]:
    """Return the features of the images of each split, which were extracted before.

    Args:
        stored: The features.
        splits: The splits whose features are returned.
        model: A model that must have the same backbone; `None` for any.
        function: Name of the public function that uses the features.
    """
    if model is not None:
        check_backbone(stored, split_frozen(model, function))
    return [stored.values[rows_of(stored, split)] for split in splits]
