"""The same seed gives the same weights, in every process; the caller's random state stays."""

import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import catdog
from catdog._utils.keras_internals import keeping_global_seed
from tests import repeated_trainings
from tests.repeated_trainings import SIZE, Weights, all_weights, train_all, train_once


@pytest.mark.slow  # it starts a process, which imports Keras
def test_a_seed_gives_the_same_weights_in_another_process(
    image_folder: Path, tmp_path: Path
) -> None:
    results = tmp_path / "results.npz"
    script = repeated_trainings.__file__
    subprocess.run([sys.executable, script, image_folder, results], check=True)
    keras.utils.set_random_seed(5)  # the state of the caller has no effect
    keras.random.uniform(())  # Keras makes its generator at the first draw
    before = random_state()
    here = train_all(image_folder, 0)
    assert random_state() == before
    with np.load(results) as there:
        for function, weights in here.items():
            assert np.array_equal(weights, there[function]), function
        deterministic = there["deterministic"]
    assert np.allclose(here["train"], deterministic, atol=1e-4)  # sums in another order
    other_seed = all_weights(train_once(image_folder, 1)[0])
    assert not np.allclose(here["train"], other_seed, atol=1e-2)


def random_state() -> list[Any]:
    """Return the states of Python's, NumPy's and Keras' random numbers, in forms to compare."""
    with keeping_global_seed():
        drawn = float(keras.random.uniform(()))
    return [random.getstate(), str(np.random.get_state()), drawn]  # noqa: NPY002


def test_without_a_seed_that_of_keras_counts() -> None:
    def build(seed: int) -> Weights:
        keras.utils.set_random_seed(seed)
        return all_weights(catdog.build_model("cnn", image_size=SIZE))

    first, again, other = build(1), build(1), build(2)
    assert np.array_equal(first, again)
    assert not np.allclose(first, other, atol=1e-2)
