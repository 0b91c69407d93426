"""Colours, smooth shapes, and a pen that fills shapes on a canvas."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Colour: TypeAlias = tuple[int, int, int]
Point: TypeAlias = tuple[float, float]
Points: TypeAlias = NDArray[np.float64]
"""Shape (n, 2): x, y."""

WHITE: Colour = (255, 255, 255)
LEAF: Colour = (96, 148, 104)

CIRCLE = np.array([(math.cos(a), math.sin(a)) for a in np.arange(36) * math.tau / 36])
SQUARE = np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)])


class Pen:
    """Fills shapes on a canvas; their coordinates are in face units or another unit."""

    def __init__(self, canvas: Image.Image, x: float, y: float, unit: float, angle: float) -> None:
        """Set the origin (x, y) and the length of a unit in pixels, and the angle in radians."""
        self.canvas = canvas
        self.draw = ImageDraw.Draw(canvas)
        cos, sin = unit * math.cos(angle), unit * math.sin(angle)
        self.matrix = np.array([(cos, sin), (-sin, cos)])
        self.origin = np.array((x, y))

    def fill(self, colour: Colour, *shapes: Points) -> None:
        """Fill the shapes, one after the other."""
        for shape in shapes:
            self.draw.polygon(self._place(shape), fill=colour)

    @contextmanager
    def inside(self, shape: Points) -> Iterator[None]:
        """Clip what is drawn in the block to the shape."""
        before = self.canvas.copy()
        yield
        outside = Image.new("L", self.canvas.size, 255)
        ImageDraw.Draw(outside).polygon(self._place(shape), fill=0)
        self.canvas.paste(before, mask=outside)

    def _place(self, shape: Points) -> list[float]:
        """Return the shape in pixels, flat: x, y, x, y, ..."""
        flat: list[float] = (shape @ self.matrix + self.origin).ravel().tolist()
        return flat


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """Return a mix of two colours, with a share of the second from 0 to 1."""
    r, g, b = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return r, g, b


def at(x: float, y: float) -> Points:
    """Return the offset that moves a shape from the origin to (x, y) when it is added to it."""
    return np.array((x, y))


def oval(x: float, y: float, wide: float, tall: float, lean: float = 0.0) -> Points:
    """Return an ellipse around (x, y) with the given half axes."""
    cos, sin = math.cos(lean), math.sin(lean)
    shape: Points = CIRCLE * (wide, tall) @ np.array([(cos, sin), (-sin, cos)]) + (x, y)
    return shape


def blob(*knots: Point) -> Points:
    """Return a smooth closed shape through the knots."""
    ring = np.array(knots)
    shape: Points = _SPLINE @ np.stack([np.roll(ring, 1 - i, 0) for i in range(4)], 1)
    return shape.reshape(-1, 2)


def even(*knots: Point) -> Points:
    """Return a smooth symmetric shape from its right half, top to bottom; x = 0 is the axis."""
    return blob(*knots, *((-x, y) for x, y in reversed(knots) if x))


def mirror(shape: Points) -> Points:
    """Return the shape with left and right swapped."""
    flipped: Points = shape * (-1, 1)
    return flipped


def petal(start: Point, tip: Point, end: Point, bulge: float = 0.2) -> Points:
    """Return a shape with a sharp tip whose two sides bulge outwards."""
    a, b, c = np.array((start, tip, end))
    first, second = (a + b + (b - c) * bulge) / 2, (b + c + (b - a) * bulge) / 2
    return np.concatenate([_arc(start, tuple(first), tip), _arc(tip, tuple(second), end)])


def brush(start: Point, bend: Point, end: Point, width: float) -> Points:
    """Return a curved stroke that thins out towards both ends."""
    line = _arc(start, bend, end)
    along = np.gradient(line, axis=0)
    across = along[:, ::-1] * (-1, 1) / np.linalg.norm(along, axis=1, keepdims=True)
    swell = across * np.sqrt(np.sin(np.linspace(0.06, math.pi - 0.06, 12)))[:, None] * width / 2
    return np.concatenate([line + swell, (line - swell)[::-1]])


def _arc(start: Point, bend: Point, end: Point) -> Points:
    """Return an open curve that leaves the straight line towards the bend."""
    t = np.linspace(0, 1, 12)[:, None]
    curve: Points = (1 - t) ** 2 * start + 2 * t * (1 - t) * np.array(bend) + t**2 * np.array(end)
    return curve


def _spline_weights(steps: int) -> Points:
    """Return the Catmull-Rom weights of four neighbouring knots at the steps of a segment."""
    t = np.arange(steps)[:, None] / steps
    before, start = -t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3
    end, after = t + 4 * t**2 - 3 * t**3, t**3 - t**2
    weights: Points = np.hstack([before, start, end, after]) / 2
    return weights


_SPLINE = _spline_weights(6)
