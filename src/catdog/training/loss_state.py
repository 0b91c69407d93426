"""Restore what the losses and metrics of a model hold, after they were computed for a few rows.

A loss may count its calls, or adapt to what it has seen. Then a probe before the training would
change the training.
"""

from __future__ import annotations

import random
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import CellType, FunctionType, MethodType, SimpleNamespace
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from catdog._utils.keras_internals import compile_arguments
from catdog._utils.seeding import keeping_random_state

Undo = Callable[[], None]
_LIBRARIES = ("keras", "tensorflow", "numpy", "jax", "torch")
_CONTAINERS = (list, dict, set, deque)


MAX_ARRAY_ITEMS = 10_000_000  # a larger array is data, and its copy would take long
_PLAIN = (bool, int, float, str, type(None))


@contextmanager
def keeping_loss_state(model: keras.Model) -> Iterator[None]:
    """Restore the state of a compiled model's losses and metrics at the end of this block.

    That is: variables, attributes, containers, arrays and generators of random numbers that can be
    reached from what `compile` was given and from what the model's class has added to it. Objects
    and functions of the user are followed; those of a library are not.
    """
    arguments = compile_arguments(model) if model.compiled else {}
    compiled = [arguments.get(name) for name in ("loss", "metrics", "weighted_metrics")]
    restore, added = _visit_keras_object(model)
    restore += _collect([*compiled, *added])
    try:
        with keeping_random_state():
            yield
    finally:
        for undo in restore:
            undo()


def _collect(roots: list[Any]) -> list[Undo]:
    """Return functions that restore the present state of all that can be reached from objects."""
    restore: list[Undo] = []
    seen: dict[int, Any] = {}  # keeps the objects, so that their numbers stay theirs
    waiting = list(roots)
    while waiting:
        current = waiting.pop()
        if id(current) not in seen:
            seen[id(current)] = current
            undo, inner = _visit(current)
            restore += undo
            waiting += inner
    return restore


def _visit(current: Any) -> tuple[list[Undo], list[Any]]:
    """Return how an object is restored, and the objects in it."""
    if _is_variable(current):
        return [_variable_undo(current)], []
    if isinstance(current, np.ndarray):
        is_small = current.flags.writeable and current.size <= MAX_ARRAY_ITEMS
        return ([_array_undo(current)] if is_small else []), []
    if isinstance(current, np.random.Generator | random.Random):
        return [_generator_undo(current)], []
    if isinstance(current, tuple):
        return [], [*current]
    if isinstance(current, MethodType):
        return [], [current.__self__, current.__func__]
    if isinstance(current, FunctionType):
        return _visit_function(current)
    if isinstance(current, keras.Layer | keras.metrics.Metric):
        restore, inner = _visit_keras_object(current)
        return restore, [*inner, *current.variables]
    if isinstance(current, _CONTAINERS) and not type(current).__module__.startswith("keras"):
        values = current.values() if isinstance(current, dict) else current
        return [_container_undo(current)], [*values]
    if isinstance(current, partial):
        return [], [current.func, current.args, current.keywords]
    if isinstance(current, keras.Loss | SimpleNamespace) or not _is_of_library(current):
        return _visit_attributes(current)
    return [], []


def _visit_keras_object(owner: Any) -> tuple[list[Undo], list[Any]]:
    """Return how the attributes are restored that a class of the user has added, and their values.

    Keras' own attributes stay as they are: those of a layer that was built are not undone.
    """
    if _is_of_library(owner):
        return [], []
    of_keras = vars(keras.Model(name="attributes_of_keras"))
    added = {
        name: value
        for name, value in vars(owner).items()
        if name not in of_keras and not name.endswith("built") and _is_state(value)
    }
    return [_entry_undo(vars(owner), name) for name in added], [*added.values()]


def _is_state(value: Any) -> bool:
    """Return whether the value of an attribute is a part of an object's own state."""
    kinds = (np.ndarray, np.random.Generator, random.Random, keras.metrics.Metric)
    is_container = type(value) in _CONTAINERS  # no subclass: Keras tracks what its own hold
    return isinstance(value, _PLAIN + kinds) or is_container or _is_variable(value)


def _visit_function(function: FunctionType) -> tuple[list[Undo], list[Any]]:
    """Return how the variables outside a function that it uses are restored."""
    if _is_of_library(function):
        return [], []
    cells = [cell for cell in function.__closure__ or () if _has_value(cell)]
    restore = [_cell_undo(cell) for cell in cells]
    module = function.__globals__
    names = [name for name in function.__code__.co_names if name in module]
    restore += [_entry_undo(module, name) for name in names]
    used = [cell.cell_contents for cell in cells] + [module[name] for name in names]
    return restore, [*used, *(function.__defaults__ or ())]


def _visit_attributes(owner: Any) -> tuple[list[Undo], list[Any]]:
    """Return how the attributes of an object are restored, and their values."""
    attributes = getattr(owner, "__dict__", None)
    if isinstance(owner, type) or not isinstance(attributes, dict):
        return [], []
    before = dict(attributes)

    def undo() -> None:
        for name in attributes.keys() - before.keys():
            del attributes[name]
        for name, value in before.items():
            if attributes.get(name) is not value:
                attributes[name] = value

    return [undo], [*before.values()]


def _entry_undo(entries: dict[str, Any], name: str) -> Undo:
    value = entries[name]
    return lambda: entries.__setitem__(name, value)


def _cell_undo(cell: CellType) -> Undo:
    value = cell.cell_contents
    return lambda: setattr(cell, "cell_contents", value)


def _generator_undo(generator: Any) -> Undo:
    if isinstance(generator, random.Random):
        python = generator.getstate()
        return lambda: generator.setstate(python)
    state = generator.bit_generator.state
    return lambda: setattr(generator.bit_generator, "state", state)


def _container_undo(container: Any) -> Undo:
    copy = container.copy()

    def undo() -> None:
        container.clear()
        add = container.update if isinstance(container, dict | set) else container.extend
        add(copy)

    return undo


def _array_undo(array: NDArray[Any]) -> Undo:
    copy = array.copy()
    return lambda: np.copyto(array, copy)


def _variable_undo(variable: Any) -> Undo:
    value = np.array(keras.ops.convert_to_numpy(variable))
    return lambda: variable.assign(value)


def _has_value(cell: CellType) -> bool:
    """Return whether a variable of a function around another has a value already."""
    try:
        _ = cell.cell_contents
    except ValueError:
        return False
    return True


def _is_variable(value: Any) -> bool:
    """Return whether a value is a variable of Keras or of TensorFlow."""
    is_of_tensorflow = type(value).__module__.startswith("tensorflow.")
    return isinstance(value, keras.Variable) or (is_of_tensorflow and hasattr(value, "assign"))


def _is_of_library(value: Any) -> bool:
    """Return whether an object, or its class, is of a library: what it holds is not followed."""
    owner = value if isinstance(value, FunctionType) else type(value)
    package = str(owner.__module__).partition(".")[0]
    return package in _LIBRARIES or package in sys.stdlib_module_names
