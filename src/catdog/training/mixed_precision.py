"""Mixed precision: layers compute in bfloat16 while a model trains; its weights stay float32.

bfloat16 has the range of float32 and fewer digits. So gradients do not vanish as in float16, and
the loss need not be scaled.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import keras

from catdog._utils.errors import InvalidValueError
from catdog._utils.keras_internals import all_layers, forget_functions, is_keras_layer
from catdog.training.devices import gpu_details

MIN_CAPABILITY = (8, 0)  # of NVIDIA's GPUs that multiply bfloat16 numbers faster than float32
POLICY = "mixed_bfloat16"


def check_mixed_precision(value: Any) -> bool:
    """Return whether layers are to compute in bfloat16; raise if the argument is no such value."""
    if isinstance(value, bool):
        return value
    if value != "auto":
        raise InvalidValueError(
            f'must be "auto", True or False, not {value!r}', argument="mixed_precision"
        )
    return keras.backend.backend() == "tensorflow" and gains_by_bfloat16(gpu_details())


def gains_by_bfloat16(gpus: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether there are GPUs, and all are of a kind that computes faster in bfloat16.

    Args:
        gpus: What `tf.config.experimental.get_device_details` returns for each. GPUs of other
            makers have no compute capability.
    """
    found = [gpu.get("compute_capability", (0, 0)) for gpu in gpus]
    return bool(found) and min(found) >= MIN_CAPABILITY


@contextmanager
def computing_in_bfloat16(model: keras.Model) -> Iterator[None]:
    """Let the inner layers of a model compute in bfloat16 within this block.

    Those are Keras' layers from the first one with weights on, without the last one with weights:
    pixels, which the layers before scale, keep their digits, and so do logits and loss. Layers that
    the user gave another type, and layers of the user's own classes, keep theirs.
    """
    layers = [each for each in all_layers(model) if not isinstance(each, keras.Model)]
    weighted = [number for number, layer in enumerate(layers) if layer.weights]
    inner = layers[weighted[0] : weighted[-1]] if weighted else []
    changed = [
        layer for layer in inner if is_keras_layer(layer) and layer.dtype_policy.name == "float32"
    ]
    for layer in changed:
        layer.dtype_policy = POLICY
    forget_functions(model)
    try:
        yield
    finally:
        for layer in changed:
            layer.dtype_policy = "float32"
        forget_functions(model)
