"""Draw the background of a face. The origin is the middle of the image, its side is the unit."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image

from catdog.data.synthetic.pen import LEAF, SQUARE, WHITE, Colour, Pen, at, even, mix, oval, petal
from catdog.typing import Floats

# Colours of ground, motif and accent that fit together.
BACKDROPS: tuple[tuple[Colour, Colour, Colour], ...] = (
    ((190, 224, 222), (158, 206, 204), (244, 190, 128)),
    ((250, 222, 196), (244, 198, 164), (126, 176, 178)),
    ((214, 208, 238), (190, 180, 226), (250, 214, 140)),
    ((200, 222, 246), (170, 202, 236), (246, 170, 150)),
    ((246, 206, 206), (238, 180, 184), (148, 186, 160)),
    ((216, 230, 192), (188, 212, 156), (240, 160, 130)),
    ((250, 232, 176), (244, 214, 132), (132, 168, 204)),
    ((94, 124, 146), (76, 104, 128), (238, 196, 128)),
    ((116, 142, 118), (96, 122, 100), (240, 214, 170)),
    ((232, 226, 216), (214, 206, 192), (206, 124, 104)),
    ((168, 108, 104), (146, 90, 90), (246, 212, 160)),
    ((104, 92, 128), (86, 76, 110), (236, 178, 170)),
)
SKY: Colour = (150, 200, 240)


@dataclass(frozen=True)
class _Setting:
    """The canvas, colours and position of a scene."""

    canvas: Image.Image
    ground: Colour
    motif: Colour
    accent: Colour
    x: float  # position of the main object, or its distance from the usual position
    y: float

    @property
    def side(self) -> int:
        return self.canvas.width

    def pen(self, angle: float = 0) -> Pen:
        """Return a pen with its origin in the middle of the image."""
        return Pen(self.canvas, self.side / 2, self.side / 2, self.side, angle)


def draw_scene(canvas: Image.Image, rng: np.random.Generator) -> None:
    """Paint the background over the whole canvas."""
    ground, motif, accent = BACKDROPS[rng.integers(len(BACKDROPS))]
    if rng.random() < 0.5:
        ground, motif = motif, ground
    scene = tuple(SCENES)[rng.integers(len(SCENES))]
    canvas.paste(ground, (0, 0, *canvas.size))
    x, y = rng.uniform(-0.3, 0.3), rng.uniform(-0.15, 0.15)
    SCENES[scene](_Setting(canvas, ground, motif, accent, x, y), rng)


def _draw_plain(setting: _Setting, rng: np.random.Generator) -> None:
    """Leave the ground as it is."""


def _draw_gradient(setting: _Setting, rng: np.random.Generator) -> None:
    size = (setting.side, setting.side)
    ramp = Image.linear_gradient("L").rotate(90 * int(rng.integers(4))).resize(size)
    setting.canvas.paste(mix(setting.motif, setting.accent, 0.35), mask=ramp)


def _draw_cushion(setting: _Setting, rng: np.random.Generator) -> None:
    pen = setting.pen()
    pen.fill(setting.motif, oval(setting.x, setting.y - 0.35, 0.42, 0.42))
    cushion = even((0.0, -0.16), (0.62, -0.24), (0.56, 0.2), (0.6, 0.9), (0.0, 0.9))
    pen.fill(mix(setting.accent, setting.ground, 0.25), cushion + at(setting.x, setting.y + 0.1))


def _draw_meadow(setting: _Setting, rng: np.random.Generator) -> None:
    """Draw a sun over two hills."""
    pen, x, y = setting.pen(), setting.x, setting.y
    pen.fill(mix(setting.accent, WHITE, 0.3), oval(math.copysign(0.36, x), -0.36, 0.08, 0.08))
    pen.fill(setting.motif, oval(-x, 0.8, 0.8, 0.7 + y))
    pen.fill(mix(setting.motif, LEAF, 0.4), oval(x * 2, 0.9, 0.9, 0.7 - y))


def _draw_window(setting: _Setting, rng: np.random.Generator) -> None:
    pen, middle = setting.pen(), at(setting.x, setting.y - 0.15)
    pen.fill(mix(setting.ground, WHITE, 0.8), SQUARE * (0.72, 0.92) + middle)
    for corner in SQUARE * (0.34, 0.44):
        pen.fill(mix(setting.motif, SKY, 0.5), SQUARE * (0.3, 0.4) + corner + middle)


def _draw_flower(setting: _Setting, rng: np.random.Generator) -> None:
    side = setting.side
    x, y = side * (0.5 + setting.x), side * (0.6 + setting.y)
    for angle in np.arange(0, math.tau, 0.45) + setting.y:
        pen = Pen(setting.canvas, x, y, side, angle)
        pen.fill(setting.motif, petal((0.3, -0.1), (0.72, 0), (0.3, 0.1), 0.9))


def _draw_stripes(setting: _Setting, rng: np.random.Generator) -> None:
    pen, step, marks = _tilted_grid(setting, rng)
    for y in marks:
        pen.fill(setting.motif, SQUARE * (2, step / 2) + at(0, y))


def _draw_dots(setting: _Setting, rng: np.random.Generator) -> None:
    pen, step, marks = _tilted_grid(setting, rng)
    for row, y in enumerate(marks):
        for x in marks + step / 2 * (row % 2):
            pen.fill(setting.motif, oval(x, y, step * 0.2, step * 0.2))


def _draw_checks(setting: _Setting, rng: np.random.Generator) -> None:
    pen, step, marks = _tilted_grid(setting, rng)
    for row, y in enumerate(marks):
        for x in marks[row % 2 :: 2]:
            pen.fill(setting.motif, SQUARE * step + at(x, y))


def _tilted_grid(setting: _Setting, rng: np.random.Generator) -> tuple[Pen, float, Floats]:
    """Return a pen at a random angle, the step of a grid, and its lines on either axis."""
    pen, step = setting.pen(rng.uniform(0, math.tau)), rng.uniform(0.14, 0.26)
    # Longer than half the diagonal of the image, so that the grid covers it at any angle.
    return pen, step, np.arange(-0.8, 0.8, step)


# A scene is chosen by its position in this table, so a new order changes the images.
SCENES: Mapping[str, Callable[[_Setting, np.random.Generator], None]] = {
    "plain": _draw_plain,
    "gradient": _draw_gradient,
    "cushion": _draw_cushion,
    "meadow": _draw_meadow,
    "window": _draw_window,
    "flower": _draw_flower,
    "stripes": _draw_stripes,
    "dots": _draw_dots,
    "checks": _draw_checks,
}
