"""Random augmentation of training images."""

from __future__ import annotations

import keras

from catdog._utils.checks import as_float, check_choice
from catdog._utils.errors import InvalidValueError
from catdog._utils.forks import check_not_forked
from catdog._utils.public import public
from catdog._utils.seeding import seeded
from catdog.typing import Flip

FLIPS: tuple[Flip, ...] = ("horizontal", "vertical", "horizontal_and_vertical")


@public
def make_augmentation(
    *, flip: Flip | None = "horizontal", rotation: float = 0.2, seed: int | None = None
) -> keras.Model:
    """Build the layers that flip and rotate images at random while a model trains.

    Outside training (`predict`, `evaluate`, or a call with `training=False`) the images stay
    unchanged. A direct call of the model without the argument `training` augments (Keras 3.15).
    The model consists of plain Keras layers, so a saved model opens without catdog.

    Args:
        flip: Mirrors each image with probability 1/2 along the named axis, or along each of the
            two axes independently; `None` for no flip.
        rotation: Rotates each image by an angle drawn uniformly from `[-rotation, rotation]`, in
            full turns, from 0 to 0.5: 0.2 is up to 72 degrees in both directions. Corners are
            filled by reflection. 0 for no rotation.
        seed: Makes the random changes reproducible; `None` draws a new seed.

    Returns:
        A model from `float32` `(batch, height, width, 3)`, in any range of values, to the same
        shape and range. It has no trainable weights.

    Raises:
        ValueError: If `flip` is unknown, `rotation` is not in `[0, 0.5]`, or both change nothing.

    Example:
        ```python
        from catdog import make_augmentation
        import numpy as np

        augmentation = make_augmentation(flip="horizontal_and_vertical", rotation=0.1, seed=0)
        batch = np.random.default_rng(0).uniform(0, 255, (4, 32, 32, 3))
        changed = augmentation(batch, training=True)
        ```
    """
    check_not_forked()
    if flip is not None:
        check_choice("flip", flip, FLIPS)
    turns = as_float(rotation)
    if turns is None or not 0 <= turns <= 0.5:
        raise InvalidValueError(
            f"must be from 0 to 0.5 full turns (0.2 is 72 degrees), not {rotation!r}",
            argument="rotation",
        )
    if flip is None and turns == 0:
        raise InvalidValueError(
            "flip=None with rotation=0 changes nothing", hint="Choose at least one."
        )
    # In Keras 3.15, RandomFlip("horizontal_and_vertical") decides both flips by one draw: images
    # are rotated by 180 degrees or unchanged, never mirrored. Two layers draw independently.
    axes = [axis for axis in ("horizontal", "vertical") if flip and axis in flip]
    with seeded(seed):
        layers = [keras.layers.RandomFlip(axis) for axis in axes]
        if turns > 0:
            layers.append(keras.layers.RandomRotation((-turns, turns)))
    return keras.Sequential(layers, name="augmentation")
