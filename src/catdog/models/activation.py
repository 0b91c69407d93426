"""Find the activation in which a model ends, by following its graph from the output backwards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from catdog._utils.keras_internals import call_of, is_defined_by_keras
from catdog.models.own_inference import own_inference

PROBABILITY_ACTIVATIONS = {
    "hard_sigmoid",
    "sigmoid",
    "softmax",
    "softmax_v2",  # the name of tf.nn.softmax in TensorFlow 2.21
    "sparse_sigmoid",
    "sparsemax",
}
_PROBABILITY_OPERATIONS = {
    "HardSigmoid": "hard_sigmoid",
    "Sigmoid": "sigmoid",
    "Softmax": "softmax",
    "SparseSigmoid": "sparse_sigmoid",
    "Sparsemax": "sparsemax",
}
# Layers of Keras, and operations of keras.ops, whose values at inference are those of their input,
# a selection of them, or means of them. Of several inputs, as in ensembles, the first is followed,
# if all end in the same activation.
_KEEPS_VALUES = {
    *("Average", "Maximum", "Minimum"),
    *("ActivityRegularization", "AlphaDropout", "Cast", "ConvertToTensor", "Copy", "Dropout"),
    *("ExpandDims", "Flatten", "GaussianDropout", "GaussianNoise", "GetItem", "Identity"),
    *("Ravel", "Reshape", "Squeeze", "StopGradient"),
    *(f"{kind}{n}D" for n in (1, 2, 3) for kind in ("GlobalAveragePooling", "GlobalMaxPooling")),
    *(f"{kind}{n}D" for n in (1, 2, 3) for kind in ("AveragePooling", "MaxPooling")),
}
# Layers that compute a linear function of their input if they have no activation. For other layers
# with weights, such as normalizations behind a softmax, the outputs are checked instead.
_LINEAR_LAYERS = {
    *("Dense", "EinsumDense"),
    *(f"{kind}{n}D" for n in (1, 2, 3) for kind in ("Conv", "SeparableConv", "DepthwiseConv")),
}


def final_activation(model: keras.Model) -> str | None:
    """Return the name of the activation in which a model ends.

    Nested models are followed too, and layers that keep the values, such as casts and reshapes, are
    passed over.

    Args:
        model: A Sequential or functional model of one output.

    Returns:
        The name, such as `"softmax"`, or `"linear"` if the last layer with weights has none. `None`
        if the graph does not show it: the last operation is the user's code, or arithmetic.
    """
    last = last_tensor(model)
    return None if last is None else _activation_of(call_of(last[1])[0])


def last_tensor(model: keras.Model) -> tuple[keras.Model, keras.KerasTensor] | None:
    """Return the output of the last operation that changes values, and the model that it is in.

    Returns:
        The model, or one nested in it; and a tensor of that model's graph. `None` if the graph does
        not show it.
    """
    if not _is_graph(model) or own_inference(model):
        return None
    return _last_before(model, model.outputs[0], [])


def _last_before(
    owner: keras.Model, tensor: keras.KerasTensor, around: Sequence[tuple[Any, Any, Any]]
) -> tuple[keras.Model, keras.KerasTensor] | None:
    """Return the last tensor, at or before one, that an operation made which changes values.

    Args:
        owner: The model that the tensor is in.
        tensor: Where the search begins.
        around: The nested models around it, their arguments, and the models that call them.
    """
    callers = [*around]
    while True:
        operation, arguments, position = call_of(tensor)
        if isinstance(operation, keras.layers.InputLayer):
            if not callers:
                return None
            nested, outer, owner = callers.pop()
            tensor = next(
                given for inner, given in zip(nested.inputs, outer, strict=True) if inner is tensor
            )
        elif _is_graph(operation):
            callers.append((operation, arguments, owner))
            owner, tensor = operation, operation.outputs[position]
        elif _keeps_values(operation):
            last = [_last_before(owner, each, callers) for each in arguments]
            if len({_activation_of(call_of(each[1])[0]) if each else None for each in last}) > 1:
                return owner, tensor  # a mean of logits and probabilities, for example
            return last[0]
        else:
            return owner, tensor


def _is_graph(operation: Any) -> bool:
    """Return whether an operation is a model that computes what its graph says."""
    is_graph = isinstance(operation, keras.Sequential | keras.Function)
    is_model = isinstance(operation, keras.Model)  # so its inputs have input layers
    return is_graph and is_model and is_defined_by_keras(operation, "call")


def _keeps_values(operation: Any) -> bool:
    """Return whether an operation of Keras returns its input's values, or means of them."""
    if type(operation) is keras.layers.Activation:
        return _name(operation.activation) == "linear"
    return is_defined_by_keras(operation, "call") and type(operation).__name__ in _KEEPS_VALUES


def _activation_of(operation: Any) -> str | None:
    """Return the name of the activation of one operation; `None` if it is not known."""
    if not is_defined_by_keras(operation, "call"):
        return None
    if isinstance(operation, keras.layers.Wrapper):
        return None if _is_graph(operation.layer) else _activation_of(operation.layer)
    if type(operation).__name__ in _PROBABILITY_OPERATIONS:
        return _PROBABILITY_OPERATIONS[type(operation).__name__]
    activation = getattr(operation, "activation", None)
    if isinstance(activation, keras.Operation):
        return _activation_of(activation)
    if activation is None:
        return "linear" if type(operation).__name__ in _LINEAR_LAYERS else None
    name = _name(activation)
    is_known = name in PROBABILITY_ACTIVATIONS or activation.__module__.startswith("keras.")
    return name if is_known else None


def _name(activation: Any) -> str:
    """Return the name of an activation function; of its class, if it is an object."""
    name: str = getattr(activation, "__name__", type(activation).__name__)
    return name
