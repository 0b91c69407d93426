"""How many positions of a tensor lie outside the image, in front of it and behind it.

The result of a window without padding of its own, such as a convolution, is taken for the whole
image, although the windows at the ends have their centres inside it. So padding behind it first
gives back what it has lost, and only then lies outside the image.

Margins have the shape `(2, 2)`: height and width, in front of the image and behind it.
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
        lost: How many of the added positions belong to the image.
        widths: How many positions are added; negative if they are taken off.
    """
    widths = np.asarray(widths, float)
    given_back = np.minimum(lost, np.maximum(widths, 0))
    return margins + widths - given_back, np.where(widths < 0, 0, lost - given_back)


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


def trimmed(windows: Windows, margins: Floats) -> Floats:
    """Return how much of the margins windows take off.

    Padding in front of them, as in the networks of `keras.applications`, is that of the windows.
    """
    outside = np.maximum(margins, 0)
    reach = windows.reach[:, None]
    is_all = outside.sum(axis=1, keepdims=True) <= reach
    return np.where(is_all, outside, np.minimum(outside, reach / 2))


def lost_by(windows: Windows, sizes: Floats, new_sizes: Floats, margins: Floats) -> Floats:
    """Return how many positions of their result windows have lost at each end of the image.

    A window stands for the positions around its centre, as many as the stride. What lies in front
    of those of the first window, or behind those of the last one, and is no margin, is lost.
    """
    before = (windows.reach + 1 - windows.stride) / 2
    behind = sizes - before - new_sizes * windows.stride
    left = np.stack([before, behind], axis=1) - np.maximum(margins, 0)
    other_end = np.minimum(left[:, ::-1], 0)  # too much padding there makes up for it
    return np.maximum(left + other_end, 0) / windows.stride[:, None]


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
