"""Kinds of operations and layers, by what they do to the places of an image."""

from __future__ import annotations

from typing import Any

import keras

from catdog._utils.keras_internals import is_defined_by_keras

# Operations of keras.ops that change places and nothing else. Their results show what they do.
PLACING = {
    *("CropImages", "ExpandDims", "Flip", "GetItem", "Moveaxis", "Reshape", "Roll", "Rot90"),
    *("Slice", "Squeeze", "Swapaxes", "Take", "Transpose"),
}
TURNING = {"AffineTransform", "ElasticTransform", "MapCoordinates", "PerspectiveTransform"}
RUNNING_CODE = {
    *("AssociativeScan", "Cond", "ForiLoop", "Map", "Scan", "Switch", "VectorizedMap", "WhileLoop"),
    *("FlaxLayer", "JaxLayer", "TFSMLayer", "TorchModuleWrapper"),
}
MIXING = {"DotProductAttention", "Dot", "Einsum", "Matmul", "Tensordot"}
# Operations whose result is the whole image in another size.
SCALING = {
    *("AdaptiveAveragePool", "AdaptiveMaxPool", "AveragePool", "Conv", "ConvTranspose"),
    *("DepthToSpace", "DepthwiseConv", "ExtractPatches", "MaxPool", "SeparableConv"),
    *("SpaceToDepth",),
}


def is_own_code(operation: Any) -> bool:
    """Return whether an operation runs code of the user, or a model whose layers are not known."""
    layers = keras.layers
    runs_code = isinstance(operation, layers.Lambda | layers.Pipeline | keras.Function)
    known = is_defined_by_keras(operation, "call") and is_defined_by_keras(operation, "__call__")
    return runs_code or not known or type(operation).__name__ in RUNNING_CODE
