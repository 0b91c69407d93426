"""Open the model that `--model` names."""

from __future__ import annotations

import keras

from catdog._utils.errors import InvalidValueError
from catdog.cli.wording import renamed
from catdog.models.metadata import get_metadata
from catdog.models.registry import build_model, list_models, model_spec
from catdog.models.saving import SUFFIX, load_model


def open_model(model: str, *, also: str = "", option: str = "--model") -> keras.Model:
    """Return a trained model, from a file or with its bundled weights.

    Args:
        model: The path of a `.keras` file, or the name of a pretrained model.
        also: Suffix of other files that the command takes, for the error about a name.
        option: What the command calls the model, for the errors.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it cannot be opened, or the name is that of a model without bundled weights.
    """
    if model.endswith(SUFFIX):
        with renamed("path", option):
            return load_model(model)
    if is_pretrained(model):
        return build_model(model, weights="cats_vs_dogs")
    pretrained = ", ".join(filter(is_pretrained, list_models()))
    files = f"{SUFFIX} or {also}" if also else SUFFIX
    raise InvalidValueError(
        f"is neither a {files} file nor a pretrained model: {pretrained}",
        argument=option,
        value=model,
        hint="`catdog train` trains any model that `catdog models` lists, and saves it in a file.",
    )


def is_pretrained(model: str) -> bool:
    """Return whether this is the name of a model whose trained weights are part of catdog."""
    try:
        return model_spec(model).read_pretrained is not None
    except ValueError:  # the name of no model
        return False


def resolve_class_names(opened: keras.Model, model: str) -> tuple[str, ...]:
    """Return the class names of a model.

    Args:
        opened: The model.
        model: What `--model` was.

    Raises:
        ValueError: If the model has no metadata.
    """
    metadata = get_metadata(opened)
    if metadata is None:
        raise InvalidValueError(
            "has no class names, because catdog neither trained nor saved it",
            argument="--model",
            value=model,
            hint="In Python, catdog.predict(model, ..., class_names=[...]) takes them.",
        )
    return metadata.class_names


def open_backbone(model: str) -> keras.Model | None:
    """Return the model of a file; `None` for the name of a model, which is yet to be built.

    Both are checked before the images are read.
    """
    if model.endswith(SUFFIX):
        return open_model(model)
    model_spec(model)  # as build_model does
    return None
