"""Check that a model takes images and returns logits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from catdog._utils.errors import InvalidValueError
from catdog._utils.forks import check_not_forked
from catdog._utils.keras_internals import (
    all_layers,
    keeping_global_seed,
    seed_states,
)
from catdog.models.activation import PROBABILITY_ACTIVATIONS, final_activation, last_tensor
from catdog.models.input_dtype import check_pixels_fit
from catdog.models.own_inference import inference_function, own_inference
from catdog.models.random_features import SCALES, finite_rows, random_outputs
from catdog.typing import Floats, ImageSize

N_NOISE_IMAGES = 10  # the logits of a few images may add up to 1 by chance
SUM_TOLERANCE = 1e-2  # probabilities in half precision are rounded to 3 digits
EQUAL_TOLERANCE = 1e-6
_LOGITS_HINT = (
    "Take it off the model's end, and compile the model with a loss that has from_logits=True."
)


def check_classifier(model: Any) -> tuple[ImageSize | None, int]:
    """Check that a model takes a batch of RGB images and returns logits.

    Returns:
        Height and width in pixels of its images, `None` if it takes any; and its number of classes.

    Raises:
        RuntimeError: In a process in which TensorFlow cannot run.
        ValueError: If it does not take such images, its input cannot hold pixels from 0 to 255, or
            it does not return logits.
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
    check_pixels_fit(model)
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
    activation = final_activation(model)
    if activation in PROBABILITY_ACTIVATIONS:
        raise InvalidValueError(
            f"ends in {activation}, but catdog needs logits",
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


def check_finite(logits: Floats) -> None:
    """Raise if values that a model returned are not finite."""
    if not np.isfinite(logits).all():
        raise InvalidValueError(
            "returns values that are not finite: its weights have diverged",
            argument="model",
            hint="Build it again and train it with a smaller learning rate.",
        )


def check_returns_logits(model: keras.Model, image_size: ImageSize) -> None:
    """Raise if a model returns probabilities, even if its graph does not show it.

    If the graph shows in which activation the model ends, `check_classifier` has decided already.
    Otherwise the model is run on noise images, so that the result depends neither on the images nor
    on the batch size of the user. Outputs of noise images that are all between 0 and 1 may be
    logits or those of a sigmoid, so its last part is run on random features too, or the model on
    pixels that are far too large. The model is not changed.

    Args:
        model: A model that `check_classifier` accepts.
        image_size: Height and width of the noise images.

    Raises:
        ValueError: If it returns probabilities.
    """
    if final_activation(model) is not None:
        return
    rows = noise_outputs(model, image_size)
    passed = [(kind, test) for kind, test in _TESTS if test(rows)]
    if not passed:
        return
    with keeping_state(model):
        found = _outputs_for_any_features(model, image_size)
    for kind, test in passed:
        if any(map(test, found)):
            raise InvalidValueError(
                f"returns {kind} but catdog needs logits", argument="model", hint=_LOGITS_HINT
            )


def _outputs_for_any_features(model: keras.Model, image_size: ImageSize) -> list[Floats]:
    """Return what the last parts of a model return for random features.

    Logits of noise images may look like probabilities by chance, these do not. If no part can be
    run alone, because the model's class defines how it is called, the model is run on pixels that
    are far too large.
    """
    last = last_tensor(model)
    found = [rows for rows, _ in random_outputs(*last)] if last else []
    return found or [_outputs_of_large_pixels(model, image_size)]


def _outputs_of_large_pixels(model: keras.Model, image_size: ImageSize) -> Floats:
    """Return what a model returns for noise images with pixels up to 255 million.

    Their logits are large, whatever the weights are.

    Returns:
        `float64`, shape `(n, classes)`, without rows that are not finite.
    """
    found = []
    for scale in SCALES:
        with suppress(Exception):  # code of the user may refuse pixels over 255
            found.append(noise_outputs(model, image_size, brighter=scale))
    return finite_rows(np.concatenate(found))


def _are_probabilities(rows: Floats) -> bool:
    """Return whether rows look like probabilities of the classes: not negative, of equal sums.

    The sum is 1, or that of probabilities that were scaled or added.

    Args:
        rows: What a model returned for at least ten images, shape `(n, classes)`.
    """
    if not _differ(rows):
        return False
    sums = rows.sum(axis=1)
    return bool(rows.min() >= 0 and np.allclose(sums, sums[0], rtol=SUM_TOLERANCE, atol=0))


def _are_bounded(rows: Floats) -> bool:
    """Return whether all values are between 0 and 1."""
    return _differ(rows) and bool(rows.min() >= 0 and rows.max() <= 1)


_TESTS: Sequence[tuple[str, Callable[[Floats], bool]]] = (
    ("probabilities,", _are_probabilities),
    ("values between 0 and 1, as sigmoid does,", _are_bounded),
)


def _differ(rows: Floats) -> bool:
    """Return whether there are different values.

    If the last weights are 0, all are equal. They mean the same then, as logits and as
    probabilities.
    """
    return rows.size > 0 and bool(np.ptp(rows) > EQUAL_TOLERANCE)


def noise_outputs(model: keras.Model, image_size: ImageSize, *, brighter: float = 1) -> Floats:
    """Return what a model returns for noise images of different colours and contrasts.

    Args:
        model: The model.
        image_size: Height and width of the images.
        brighter: What their pixels, from 0 to 255, are multiplied by.
    """
    batch_size = model.input_shape[0] or N_NOISE_IMAGES
    batches = -(-N_NOISE_IMAGES // batch_size)
    rng = np.random.default_rng(0)
    with keeping_state(model):
        return np.concatenate(
            [
                outputs_of(model, brighter * noise_images(rng, batch_size, image_size))
                for _ in range(batches)
            ]
        )


def noise_images(
    rng: np.random.Generator, count: int, image_size: ImageSize
) -> NDArray[np.float32]:
    """Return noise images, shape `(count, height, width, 3)`, in `[0, 255]`."""
    brightest = rng.uniform(0, 255, (count, 1, 1, 3))
    return (brightest * rng.random((count, *image_size, 3))).astype(np.float32)


def outputs_of(model: keras.Model, images: NDArray[np.float32]) -> Floats:
    """Return the outputs of a model, as its own `predict` gives them if it has one."""
    if own_inference(model):
        return np.asarray(inference_function(model)(images), np.float64)
    outputs = model(keras.ops.convert_to_tensor(images), training=False)
    return np.asarray(keras.ops.convert_to_numpy(outputs), np.float64)


@contextmanager
def keeping_state(model: keras.Model) -> Iterator[None]:
    """Restore what a forward pass may change: random states and the statistics of batches.

    Layers that are called with `training=True` inside the model change them at inference too.
    """
    variables = seed_states(model)
    for layer in all_layers(model):
        if isinstance(layer, keras.layers.BatchNormalization):
            variables += [layer.moving_mean, layer.moving_variance]
    values = [np.array(variable) for variable in variables]
    try:
        with keeping_global_seed():
            yield
    finally:
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
