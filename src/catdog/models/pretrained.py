"""Bundled weights, which catdog trained on cats and dogs: read, check and load them."""

from __future__ import annotations

import hashlib
import io
import json
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from catdog._utils.errors import FileAccessError, InvalidValueError
from catdog.models.bundled import FOLDER, REINSTALL_HINT
from catdog.models.metadata import ModelMetadata, attach_metadata
from catdog.models.spec import MeasuredAccuracy, PretrainedWeights
from catdog.typing import ImageSize


def pretrained_weights(name: str) -> PretrainedWeights:
    """Read the record of the bundled weights of a model.

    Raises:
        OSError: If it is missing or damaged.
    """
    path = FOLDER / f"{name}.json"
    try:
        weights = _from_record(name, json.loads(path.read_bytes()))
        _metadata_of_weights(weights, weights.image_size)
        return weights
    except (KeyError, OSError, TypeError, ValueError) as error:
        raise FileAccessError(
            f"Cannot read {path}, a part of catdog: {error!r}", hint=REINSTALL_HINT
        ) from error


def _from_record(name: str, facts: dict[str, Any]) -> PretrainedWeights:
    """Return what a JSON record says; raise any error if a part is missing."""
    return PretrainedWeights(
        name=name,
        sha256=facts["sha256"],
        class_names=tuple(facts["class_names"]),
        image_size=tuple(facts["image_size"]),
        temperature=facts["temperature"],
        measured=MeasuredAccuracy(
            accuracy=facts["evaluated"]["accuracy"],
            interval=tuple(facts["evaluated"]["interval"]),
            n=facts["evaluated"]["n"],
            baseline=facts["evaluated"]["baseline"],
            data=facts["evaluated"]["data"],
            seed=facts["trained"]["settings"]["seed"],
            command=facts["command"],
        ),
        versions=facts["versions"],
    )


def load_pretrained(model: keras.Model, weights: PretrainedWeights) -> None:
    """Load bundled weights into a model, and attach their metadata.

    If the model has another number of classes, its last layer keeps its initial weights.

    Raises:
        OSError: If the file is missing or damaged.
        ValueError: If the weights are for images of another size.
    """
    own = model.get_weights()
    values = [value.astype(np.float32) for value in _read(weights)]
    same_classes = model.output_shape[-1] == len(weights.class_names)
    if not same_classes:
        values[-2:] = own[-2:]
    if [value.shape for value in values] != [value.shape for value in own]:
        raise InvalidValueError(
            f"The weights of {weights.name} that come with catdog are for images of "
            f"{weights.image_size}, not of {model.input_shape[1:3]}",
            hint=f"Pass image_size={weights.image_size}, or weights=None to train from scratch.",
        )
    model.set_weights(values)
    if same_classes:
        attach_metadata(model, _metadata_of_weights(weights, model.input_shape[1:3]))


def _metadata_of_weights(weights: PretrainedWeights, image_size: ImageSize) -> ModelMetadata:
    return ModelMetadata(
        class_names=weights.class_names,
        image_size=image_size,
        model_name=weights.name,
        temperature=weights.temperature,
        versions=weights.versions,
    )


def _read(weights: PretrainedWeights) -> list[NDArray[np.float16]]:
    """Return the arrays of the file, in the order of `model.get_weights()`."""
    path = FOLDER / f"{weights.name}.npz"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise FileAccessError(
            f"Cannot read the weights {path}: {error}", hint=REINSTALL_HINT
        ) from error
    if hashlib.sha256(content).hexdigest() != weights.sha256:
        raise FileAccessError(
            f"The weights {path} are damaged: their checksum is wrong", hint=REINSTALL_HINT
        )
    with np.load(io.BytesIO(content)) as arrays:
        return [arrays[str(number)] for number in range(len(arrays.files))]
