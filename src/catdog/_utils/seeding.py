"""Seeds and shuffles: the same in every process, without changes to the caller's random state."""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from catdog._utils.checks import check_seed

_LOCK = threading.RLock()  # Python's random state belongs to all threads


@contextmanager
def seeded(seed: int | None) -> Iterator[None]:
    """Make every Keras layer and initializer that is created inside draw its seed from `seed`.

    Keras takes the default seed of an initializer or a random layer from Python's `random` module
    (`keras.src.random.seed_generator.make_default_seed`). So this reaches layers that are created
    deep inside `keras.applications` too, which have no seed argument. Python's own random state is
    put back afterwards. With `seed=None` nothing is changed.
    """
    if seed is None:
        yield
        return
    check_seed(seed)
    with _LOCK:
        state = random.getstate()
        random.seed(seed)
        try:
            yield
        finally:
            random.setstate(state)


def shuffled(count: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """Return `0 .. count - 1` in an order that is drawn again for every epoch."""
    return np.random.default_rng([seed, epoch]).permutation(count)
