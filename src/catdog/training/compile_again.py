"""Compile a model of the user again, with another optimizer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from catdog._utils.errors import InvalidValueError, UsageWarning
from catdog._utils.keras_internals import compile_arguments, is_defined_by_keras


def compile_again(model: keras.Model, optimizer: keras.optimizers.Optimizer) -> None:
    """Compile a model with another optimizer, and with its own loss and metrics.

    A class of the user may define `compile`. It would set what it takes beyond Keras' arguments,
    such as the temperature of a distillation, to its defaults. So Keras' own is called.
    """
    keras.Model.compile(model, **{**compile_arguments(model), "optimizer": optimizer})


def check_one_optimizer(model: keras.Model, function: str) -> None:
    """Raise if a model trains with optimizers that Keras' `compile` does not know.

    Args:
        model: A compiled model.
        function: The public function that would set the optimizer.
    """
    if is_defined_by_keras(model, "train_step"):
        return
    known = {id(model.optimizer), id(compile_arguments(model)["optimizer"])}
    own = [
        name
        for name, value in vars(model).items()
        if not name.startswith("_self_")  # TensorFlow's records of all attributes
        for each in _items(value)
        if isinstance(each, keras.optimizers.Optimizer) and id(each) not in known
    ]
    if own:
        names = ", ".join(dict.fromkeys(own))
        raise InvalidValueError(
            f"trains with optimizers of its own ({names}), but {function} sets one",
            argument="model",
            hint="Set trainable = True on the layers to train, compile the model again with small "
            "learning rates, and call catdog.train.",
        )


def optimizer_doubt(model: keras.Model) -> UsageWarning | None:
    """Return a warning if a training did not use the model's optimizer, and so its rate."""
    if is_defined_by_keras(model, "train_step") or int(model.optimizer.iterations):
        return None
    return UsageWarning(
        f"learning_rate had no effect: train_step of {type(model).__name__} did not use the "
        "model's optimizer.",
        hint="Let it call self.optimizer.apply(gradients, self.trainable_variables).",
    )


def _items(value: Any) -> list[Any]:
    """Return the items of a container, or a value that is none."""
    if isinstance(value, Mapping):
        return [*value.values()]
    return [*value] if isinstance(value, list | tuple) else [value]
