"""Check how TensorFlow distributes the training of a model over devices."""

from __future__ import annotations

import keras
import tensorflow as tf

from catdog._utils.errors import BackendError, InvalidValueError
from catdog.data.datasets import Datasets
from catdog.inference.forward import count_replicas, is_batch_size_for


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


def check_batch_size(model: keras.Model, data: Datasets) -> None:
    """Raise if batches cannot be distributed over the devices that a model was built for.

    Keras 3.15 needs a first batch of the same number of images on each device, and some layers fail
    if a device gets no image of the last batch.

    Args:
        model: The model.
        data: The data, whose batches are trained on and validated.

    Raises:
        ValueError: If the training or the validation set has a batch that does not work.
    """
    replicas = count_replicas(model)
    counts = [len(data.paths(split)) for split in ("train", "validation")]

    def is_sound(size: int) -> bool:
        return all(
            min(count, size) % replicas == 0 and is_batch_size_for(count, size, replicas)
            for count in counts
        )

    if is_sound(data.batch_size):
        return
    sizes = sorted(range(1, 2 * max(counts)), key=lambda size: abs(size - data.batch_size))
    better = next(filter(is_sound, sizes), None)
    raise InvalidValueError(
        f"is distributed over {replicas} devices, but batches of {data.batch_size} of the "
        f"{counts[0]} training and {counts[1]} validation images cannot be: the first batch must "
        "have the same number of images on each device, and the last at least one",
        argument="model",
        hint=(
            f"Call load_datasets with batch_size={better}."
            if better
            else "Build the model outside the scope of tf.distribute, or add an image."
        ),
    )
