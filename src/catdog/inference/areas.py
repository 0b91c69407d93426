"""Where the image is in each tensor of a model: a heat map must lie on what it was computed from.

Layers crop, pad and flip images. Others return tensors of four axes that are no images any more,
such as the attention between patches.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import keras
import numpy as np

from catdog.inference.area_probe import Call, has_kernels, keeps_places
from catdog.inference.margins import (
    NO_MARGINS,
    Axes,
    added,
    behind_windows,
    grown,
    unpadded_windows,
    window_of,
)
from catdog.inference.operations import MIXING, PLACING, SCALING, TURNING, is_own_code
from catdog.typing import Floats

SAME = 1  # position: NASNet joins maps that lie half a position apart


@dataclass(frozen=True, eq=False)
class Area:
    """Where the image is in a tensor.

    Attributes:
        axes: The axes of its height and its width; `None` if the tensor is not an image.
        margins: How many positions of the tensor lie outside the image, shape `(2, 2)`: height and
            width, in front of it and behind it. Negative where that many of the image are missing.
        lost: How many of the missing positions convolutions without padding have lost.
        calls: Numbers of the calls of convolutions that the tensor depends on.
        moved_by: Name of the layer that moved places in a way that is not followed; may be empty.
    """

    axes: Axes | None = (1, 2)
    margins: Floats = field(default_factory=lambda: NO_MARGINS)
    lost: Floats = field(default_factory=lambda: NO_MARGINS)
    calls: frozenset[int] = field(default=frozenset())
    moved_by: str = ""


class Placed(NamedTuple):
    """A tensor, and where the image is in it."""

    tensor: Any
    area: Area


def area_after(call: Call, given: Sequence[Placed], result: Any) -> Area:
    """Return where the image is in what a layer or operation returned.

    Args:
        call: The call.
        given: Those of its arguments whose area is known.
        result: The tensor that it returned.
    """
    operation, layers = call.operation, keras.layers
    area, tensor = _joined(operation, given)
    if area.axes is None:
        return _anew(operation, area, result)
    name = type(operation).__name__
    if is_own_code(operation):
        return _after_own(call, area, tensor, result)
    is_alone = len(given) == 1  # `einsum("bhwc->bwhc", image)` transposes
    if (
        name in PLACING
        or isinstance(operation, layers.Permute | layers.Reshape)
        or (name == "Einsum" and is_alone)
    ):
        return _after_placing(call, area, tensor)
    if isinstance(operation, layers.ZeroPadding2D | layers.Cropping2D):
        return _padded(area, operation)
    if name == "Pad":
        widths = np.broadcast_to(operation.pad_width, (len(tensor.shape), 2)).tolist()
        return _with_more(area, [widths[axis] for axis in area.axes])
    if isinstance(operation, layers.CenterCrop) and not _grows(area, tensor, result):
        spare = [result.shape[axis] - tensor.shape[axis] for axis in area.axes]
        sides = [(-(-each // 2), each + (-each // 2)) for each in spare]
        return _with_more(area, sides)
    if name in TURNING or _changes_aspect(operation, area, tensor, result):
        return _moved(area, operation)
    return _after_computing(operation, area, tensor, result)


def channels_axis(area: Area) -> int:
    """Return the axis of the channels of a feature map."""
    (axis,) = {1, 2, 3}.difference(area.axes or ())
    return axis


def _joined(operation: Any, given: Sequence[Placed]) -> tuple[Area, Any]:
    """Return the area that the inputs have in common, and the largest of them."""
    calls = frozenset[int]().union(*(one.area.calls for one in given))
    wide = [one for one in given if _is_wide(one)]
    moved_by = next((one.area.moved_by for one in wide if one.area.moved_by), "")
    images = [one for one in wide if one.area.axes is not None]
    if not images:
        return Area(None, calls=calls, moved_by=moved_by), None
    most = max(map(_positions, images))
    images = [one for one in images if _positions(one) == most]  # others are repeated along an axis
    tensor, first = min(
        images, key=lambda one: (np.abs(one.area.margins).sum(), one.area.lost.sum())
    )
    differ = any(
        area.axes != first.axes or np.abs(np.subtract(area.margins, first.margins)).max() > SAME
        for _, area in images
    )
    moved_by = moved_by or (_name(operation) if differ else "")
    return Area(first.axes, first.margins, first.lost, calls, moved_by), tensor


def _positions(one: Placed) -> int:
    """Return how many positions height and width of an image have."""
    return math.prod(one.tensor.shape[axis] for axis in one.area.axes or ())


def _is_wide(one: Placed) -> bool:
    """Return whether a tensor has several positions, not one value for the whole image."""
    shape = one.tensor.shape
    if one.area.axes is None:
        return any(size != 1 for size in shape[1:-1])
    return any(shape[axis] != 1 for axis in one.area.axes)


def _anew(operation: Any, area: Area, result: Any) -> Area:
    """Return the area behind an operation on what is no image: a convolution takes it for one."""
    if len(result.shape) != 4 or not has_kernels(operation):
        return area
    return replace(area, axes=_axes_of(operation))


def _after_own(call: Call, area: Area, tensor: Any, result: Any) -> Area:
    """Return the area behind what runs code of the user."""
    assert area.axes is not None
    if len(result.shape) != 4 or len(tensor.shape) != 4:
        return _lost(area, call.operation)
    if not keeps_places(call, tensor, area.axes):
        return _moved(area, call.operation)
    return _scaled(area, _sizes(area, tensor), _sizes(area, result))


def _after_placing(call: Call, area: Area, tensor: Any) -> Area:
    """Return the area behind an operation that only changes places: it is run on coordinates."""
    axes, widths = [], []
    for axis in area.axes or ():
        size = tensor.shape[axis]
        shape = [size if each == axis else 1 for each in range(len(tensor.shape))]
        numbers = np.broadcast_to(np.arange(size, dtype=np.float32).reshape(shape), tensor.shape)
        placed = call.on(tensor, np.ascontiguousarray(numbers))
        found = _line(placed)
        if found is None:
            if type(call.operation).__name__ != "Reshape":
                return _moved(area, call.operation)
            are_in_order = math.prod(tensor.shape[axis] for axis in area.axes or ()) in placed.shape
            return _lost(area if are_in_order else _moved(area, call.operation), call.operation)
        axes.append(found)
        line = np.moveaxis(placed, found, 0).reshape(placed.shape[found], -1)[:, 0]
        widths.append((-line[0], line[-1] - (size - 1)))
    rows, columns = axes
    return replace(_with_more(area, widths), axes=(rows, columns))


def _line(numbers: Any) -> int | None:
    """Return the axis along which an array counts up by one, and is the same along the others."""
    for axis in range(1, numbers.ndim):
        lines = np.moveaxis(numbers, axis, 0).reshape(numbers.shape[axis], -1)
        if len(lines) > 1 and (np.diff(lines, axis=0) == 1).all() and (lines == lines[:, :1]).all():
            return axis
    return None


def _grows(area: Area, tensor: Any, result: Any) -> bool:
    """Return whether a result is higher or wider: a crop then enlarges the image instead."""
    return any(result.shape[axis] > tensor.shape[axis] for axis in area.axes or ())


def _changes_aspect(operation: Any, area: Area, tensor: Any, result: Any) -> bool:
    """Return whether an operation crops or pads an image to another aspect ratio."""
    assert area.axes is not None
    names = ("crop_to_aspect_ratio", "pad_to_aspect_ratio")
    crops = isinstance(operation, keras.layers.CenterCrop)
    if not crops and not any(getattr(operation, name, False) for name in names):
        return False
    (height, width), (rows, columns) = (
        [one.shape[a] for a in area.axes] for one in (tensor, result)
    )
    return bool(height * columns != width * rows)


def _after_computing(operation: Any, area: Area, tensor: Any, result: Any) -> Area:
    """Return the area behind a layer or operation of Keras that computes new values."""
    assert area.axes is not None
    name = type(operation).__name__
    dense = isinstance(operation, keras.layers.Dense | keras.layers.EinsumDense)
    if name in MIXING or (dense and len(tensor.shape) - 1 in area.axes):
        return _lost(area, operation)
    if max(area.axes) >= len(result.shape):
        return _lost(area, operation)
    inner = operation.layer if isinstance(operation, keras.layers.Wrapper) else operation
    if window_of(inner):
        if {*area.axes} != {*_axes_of(inner)}:
            return _moved(area, operation)
        return _after_window(inner, area, tensor, result)
    sizes, new_sizes = ([one.shape[axis] for axis in area.axes] for one in (tensor, result))
    is_gate = len(result.shape) == len(tensor.shape) and all(
        new in (size, 1) for size, new in zip(sizes, new_sizes, strict=True)
    )
    if sizes == new_sizes or is_gate:  # one value for each row, for example
        return area
    layers = keras.layers
    resizes = isinstance(operation, layers.UpSampling2D | layers.Resizing | layers.CenterCrop)
    if resizes or name in {*SCALING, "Resize"} or "Adaptive" in name:
        return _after_window(operation, area, tensor, result)
    if len(result.shape) == 4 and min(new_sizes) > 1:
        return _moved(area, operation)  # joined side by side, for example
    return _lost(area, operation)


def _axes_of(operation: Any) -> Axes:
    """Return the axes of height and width of a layer's input."""
    return (2, 3) if getattr(operation, "data_format", "") == "channels_first" else (1, 2)


def _after_window(operation: Any, area: Area, tensor: Any, result: Any) -> Area:
    """Return the area behind a convolution, a pool, or what scales the image."""
    assert area.axes is not None
    sizes, new_sizes = _sizes(area, tensor), _sizes(area, result)
    if windows := unpadded_windows(operation, area.axes, sizes, new_sizes):
        margins, lost = behind_windows(windows, sizes, new_sizes, area.margins, area.lost)
        return replace(area, margins=margins, lost=lost)
    more = grown(operation, area.axes, sizes, new_sizes)
    return _with_more(_scaled(area, sizes, new_sizes - more.sum(axis=1)), more)


def _scaled(area: Area, sizes: Floats, new_sizes: Floats) -> Area:
    """Return an area in positions of another size."""
    factors = (new_sizes / np.maximum(sizes, 1))[:, None]
    return replace(area, margins=area.margins * factors, lost=area.lost * factors)


def _sizes(area: Area, tensor: Any) -> Floats:
    """Return height and width of a tensor."""
    return np.array([tensor.shape[axis] for axis in area.axes or ()], float)


def _with_more(area: Area, widths: Any) -> Area:
    """Return the area behind what adds positions at the ends, or takes some off."""
    margins, lost = added(area.margins, area.lost, widths)
    return replace(area, margins=margins, lost=lost)


def _padded(area: Area, layer: Any) -> Area:
    """Return the area behind a layer that adds positions at the ends, or takes some off."""
    axes = _axes_of(layer)
    if {*axes} != {*(area.axes or ())}:
        return _moved(area, layer)
    crops = isinstance(layer, keras.layers.Cropping2D)
    widths = np.negative(layer.cropping) if crops else np.array(layer.padding)
    widths = [widths[axes.index(axis)] for axis in area.axes or ()]
    return _with_more(area, widths)


def _moved(area: Area, operation: Any) -> Area:
    """Return an area of which it is not known where it is."""
    return replace(area, moved_by=area.moved_by or _name(operation))


def _lost(area: Area, operation: Any) -> Area:
    """Return the area of a tensor that is no image; what was cut off or added is not forgotten."""
    if not np.allclose(area.margins, -area.lost):
        area = _moved(area, operation)
    return replace(area, axes=None)


def _name(operation: Any) -> str:
    """Return how an error names a layer."""
    return f"{operation.name!r} ({type(operation).__name__})"
