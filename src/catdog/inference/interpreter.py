"""Run LiteRT programs on the CPU.

This file imports neither Keras nor TensorFlow, unless LiteRT's own package is missing.
"""

import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catdog._utils.errors import MissingPackageError, UsageWarning
from catdog._utils.quiet import quiet_import, quiet_litert
from catdog._utils.threads import thread_count

_INSTALL_HINT = "Install it: pip install ai-edge-litert."
_LOCK = Lock()  # what hides messages is of the whole process


def make_interpreter(program: bytes) -> Any:
    """Return LiteRT's interpreter of a program, on one thread, ready to run.

    Raises:
        ImportError: If no interpreter is installed.
        RuntimeError: If the program cannot be run.
        ValueError: If it is damaged.
    """
    make = _interpreter_class()
    with _LOCK, quiet_litert():
        interpreter = make(model_content=program, num_threads=1)
        interpreter.allocate_tensors()
    return interpreter


@cache
def _interpreter_class() -> Callable[..., Any]:
    """Return LiteRT's `Interpreter`; if its package is missing, warn once, and take TensorFlow's.

    Raises:
        ImportError: If TensorFlow has none either: version 2.21 announces that it will go.
    """
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        missing = f"LiteRT's package ai-edge-litert cannot be loaded ({error})"
    else:
        return Interpreter  # type: ignore[no-any-return]
    with quiet_import():
        import tensorflow as tf

    if not hasattr(tf.lite, "Interpreter"):
        raise MissingPackageError(missing, hint=_INSTALL_HINT)
    sentence = f"{missing}, so TensorFlow's copy of it is used, which takes seconds to load."
    warnings.warn(UsageWarning(sentence, hint=_INSTALL_HINT), stacklevel=2)

    def make(**arguments: Any) -> Any:
        with warnings.catch_warnings():  # TensorFlow 2.21 announces that it will go
            warnings.simplefilter("ignore")
            return tf.lite.Interpreter(**arguments)

    return make


class Interpreters:
    """A LiteRT program in several interpreters, one for each thread that runs it.

    Each runs one image at a time. So the output of each layer is still in the core's cache when
    the next layer reads it.

    Attributes:
        count: Number of threads of `compute`.
        first: One of the interpreters, ready to run.
    """

    def __init__(self, program: bytes) -> None:
        """Load a program of one input, a batch of images, and one output.

        Raises:
            ImportError: If no interpreter is installed.
            RuntimeError: If the program cannot be run.
            ValueError: As `RuntimeError`.
        """
        self.count = thread_count()
        self._program = program
        self.first = make_interpreter(program)
        self._free = [self.first]  # the others when there are images for them
        self._threads = ThreadPoolExecutor(self.count)
        self._input = self.first.get_input_details()[0]["index"]
        self._output = self.first.get_output_details()[0]["index"]

    def compute(self, images: NDArray[Any]) -> NDArray[np.float32]:
        """Return the outputs for a batch of images, computed on all cores."""
        parts = np.array_split(images, min(self.count, len(images)))
        return np.concatenate(list(self._threads.map(self.run, parts)))

    def run(self, images: NDArray[Any]) -> NDArray[np.float32]:
        """Return the outputs for a batch of images, computed in the thread that calls."""
        try:
            interpreter = self._free.pop()
        except IndexError:
            interpreter = make_interpreter(self._program)
        outputs = []
        for image in images:
            interpreter.set_tensor(self._input, image[np.newaxis])
            interpreter.invoke()
            outputs.append(interpreter.get_tensor(self._output)[0])
        self._free.append(interpreter)
        return np.array(outputs)
