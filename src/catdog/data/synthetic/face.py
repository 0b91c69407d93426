"""Draw one face: background, body, head, features, and sometimes an obstacle before it."""

import numpy as np
from PIL import Image, ImageFilter

from catdog.data.synthetic.look import ACCENTS, INK, PINK, Kind, Look, choose_look
from catdog.data.synthetic.pen import (
    CIRCLE,
    LEAF,
    SQUARE,
    WHITE,
    Colour,
    Pen,
    Points,
    at,
    blob,
    brush,
    even,
    mirror,
    mix,
    oval,
    petal,
)
from catdog.data.synthetic.scene import draw_scene

OVERSAMPLING = 2
TONGUE: Colour = (236, 116, 124)
GOLD: Colour = (246, 208, 96)


def draw_face(kind: Kind, rng: np.random.Generator, *, size: int = 160) -> Image.Image:
    """Draw one face.

    Args:
        kind: The animal to draw.
        rng: Random generator of all that varies; the same state gives the same image.
        size: Side of the image in pixels.

    Returns:
        An RGB image (8 bits per channel) of `size` x `size` pixels.
    """
    side = size * OVERSAMPLING
    canvas = Image.new("RGB", (side, side))
    draw_scene(canvas, rng)
    look = choose_look(kind, rng)
    x, y = rng.uniform((0.36, 0.38), (0.64, 0.62)) * side
    pen = Pen(canvas, x, y, side * rng.uniform(0.22, 0.37), rng.normal(0, 0.28))
    _draw_body(pen, look, rng)
    if look.pricked:
        _draw_ears(pen, look, rng)
    _draw_head(pen, look, rng)
    _draw_snout(pen, look, rng)
    _draw_eyes(pen, look, rng)
    if not look.pricked:  # hanging ears lie over the head
        _draw_ears(pen, look, rng)
    if rng.random() < 0.1:
        _draw_obstacle(pen, look, rng)
    return _finish(canvas, rng)


def _draw_body(pen: Pen, look: Look, rng: np.random.Generator) -> None:
    wide = rng.uniform(0.72, 0.98)
    body = even((0.5, 0.3), (wide, 1.1), (wide + 0.25, 2.4), (wide + 0.3, 6.0))
    accent = ACCENTS[rng.integers(len(ACCENTS))]
    pen.fill(mix(look.coat, look.dark, 0.3), body)
    if rng.random() < 0.5:
        pen.fill(look.light, petal((-0.5, 0.6), (0, 1.8), (0.5, 0.6), 0.3))
    with pen.inside(body):
        pen.fill(mix(look.coat, look.dark, 0.7), look.head + at(0, 0.13))  # shadow of the head
        wear = rng.choice(("none", "collar", "scarf"), p=(0.4, 0.4, 0.2))
        if wear != "none":
            pen.fill(accent, oval(0, 0.7, 1.0, 0.44))
            pen.fill(mix(look.coat, look.dark, 0.7), oval(0, 0.55, 1.0, 0.41))
    if wear == "scarf":
        pen.fill(mix(accent, INK, 0.12), petal((-0.55, 1.02), (0, 1.75), (0.55, 1.02), 0.2))
    elif wear == "collar":
        pen.fill(GOLD, oval(0, 1.2, 0.12, 0.12))
        pen.fill(mix(GOLD, INK, 0.6), oval(0, 1.23, 0.035, 0.05))


def _draw_ears(pen: Pen, look: Look, rng: np.random.Generator) -> None:
    ear, inner = _right_ear(look, rng)
    share_dark = 0.4 if look.pricked else 0.7
    fur = look.dark if rng.random() < share_dark else mix(look.coat, look.dark, 0.35)
    lining = mix(look.light, PINK, 0.6) if look.pricked else mix(fur, INK, 0.35)
    for side, lobe in ((ear, inner), (mirror(ear), mirror(inner))):
        slant = np.eye(2) + rng.normal(0, 0.06, (2, 2))
        pen.fill(fur, side @ slant)
        pen.fill(lining, lobe @ slant)


def _right_ear(look: Look, rng: np.random.Generator) -> tuple[Points, Points]:
    """Return the outline of the right ear and its lining (pricked) or crease (hanging)."""
    out, long = rng.uniform(-0.08, 0.12), rng.uniform(-0.18, 0.18)
    if look.ears == "point":
        x, y = 0.78 + out, -1.3 - long
        ear = petal((0.12, -0.62), (x, y), (0.84, -0.2), 0.14)
        inner = petal((0.36, -0.66), (x - 0.03, y + 0.2), (0.8, -0.35), 0.14)
    elif look.ears == "prick":
        x, y = 0.72 + out, -1.3 - long
        tip = ((x - 0.08, y), (x + 0.12, y + 0.02))
        ear = blob((0.2, -0.5), (0.4, -1.0), *tip, (0.98, -0.7), (0.86, -0.2))
        inner = blob((0.4, -0.6), (0.5, -0.95), (x, y + 0.2), (0.86, -0.7), (0.78, -0.4))
    elif look.ears == "fold":
        x, y = 0.86 + out, -0.3 + long / 2
        fold = ((0.5, -1.02 - long / 2), (0.84, -0.92 - long / 2))
        ear = blob((0.26, -0.66), *fold, (0.98, -0.5), (x, y), (0.58, -0.52))
        inner = brush((0.4, -0.62), (0.56, -0.5), (x, y), 0.06)
    else:
        x, y = 1.1 + out, 0.42 + 1.6 * long
        tip = ((x, y), (x - 0.26, y))
        top = ((0.36, -0.74), (0.7, -0.9), (1.04, -0.62))
        ear = blob(*top, (x + 0.1, y - 0.4), *tip, (0.72, -0.2), (0.6, -0.5))
        inner = brush((0.42, -0.64), (0.72, -0.5), (x - 0.28, y - 0.1), 0.06)
    return ear, inner


def _draw_head(pen: Pen, look: Look, rng: np.random.Generator) -> None:
    if rng.random() < 0.4:
        for y in (0.12, 0.3, 0.46):
            tuft = petal((0.6, y - 0.14), (1.12, y + 0.1), (0.6, y + 0.2), 0.1)
            pen.fill(look.coat, tuft, mirror(tuft))
    pen.fill(mix(look.coat, look.dark, 0.22), look.head)
    with pen.inside(look.head):
        pen.fill(look.coat, look.head + at(look.turn * 0.8, -0.07))  # leaves a rim of shade
        _draw_marking(pen, look, rng)
        if rng.random() < 0.35:
            for side in (-1, 1):
                pen.fill(mix(look.coat, PINK, 0.5), oval(look.turn + side * 0.6, 0.28, 0.15, 0.1))


def _draw_marking(pen: Pen, look: Look, rng: np.random.Generator) -> None:
    x, side = look.turn, float(rng.choice((-1, 1)))
    if look.marking == "tabby":
        for dx, y, width in ((0, -0.36, 0.08), (0.2, -0.42, 0.06), (-0.2, -0.42, 0.06)):
            top = x + dx * 1.6
            pen.fill(look.dark, petal((top - width, -1), (x + dx, y), (top + width, -1)))
        for y in (0.14, 0.36):
            stripe = petal((1.1, y - 0.08), (0.62, y), (1.1, y + 0.1))
            pen.fill(look.dark, stripe, mirror(stripe))
    elif look.marking == "blaze":
        wide = rng.uniform(0.12, 0.22)
        blaze = even((wide, -1.1), (wide * 0.7, -0.3), (0.5, 0.4), (0.4, 1.1))
        pen.fill(look.light, blaze + at(x, 0))
    elif look.marking == "patch":
        pen.fill(look.dark, oval(x + side * 0.5, -0.2, rng.uniform(0.36, 0.5), 0.5, side * 0.3))
        if rng.random() < 0.4:
            pen.fill(look.light, oval(x - side * 0.6, -0.5, 0.5, 0.4, side * 0.4))
    elif look.marking == "mask":
        mask = even((0.0, -0.2), (0.6, 0.0), (0.7, 0.6), (0.0, 1.1))
        pen.fill(look.dark if side > 0 else look.light, mask + at(x, 0))
    elif look.marking == "spots":
        for dx, dy, size in rng.uniform((-0.9, -0.9, 0.05), (0.9, 0.6, 0.14), (9, 3)).tolist():
            pen.fill(look.dark, oval(dx, dy, size, size * 0.85))


def _draw_snout(pen: Pen, look: Look, rng: np.random.Generator) -> None:
    """Draw muzzle, mouth, nose and whiskers, around the point where the lips meet."""
    low, high = ((0.29, 0.2), (0.4, 0.27)) if look.cat else ((0.36, 0.27), (0.5, 0.38))
    wide, tall = rng.uniform(low, high).tolist()
    middle = at(look.turn * 1.5, 0.4)
    fur, line = mix(look.light, look.coat, rng.uniform(0, 0.5)), mix(look.dark, INK, 0.8)
    if rng.random() < (0.12 if look.cat else 0.5):
        pen.fill(line, even((0.2, tall * 0.6), (0.14, tall + 0.2)) + middle)
        if rng.random() < 0.9:
            pen.fill(TONGUE, oval(0, tall + 0.14, 0.12, rng.uniform(0.14, 0.22)) + middle)
    else:
        pen.fill(mix(fur, look.dark, 0.15), oval(0, tall * 0.75, wide * 0.5, tall * 0.6) + middle)
    if not look.cat:
        pen.fill(fur, oval(0, -tall * 0.35, wide * 0.72, tall * 0.95) + middle)
    pad = oval(wide * 0.48, 0, wide * 0.56, tall * 0.8, 0.25)
    pen.fill(fur, pad + middle, mirror(pad) + middle)
    lip = brush((0, tall * 0.3), (wide * 0.3, tall * 1.05), (wide * 0.75, tall * 0.45), 0.06)
    pen.fill(line, lip + middle, mirror(lip) + middle)
    top = -tall * (0.85 if look.cat else 0.72)
    pen.fill(line, brush((0, top), (0, 0), (0, tall * 0.5), 0.06) + middle)
    _draw_nose(pen, look, rng, middle + at(0, top))
    if rng.random() < (0.85 if look.cat else 0.2):
        _draw_whiskers(pen, look, rng, middle, wide)


def _draw_nose(pen: Pen, look: Look, rng: np.random.Generator, middle: Points) -> None:
    size = rng.uniform(0.09, 0.13) if look.cat else rng.uniform(0.13, 0.2)
    nose = even((0.0, -0.65), (1.0, -0.45 if look.cat else -0.2), (0.35, 0.5))
    pen.fill(look.nose, nose * size + middle)
    pen.fill(mix(look.nose, WHITE, 0.5), oval(-0.3, -0.3, 0.26, 0.12, -0.3) * size + middle)


def _draw_whiskers(
    pen: Pen, look: Look, rng: np.random.Generator, middle: Points, wide: float
) -> None:
    """Draw three whiskers a side, from within a snout of the given half width."""
    colour = WHITE if sum(look.coat) < 480 else mix(look.dark, INK, 0.5)
    for y, reach in zip((-0.16, 0.0, 0.16), wide + rng.uniform(0.45, 0.75, 3), strict=True):
        hair = brush((wide * 0.6, y * 0.4), (reach * 0.6, y - 0.06), (reach, y * 2), 0.035)
        pen.fill(colour, hair + middle, mirror(hair) + middle)


def _draw_eyes(pen: Pen, look: Look, rng: np.random.Generator) -> None:
    size = rng.uniform(0.17, 0.24) if look.cat else rng.uniform(0.14, 0.21)
    gap, gaze = rng.uniform(0.36, 0.46), rng.uniform(-0.15, 0.15)
    slit = rng.uniform(0.25, 0.8) if look.cat else 0.8
    almond = blob((-1.05, 0.35), (-0.3, -0.8), (0.6, -0.8), (1.1, -0.3), (0.6, 0.75), (-0.3, 0.9))
    for side in (-1, 1):
        middle = at(look.turn + side * gap, -0.1)
        if look.mood == "happy" or (look.mood == "wink" and side == 1):
            lash = INK if sum(look.coat) > 300 else look.light
            pen.fill(lash, brush((-size, 0.06), (0, -size * 1.3), (size, 0.06), 0.085) + middle)
            continue
        eye = (almond * (side, 1) if look.cat else CIRCLE) * size
        pen.fill(INK, eye * 1.16 + middle)
        pen.fill(look.iris, eye + middle)
        with pen.inside(eye + middle):
            pen.fill(INK, oval(gaze, 0, slit, 0.85) * size + middle)
            if look.mood == "sleepy":
                pen.fill(look.dark, oval(0, -1.1, 1.6, 1.1) * size + middle)
        for x, y, radius in ((-0.3, -0.35, 0.25), (0.3, 0.35, 0.12)):
            pen.fill(WHITE, oval(gaze + x, y, radius, radius) * size + middle)


def _draw_obstacle(pen: Pen, look: Look, rng: np.random.Generator) -> None:
    """Hide a part of the face."""
    colour = ACCENTS[rng.integers(len(ACCENTS))]
    if rng.random() < 0.6:
        _draw_wall(pen, look, rng, colour)
    else:
        _draw_leaves(pen, rng, colour)


def _draw_wall(pen: Pen, look: Look, rng: np.random.Generator, colour: Colour) -> None:
    """Draw a wall with two paws on it."""
    edge = rng.uniform(0.4, 0.8)
    pen.fill(mix(colour, INK, 0.15), SQUARE * (20, 12) + at(0, edge + 6))
    pen.fill(colour, SQUARE * (20, 0.2) + at(0, edge + 0.1))
    paw = oval(0.75, edge + 0.06, 0.22, 0.2)
    pen.fill(mix(look.coat, look.light, 0.3), paw, mirror(paw))
    for x in (0.69, 0.81):
        toe = brush((x, edge + 0.06), (x, edge + 0.1), (x, edge + 0.2), 0.035)
        pen.fill(look.dark, toe, mirror(toe))


def _draw_leaves(pen: Pen, rng: np.random.Generator, tint: Colour) -> None:
    """Draw three leaves that reach in from one side."""
    side = float(rng.choice((-1, 1)))
    for y in (0.0, 0.7, 1.4):
        leaf = petal((2.2, y + 1.5), (rng.uniform(0.1, 0.5), y), (2.6, y + 0.9), 0.8)
        pen.fill(mix(LEAF, tint, 0.15 + y / 10), leaf * (side, 1))


def _finish(canvas: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Reduce the canvas, and add effects of a camera: blur, brightness, contrast and grain."""
    image = canvas.reduce(OVERSAMPLING)
    if rng.random() < 0.25:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.0)))
    pixels = np.asarray(image, dtype=np.float32)
    grain = rng.standard_normal((*pixels.shape[:2], 1), dtype=np.float32) * rng.uniform(0, 4)
    pixels = (pixels - 128) * rng.uniform(0.88, 1.14) + 128 + rng.uniform(-20, 14) + grain
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
