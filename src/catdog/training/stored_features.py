"""Extracted features in place of a backbone that runs."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike

import numpy as np
from numpy.typing import NDArray

from catdog._utils import checks
from catdog.data.datasets import Datasets
from catdog.data.features import Features, rows_of
from catdog.models.graph import ModelParts
from catdog.training.frozen import check_backbone
from catdog.typing import Split


@dataclass(frozen=True, eq=False)
class StoredFeatures:
    """Returns features as a `FeatureExtractor` does, without running a backbone.

    Attributes:
        stored: The features.
        data: Their images, as from `given_data`.
    """

    stored: Features
    data: Datasets

    def features(self, split: Split, *, augmented_copies: int = 0) -> NDArray[np.float32]:
        """Return the features of every image of a split, in order, shape `(1, n, ...)`."""
        return self.stored.values[rows_of(self.stored, split)][np.newaxis]


def stored_features(
    stored: Features,
    data: Datasets,
    parts: ModelParts,
    *,
    views: int,
    cache_dir: str | PathLike[str] | None,
) -> StoredFeatures:
    """Return features for the training of the head of a model.

    Raises:
        ValueError: If another backbone computed them, or an argument needs the images.
    """
    given = {"views": views > 1, "cache_dir": cache_dir is not None}
    useless = [name for name, is_given in given.items() if is_given]
    checks.check_no_effect(useless, "the features are extracted already")
    check_backbone(stored, parts)
    return StoredFeatures(stored, data)
