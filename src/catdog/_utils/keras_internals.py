"""Details of Keras and TensorFlow that catdog uses and that are not public, each under a name.

Seen in Keras 3.15 and TensorFlow 2.21. `tests/_utils/test_keras_internals.py` has a test for each
name, which fails if an upgrade changes the detail. This file imports TensorFlow only when a
function needs it.
"""

import random
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

    from catdog._utils import late

DEFAULT_SEED_SOURCE = random
"""Module from which Keras draws the default seeds of initializers and random layers.

`keras.src.random.seed_generator.make_default_seed` does so.
"""

SEED_STATE = "seed_generator_state"
"""Name of the variable from which a layer draws its random numbers."""

CONFIG_MEMBER, METADATA_MEMBER = "config.json", "metadata.json"
"""Members of the ZIP archive in a `.keras` file: the layers, and the version of Keras."""

LAMBDA_CODE_MARK = b'"__lambda__"'
"""Mark in `CONFIG_MEMBER` of a Lambda layer whose Python code is stored."""

UNUSED_OPTIMIZER_WARNING = (
    "(?s)Skipping variable loading for optimizer.* saved optimizer has [12] variable"
)
"""Warning of Keras about an optimizer that was saved before its first step: nothing is lost."""

LAYER_REFERENCES = ("name", "keras_history", "input_layers", "output_layers")
"""Keys of a model's configuration under which other layers are referred to by name."""

LOG_LEVEL_VARIABLE = "TF_CPP_MIN_LOG_LEVEL"
"""Environment variable of TensorFlow's log level; 3 shows only fatal errors."""

LOG_LINE = re.compile(
    rb"I\d{4} [\d:. ]+\S+\.cc:\d+\]|WARNING: All log messages before absl::"
    rb"|INFO: Created TensorFlow Lite"
)
"""Lines on standard error, at any log level: of TensorFlow 2.21 when imported, and of LiteRT."""

ONEDNN_VARIABLE = "TF_ENABLE_ONEDNN_OPTS"
"""Environment variable that says whether TensorFlow uses oneDNN; it is read at the import."""

RETRACING_LOGGER = "tensorflow"
"""Name of the logger of TensorFlow's warning that a function is traced often."""

RETRACING_MARK = "triggered tf.function retracing"
"""Part of that warning. TensorFlow counts the traces of all models together."""

RANDOM_OP_PARTS = ("Random", "TruncatedNormal", "Multinomial")
"""Parts of the names of TensorFlow's operations that draw random numbers."""


def all_layers(layer: "keras.Layer") -> "list[keras.Layer]":
    """Return a layer and all layers inside it, including the attributes of custom layers."""
    return list(layer._flatten_layers())


def inner_layers(model: "keras.Model") -> "list[keras.Layer]":
    """Return all layers inside a model, without the model itself."""
    return list(model._flatten_layers(include_self=False))


def set_own_trainable(layer: "keras.Layer", value: bool) -> None:
    """Set `trainable` of a layer and of its own variables, but not of the layers inside it."""
    layer._trainable = value
    for variable in layer._trainable_variables:
        variable.trainable = value


def compile_arguments(model: "keras.Model") -> dict[str, Any]:
    """Return the arguments of `model.compile`: the same functions and objects.

    The public `get_compile_config` serializes them, and fails for custom functions.
    """
    return dict(model._compile_config.config)


def reset_initial_epoch(model: "keras.Model") -> None:
    """Let the next training begin at epoch 0: `BackupAndRestore` leaves its epoch on the model."""
    model._initial_epoch = None


def forget_validation_data(model: "keras.Model") -> None:
    """Free the validation data that `fit` leaves on the model if it is interrupted."""
    model._eval_epoch_iterator = None


def forget_functions(model: "keras.Model") -> None:
    """Let Keras compile the steps of a model again, as `compile` does: its layers have changed."""
    model.train_function = model.test_function = model.predict_function = None


def set_initial_epoch(model: "keras.Model", epoch: int) -> None:
    """Let the training begin at a later epoch, as `BackupAndRestore` does in `on_train_begin`."""
    model._initial_epoch = epoch


def initial_epoch(model: "keras.Model") -> int:
    """Return the epoch at which a callback lets the training begin; 0 without such a callback."""
    return model._initial_epoch or 0


def own_strategy(model: "keras.Model") -> "late.tf.distribute.Strategy | None":
    """Return the strategy in whose scope a model was built on TensorFlow; `None` without one.

    `model.distribute_strategy` is then the present one, whichever it is.
    """
    return getattr(model, "_distribute_strategy", None)  # of the TensorFlow backend


@contextmanager
def accumulated_metrics(model: "keras.Model") -> Iterator[None]:
    """Let `train_on_batch` and `test_on_batch` go on with the metrics: Keras 3.15 resets them."""
    model.reset_metrics = lambda: None
    try:
        yield
    finally:
        del model.reset_metrics


def is_defined_by_keras(owner: "keras.Operation", method: str) -> bool:
    """Return whether a method of a model, layer or operation is Keras' own.

    Else a subclass defines it, or it was set on the object.
    """
    return str(getattr(owner, method).__module__).partition(".")[0] == "keras"


def is_keras_layer(layer: "keras.Layer") -> bool:
    """Return whether a layer's class is defined by Keras."""
    return type(layer).__module__.partition(".")[0] == "keras"


def call_of(tensor: "keras.KerasTensor") -> "tuple[Any, list[keras.KerasTensor], int]":
    """Return the call that made a symbolic tensor.

    Returns:
        The layer, nested model or operation that was called; the tensors it was called with; and
        the position of the tensor in what it returned.
    """
    operation, call, position = tensor._keras_history
    return operation, list(operation._inbound_nodes[call].input_tensors), position


def run_graph(model: "keras.Model", inputs: Any, call: Callable[..., Any]) -> Any:
    """Run a functional model; `call(layer, *arguments, **options)` is called for each layer."""
    return model._run_through_graph(inputs, operation_fn=lambda layer: layer, call_fn=call)


def is_slow_untraced(model: "keras.Model") -> bool:
    """Return whether a model has grouped convolutions: slow to call outside a graph.

    They are compiled in each such call.
    """
    return any(getattr(layer, "groups", 1) != 1 for layer in all_layers(model))


def seed_states(layer: "keras.Layer") -> "list[keras.Variable]":
    """Return the variables from which a layer, or one inside it, draws random numbers."""
    return [variable for variable in layer.variables if variable.name == SEED_STATE]


def own_state(layer: "keras.Layer") -> "list[keras.Variable]":
    """Return the variables that a layer itself holds, and that no optimizer would change.

    Weights that the layer could train are not among them, also while it is frozen.
    """
    return list(layer._non_trainable_variables)


@contextmanager
def keeping_global_seed() -> Iterator[None]:
    """Restore the state from which `keras.random` draws if it is called without a seed."""
    import numpy as np
    from keras.src.backend.common import global_state

    name = "global_seed_generator"
    generator = global_state.get_global_attribute(name)
    state = None if generator is None else np.array(generator.state)
    source_state = DEFAULT_SEED_SOURCE.getstate()
    try:
        yield
    finally:
        if generator is None:  # it is made at the first draw, with a default seed
            global_state.set_global_attribute(name, None)
            DEFAULT_SEED_SOURCE.setstate(source_state)
        else:
            generator.state.assign(state)


def tensorflow_has_started() -> bool:
    """Return whether TensorFlow has started its threads in this process, or in its parent."""
    context = getattr(sys.modules.get("tensorflow.python.eager.context"), "_context", None)
    return context is not None and context._context_handle is not None


def freeze_variables(function: Any) -> Any:
    """Return a concrete TensorFlow function with the values of its variables as constants."""
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    return convert_variables_to_constants_v2(function)


def fold_constants(function: Any) -> Any:
    """Return the graph of a concrete function, with all that depends on constants alone computed.

    Args:
        function: What `freeze_variables` returned.

    Returns:
        A `GraphDef` without functions of its own.
    """
    from tensorflow.core.protobuf.config_pb2 import ConfigProto
    from tensorflow.python.grappler import tf_optimizer
    from tensorflow.python.training.saver import export_meta_graph

    config = ConfigProto()
    options = config.graph_options.rewrite_options
    options.optimizers.extend(["constfold", "dependency", "pruning", "constfold", "pruning"])
    options.min_graph_nodes = -1  # otherwise small graphs are left as they are
    graph = export_meta_graph(graph_def=function.graph.as_graph_def(), graph=function.graph)
    outputs = [output.name for output in function.outputs]
    graph.collection_def["train_op"].node_list.value.extend(outputs)  # what grappler must keep
    return tf_optimizer.OptimizeGraph(config, graph)
