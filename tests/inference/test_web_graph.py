"""Convolutions take in what follows them; the result of the graph stays the same."""

from collections import Counter
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from catdog._utils.keras_internals import fold_constants, freeze_variables
from catdog.inference.web_graph import fuse, unfuse

layers = keras.layers
SIZE = (6, 5)


def graph_of(model: keras.Model) -> tuple[Any, Any]:
    """Return the graph of a model as `fuse` gets it, and the function itself."""
    spec = tf.TensorSpec((1, *SIZE, 3), name="images")
    function = tf.function(model, input_signature=[spec]).get_concrete_function()
    return fold_constants(freeze_variables(function)), function


def randomize(model: keras.Model) -> keras.Model:
    """Set all weights, as training does; a new model has scales of 1 and biases of 0."""
    draw = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(draw.uniform(0.2, 1, weight.shape))
    return model


def functional(build: Any) -> keras.Model:
    images = keras.Input((*SIZE, 3))
    return randomize(keras.Model(images, build(images)))


def counts(graph: Any) -> Counter[str]:
    return Counter(node.op for node in graph.node if node.op not in ("Const", "Placeholder"))


def run(graph: Any, images: NDArray[np.float32]) -> NDArray[np.float32]:
    read = {name.partition(":")[0] for node in graph.node for name in node.input}
    (output,) = (node.name for node in graph.node if node.name not in read)

    def compute(images: Any) -> Any:
        inputs = {"images:0": images}
        return tf.graph_util.import_graph_def(graph, inputs, return_elements=[f"{output}:0"])

    return np.asarray(tf.function(compute)(tf.constant(images))[0])


def normalized(convolution: keras.Layer, *after: keras.Layer) -> keras.Model:
    return randomize(
        keras.Sequential(
            [keras.Input((*SIZE, 3)), convolution, layers.BatchNormalization(), *after]
        )
    )


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (normalized(layers.Conv2D(4, 3)), {"_FusedConv2D": 1}),
        (normalized(layers.Conv2D(4, 3), layers.ReLU()), {"_FusedConv2D": 1}),
        (normalized(layers.Conv2D(3, 1, use_bias=False), layers.ReLU(6)), {"_FusedConv2D": 1}),
        (
            normalized(layers.DepthwiseConv2D(3, depth_multiplier=2, strides=2), layers.ReLU(6)),
            {"FusedDepthwiseConv2dNative": 1},
        ),
        (
            normalized(layers.Conv2D(1, 3), layers.Activation("tanh"), layers.Rescaling(2.0)),
            {"_FusedConv2D": 1, "Tanh": 1, "Mul": 1},  # and adding 0 is nothing
        ),
        (
            functional(lambda x: layers.ReLU()(layers.Conv2D(4, 3, use_bias=False)(x))),
            {"Conv2D": 1, "Relu": 1},  # no bias to fuse
        ),
        (normalized(layers.Activation("tanh")), {"Tanh": 1, "Mul": 1, "AddV2": 1}),
    ],
)
def test_convolutions(model: keras.Model, expected: dict[str, int]) -> None:
    graph, function = graph_of(model)
    fused = fuse(graph)
    found = counts(fused)
    found.pop("Identity", None)
    assert found == expected
    images = np.random.default_rng(1).uniform(-1, 1, (1, *SIZE, 3)).astype(np.float32)
    wanted = np.asarray(function(tf.constant(images)))
    assert np.ptp(wanted) > 0.1
    assert run(unfuse(fused), images) == pytest.approx(wanted, rel=1e-4, abs=1e-4)
    assert set(counts(unfuse(fused))) & {"_FusedConv2D", "FusedDepthwiseConv2dNative"} == set()


def residual(x: Any) -> Any:
    """A convolution that two layers read, and a sum of two convolutions."""
    shared = layers.Conv2D(3, 3, padding="same")(x)
    return layers.Add()([layers.ReLU()(shared), shared])


def scaled_by_another(x: Any) -> Any:
    """The output of a convolution, multiplied and added to what is not constant."""
    y = layers.Conv2D(3, 1)(x)
    return layers.Add()([layers.Multiply()([y, x]), x])


@pytest.mark.parametrize("build", [residual, scaled_by_another])
def test_what_others_read_stays(build: Any) -> None:
    model = functional(build)
    graph, function = graph_of(model)
    images = np.random.default_rng(1).uniform(-1, 1, (1, *SIZE, 3)).astype(np.float32)
    wanted = np.asarray(function(tf.constant(images)))
    assert run(unfuse(fuse(graph)), images) == pytest.approx(wanted, rel=1e-4, abs=1e-4)
