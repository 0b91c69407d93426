"""Check that a model trains on one device, where TensorFlow must not distribute it."""

from __future__ import annotations

import keras
import tensorflow as tf

from catdog._utils.errors import BackendError


def check_one_device(model: keras.Model, *, function: str, hint: str) -> None:
    """Raise if `tf.distribute` is in use: in a scope now, or when the model was built.

    Args:
        model: The model.
        function: The public function that cannot train it then.
        hint: What to call instead.
    """
    if keras.backend.backend() != "tensorflow":
        return
    if tf.distribute.has_strategy():
        raise BackendError(
            f"{function} does not run under tf.distribute, but it was called in the scope of "
            f"{type(tf.distribute.get_strategy()).__name__}",
            hint=hint,
        )
    weights = [variable.value for variable in model.variables]
    if any(isinstance(value, tf.distribute.DistributedValues) for value in weights):
        raise BackendError(
            f"{function} does not run under tf.distribute, but model has weights that were made "
            "in the scope of a strategy",
            hint=hint,
        )
