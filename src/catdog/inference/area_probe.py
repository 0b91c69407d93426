"""Find out whether a layer of the user's code leaves each place of an image where it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import keras
import numpy as np
from numpy.typing import NDArray

from catdog.typing import Floats

PARTS = 4  # a quarter of the image is changed
LEAST, LEAST_WITH_KERNELS = 0.52, 0.3  # of the changes at both ends, what its own end has at least
BANDS = (0.25, 0.5, 0.75)  # where narrow bands of the image are changed, from its start to its end
BAND_WIDTH = 1 / 16  # of the image
# How far the largest changes may lie from such a band, as a share of the image; one position at
# least. Convolutions spread a change, not evenly to both sides.
FARTHEST, FARTHEST_WITH_KERNELS = 1 / 32, 1 / 10


class Call(NamedTuple):
    """A call of a layer, nested model or operation, and which of its results is looked at."""

    operation: Any
    arguments: tuple[Any, ...]
    options: dict[str, Any]
    position: int

    def on(self, tensor: Any, values: NDArray[np.floating]) -> Floats:
        """Return the result with other values in place of an argument."""
        other = keras.ops.cast(keras.ops.convert_to_tensor(values), tensor.dtype)
        arguments, options = keras.tree.map_structure(
            lambda each: other if each is tensor else each, (self.arguments, self.options)
        )
        results = keras.tree.flatten(self.operation(*arguments, **options))
        return np.asarray(keras.ops.convert_to_numpy(results[self.position]), np.float64)


def has_kernels(operation: Any) -> bool:
    """Return whether a layer is a convolution over height and width, or contains one."""
    return any(len(weight.shape) == 4 for weight in getattr(operation, "weights", ()))


def keeps_places(call: Call, tensor: Any, axes: tuple[int, int]) -> bool:
    """Return whether a change of the input changes the same place of the output.

    It is run on its input with other values in the first and in the last quarter of its
    height and of its width. A flip changes the other end, and a crop nothing. It is also `True` if
    the output never changes. Many convolutions spread each change over the whole output: they are
    only taken to move places if the other end changes much more. Then it is run with other values
    in narrow bands, which a shift or a zoom moves: one of at least 3 % of the image is found, with
    convolutions in the layer, one of 10 %.

    Args:
        call: The call of a layer or nested model, whose result has four axes.
        tensor: Its argument of four axes.
        axes: The axes of height and width.
    """
    values = keras.ops.convert_to_numpy(tensor).astype(np.float32)
    outputs = call.on(tensor, values)
    rng = np.random.default_rng(0)
    noisy = values + rng.normal(size=values.shape) * (values.std() + 1e-3)
    kernels = has_kernels(call.operation)
    least = LEAST_WITH_KERNELS if kernels else LEAST

    def differences(where: tuple[slice, ...], others: Floats) -> Floats:
        changed = values.copy()
        changed[where] = others[where]
        return np.abs(call.on(tensor, changed) - outputs)

    shares = []
    for axis in axes:
        part = -(-values.shape[axis] // PARTS)
        for end in (slice(None, part), slice(-part, None)):
            difference = differences((slice(None),) * axis + (end,), noisy)
            shares.append(_share(np.moveaxis(difference, axis, 0), at_start=end.start is None))
    if not any(shares):
        return not differences((slice(None),), noisy).any()
    if min(shares) <= least:
        return False
    farthest = FARTHEST_WITH_KERNELS if kernels else FARTHEST
    for axis, other in zip(axes, axes[::-1], strict=True):
        # In another order, so that the range and the mean of the image stay, by which it may be
        # divided; that would change all places.
        mixed = rng.permuted(values, axis=other)
        for band in _bands(values.shape[axis]):
            where = (*(slice(None),) * axis, band)
            is_same = np.array_equal(mixed[where], values[where])
            difference = np.moveaxis(differences(where, noisy if is_same else mixed), axis, 0)
            centre = (band.start + band.stop) / 2 / values.shape[axis]
            if _distance(difference, centre) > max(farthest, 1 / len(difference)):
                return False
    return True


def _bands(size: int) -> Iterator[slice]:
    """Yield the narrow bands of an axis."""
    width = max(round(BAND_WIDTH * size), 1)
    for place in BANDS:
        start = round((place - BAND_WIDTH / 2) * size)
        yield slice(start, start + width)


def _share(difference: Floats, *, at_start: bool) -> float:
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


def _distance(difference: Floats, place: float) -> float:
    """Return how far the largest changes lie from a place, both as shares of the image.

    Args:
        difference: How much each position changes; the first axis is the one of the place.
        place: The place, from 0 to 1.
    """
    sums = difference.reshape(len(difference), -1).sum(axis=1)
    line = np.nan_to_num(sums, nan=np.inf)  # what has no result any more has changed most
    if not line.any():
        return 0.0
    largest = np.flatnonzero(line >= line.max() / 2)
    return float(abs((largest.mean() + 0.5) / len(line) - place))
