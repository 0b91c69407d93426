"""Find out whether a model's class, or the model itself, defines what `predict` of Keras returns.

Then the answers of the model's layers are not those of the model.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from typing import Any

import keras

from catdog._utils.errors import InvalidValueError
from catdog._utils.keras_internals import is_defined_by_keras

PREDICT = ("predict", "predict_on_batch")
INFERENCE = (*PREDICT, "predict_step", "make_predict_function", "predict_function")


def own_inference(model: keras.Model) -> list[str]:
    """Return the names of the methods for inference that are not Keras' own."""
    return _own_methods(model, INFERENCE)


def inference_function(model: keras.Model) -> Callable[[Any], Any]:
    """Return the function that predicts a batch: with the answers of `model.predict`.

    `predict_on_batch` has less overhead. But Keras' `predict` does not call it, nor the other way
    round. So `predict` is called if one of the two is not Keras' own.
    """
    if _own_methods(model, PREDICT):
        return partial(model.predict, verbose=0)
    run: Callable[[Any], Any] = model.predict_on_batch
    return run


def check_layers_answer(
    model: keras.Model, user: str, methods: Collection[str] = INFERENCE
) -> None:
    """Raise if what a model answers may differ from what its layers compute.

    Args:
        model: The model.
        user: What uses the layers alone, for the error.
        methods: The methods that it does not use.

    Raises:
        ValueError: If one of the methods is not Keras' own.
    """
    if own := _own_methods(model, methods):
        raise InvalidValueError(
            f"has a {' and a '.join(own)} of its own ({type(model).__name__}), which {user} "
            "would not use",
            argument="model",
            hint=(
                "Pass keras.Model(model.inputs, model.outputs), which answers as its layers "
                "alone do, or put what the method does into layers."
            ),
        )


def _own_methods(model: keras.Model, methods: Collection[str]) -> list[str]:
    """Return the methods that the model has, and that are not Keras' own."""
    return [
        name
        for name in methods
        if getattr(model, name, None) is not None and not is_defined_by_keras(model, name)
    ]
