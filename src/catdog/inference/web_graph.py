"""Rewrite the graph of a model for TensorFlow.js: fewer operations, with the same result.

Batch normalization after a convolution becomes part of its weights and its bias, and a ReLU part of
the convolution. TensorFlow's own optimizer does so for some convolutions only (2.21).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

FUSED = {"Conv2D": "_FusedConv2D", "DepthwiseConv2dNative": "FusedDepthwiseConv2dNative"}
_PLAIN = {fused: plain for plain, fused in FUSED.items()}
_ADD = ("AddV2", "Add", "BiasAdd")
_ACTIVATIONS = ("Relu", "Relu6")
_FUSED_OPS = "fused_ops"
_WEIGHTS = 1  # position of the weights among the inputs


def fuse(graph: Any) -> Any:
    """Return a graph whose convolutions include scale, bias and ReLU.

    Args:
        graph: A `GraphDef` that `fold_constants` returned.
    """
    fusion = _Fusion(graph)
    while sum(fusion.absorb(name) for name in list(fusion.nodes)):
        pass  # what was absorbed may be followed by more
    return fusion.to_graph(graph)


class _Fusion:
    """The nodes of a graph while they are fused: each takes the name of the last one it replaces.

    So nothing that reads from it has to change.
    """

    def __init__(self, graph: Any) -> None:
        self.nodes = {node.name: node for node in graph.node}
        self._uses = Counter(_source(name) for node in graph.node for name in node.input)

    def to_graph(self, graph: Any) -> Any:
        """Return the graph without the constants that were replaced; `graph` is the original."""
        used = {_source(name) for node in self.nodes.values() for name in node.input}
        replaced = self._uses.keys() - used
        result = tf.compat.v1.GraphDef()
        result.versions.CopyFrom(graph.versions)
        result.node.extend(node for name, node in self.nodes.items() if name not in replaced)
        return result

    def absorb(self, name: str) -> bool:
        """Let the convolution that a node reads do the work of the node; return whether it can."""
        node = self.nodes.get(name)
        if node is None:  # absorbed before
            return False
        if node.op in _ACTIVATIONS:
            return self._add_activation(node)
        if node.op == "Mul":
            return self._scale(node)
        return node.op in _ADD and self._add_bias(node)

    def _scale(self, node: Any) -> bool:
        """Multiply the weights of a convolution, and its bias, by a constant for each channel."""
        convolution, scale = self._operands(node)
        if convolution is None:
            return False
        images, weights, *bias = convolution.input
        values = self._value(weights)
        if convolution.op in ("Conv2D", FUSED["Conv2D"]):  # ..., input channels, output channels
            values = values * scale
        else:  # height, width, input channels, output channels of each
            values = values * scale.reshape(values.shape[2:])
        inputs = [images, self._add_constant(f"{node.name}/weights", values)]
        inputs += [self._add_constant(f"{each}/scaled", self._value(each) * scale) for each in bias]
        self._replace(node, convolution, inputs)
        return True

    def _add_bias(self, node: Any) -> bool:
        """Let a convolution add a constant to each channel."""
        convolution, bias = self._operands(node)
        if convolution is None:
            return False
        inputs = list(convolution.input)
        if len(inputs) > _WEIGHTS + 1:  # it has one already
            bias = bias + self._value(inputs.pop())
        self._replace(node, convolution, [*inputs, self._add_constant(f"{node.name}/bias", bias)])
        if node.op in FUSED:
            node.op = FUSED[node.op]
            node.attr["num_args"].i = 1
            node.attr[_FUSED_OPS].list.s.append(b"BiasAdd")
        return True

    def _add_activation(self, node: Any) -> bool:
        """Let a convolution with a bias apply a ReLU."""
        convolution, activation = self._open_convolution(node.input[0]), node.op.encode()
        if convolution is None or convolution.op in FUSED:
            return False
        self._replace(node, convolution, list(convolution.input))
        node.attr[_FUSED_OPS].list.s.append(activation)
        return True

    def _operands(self, node: Any) -> tuple[Any, Any]:
        """Return the convolution and the constant that a node combines, or `None` twice.

        The constant has one value for each channel, shape `(channels,)`.
        """
        for first, second in (node.input[:2], node.input[1::-1]):
            convolution, constant = self._open_convolution(first), self._value(second)
            if convolution is None or constant is None:
                continue
            channels = self._channels(convolution)
            if constant.size in (1, channels) and constant.shape[-1:] in ((), (1,), (channels,)):
                return convolution, np.broadcast_to(constant.ravel(), (channels,))
        return None, None

    def _open_convolution(self, name: str) -> Any:
        """Return the convolution of an input if it has no ReLU, and nothing else reads it.

        Its weights and its bias are constant, and the channels come last.
        """
        node = self.nodes.get(_source(name))
        if node is None or node.op not in (*FUSED, *_PLAIN) or self._uses[node.name] != 1:
            return None
        has_relu = node.op in _PLAIN and len(node.attr[_FUSED_OPS].list.s) > 1
        is_constant = all(self._value(each) is not None for each in node.input[_WEIGHTS:])
        is_last = node.attr["data_format"].s in (b"", b"NHWC")
        return node if is_constant and is_last and not has_relu else None

    def _channels(self, convolution: Any) -> int:
        """Return the output channels of a convolution."""
        *_, inner, outer = self._value(convolution.input[_WEIGHTS]).shape
        return int(outer if convolution.op in ("Conv2D", FUSED["Conv2D"]) else inner * outer)

    def _value(self, name: str) -> Any:
        """Return the value of an input that is a constant of single precision; else `None`."""
        node = self.nodes.get(_source(name))
        if node is None or node.op != "Const":
            return None
        value = tf.make_ndarray(node.attr["value"].tensor)
        return value if value.dtype == np.float32 else None

    def _add_constant(self, name: str, value: NDArray[Any]) -> str:
        node = tf.compat.v1.NodeDef(name=name, op="Const")
        node.attr["dtype"].type = tf.float32.as_datatype_enum
        node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value.astype(np.float32)))
        self.nodes[name] = node
        self._uses[name] = 1
        return name

    def _replace(self, node: Any, convolution: Any, inputs: list[str]) -> None:
        """Turn a node into the convolution that it read."""
        name = node.name
        node.CopyFrom(convolution)
        node.name = name
        node.input[:] = inputs
        del self.nodes[convolution.name]


def _source(name: str) -> str:
    """Return the node that an input such as `"^node"` or `"node:1"` refers to."""
    return name.removeprefix("^").partition(":")[0]


def unfuse(graph: Any) -> Any:
    """Return a graph with the operations of TensorFlow in place of the fused ones.

    TensorFlow does not have them all, and the comparison with `predict` runs in TensorFlow.
    """
    result = tf.compat.v1.GraphDef()
    result.versions.CopyFrom(graph.versions)
    result.node.extend(part for node in graph.node for part in _parts(node))
    return result


def _parts(node: Any) -> Iterator[Any]:
    """Yield the operations of a node one by one; the last has its name."""
    if node.op not in _PLAIN:
        yield node
        return
    *earlier, bias = node.input
    names = [f"{node.name}/{number}" for number in range(len(node.attr[_FUSED_OPS].list.s))]
    names.append(node.name)
    plain = tf.compat.v1.NodeDef(name=names[0], op=_PLAIN[node.op], input=earlier)
    for key, value in node.attr.items():
        if key not in ("num_args", _FUSED_OPS):
            plain.attr[key].CopyFrom(value)
    yield plain
    for number, op in enumerate(node.attr[_FUSED_OPS].list.s):
        inputs = [names[number], *([bias] if op == b"BiasAdd" else [])]
        part = tf.compat.v1.NodeDef(name=names[number + 1], op=op.decode(), input=inputs)
        part.attr["T"].CopyFrom(node.attr["T"])
        yield part
