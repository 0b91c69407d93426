"""How TensorFlow distributes the training of a model over devices: its scope, and its limits."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import keras
import tensorflow as tf

from catdog._utils.errors import BackendError, InvalidValueError
from catdog._utils.keras_internals import own_strategy
from catdog.data.datasets import Datasets
from catdog.inference.forward import count_replicas, is_batch_size_for


def check_strategy(model: keras.Model, *, function: str) -> None:
    """Raise if a model cannot be trained under the strategy of `tf.distribute` that is in use.

    Args:
        model: The model.
        function: The public function that trains it.

    Raises:
        RuntimeError: If the model or its backbone was built within another scope than the present
            one, or under a strategy of several machines.
    """
    if keras.backend.backend() != "tensorflow":
        return
    own, present = own_strategy(model), tf.distribute.get_strategy()
    if isinstance(own, tf.distribute.MultiWorkerMirroredStrategy):
        raise BackendError(
            f"{function} does not run under MultiWorkerMirroredStrategy, because fit of Keras 3 "
            "does not (https://github.com/keras-team/keras/issues/20585)",
            hint="Train on the devices of one machine with tf.distribute.MirroredStrategy.",
        )
    if tf.distribute.has_strategy() and present is not own:
        raise BackendError(
            f"{function} was called in the scope of {type(present).__name__}, but model was not "
            "built there",
            hint="Build the model within the scope, or call the function outside of it.",
        )
    weights = [variable.value for variable in model.variables]
    is_distributed = any(isinstance(value, tf.distribute.DistributedValues) for value in weights)
    if is_distributed and own is None:
        raise BackendError(
            f"{function} cannot train model: it was built outside of the scope of tf.distribute "
            "that some of its weights were made in",
            hint="Build and compile the whole model within the scope.",
        )


def scope_of(model: keras.Model) -> AbstractContextManager[object]:
    """Return the scope of the strategy that a model is distributed with; without one, do nothing.

    What is built from the model's layers, and a new optimizer, belong to its strategy then.
    """
    strategy = own_strategy(model)
    return strategy.scope() if strategy else nullcontext()


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


def gpu_details() -> list[Mapping[str, Any]]:
    """Return what TensorFlow knows of each GPU that it uses."""
    gpus = tf.config.get_visible_devices("GPU")
    return [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
