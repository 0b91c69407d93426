"""The gradient of a score with respect to the last feature map, by the backend's own means.

Keras 3.15 has no function for gradients on all backends.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np

from catdog._utils.errors import BackendError
from catdog.typing import Floats

Mark = Callable[[Any], Any]
"""Is called with each feature map of a model in order, and returns what the model goes on with."""


class MapGradient(NamedTuple):
    """The last feature map of some images, and the gradient of their score with respect to it.

    Attributes:
        feature_map: Shape `(n, rows, columns, channels)`.
        gradient: The same shape.
    """

    feature_map: Floats
    gradient: Floats


def last_map_gradient(compute_score: Callable[[Mark], Any]) -> MapGradient | None:
    """Compute the gradient of a score with respect to the last feature map.

    Args:
        compute_score: Runs a model and returns a tensor with one value. It passes each feature map
            to its argument, and goes on with what that returns. It may be called twice, the
            second time with tensors that have no values.

    Returns:
        `None` if there is no feature map.

    Raises:
        RuntimeError: If Keras' backend computes no gradients.
    """
    by_backend = {"tensorflow": _by_tensorflow, "jax": _by_jax, "torch": _by_torch}
    backend = keras.backend.backend()
    if backend not in by_backend:
        raise BackendError(
            f"Grad-CAM needs gradients, which Keras' backend {backend!r} does not compute",
            hint="Set the environment variable KERAS_BACKEND=tensorflow before Python starts.",
        )
    found = by_backend[backend](compute_score)
    if found is None:
        return None
    return MapGradient(*(keras.ops.convert_to_numpy(tensor).astype(np.float64) for tensor in found))


def _by_tensorflow(compute_score: Callable[[Mark], Any]) -> tuple[Any, Any] | None:
    import tensorflow as tf

    last = None

    def mark(feature_map: Any) -> Any:
        nonlocal last
        tape.watch(feature_map)
        last = feature_map
        return feature_map

    with tf.GradientTape() as tape:
        score = compute_score(mark)
    if last is None:
        return None
    return last, tape.gradient(score, last, unconnected_gradients="zero")


def _by_torch(compute_score: Callable[[Mark], Any]) -> tuple[Any, Any] | None:
    import torch

    last = None

    def mark(feature_map: Any) -> Any:
        nonlocal last
        last = feature_map.detach().requires_grad_()
        return last

    score = compute_score(mark)
    if last is None:
        return None
    (gradient,) = torch.autograd.grad(score, last, materialize_grads=True)
    return last.detach(), gradient


def _by_jax(compute_score: Callable[[Mark], Any]) -> tuple[Any, Any] | None:
    import jax

    maps: list[Any] = []

    def keep(feature_map: Any) -> Any:
        maps.append(feature_map)
        return feature_map

    compute_score(keep)
    if not maps:
        return None

    def score_of_last(last: Any) -> Any:
        places = iter([*[None] * (len(maps) - 1), last])

        def replace_last(feature_map: Any) -> Any:
            other = next(places)
            return feature_map if other is None else other

        return compute_score(replace_last)

    return maps[-1], jax.grad(score_of_last)(maps[-1])
