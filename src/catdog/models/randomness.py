"""Find out whether a model draws random numbers outside training."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import keras
import numpy as np

from catdog._utils.errors import UsageWarning

DRAW_FOR_TRAINING_ONLY = (
    "Give the random layer's call a `training` argument, and draw no numbers if it is False."
)


@contextmanager
def warns_if_random(seeds: Sequence[keras.Variable]) -> Iterator[None]:
    """Warn if a model draws random numbers meanwhile, although it is not trained.

    The random layers of Keras, such as dropout, draw them for training only, and layers of one's
    own that are made of them may draw them always. Each draw changes the state of their seed.

    Args:
        seeds: The states of the seeds of the model.
    """
    before = [np.array(seed) for seed in seeds]
    yield
    if any(not np.array_equal(*pair) for pair in zip(before, map(np.array, seeds), strict=True)):
        warnings.warn(
            UsageWarning(
                "The model is random outside training too: an image gets another answer each time.",
                hint=DRAW_FOR_TRAINING_ONLY,
            ),
            stacklevel=3,
        )
