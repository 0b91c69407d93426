"""Find layers that training changes although they are frozen."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from catdog._utils.keras_internals import all_layers, keeping_global_seed, own_state

N_IMAGES = 2
DEFAULT_SIDE = 64  # pixels, of images for a model that takes any size


def layers_changed_by_training(model: keras.Model) -> set[keras.Layer]:
    """Return the frozen layers whose own state a step of training changes.

    A frozen layer may collect statistics of its inputs in training, as a normalisation of the user
    or Keras' `SpectralNormalization` does. It is found by a forward pass on noise images. Keras'
    `BatchNormalization` does not do so while it is frozen. The model is not changed.

    Args:
        model: A Sequential or functional model of one input.
    """
    known = (keras.Model, keras.layers.BatchNormalization, keras.layers.Normalization)
    suspects = [
        layer
        for layer in all_layers(model)
        if own_state(layer) and not isinstance(layer, known) and not layer.trainable_weights
    ]
    if not suspects:
        return set()
    variables = model.non_trainable_variables
    before = [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]
    try:
        with keeping_global_seed():
            model(keras.ops.convert_to_tensor(noise_for(model)), training=True)
        return {layer for layer in suspects if _has_changed(layer, variables, before)}
    finally:
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)


def _has_changed(layer: keras.Layer, variables: Any, before: Any) -> bool:
    values = {id(variable): value for variable, value in zip(variables, before, strict=True)}
    return any(
        not np.array_equal(np.array(keras.ops.convert_to_numpy(variable)), values[id(variable)])
        for variable in own_state(layer)
    )


def noise_for(model: keras.Model) -> NDArray[np.float32]:
    """Return noise images of a model's input shape, in `[0, 255]`."""
    count, *sides = model.input_shape
    shape = (count or N_IMAGES, *(side or DEFAULT_SIDE for side in sides[:-1]), sides[-1] or 3)
    return np.random.default_rng(0).integers(0, 256, shape).astype(np.float32)
