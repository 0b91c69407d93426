"""Find out whether a model's answer for an image depends on the other images in its batch."""

from __future__ import annotations

import keras
import numpy as np

from catdog._utils.errors import UsageWarning
from catdog._utils.keras_internals import all_layers, is_keras_layer
from catdog.models.logits import keeping_state, noise_images, outputs_of
from catdog.typing import ImageSize

N_IMAGES = 4
TOLERANCE = 1e-3  # of the largest difference between two logits
# Operations of arithmetic, which stand in many models for the scaling of pixels.
_ELEMENTWISE = {"Add", "Subtract", "Multiply", "Divide", "TrueDivide", "Cast", "Negative"}


def check_images_are_alone(model: keras.Model, image_size: ImageSize) -> UsageWarning | None:
    """Return a warning if an image's answer depends on the others in its batch, else `None`."""
    if not mixes_images(model, image_size):
        return None
    return UsageWarning(
        "The model's answer for an image depends on the other images in its batch. So an accuracy "
        "and the answers of catdog.predict depend on the order of the images and the batch size.",
        hint="Leave out what computes across the batch (axis 0), such as the mean of the batch.",
    )


def mixes_images(model: keras.Model, image_size: ImageSize) -> bool:
    """Return whether the logits of an image depend on the other images in its batch.

    At inference, Keras' own layers compute each image alone. So a model is run only if there is
    something else in it. The model is not changed.

    Args:
        model: A model that `check_classifier` accepts.
        image_size: Height and width of the noise images.
    """
    if model.input_shape[0] or not _has_other_operations(model):
        return False
    images = noise_images(np.random.default_rng(0), N_IMAGES, image_size)
    with keeping_state(model):
        together, again = outputs_of(model, images), outputs_of(model, images)
        alone = np.concatenate([outputs_of(model, images[[i]]) for i in range(N_IMAGES)])
    tolerance = TOLERANCE * max(np.ptp(together), np.ptp(alone))
    is_random = not np.allclose(together, again, atol=tolerance)
    return not is_random and not np.allclose(together, alone, atol=tolerance)


def _has_other_operations(model: keras.Model) -> bool:
    """Return whether a model contains anything but Keras' layers and arithmetic."""
    layers = all_layers(model)
    graphs = [layer for layer in layers if isinstance(layer, keras.Function)]
    operations = [each for graph in graphs for each in graph.operations]
    return any(
        isinstance(each, keras.layers.Lambda | keras.layers.TFSMLayer)
        or not is_keras_layer(each)
        or not (isinstance(each, keras.Layer) or type(each).__name__ in _ELEMENTWISE)
        for each in [*layers, *operations]
    )
