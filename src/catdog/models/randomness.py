"""Find out whether a model draws random numbers outside training."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import keras
import numpy as np

from catdog._utils.errors import UsageWarning
from catdog._utils.keras_internals import seed_states


@contextmanager
def warns_if_random(model: keras.Model) -> Iterator[None]:
    """Warn if a model draws random numbers meanwhile, although it is not trained.

    The random layers of Keras, such as dropout, draw them for training only, and layers of one's
    own that are made of them may draw them always. Each draw changes the state of their seed.
    """
    states = seed_states(model)
    before = [np.array(state) for state in states]
    yield
    if any(not np.array_equal(*pair) for pair in zip(before, map(np.array, states), strict=True)):
        warnings.warn(
            UsageWarning(
                "The model is random outside training too: an image gets another answer each time.",
                hint=(
                    "Give the call of its random layers a `training` argument, and draw no numbers "
                    "if it is False."
                ),
            ),
            stacklevel=3,
        )
