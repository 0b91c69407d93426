"""How many positions of a tensor lie outside the image, in front of it and behind it.

Margins have the shape `(2, 2)`: height and width, in front of the image and behind it. They are
negative where positions of the image are missing.

A window without padding of its own, such as a convolution, loses positions: the windows at the ends
have their centres inside the image. Grad-CAM lays their result over the whole image all the same.
So it is noted how many positions windows have lost; padding behind them gives these back.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from catdog.typing import Floats

Axes = tuple[int, int]
NO_MARGINS: Floats = np.zeros((2, 2))
NO_MARGINS.flags.writeable = False

_WINDOW_OPERATIONS = {"AveragePool", "Conv", "DepthwiseConv", "MaxPool", "SeparableConv"}


class Windows(NamedTuple):
    """The windows of a layer, along height and width.

    Attributes:
        reach: How many positions a window covers beside the first one, shape `(2,)`.
        stride: How many positions it moves, shape `(2,)`.
    """

    reach: Floats
    stride: Floats


def added(margins: Floats, lost: Floats, widths: Any) -> tuple[Floats, Floats]:
    """Return margins, and what windows have lost, after positions were added or taken off.

    Args:
        margins: Those of the tensor.
        lost: How many positions windows have lost.
        widths: How many positions are added; negative if they are taken off.
    """
    more = np.asarray(widths, float)
    # Where positions are taken off, the result is not laid over what was lost before.
    return margins + more, np.where(more < 0, 0, np.maximum(lost - more, 0))


def shown(margins: Floats, lost: Floats, sizes: Floats) -> Floats:
    """Return margins for a tensor that is laid over what windows have lost, too.

    Args:
        margins: Those of the tensor.
        lost: How many positions windows have lost.
        sizes: Height and width of the tensor.
    """
    factors: Floats = (sizes / (sizes + lost.sum(axis=1)))[:, None]
    return (margins + lost) * factors


def unpadded_windows(
    operation: Any, axes: Axes, sizes: Floats, new_sizes: Floats
) -> Windows | None:
    """Return the windows of a layer or operation without padding of its own; `None` for others.

    Args:
        operation: The layer or operation.
        axes: The axes of the image.
        sizes: Sizes of its argument along them.
        new_sizes: Sizes of its result along them.
    """
    name = type(operation).__name__
    is_window = window_of(operation) or name in _WINDOW_OPERATIONS
    is_padded = getattr(operation, "padding", "valid") != "valid"
    if not is_window or is_padded or "Transpose" in name:
        return None
    stride = _strides(operation, axes)
    if name in _WINDOW_OPERATIONS:  # they do not know the size of their kernel
        return Windows(sizes - 1 - (new_sizes - 1) * stride, stride)
    return Windows(_widths(operation, axes) - 1, stride)


def behind_windows(
    windows: Windows, sizes: Floats, new_sizes: Floats, margins: Floats, lost: Floats
) -> tuple[Floats, Floats]:
    """Return margins, and what is lost, in the result of windows without padding of their own.

    A window stands for the positions around its centre, as many as the stride. The positions in
    front of those of the first window, and behind those of the last one, are cut off. Padding in
    front of the windows, as in the networks of `keras.applications`, makes up for it at both ends.

    Args:
        windows: The windows.
        sizes: Height and width of their argument.
        new_sizes: Height and width of their result.
        margins: Those of their argument.
        lost: How many positions earlier windows have lost.
    """
    before = (windows.reach + 1 - windows.stride) / 2
    cut = np.stack([before, sizes - before - new_sizes * windows.stride], axis=1)
    padding = np.maximum(margins, 0)
    total = padding.sum(axis=1, keepdims=True)
    is_theirs = total <= windows.reach[:, None]
    left = np.where(is_theirs, (padding - cut).mean(axis=1, keepdims=True), padding - cut)
    more = np.where(is_theirs, np.maximum(cut.sum(axis=1, keepdims=True) - total, 0) / 2, 0)
    stride = windows.stride[:, None]
    return (np.minimum(margins, 0) + left) / stride, (lost + more) / stride


def grown(layer: Any, axes: Axes, sizes: Floats, new_sizes: Floats) -> Floats:
    """Return how many positions of the result of a transposed convolution lie outside the image.

    With a window as wide as its stride, it multiplies the image; a wider one reaches over its ends.
    """
    if "Transpose" not in type(layer).__name__ or not window_of(layer):
        return NO_MARGINS
    stride = _strides(layer, axes)
    more = np.maximum(new_sizes - sizes * stride, 0)
    before = np.minimum(np.maximum(_widths(layer, axes) - stride, 0) / 2, more)
    return np.stack([before, more - before], axis=1)


def window_of(layer: Any) -> tuple[int, ...]:
    """Return the size of a layer's kernel or pool, in two axes; empty if it has none."""
    window = getattr(layer, "kernel_size", None) or getattr(layer, "pool_size", None) or ()
    return tuple(window) if isinstance(window, tuple | list) and len(window) == 2 else ()


def _widths(layer: Any, axes: Axes) -> Floats:
    """Return how many positions a layer's windows span, with the gaps of a dilation."""
    dilation = _along(axes, getattr(layer, "dilation_rate", 1))
    return (_along(axes, window_of(layer)) - 1) * dilation + 1


def _strides(operation: Any, axes: Axes) -> Floats:
    """Return the strides of a layer or operation; those of a pool are its size by default."""
    strides = getattr(operation, "strides", None) or getattr(operation, "pool_size", None)
    return _along(axes, strides or 1)


def _along(axes: Axes, values: Any) -> Floats:
    """Return one value for each of the axes, in their order, of one for each or one for both."""
    each = np.broadcast_to(np.asarray(values, float), 2)
    return each[np.argsort(np.argsort(axes))]
