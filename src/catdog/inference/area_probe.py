"""Find out whether a layer of the user's code leaves each place of an image where it is."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

PARTS = 4  # a quarter of the image is changed
LEAST, LEAST_WITH_KERNELS = 0.52, 0.3  # of the changes at both ends, what its own end has at least


def has_kernels(operation: Any) -> bool:
    """Return whether a layer is a convolution over height and width, or contains one."""
    return any(len(weight.shape) == 4 for weight in getattr(operation, "weights", ()))


def keeps_places(
    layer: Any, tensor: Any, axes: tuple[int, int], arguments: Any, options: Any, result: Any
) -> bool:
    """Return whether a change at an end of the input changes that end of the output.

    The layer is run on its input with other values in the first and in the last quarter of its
    height and of its width. A flip changes the other end, and a crop nothing. It is also `True` if
    the output never changes. Many convolutions spread each change over the whole output: they are
    only taken to move places if the other end changes much more.

    Args:
        layer: The layer or nested model.
        tensor: Its input of four axes.
        axes: The axes of height and width.
        arguments: All its arguments; `tensor` is one of them.
        options: All its arguments by name.
        result: What it returned, of four axes.
    """
    values = keras.ops.convert_to_numpy(tensor).astype(np.float32)
    outputs = keras.ops.convert_to_numpy(result).astype(np.float64)
    noise = np.random.default_rng(0).normal(size=values.shape) * (values.std() + 1e-3)
    least = LEAST_WITH_KERNELS if has_kernels(layer) else LEAST

    def differences(where: tuple[slice, ...]) -> NDArray[np.float64]:
        changed = values.copy()
        changed[where] += noise[where]
        other = keras.ops.cast(keras.ops.convert_to_tensor(changed), tensor.dtype)
        found = keras.ops.convert_to_numpy(call_on(layer, arguments, options, tensor, other))
        return np.abs(found.astype(np.float64) - outputs)

    shares = []
    for axis in axes:
        part = -(-values.shape[axis] // PARTS)
        for end in (slice(None, part), slice(-part, None)):
            difference = differences((slice(None),) * axis + (end,))
            shares.append(_share(np.moveaxis(difference, axis, 0), at_start=end.start is None))
    if not any(shares):
        return not differences((slice(None),)).any()
    return min(shares) > least


def call_on(operation: Any, arguments: Any, options: Any, tensor: Any, other: Any) -> Any:
    """Call an operation with another tensor in place of one of its arguments."""
    arguments, options = keras.tree.map_structure(
        lambda each: other if each is tensor else each, (arguments, options)
    )
    return operation(*arguments, **options)


def _share(difference: NDArray[np.float64], *, at_start: bool) -> float:
    """Return how much one end changes as part of what both ends change; 0 without a change.

    Args:
        difference: How much each position changes; the first axis is the one with the ends.
        at_start: Whether the end is the first positions.
    """
    if len(difference) == 1:
        return 1
    part = -(-len(difference) // PARTS)
    ends = difference[:part].mean(), difference[-part:].mean()
    return float(ends[0 if at_start else 1] / sum(ends)) if any(ends) else 0
