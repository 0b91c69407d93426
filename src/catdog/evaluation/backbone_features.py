"""Features of a model's frozen backbone, for functions that look at the images through it."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike

import keras
import numpy as np
from numpy.typing import NDArray

from catdog._utils import checks
from catdog._utils.errors import HintCode, InvalidValueError
from catdog.data.datasets import Datasets
from catdog.models.graph import ModelParts, split_model
from catdog.training.features import FeatureExtractor
from catdog.typing import Split, Verbose


def extract_features(
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


def split_frozen(model: keras.Model, function: str) -> ModelParts:
    """Split a model into backbone and head; the error names models that have a backbone.

    Args:
        model: The model.
        function: Name of the public function that needs the backbone.
    """
    try:
        return split_model(model)
    except ValueError as error:
        raise InvalidValueError(
            f"{function} needs a model that begins with a frozen backbone, pretrained on "
            "other images, and ends in trainable layers",
            hint='Pass build_model("mobilenet_v2.linear") or build_model("transfer"), or a model '
            "of your own whose backbone has trainable = False.",
            hint_code=HintCode.USE_BACKBONE,
        ) from error
