import warnings
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from catdog.inference import interpreter
from catdog.inference.interpreter import Interpreters, make_interpreter

SIZE = (6, 5)


@pytest.fixture(scope="module")
def program() -> bytes:
    """A program that returns the mean colours of an image."""
    means = keras.Sequential([keras.Input((*SIZE, 3)), keras.layers.GlobalAveragePooling2D()])
    traced = tf.function(lambda images: means(images)).get_concrete_function(
        tf.TensorSpec((None, *SIZE, 3))
    )
    converted: bytes = tf.lite.TFLiteConverter.from_concrete_functions([traced]).convert()
    return converted


def draw(count: int) -> NDArray[np.float32]:
    return np.random.default_rng(count).uniform(0, 255, (count, *SIZE, 3)).astype(np.float32)


@pytest.mark.parametrize("cores", [1, 3])
def test_batches_of_any_number_on_any_number_of_cores(
    program: bytes, cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interpreter, "thread_count", lambda: cores)
    interpreters = Interpreters(program)
    for count in (1, 2, 7, 1):
        images = draw(count)
        outputs = interpreters.compute(images)
        assert outputs.dtype == np.float32
        assert outputs == pytest.approx(images.mean(axis=(1, 2)), rel=1e-5)


def test_several_threads_at_once(program: bytes) -> None:
    interpreters = Interpreters(program)
    all_began = Barrier(4)

    def run(images: NDArray[np.float32]) -> NDArray[np.float32]:
        all_began.wait(60)
        return interpreters.run(images)

    batches = [draw(count) for count in range(100, 200)]
    with ThreadPoolExecutor(4) as pool:
        for images, outputs in zip(batches, pool.map(run, batches), strict=True):
            assert outputs == pytest.approx(images.mean(axis=(1, 2)), rel=1e-5)
    assert 1 < len(interpreters._free) <= 4


def test_one_image_needs_one_interpreter(program: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreter, "thread_count", lambda: 32)
    interpreters = Interpreters(program)
    monkeypatch.setattr(interpreter, "make_interpreter", None)  # so a second one is an error
    assert len(interpreters.compute(draw(1))) == 1


def test_without_its_package_tensorflows_is_used_and_that_is_said_once(
    program: bytes, no_litert: None
) -> None:
    with pytest.warns(UserWarning, match=r"ai-edge-litert cannot be loaded.*pip install") as seen:
        interpreters = Interpreters(program)
    assert len(seen) == 1
    with warnings.catch_warnings(action="error"):
        images = draw(3)
        assert interpreters.compute(images) == pytest.approx(images.mean(axis=(1, 2)), rel=1e-5)
        Interpreters(program)


def test_no_interpreter_at_all(
    program: bytes, no_litert: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(tf.lite, "Interpreter")
    with pytest.raises(ImportError, match=r"cannot be loaded.*Install it: pip install ai-edge-li"):
        make_interpreter(program)
