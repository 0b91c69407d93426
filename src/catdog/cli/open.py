"""The model that the user means."""

import keras

from catdog.models.metadata import get_metadata
from catdog.models.registry import build_model, list_models, model_spec
from catdog.models.saving import SUFFIX, load_model


def open_model(model: str) -> keras.Model:
    """Return a trained model: from a file, or one that comes with the package.

    Args:
        model: The path of a `.keras` file, or the name of a model that comes trained.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be opened, or names a model that has to be trained first.
    """
    if model.endswith(SUFFIX):
        return load_model(model)
    if is_pretrained(model):
        return build_model(model, weights="cats_vs_dogs")
    ready = filter(is_pretrained, list_models())
    raise ValueError(
        f"--model={model!r} is neither a {SUFFIX} file nor a model that comes trained: "
        f"{', '.join(ready)}. `catdog train` makes a file of any that `catdog models` lists."
    )


def is_pretrained(model: str) -> bool:
    """Tell whether this names a model that comes with the package, ready to use."""
    try:
        return model_spec(model).shipped is not None
    except ValueError:  # no model is called so
        return False


def resolve_class_names(opened: keras.Model, model: str) -> tuple[str, ...]:
    """Return the names of a model's classes.

    Raises:
        ValueError: If it does not know them.
    """
    card = get_metadata(opened)
    if card is None:
        raise ValueError(
            f"--model={model!r} does not know what its classes are called: catdog has neither "
            "trained nor saved it. In Python, catdog.predict(model, ..., class_names=[...]) names "
            "them."
        )
    return card.class_names
