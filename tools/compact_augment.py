"""Augment the training images of the student: parameters drawn in NumPy, applied in Keras.

Every number depends only on the seed and the epoch, so that a resumed run gives the same
results as an unbroken one.
"""

from typing import NamedTuple

import keras
import numpy as np
from compact_data import SIDE
from numpy.typing import NDArray

# The teacher sees the crop without these changes, so they are small.
SHIFT = 0.04  # of a crop, as a share of the side of the image
ZOOM = 0.08  # as a share of the sides of the crop
MAX_ROTATION = 0.2  # radians
BRIGHTNESS, CONTRAST, SATURATION, TINT = 0.25, 0.25, 0.4, 0.08
# Factor of the difference to a blurred copy. The training images were resized with antialiasing.
# Users' images are resized without it, so they are sharper and have more aliasing.
SHARPNESS = (-0.8, 2.0)
GREY = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601

Floats = NDArray[np.float32]


class Changes(NamedTuple):
    """Augmentation parameters of `n` images.

    Attributes:
        transform: From pixels of the result to pixels of the source, `(n, 8)`, as
            `keras.ops.image.affine_transform` takes it.
        sharpness: Factor of the difference to a blurred copy, which is added, `(n,)`.
        colour: Matrix by which the channels are multiplied, `(n, 3, 3)`.
        offset: Added to the channels after that, `(n, 3)`.
    """

    transform: Floats
    sharpness: Floats
    colour: Floats
    offset: Floats


def draw_changes(boxes: Floats, rng: np.random.Generator) -> Changes:
    """Draw parameters around each image's crop: top, left, height, width in pixels, `(n, 4)`."""
    n = len(boxes)
    colour, offset = _colours(n, rng)
    return Changes(
        transform=_transforms(boxes, rng),
        sharpness=rng.uniform(*SHARPNESS, n).astype(np.float32),
        colour=colour,
        offset=offset,
    )


def _transforms(boxes: Floats, rng: np.random.Generator) -> Floats:
    n = len(boxes)
    centre = boxes[:, :2] + boxes[:, 2:] / 2 + SIDE * rng.uniform(-SHIFT, SHIFT, (n, 2))
    down, right = (boxes[:, 2:] / SIDE * rng.uniform(1 - ZOOM, 1 + ZOOM, (n, 2))).T
    mirror = rng.choice([-1.0, 1.0], n)
    angle = rng.uniform(-MAX_ROTATION, MAX_ROTATION, n)
    cos, sin = np.cos(angle), np.sin(angle)
    rows = np.array([[right * cos * mirror, -right * sin], [down * sin * mirror, down * cos]])
    middle = SIDE / 2 - 0.5  # of the result, as the centre of a pixel
    shift = centre[:, ::-1].T - 0.5 - middle * rows.sum(axis=1)
    zero = np.zeros(n)
    transform = [*rows[0], shift[0], *rows[1], shift[1], zero, zero]
    return np.stack(transform, axis=1).astype(np.float32)


def _colours(n: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Draw saturation, contrast, brightness and tint; return them as one matrix and one offset."""
    brightness, contrast, saturation = (
        rng.uniform(1 - limit, 1 + limit, (n, 1, 1)) for limit in (BRIGHTNESS, CONTRAST, SATURATION)
    )
    tint = rng.uniform(1 - TINT, 1 + TINT, (n, 1, 3))
    grey = np.tile(GREY[:, None], (1, 3))
    colour = brightness * contrast * tint * (saturation * np.eye(3) + (1 - saturation) * grey)
    offset = (brightness * (1 - contrast) * tint * 127.5)[:, 0]
    return colour.astype(np.float32), offset.astype(np.float32)


def change(pixels: keras.KerasTensor, changes: Changes) -> keras.KerasTensor:
    """Augment images: `uint8` or `float32` `(n, 128, 128, 3)` to `float32` in `[0, 255]`."""
    x = keras.ops.cast(pixels, "float32")
    x = keras.ops.image.affine_transform(x, changes.transform, fill_mode="reflect")
    blurred = keras.ops.average_pool(x, 3, strides=1, padding="same")
    x = x + changes.sharpness[:, None, None, None] * (x - blurred)
    x = keras.ops.einsum("nhwc,ncd->nhwd", x, changes.colour) + changes.offset[:, None, None]
    return keras.ops.clip(x, 0, 255)
