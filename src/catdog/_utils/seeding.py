"""Seeds and shuffles: the same in every process, without changes to the caller's random state."""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from catdog._utils.checks import check_seed
from catdog._utils.keras_internals import DEFAULT_SEED_SOURCE, keeping_global_seed

_LOCK = threading.RLock()  # all threads share the state of the default seeds


@contextmanager
def keeping_random_state() -> Iterator[None]:
    """Restore the generators of Keras, NumPy and Python, from which code of the user may draw."""
    python, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        with keeping_global_seed():
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy_state)  # noqa: NPY002


@contextmanager
def seeded(seed: int | None) -> Iterator[None]:
    """Set the default seeds of all Keras layers and initializers that are created inside.

    This includes the layers that functions of `keras.applications` create, which have no seed
    argument. Python's random state is restored afterwards. With `seed=None` nothing changes.
    """
    if seed is None:
        yield
        return
    seed = check_seed(seed)
    with _LOCK:
        state = DEFAULT_SEED_SOURCE.getstate()
        DEFAULT_SEED_SOURCE.seed(seed)
        try:
            yield
        finally:
            DEFAULT_SEED_SOURCE.setstate(state)


def shuffled(count: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """Return `0 .. count - 1` in a random order, which differs between epochs."""
    return np.random.default_rng([seed, epoch]).permutation(count)
