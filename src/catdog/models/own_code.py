"""Find layers that run code of the user, and those among them that act at random in training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

import keras
import numpy as np

from catdog._utils.keras_internals import all_layers, seed_states
from catdog._utils.seeding import keeping_random_state
from catdog.models.training_state import noise_for

N_DRAWS = 16  # calls of a layer: one that acts with a probability of 1/2 is missed hardly ever
RELATIVE_TOLERANCE = 1e-5
_FUNCTIONS = (FunctionType, BuiltinFunctionType, MethodType, partial)


def runs_own_code(operation: keras.Operation) -> bool:
    """Return whether a layer or operation runs code that its configuration does not contain.

    Its class is not one of Keras, or it holds a function or an object that is not, such as an
    activation. Layers inside it do not count.
    """
    if isinstance(operation, keras.layers.Lambda | keras.layers.TFSMLayer):
        return True
    return not _is_of_keras(type(operation)) or any(map(_is_own, vars(operation).values()))


def has_own_code(model: keras.Model) -> bool:
    """Return whether a layer or operation runs code that a hash of the model does not contain."""
    from catdog.models.sharing import is_shared  # late: see there

    layers = all_layers(model)
    graphs = [layer for layer in layers if isinstance(layer, keras.Function)]
    operations = [
        getattr(each, "operation", each)  # of a shared one
        for each in [*layers, *(each for graph in graphs for each in graph.operations)]
        if not is_shared(each)
    ]
    return any(map(runs_own_code, operations))


def _is_own(value: Any) -> bool:
    """Return whether a value is a function, or an object that can be called, of the user."""
    if isinstance(value, keras.Operation | keras.Variable | type):
        return False
    if isinstance(value, _FUNCTIONS):
        return not _is_of_keras(value)
    return callable(value) and not _is_of_keras(type(value))


def _is_of_keras(value: Any) -> bool:
    """Return whether a class or a function is defined by Keras."""
    return str(getattr(value, "__module__", "")).partition(".")[0] == "keras"


def random_own_layers(model: keras.Model) -> set[keras.Layer]:
    """Return the layers without weights that run code of the user, and act otherwise in training.

    They may draw from TensorFlow or NumPy, which leaves no trace in the layer. So each is called
    several times with one input. The model is not changed.

    Args:
        model: A Sequential or functional model of one input and one output.
    """
    from catdog.models.graph import run_layers  # late: it imports this file

    suspects = {
        layer
        for layer in model.layers
        if any(map(runs_own_code, all_layers(layer))) and not (layer.weights or seed_states(layer))
    }
    found: set[keras.Layer] = set()

    def call(layer: Any, *arguments: Any, **options: Any) -> Any:
        if layer not in suspects:
            return layer(*arguments, **options)

        def run(*, training: bool) -> Any:
            return layer(*arguments, **{**options, "training": training})

        plain = run(training=False)
        try:
            is_fixed = all(_is_same(run(training=True), plain) for _ in range(N_DRAWS))
        except Exception:  # code of the user raises any type; it may not run on noise
            is_fixed = False
        if not is_fixed:
            found.add(layer)
        return plain

    if suspects:
        with _keeping_state(model):
            run_layers(model, keras.ops.convert_to_tensor(noise_for(model)), call)
    return found


def _is_same(one: Any, other: Any) -> bool:
    """Return whether two outputs of a layer are the same, up to rounding."""
    pairs = zip(keras.tree.flatten(one), keras.tree.flatten(other), strict=True)
    for pair in pairs:
        first, second = (np.asarray(keras.ops.convert_to_numpy(each), np.float64) for each in pair)
        tolerance = RELATIVE_TOLERANCE * np.abs(second).max(initial=0)
        if not np.allclose(first, second, rtol=0, atol=tolerance, equal_nan=True):
            return False
    return True


@contextmanager
def _keeping_state(model: keras.Model) -> Iterator[None]:
    """Restore the variables of a model and the generators of Keras, NumPy and Python."""
    variables = model.non_trainable_variables
    before = [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]
    try:
        with keeping_random_state():
            yield
    finally:
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)
