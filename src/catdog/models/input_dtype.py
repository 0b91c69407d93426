"""Check that the input of a model can hold pixels."""

from __future__ import annotations

import keras

from catdog._utils.errors import InvalidValueError
from catdog._utils.keras_internals import all_layers

# Types of Keras 3.15 that hold every whole number from 0 to 255. To others, Keras casts without an
# error: 200 becomes -56 in int8, True in bool, and 208 in float8_e4m3fn.
PIXEL_DTYPES = {
    *("bfloat16", "float16", "float32", "float64"),
    *("int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
}


def check_pixels_fit(model: keras.Model) -> None:
    """Raise if an input of a model, or of a model in it, changes pixels from 0 to 255.

    Args:
        model: A Sequential or functional model that takes images. Of the models in it, those are
            checked that take images too.

    Raises:
        ValueError: If the type of an input does not hold whole numbers from 0 to 255.
    """
    graphs = [each for each in all_layers(model) if isinstance(each, keras.Function)]
    for graph in [model, *graphs]:
        for tensor in graph.inputs:
            takes_images = len(tensor.shape) == 4 and tensor.shape[-1] in (3, None)
            dtype = keras.backend.standardize_dtype(tensor.dtype)
            if takes_images and dtype not in PIXEL_DTYPES:
                where = "" if graph is model else f" of {graph.name!r} in it"
                raise InvalidValueError(
                    f"has an input{where} of type {dtype}, which does not hold pixels from 0 to "
                    "255",
                    argument="model",
                    hint='Begin it with keras.Input(shape) of the type "float32" or "uint8".',
                )
