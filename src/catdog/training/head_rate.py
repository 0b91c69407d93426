"""The learning rate of the head in fine-tuning: higher than that of the backbone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import keras

from catdog._utils.keras_internals import forget_functions, learning_faster
from catdog.training.unfreeze import layers_in_order

HEAD_FACTOR = 10  # `docs/results/fine_tune.json` compares it with 1


@contextmanager
def head_learns_faster(model: keras.Model) -> Iterator[None]:
    """Let the head learn at `HEAD_FACTOR` times the learning rate of the model in this block.

    Args:
        model: A compiled model.
    """
    with learning_faster(model.optimizer, head_weights(model), HEAD_FACTOR):
        forget_functions(model)
        try:
            yield
        finally:
            forget_functions(model)


def head_weights(model: keras.Model) -> list[keras.Variable]:
    """Return the weights of the layers at the end of a model whose outputs are vectors.

    A backbone ends in layers whose outputs are images or sequences of vectors. If there is no such
    layer, or the outputs of the last layers are not known, there is no head.
    """
    head: list[keras.Variable] = []
    for layer in reversed(layers_in_order(model)):
        if not layer.weights:
            continue
        rank = _output_rank(layer)
        if rank != 2:
            return head if rank else []
        head += layer.weights
    return []


def _output_rank(layer: keras.Layer) -> int | None:
    """Return the number of dimensions of a layer's output, with that of the batch, if known."""
    try:
        return len(layer.output.shape)
    except (AttributeError, ValueError):
        return None
