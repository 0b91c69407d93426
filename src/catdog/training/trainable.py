"""Check before training that a model has weights that Keras can train."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from catdog._utils.errors import InvalidValueError
from catdog._utils.keras_internals import all_layers, is_defined_by_keras


def check_trains(model: keras.Model) -> None:
    """Raise if training would change nothing, or if the optimizer cannot train the weights.

    Raises:
        ValueError: If no weight trains; or if weights of a SavedModel do, with another optimizer
            than plain SGD.
    """
    if not model.trainable_weights and is_defined_by_keras(model, "train_step"):
        raise InvalidValueError(
            "has no weights that train",
            argument="model",
            hint="Set trainable = True on the layers that are to train, and compile it again.",
        )
    saved = [layer for layer in _saved_model_layers(model) if layer.trainable_weights]
    optimizer = model.optimizer
    if saved and not (type(optimizer) is keras.optimizers.SGD and not optimizer.momentum):
        raise _saved_model_error(saved, type(optimizer).__name__)


def check_no_saved_model(model: keras.Model) -> None:
    """Raise if a model holds weights of a SavedModel, which Adam cannot train."""
    if saved := [layer for layer in _saved_model_layers(model) if layer.weights]:
        raise _saved_model_error(saved, "Adam")


def _saved_model_layers(model: keras.Model) -> list[keras.Layer]:
    return [layer for layer in all_layers(model) if isinstance(layer, keras.layers.TFSMLayer)]


def _saved_model_error(layers: Sequence[keras.Layer], optimizer: str) -> InvalidValueError:
    """Return the error about weights whose names Keras' optimizers do not take (3.15)."""
    name = layers[0].name
    return InvalidValueError(
        f"has weights of a SavedModel (TFSMLayer {name!r}), which {optimizer} cannot train",
        argument="model",
        hint=(
            "Train the .keras file that the SavedModel was exported from. Or set trainable = False "
            f"on {name!r}, put layers that train behind it, compile the model again, and call "
            "catdog.train."
        ),
    )
