"""Models in the format of TensorFlow.js: a graph as JSON, and the weights as bytes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from google.protobuf import json_format
from numpy.typing import NDArray

from catdog._utils.keras_internals import fold_constants, freeze_variables
from catdog.inference.web_graph import FUSED, fuse, unfuse

# Smaller tensors stay in single precision. Among them are the depthwise convolutions, whose sums of
# few products keep most of their rounding errors: they are 6 % of the weights of MobileNetV2, and
# with 16 bits, the mean error of its logits was 18 times as large (16 photos).
MIN_SIZE_TO_QUANTIZE = 20_000  # numbers
MAX_QUANTIZATION_ERROR = 2e-4  # root mean square, as a share of that of the tensor
_LEVELS = 2**16 - 1
_STORED = ("float32", "int32", "bool")  # types of constants that TensorFlow.js has


class WebModel(NamedTuple):
    """A model as TensorFlow.js loads it.

    Attributes:
        topology: The graph: a `GraphDef` as JSON, without the values of its constants.
        weight_specs: Name, shape and type of each constant.
        weights: The values of the constants, one after the other, little-endian.
    """

    topology: dict[str, Any]
    weight_specs: list[dict[str, Any]]
    weights: bytes


def convert(function: Any, operations: frozenset[str]) -> WebModel:
    """Convert a concrete function of TensorFlow.

    Large tensors of weights are stored as whole numbers of 16 bits; the page computes in single
    precision.

    Args:
        function: Takes one tensor and returns one.
        operations: Names of the operations that the page can run.

    Raises:
        ValueError: If an operation or the type of a constant is not supported.
    """
    frozen = freeze_variables(function)
    _check_convolutions(frozen.graph)
    graph = fuse(fold_constants(frozen))
    if unknown := sorted({node.op for node in graph.node} - operations):
        raise ValueError(f"the page cannot run {', '.join(unknown)}")
    specs, parts = [], []
    for node in graph.node:
        node.ClearField("device")
        if node.op == "Const":
            spec, data = _take_value(node)
            specs.append(spec)
            parts.append(data)
    return WebModel(json_format.MessageToDict(graph), specs, b"".join(parts))


def _check_convolutions(graph: Any) -> None:
    """Raise if a convolution has groups or reads channels first: TensorFlow.js has neither."""
    for operation in graph.get_operations():
        if operation.type in FUSED:
            images, weights = operation.inputs
            if operation.get_attr("data_format") != b"NHWC":
                raise ValueError("the page needs the channels last")
            if images.shape[-1] != weights.shape[-2]:
                raise ValueError("the page cannot run convolutions with groups")


def _take_value(node: Any) -> tuple[dict[str, Any], bytes]:
    """Remove the value of a constant from its node, and return its description and its bytes."""
    tensor = node.attr["value"].tensor
    value = tf.make_ndarray(tensor)
    if value.dtype.name not in _STORED:
        raise ValueError(f"the page has no numbers of type {value.dtype.name}")
    spec: dict[str, Any] = {"name": node.name, "shape": value.shape, "dtype": value.dtype.name}
    stored, quantization = _quantize(value)
    if quantization:
        spec["quantization"] = quantization
    node.attr["value"].tensor.CopyFrom(
        tf.compat.v1.AttrValue(tensor={"dtype": tensor.dtype}).tensor
    )
    return spec, stored.astype(stored.dtype.newbyteorder("<")).tobytes()


def _quantize(value: NDArray[Any]) -> tuple[NDArray[Any], dict[str, Any]]:
    """Return a large tensor in 16 bits with the rule to restore it; others as they are.

    The numbers are `level * scale + min`. Such levels are a third as far from the weights of a
    layer as float16, which has the same size.
    """
    if value.dtype != np.float32 or value.size < MIN_SIZE_TO_QUANTIZE:
        return value, {}
    low, high = float(value.min()), float(value.max())
    scale = (high - low) / _LEVELS or 1.0
    levels = np.rint((value.astype(np.float64) - low) / scale).astype(np.uint16)
    rule = {"dtype": "uint16", "original_dtype": "float32", "min": low, "scale": scale}
    error = np.square(_dequantize(levels, rule) - value, dtype=np.float64).mean()
    if error > MAX_QUANTIZATION_ERROR**2 * np.square(value, dtype=np.float64).mean():
        return value, {}
    return levels, rule


def _dequantize(levels: NDArray[Any], rule: dict[str, Any]) -> NDArray[np.float32]:
    """Return the numbers that levels stand for, as TensorFlow.js computes them."""
    numbers: NDArray[np.float32] = levels * rule["scale"] + rule["min"]
    return numbers.astype(np.float32)


def restore(model: WebModel) -> Any:
    """Return a TensorFlow function that computes what the page does, from its very bytes.

    Returns:
        From a tensor to a list of one tensor.
    """
    graph = json_format.ParseDict(model.topology, tf.compat.v1.GraphDef())
    nodes = {node.name: node for node in graph.node}
    start = 0
    for spec in model.weight_specs:
        rule = spec.get("quantization")
        dtype = np.dtype(rule["dtype"] if rule else spec["dtype"]).newbyteorder("<")
        count = int(np.prod(spec["shape"], dtype=int))
        value = np.frombuffer(model.weights, dtype, count, start).reshape(spec["shape"])
        tensor = tf.make_tensor_proto(_dequantize(value, rule) if rule else value)
        nodes[spec["name"]].attr["value"].tensor.CopyFrom(tensor)
        start += count * dtype.itemsize
    (source,) = (node.name for node in graph.node if node.op == "Placeholder")
    read = {name.partition(":")[0] for node in graph.node for name in node.input}
    (output,) = (node.name for node in graph.node if node.name not in read)
    plain = unfuse(graph)

    def compute(images: Any) -> Any:
        return tf.graph_util.import_graph_def(
            plain, input_map={f"{source}:0": images}, return_elements=[f"{output}:0"]
        )

    return tf.function(compute)
