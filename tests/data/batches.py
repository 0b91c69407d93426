"""Collect the images of batches."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catdog.typing import Labels


def collect(dataset: Iterable[tuple[Any, Any]]) -> tuple[NDArray[np.float32], Labels]:
    """Return the images and labels of one pass over a `tf.data.Dataset`."""
    batches = [(images.numpy(), labels.numpy()) for images, labels in dataset]
    images, labels = zip(*batches, strict=True)
    return np.concatenate(images), np.concatenate(labels)
