"""How many positions of a tensor lie outside the image, in front of it and behind it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Axes = tuple[int, int]
Margins = tuple[tuple[float, float], tuple[float, float]]
NO_MARGINS: Margins = ((0, 0), (0, 0))


def added(margins: Margins, widths: Sequence[Any]) -> Margins:
    """Return margins with more positions."""
    rows, columns = [
        (a + float(b), c + float(d)) for (a, c), (b, d) in zip(margins, widths, strict=True)
    ]
    return rows, columns


def trimmed(layer: Any, axes: Axes, margins: Margins) -> Margins:
    """Return how much of the margins a layer without padding of its own takes off.

    Padding in front of it, as in the networks of `keras.applications`, is that of the layer.
    """
    if getattr(layer, "padding", "valid") != "valid" or "Transpose" in type(layer).__name__:
        return NO_MARGINS
    dilation = getattr(layer, "dilation_rate", (1, 1))
    taken = []
    window, order = window_of(layer), sorted(axes)
    for axis, (before, behind) in zip(axes, margins, strict=True):
        number = order.index(axis)
        reach = (window[number] - 1) * dilation[number]
        before, behind = max(before, 0), max(behind, 0)
        half = reach / 2
        whole = before + behind <= reach
        taken.append((before, behind) if whole else (min(before, half), min(behind, half)))
    rows, columns = taken
    return rows, columns


def window_of(layer: Any) -> tuple[int, ...]:
    """Return the size of a layer's kernel or pool, in two axes; empty if it has none."""
    window = getattr(layer, "kernel_size", None) or getattr(layer, "pool_size", None) or ()
    return tuple(window) if isinstance(window, tuple | list) and len(window) == 2 else ()
