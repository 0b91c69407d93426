"""Check that a model takes images and returns logits."""

from typing import Any

import numpy as np

from catdog._utils.errors import InvalidValueError
from catdog._utils.forks import check_not_forked
from catdog.typing import Floats, ImageSize

MIN_IMAGES_TO_CHECK = 10  # the logits of a few images may add up to 1 by chance
_LOGITS_HINT = (
    "Take it off the model's end, and compile the model with a loss that has from_logits=True."
)


def check_classifier(model: Any) -> tuple[ImageSize | None, int]:
    """Check that a model takes a batch of RGB images and returns logits.

    Returns:
        Height and width in pixels of its images, `None` if it takes any; and its number of classes.

    Raises:
        RuntimeError: In a process in which TensorFlow cannot run.
        ValueError: If it does not take such images, or does not return logits.
    """
    check_not_forked()
    shape = getattr(model, "input_shape", None) if getattr(model, "built", False) else None
    if not isinstance(shape, tuple) or len(shape) != 4 or shape[-1] not in (3, None):
        raise InvalidValueError(
            "must be a Sequential or functional Keras model that takes one batch of RGB "
            f"images, (batch, height, width, 3), not {type(model).__name__} with input "
            f"shape {shape}",
            argument="model",
            hint="Build it with catdog.build_model, or begin it with keras.Input.",
        )
    output = getattr(model, "output", None)
    outputs = (
        {name: tuple(tensor.shape) for name, tensor in output.items()}
        if isinstance(output, dict)  # output_shape would be that of its only value
        else model.output_shape
    )
    if not isinstance(outputs, tuple) or len(outputs) != 2 or (outputs[1] or 0) < 2:
        raise InvalidValueError(
            f"returns shape {outputs}, but catdog needs a logit for each of at least two classes",
            argument="model",
            hint="End it with keras.layers.Dense(num_classes), without activation.",
        )
    last = model.layers[-1]
    activation = getattr(getattr(last, "activation", None), "__name__", None)
    if activation in ("sigmoid", "softmax") or type(last).__name__ == "Softmax":
        raise InvalidValueError(
            f"ends in {activation or 'softmax'}, but catdog needs logits",
            argument="model",
            hint=_LOGITS_HINT,
        )
    height, width = shape[1:3]
    return (None if None in (height, width) else (height, width)), outputs[1]


def log_softmax(logits: Floats) -> Floats:
    """Compute the logarithm of the softmax of each row, without overflow."""
    shifted: Floats = logits - logits.max(axis=1, keepdims=True)
    log_sum: Floats = np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return shifted - log_sum


def check_logits(logits: Floats) -> None:
    """Raise if values are not finite, or are probabilities instead of logits.

    Args:
        logits: What the model returned, shape `(n, classes)`.

    Raises:
        ValueError: If they are not finite, or are probabilities.
    """
    if not np.isfinite(logits).all():
        raise InvalidValueError(
            "returns values that are not finite: its weights have diverged",
            argument="model",
            hint="Build it again and train it with a smaller learning rate.",
        )
    if (
        len(logits) >= MIN_IMAGES_TO_CHECK
        and logits.min() >= 0
        and np.allclose(logits.sum(axis=1), 1, atol=1e-2)
    ):
        raise InvalidValueError(
            "returns probabilities, but catdog needs logits",
            argument="model",
            hint=_LOGITS_HINT,
        )
