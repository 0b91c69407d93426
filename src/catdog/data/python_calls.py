"""Functions of Python that tf.data calls."""

from __future__ import annotations

import atexit
import itertools
import time
from collections.abc import Callable
from functools import wraps
from threading import Lock
from typing import Any, ParamSpec, TypeVar
from weakref import WeakValueDictionary

import tensorflow as tf
from numpy.typing import NDArray

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
Function = TypeVar("Function", bound=Callable[..., Any])


class _Gate:
    """Lets tf.data's threads call Python functions until Python ends.

    A thread that enters Python while it ends would block forever. Python waits for TensorFlow, and
    TensorFlow waits for the thread, so the process would never end (TensorFlow 2.21).
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._running = 0
        self._last_call = 0.0
        self._open = True

    def guard(self, function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
        """Return a function that TensorFlow may call at any time; it raises once Python ends."""

        @wraps(function)
        def guarded(*arguments: Arguments.args, **options: Arguments.kwargs) -> Result:
            with self._lock:
                self._last_call = time.monotonic()
                if not self._open:
                    raise RuntimeError("Python is ending")
                self._running += 1
            try:
                return function(*arguments, **options)
            finally:
                with self._lock:
                    self._last_call = time.monotonic()
                    self._running -= 1

        return guarded

    def close(self, *, quiet_seconds: float = 0.2, max_seconds: float = 10.0) -> None:
        """Refuse all new calls; wait until there was no call for `quiet_seconds`."""
        self._open = False
        end = time.monotonic() + max_seconds
        while time.monotonic() < end and (
            self._running or time.monotonic() - self._last_call < quiet_seconds
        ):
            time.sleep(0.01)


_gate = _Gate()
atexit.register(_gate.close)

_functions: WeakValueDictionary[int, Callable[..., Any]] = WeakValueDictionary()
_numbers = itertools.count()


def register(function: Callable[..., Any]) -> int:
    """Return the number by which `call` finds a function, as long as `keep_alive` holds it."""
    number = next(_numbers)
    _functions[number] = function
    return number


@_gate.guard
def call(number: Any, *arguments: Any) -> NDArray[Any]:
    """Call a registered function within tf.data.

    TensorFlow 2.21 keeps what `tf.numpy_function` calls until the process ends. So that is this
    function, never one that holds images.
    """
    function = _functions.get(int(number))
    if function is None:
        raise RuntimeError("the tf.data.Dataset that these batches came from no longer exists")
    result: NDArray[Any] = function(*arguments)
    return result


def keep_alive(dataset: tf.data.Dataset, *needed: object) -> tf.data.Dataset:
    """Store on a data set what it calls or reads from, so that it lives as long as its batches."""
    dataset.needed_in_python = needed
    return dataset


def without_autograph(function: Function) -> Function:
    """Return a function whose graphs TensorFlow traces without AutoGraph.

    AutoGraph makes `if` and `for` on tensors part of a graph. Its conversion of functions that have
    none takes longer than all else that a new pipeline needs.
    """
    unconverted: Function = tf.autograph.experimental.do_not_convert(function)
    return unconverted
