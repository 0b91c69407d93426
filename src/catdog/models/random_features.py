"""Run the last part of a model on random features: what it returns, whatever the images are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from catdog._utils.keras_internals import call_of, is_keras_layer
from catdog.models.graph import run_layers
from catdog.typing import Floats

ROWS_OF_EACH_SCALE = 16
SCALES = (1.0, 30.0, 1e3, 1e6)  # logits leave the interval from 0 to 1, whatever their bias
_ELEMENTWISE = {"activations", "normalization"}  # Keras' folders of such layers
UNKNOWN_SIDE = 8  # of features of any height and width


def random_outputs(model: keras.Model, end: keras.KerasTensor) -> Iterator[tuple[Floats, bool]]:
    """Yield what the last parts of a model return for random features of growing size.

    The first part begins behind the last layer with weights, the last part with that layer. What
    their outputs have in common depends neither on images nor on weights: logits of some images may
    be between 0 and 1 by chance, those of random features are not.

    Args:
        model: A Sequential or functional model, or one nested in it.
        end: The output of its last operation that changes values.

    Yields:
        `float64`, shape `(n, values)`, without rows that are not finite; and whether the part is
        all of `model`, so that the random features are in the place of its input.
    """
    for start in _starts(end):
        outputs = _run_from(model, start)
        if outputs is not None:
            is_whole = isinstance(call_of(start)[0], keras.layers.InputLayer)
            yield finite_rows(outputs.reshape(-1, outputs.shape[-1])), is_whole


def finite_rows(rows: Floats) -> Floats:
    """Return the rows without those that hold a value that is not finite."""
    return rows[np.isfinite(rows).all(axis=1)]


def _starts(end: keras.KerasTensor) -> Iterator[keras.KerasTensor]:
    """Yield the tensors that alone determine `end`, backwards up to the last layer with weights."""
    found = [end]
    for tensor in found:  # grows: breadth first, so nearer tensors come first
        operation, arguments, _ = call_of(tensor)
        if tensor is not end and _determines(tensor, end):
            yield tensor
            if any(map(_is_weighted, _between(tensor, end))):
                return
        if not isinstance(operation, keras.layers.InputLayer):
            known = {id(each) for each in found}
            found += [each for each in arguments if id(each) not in known]


def _determines(tensor: keras.KerasTensor, end: keras.KerasTensor) -> bool:
    """Return whether every path from the model's input to `end` leads through a tensor."""
    return not any(
        isinstance(operation, keras.layers.InputLayer) for operation in _between(tensor, end)
    )


def _between(tensor: keras.KerasTensor, end: keras.KerasTensor) -> list[Any]:
    """Return the operations on all paths from a tensor, or from an input beside it, to `end`."""
    waiting, seen, operations = [end], {id(tensor)}, []
    while waiting:
        current = waiting.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        operation, arguments, _ = call_of(current)
        operations.append(operation)
        if not isinstance(operation, keras.layers.InputLayer):
            waiting += arguments
    return operations


def _is_weighted(operation: Any) -> bool:
    """Return whether an operation has weights, and is no normalization or activation of Keras."""
    weights = getattr(operation, "weights", None)
    return bool(weights) and not (
        is_keras_layer(operation) and type(operation).__module__.split(".")[-2] in _ELEMENTWISE
    )


def _run_from(model: keras.Model, start: keras.KerasTensor) -> Floats | None:
    """Run a model with random numbers in the place of a tensor.

    Returns:
        What it returns; `None` if the tensor is one of several of its layer, or
        if the user's code does not take such numbers.
    """
    target, _, _ = call_of(start)
    numbers = _random(start)
    calls = 0

    def call(layer: Any, *arguments: Any, **options: Any) -> Any:
        nonlocal calls
        if layer is target:
            calls += 1
            return numbers
        return layer(*arguments, **options) if calls else None  # nothing before it is needed

    if isinstance(target, keras.layers.InputLayer):
        calls = 1
    try:
        outputs = run_layers(model, numbers if calls else None, call)
    except Exception:  # code of the user raises any type
        return None
    if calls != 1 or not hasattr(outputs, "shape"):
        return None
    return np.asarray(keras.ops.convert_to_numpy(outputs), np.float64)


def _random(like: keras.KerasTensor) -> Any:
    """Return random numbers for a tensor, in rows of growing size."""
    shape = [side or UNKNOWN_SIDE for side in like.shape[1:]]
    rng = np.random.default_rng(0)
    rows = [scale * rng.normal(size=(ROWS_OF_EACH_SCALE, *shape)) for scale in SCALES]
    return keras.ops.cast(np.concatenate(rows), like.dtype)
