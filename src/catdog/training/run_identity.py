"""What makes two calls of a training function the same run: images, layers and arguments."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from catdog._utils.keras_internals import all_layers, compile_arguments
from catdog.data.datasets import Datasets, content_hashes
from catdog.training.feature_cache import without_names
from catdog.typing import Split

LEARNING_RATE = "learning rate"
_COMPILED = ("loss", "loss_weights", "metrics", "weighted_metrics")
_TRAINING_SPLITS: tuple[Split, ...] = ("train", "validation")


def identify_run(
    model: keras.Model,
    resized: Datasets,
    callbacks: Sequence[keras.callbacks.Callback],
    arguments: Mapping[str, Any],
) -> dict[str, Any]:
    """Return what a checkpoint and the call that goes on from it must have in common.

    The weights are not part of it (see `hash_weights`), and neither are the seeds of layers: they
    are restored. The
    number of epochs is not, unless it is one of `arguments`, so that a finished run can be made
    longer.

    Args:
        model: The compiled model.
        resized: The data, at the model's input size.
        callbacks: The callbacks of the user.
        arguments: Other arguments of the training function, by name.

    Returns:
        Values that JSON can hold, by words for an error message.
    """
    optimizer = dict(model.optimizer.get_config())
    rate = optimizer.pop("learning_rate", None)
    optimizer.pop("name", None)
    compiled = compile_arguments(model)
    parts = {
        "images": _hash_images(resized),
        "class names": resized.class_names,
        "image size": resized.image_size,
        "batch size": resized.batch_size,
        "seed of the data": resized.seed,
        "layers": _hash_layers(model),
        "optimizer": [type(model.optimizer).__name__, optimizer],
        LEARNING_RATE: rate,
        **{name: compiled.get(name) for name in _COMPILED},
        "callbacks": [type(callback).__name__ for callback in callbacks],
        **arguments,
    }
    plain: dict[str, Any] = json.loads(json.dumps(parts, default=_describe))
    return plain


def hash_weights(model: keras.Model) -> str:
    """Return a hash of the weights of a model, in their order."""
    digest = hashlib.sha256()
    for value in model.get_weights():
        digest.update(np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()


def list_differences(saved: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """Return a text for each part that differs, such as `"patience (was 3, is 5)"`."""
    differences = []
    for name in found:
        before, now = (_shown(parts.get(name)) for parts in (saved, found))
        if saved.get(name) != found[name]:
            is_short = len(before) + len(now) < 60
            differences.append(f"{name} (was {before}, is {now})" if is_short else name)
    return differences


def _shown(value: Any) -> str:
    return str(tuple(value)) if isinstance(value, list) else repr(value)


def _hash_images(data: Datasets) -> str:
    """Return a hash of the training and validation images and their labels, in their order."""
    digest = hashlib.sha256()
    for split in _TRAINING_SPLITS:
        for content, label in zip(content_hashes(data, split), data.labels(split), strict=True):
            digest.update(f"{split} {label} {content}\n".encode())
    return digest.hexdigest()


def _hash_layers(model: keras.Model) -> str:
    """Return a hash of the kinds, shapes and settings of a model's layers."""
    layers = [
        [type(layer).__name__, layer.trainable, [variable.shape for variable in layer.weights]]
        for layer in all_layers(model)
    ]
    try:
        config = without_names(model.get_config())
    except (NotImplementedError, TypeError, ValueError):  # as layers of the user may raise
        config = None
    text = json.dumps([layers, _without_code(config)], default=_describe)
    return hashlib.sha256(text.encode()).hexdigest()


def _without_code(node: Any) -> Any:
    """Return a configuration without the code of functions: its bytes differ between processes."""
    if isinstance(node, dict):
        if node.get("class_name") == "__lambda__":
            return "function"
        return {key: _without_code(value) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [_without_code(value) for value in node]
    return node


def _describe(value: Any) -> Any:
    """Return what identifies a value that JSON cannot hold, in every process."""
    if hasattr(value, "get_config"):
        config = {key: item for key, item in value.get_config().items() if key != "name"}
        return [type(value).__name__, _without_code(config)]
    if hasattr(value, "item"):  # a number of NumPy
        return value.item()
    return getattr(value, "__qualname__", type(value).__name__)
