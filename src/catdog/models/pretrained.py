"""Weights that catdog trained itself, on cats and dogs, and that come with the package."""

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from catdog.models.metadata import ModelMetadata, attach_metadata
from catdog.models.spec import MeasuredAccuracy, PretrainedWeights
from catdog.typing import ImageSize

FOLDER = Path(__file__).parent / "weights"
REINSTALL = "Install catdog again, from where you had it, with pip's --force-reinstall."


def pretrained_weights(name: str) -> PretrainedWeights:
    """Return what the record beside a file of weights says, for the model of this name.

    Raises:
        OSError: If it is missing or damaged.
    """
    path = FOLDER / f"{name}.json"
    try:
        shipped = _from_record(name, json.loads(path.read_bytes()))
        _card(shipped, shipped.image_size)
        return shipped
    except (KeyError, OSError, TypeError, ValueError) as error:
        raise OSError(f"Cannot read {path}, a part of catdog: {error!r}. {REINSTALL}") from error


def _from_record(name: str, facts: dict[str, Any]) -> PretrainedWeights:
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
            data=facts["evaluated"]["data"],
            seed=facts["trained"]["settings"]["seed"],
            command=facts["command"],
        ),
        versions=facts["versions"],
    )


def load_pretrained(model: keras.Model, shipped: PretrainedWeights) -> None:
    """Fill a model with the weights that come with the package, and let it know their classes.

    The last layer of a model of another number of classes stays as it is, to be trained.

    Raises:
        OSError: If the file is missing or damaged.
        ValueError: If the weights are for images of another size.
    """
    own = model.get_weights()
    values = [value.astype(np.float32) for value in _read(shipped)]
    same_classes = model.output_shape[-1] == len(shipped.class_names)
    if not same_classes:
        values[-2:] = own[-2:]
    if [value.shape for value in values] != [value.shape for value in own]:
        raise ValueError(
            f"The weights of {shipped.name} that come with catdog are for images of "
            f"{shipped.image_size}, not of {model.input_shape[1:3]}. Pass image_size="
            f"{shipped.image_size}, or weights=None to train from scratch."
        )
    model.set_weights(values)
    if same_classes:
        attach_metadata(model, _card(shipped, model.input_shape[1:3]))


def _card(shipped: PretrainedWeights, image_size: ImageSize) -> ModelMetadata:
    return ModelMetadata(
        class_names=shipped.class_names,
        image_size=image_size,
        recipe=shipped.name,
        temperature=shipped.temperature,
        versions=shipped.versions,
    )


def _read(shipped: PretrainedWeights) -> list[NDArray[np.float16]]:
    """Return the arrays of the file, in the order of `model.get_weights()`."""
    path = FOLDER / f"{shipped.name}.npz"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise OSError(f"Cannot read the weights {path}: {error}. {REINSTALL}") from error
    if hashlib.sha256(content).hexdigest() != shipped.sha256:
        raise OSError(f"The weights {path} are damaged: their checksum is wrong. {REINSTALL}")
    with np.load(io.BytesIO(content)) as arrays:
        return [arrays[str(number)] for number in range(len(arrays.files))]
