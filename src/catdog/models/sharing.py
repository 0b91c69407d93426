"""Call layers of a model within another model, without a trace on the layers.

Functions import this file when they are called: its classes derive from Keras' classes, and the
command line loads Keras late.
"""

from __future__ import annotations

from typing import Any

import keras


def share(operation: keras.Operation) -> SharedLayer | SharedOperation:
    """Return an object that calls a layer or an operation of another model."""
    if isinstance(operation, keras.Layer):
        return SharedLayer(operation)
    return SharedOperation(operation)


def is_shared(layer: Any) -> bool:
    """Return whether an object calls a layer of another model; `layer.operation` is that layer."""
    return isinstance(layer, SharedLayer)


class _Shared:
    """Calls an operation of another model, and so shares its weights.

    Keras records each call of a layer on a symbolic tensor, for as long as the layer lives
    (`_inbound_nodes`, Keras 3.15). Here, it records the calls of this object: the other model stays
    as it was, so the parts of a model can be built again and again.
    """

    operation: Any

    def call(self, *arguments: Any, **options: Any) -> Any:
        """Call the operation on tensors with values, of which Keras records nothing."""
        return self.operation(*arguments, **options)

    def compute_output_spec(self, *arguments: Any, **options: Any) -> Any:
        """Return the operation's symbolic outputs."""
        return self.operation.compute_output_spec(*arguments, **options)

    def get_config(self) -> dict[str, Any]:
        """Return what determines the outputs: the operation's configuration."""
        return {"operation": keras.saving.serialize_keras_object(self.operation)}


class SharedLayer(_Shared, keras.Layer):  # type: ignore[misc]  # keras ships no hints
    """Calls a layer of another model."""

    def __init__(self, layer: keras.Layer) -> None:
        """Share a built layer."""
        super().__init__(name=layer.name, dtype=layer.dtype_policy, autocast=False)
        self.operation = layer
        self.supports_masking = layer.supports_masking
        self.built = True


class SharedOperation(_Shared, keras.Operation):  # type: ignore[misc]
    """Calls an operation without weights, such as `keras.ops.add`."""

    def __init__(self, operation: keras.Operation) -> None:
        """Share an operation."""
        super().__init__(name=operation.name)
        self.operation = operation
