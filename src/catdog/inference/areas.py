"""Where the image is in each tensor of a model: a heat map must lie on what it was computed from.

Layers crop, pad and flip images. Others return tensors of four axes that are no images any more,
such as the attention between patches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import keras
import numpy as np

from catdog._utils.keras_internals import is_defined_by_keras
from catdog.inference.area_probe import call_on, has_kernels, keeps_places

Axes = tuple[int, int]
Margins = tuple[tuple[float, float], tuple[float, float]]
NO_MARGINS: Margins = ((0, 0), (0, 0))
SAME = 1  # position: NASNet joins maps that lie half a position apart

# Operations of keras.ops that change places and nothing else. Their results show what they do.
_PLACING = {
    *("CropImages", "ExpandDims", "Flip", "GetItem", "Moveaxis", "Reshape", "Roll", "Rot90"),
    *("Squeeze", "Swapaxes", "Take", "Transpose"),
}
_TURNING = {"AffineTransform", "ElasticTransform", "MapCoordinates", "PerspectiveTransform"}
_MIXING = {"DotProductAttention", "Dot", "Einsum", "Matmul", "Tensordot"}
# Operations whose result is the whole image in another size.
_SCALING = {
    *("AdaptiveAveragePool", "AdaptiveMaxPool", "AveragePool", "Conv", "ConvTranspose"),
    *("DepthToSpace", "DepthwiseConv", "ExtractPatches", "MaxPool", "SeparableConv"),
    *("SpaceToDepth",),
}


@dataclass(frozen=True)
class Area:
    """Where the image is in a tensor.

    Attributes:
        axes: The axes of its height and its width; `None` if the tensor is not an image.
        margins: At both ends of height and width, how many positions of the tensor lie outside the
            image. Negative where that much of the image is cut off.
        calls: Numbers of the calls of convolutions that the tensor depends on.
        moved_by: Name of the layer that moved places in a way that is not followed; may be empty.
    """

    axes: Axes | None = (1, 2)
    margins: Margins = NO_MARGINS
    calls: frozenset[int] = field(default=frozenset())
    moved_by: str = ""


class Placed(NamedTuple):
    """A tensor, and where the image is in it."""

    tensor: Any
    area: Area


def area_after(
    operation: Any, given: Sequence[Placed], arguments: Any, options: Any, result: Any
) -> Area:
    """Return where the image is in what a layer or operation returned.

    Args:
        operation: The layer, nested model or operation.
        given: Those of its inputs whose area is known.
        arguments: All its arguments.
        options: All its arguments by name.
        result: One tensor that it returned.
    """
    area = _joined(operation, given)
    if area.axes is None:
        return _anew(operation, area, result)
    tensor = next(one.tensor for one in given if one.area.axes == area.axes and _is_wide(one))
    if not is_defined_by_keras(operation, "call"):
        return _after_own(operation, area, tensor, arguments, options, result)
    name = type(operation).__name__
    layers = keras.layers
    if (
        name in _PLACING
        or isinstance(operation, layers.Permute | layers.Reshape | layers.Cropping2D)
        or (isinstance(operation, layers.CenterCrop) and not _grows(area, tensor, result))
    ):
        return _after_placing(operation, area, tensor, arguments, options)
    if isinstance(operation, layers.ZeroPadding2D):
        return _padded(area, operation)
    if name == "Pad":
        widths = np.broadcast_to(operation.pad_width, (len(tensor.shape), 2))
        return replace(area, margins=_added(area.margins, [widths[axis] for axis in area.axes]))
    if name in _TURNING or _fits_to_aspect(operation, area, tensor, result):
        return _moved(area, operation)
    return _after_computing(operation, area, tensor, result)


def channels_axis(area: Area) -> int:
    """Return the axis of the channels of a feature map."""
    (axis,) = {1, 2, 3}.difference(area.axes or ())
    return axis


def _joined(operation: Any, given: Sequence[Placed]) -> Area:
    """Return the area that inputs have in common."""
    calls = frozenset().union(*(one.area.calls for one in given))
    wide = [one.area for one in given if _is_wide(one)]
    moved_by = next((area.moved_by for area in wide if area.moved_by), "")
    areas = [area for area in wide if area.axes is not None]
    if not areas:
        return Area(None, calls=calls, moved_by=moved_by)
    first = min(areas, key=lambda area: np.abs(area.margins).sum())
    differ = any(
        area.axes != first.axes or np.abs(np.subtract(area.margins, first.margins)).max() > SAME
        for area in areas
    )
    return Area(first.axes, first.margins, calls, moved_by or (_name(operation) if differ else ""))


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


def _after_own(
    operation: Any, area: Area, tensor: Any, arguments: Any, options: Any, result: Any
) -> Area:
    """Return the area behind a layer or model whose `call` is the user's code."""
    if len(result.shape) != len(tensor.shape) or len(result.shape) != 4:
        return _lost(area, operation)
    assert area.axes is not None
    if not keeps_places(operation, tensor, area.axes, arguments, options, result):
        return _moved(area, operation)
    return _scaled(area, tensor, result, NO_MARGINS)


def _after_placing(operation: Any, area: Area, tensor: Any, arguments: Any, options: Any) -> Area:
    """Return the area behind an operation that only changes places: it is run on coordinates."""
    assert area.axes is not None
    axes, margins = [], []
    for axis, (before, behind) in zip(area.axes, area.margins, strict=True):
        size = tensor.shape[axis]
        shape = [size if each == axis else 1 for each in range(len(tensor.shape))]
        numbers = np.broadcast_to(np.arange(size, dtype=np.float32).reshape(shape), tensor.shape)
        numbers = keras.ops.convert_to_tensor(np.ascontiguousarray(numbers))
        placed = keras.ops.convert_to_numpy(call_on(operation, arguments, options, tensor, numbers))
        found = _line(placed)
        if found is None:
            is_reshaped = type(operation).__name__ == "Reshape"
            return _lost(area, operation) if is_reshaped else _moved(area, operation)
        axes.append(found)
        line = np.moveaxis(placed, found, 0).reshape(placed.shape[found], -1)[:, 0]
        margins.append((before - line[0], behind - (size - 1 - line[-1])))
    (rows, columns), (top, left) = axes, margins
    return replace(area, axes=(rows, columns), margins=(top, left))


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


def _fits_to_aspect(operation: Any, area: Area, tensor: Any, result: Any) -> bool:
    """Return whether an operation crops or pads an image to another aspect ratio."""
    assert area.axes is not None
    names = ("crop_to_aspect_ratio", "pad_to_aspect_ratio")
    crops = isinstance(operation, keras.layers.RandomCrop | keras.layers.CenterCrop)
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
    if name in _MIXING or (dense and len(tensor.shape) - 1 in area.axes):
        return _lost(area, operation)
    if max(area.axes) >= len(result.shape):
        return _lost(area, operation)
    inner = operation.layer if isinstance(operation, keras.layers.Wrapper) else operation
    window = getattr(inner, "kernel_size", None) or getattr(inner, "pool_size", None)
    if window and len(window) == 2:
        if {*area.axes} != {*_axes_of(inner)}:
            return _moved(area, operation)
        return _scaled(area, tensor, result, _trimmed(inner, area, window))
    sizes, new_sizes = ([one.shape[axis] for axis in area.axes] for one in (tensor, result))
    if sizes == new_sizes:
        return area
    layers = keras.layers
    resizes = isinstance(
        operation, layers.UpSampling2D | layers.Resizing | layers.RandomCrop | layers.CenterCrop
    )
    if resizes or name in {*_SCALING, "Resize"} or "Adaptive" in name:
        return _scaled(area, tensor, result, NO_MARGINS)
    if len(result.shape) == 4 and min(new_sizes) > 1:
        return _moved(area, operation)  # joined side by side, for example
    return _lost(area, operation)


def _axes_of(operation: Any) -> Axes:
    """Return the axes of height and width of a layer's input."""
    return (2, 3) if getattr(operation, "data_format", "") == "channels_first" else (1, 2)


def _trimmed(layer: Any, area: Area, window: Sequence[int]) -> Margins:
    """Return how much of the margins a layer without padding of its own takes off.

    Padding in front of it, as in the networks of `keras.applications`, is that of the layer.
    """
    if getattr(layer, "padding", "valid") != "valid" or "Transpose" in type(layer).__name__:
        return NO_MARGINS
    dilation = getattr(layer, "dilation_rate", (1, 1))
    trimmed = []
    order = sorted(area.axes or ())
    for axis, (before, behind) in zip(area.axes or (), area.margins, strict=True):
        number = order.index(axis)
        reach = (window[number] - 1) * dilation[number]
        before, behind = max(before, 0), max(behind, 0)
        half = reach / 2
        whole = before + behind <= reach
        trimmed.append((before, behind) if whole else (min(before, half), min(behind, half)))
    rows, columns = trimmed
    return rows, columns


def _scaled(area: Area, tensor: Any, result: Any, trimmed: Margins) -> Area:
    """Return the area in a tensor of another size, from which margins were taken off."""
    scaled = []
    for axis, margins, off in zip(area.axes or (), area.margins, trimmed, strict=True):
        factor = result.shape[axis] / max(tensor.shape[axis] - sum(off), 1)
        scaled.append(((margins[0] - off[0]) * factor, (margins[1] - off[1]) * factor))
    rows, columns = scaled
    return replace(area, margins=(rows, columns))


def _padded(area: Area, operation: Any) -> Area:
    """Return the area in a tensor with more positions at its ends."""
    axes = _axes_of(operation)
    if {*axes} != {*(area.axes or ())}:
        return _moved(area, operation)
    widths = [operation.padding[axes.index(axis)] for axis in area.axes or ()]
    return replace(area, margins=_added(area.margins, widths))


def _added(margins: Margins, widths: Sequence[Any]) -> Margins:
    """Return margins with more positions."""
    rows, columns = [
        (a + float(b), c + float(d)) for (a, c), (b, d) in zip(margins, widths, strict=True)
    ]
    return rows, columns


def _moved(area: Area, operation: Any) -> Area:
    """Return an area of which it is not known where it is."""
    return replace(area, moved_by=area.moved_by or _name(operation))


def _lost(area: Area, operation: Any) -> Area:
    """Return the area of a tensor that is no image; what was cut off or added is not forgotten."""
    if area.margins != NO_MARGINS:
        area = _moved(area, operation)
    return replace(area, axes=None)


def _name(operation: Any) -> str:
    """Return how an error names a layer."""
    return f"{operation.name!r} ({type(operation).__name__})"
