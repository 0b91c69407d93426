"""Check before training that a model's loss and metrics fit logits and catdog's labels.

They are not recognised by their names: each is computed for a few rows whose right classes are
known. So functions of the user are checked as the classes of Keras are.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import keras
import numpy as np

from catdog._utils.errors import InvalidValueError, UsageWarning
from catdog._utils.keras_internals import compile_arguments, is_defined_by_keras
from catdog.data.datasets import Datasets
from catdog.models.logits import check_returns_logits
from catdog.models.mixing import check_images_are_alone
from catdog.models.outputs import find_output_kind
from catdog.training.label_rows import HIGH_SCORE, as_array, scores_of
from catdog.training.loss_probes import check_every_class, check_minimum, is_mean_of_rows
from catdog.training.loss_state import keeping_loss_state
from catdog.typing import Floats

LOGIT_SHIFT = -4.0  # logits may be below 0, and mean the same if a number is added to all
STEPS = ("train_step", "compute_loss", "compute_metrics")  # what Keras does with loss and metrics
LARGE_SCORE = 1000.0  # of the right class; the loss of such a logit is about 0
RELATIVE_MARGIN = 1e-5  # a smaller difference may be rounding

_LOGIT_HINT = "Compile it with loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)."
_LOSS_HINT = (
    f"{_LOGIT_HINT} For another loss, write a function of labels and logits that calls "
    "keras.ops.one_hot(labels, num_classes)."
)
_METRIC_HINT = (
    'Compile it with metrics=["accuracy"]; catdog.evaluate computes precision, recall, F1 and AUC.'
)


def check_ready_to_train(model: keras.Model, resized: Datasets) -> list[UsageWarning]:
    """Raise if a model returns probabilities, or if its loss or a metric does not fit.

    The class of a model may define what is done with loss and metrics. Then it is not known whether
    they fit, and what would be an error is a warning.

    Args:
        model: A model that fits the classes of the data.
        resized: The data, at the model's input size.

    Returns:
        Warnings about what is not known, and about probabilities that will not be right.

    Raises:
        ValueError: If the model returns probabilities, or is not compiled with a loss; or if its
            loss or a metric needs probabilities, or other labels than whole numbers.
    """
    check_returns_logits(model, resized.image_size)
    if not model.compiled:
        raise InvalidValueError(
            "is not compiled", argument="model", hint="Call model.compile(...), or use build_model."
        )
    own_steps = [step for step in STEPS if not is_defined_by_keras(model, step)]
    try:
        with keeping_loss_state(model):
            return _check_compiled(model, resized, own_steps)
    except InvalidValueError as error:
        if not own_steps:
            raise
        sentence = (
            f"model {error.rule}. Its class defines {' and '.join(own_steps)}, so it is not known "
            "whether it learns from logits and whole-number labels."
        )
        return [UsageWarning(sentence, hint=f"If it does, ignore this. {error.hint}")]


def _check_compiled(
    model: keras.Model, resized: Datasets, own_steps: Collection[str]
) -> list[UsageWarning]:
    """Raise if the loss or a metric of a compiled model does not fit; return what is in doubt."""
    arguments, classes = compile_arguments(model), len(resized.class_names)
    outputs = find_output_kind(model, resized.image_size)
    doubts = [_limit_doubt(outputs.limit) if outputs.limit else None]
    doubts.append(check_images_are_alone(model, resized.image_size))
    for name, computed in _losses(model, classes, own_steps):
        _check_loss(computed, name, classes)
        if not outputs.are_log_probabilities:
            _check_lower_bound(computed, name, classes)
            doubts.append(check_minimum(computed, name, classes))
        doubts.append(check_every_class(computed, name, classes))
    if "compute_metrics" not in own_steps:
        for metric in _listed([arguments.get("metrics"), arguments.get("weighted_metrics")]):
            _check_metric(metric, classes)
    return [doubt for doubt in doubts if doubt is not None]


def has_mean_losses(model: keras.Model, classes: int) -> bool:
    """Return whether the losses of a batch are means of those of its images, as usual."""
    with keeping_loss_state(model):
        losses = _losses(model, classes, ())
        return all(is_mean_of_rows(computed, classes) for _, computed in losses)


def _limit_doubt(limit: str) -> UsageWarning:
    """Return the warning about a last layer that does not return all logits."""
    return UsageWarning(
        f"The model ends in {limit}, which limits its logits. So it cannot give every probability.",
        hint="Leave it out, so that the last layer has no activation.",
    )


def check_weights_count(model: keras.Model, classes: int) -> None:
    """Raise if the class weights of a training would not count for each image by its class.

    Keras multiplies what a loss returns by the weights. A function of the user may return one
    number for all images of a batch.
    """
    own_steps = [step for step in STEPS if not is_defined_by_keras(model, step)]
    if "train_step" in own_steps or "compute_loss" in own_steps:
        return
    rows = 2 * classes + 1  # the first half is right, the others wrong
    labels = np.arange(rows, dtype=np.int32) % classes
    scores = scores_of(labels, classes, HIGH_SCORE)
    scores[classes:] = np.roll(scores[classes:], 1, axis=1)
    first = (np.arange(rows) < classes).astype(np.float32)
    with keeping_loss_state(model):
        for name, computed in _losses(model, classes, own_steps):
            of_right, of_wrong = (
                as_array(computed.compute_loss(None, labels, scores, weights)).mean()
                / weights.sum()  # one number times the weights has their mean as a factor
                for weights in (first, 1 - first)
            )
            _check_weights_count(of_right, of_wrong, name)


def _check_weights_count(of_right: float, of_wrong: float, name: str) -> None:
    """Raise if a loss is the same whether the weighted rows are right or wrong."""
    if abs(of_right - of_wrong) <= RELATIVE_MARGIN * abs(of_wrong):
        raise InvalidValueError(
            f"would have no effect on {name}, which returns one number for a batch",
            argument="class_weight",
            hint="Let it return one value for each image, of shape (batch,).",
        )


def _losses(
    model: keras.Model, classes: int, own_steps: Collection[str]
) -> list[tuple[str, keras.Model]]:
    """Return the name of each loss of a model, and a model that computes it."""
    if "compute_loss" in own_steps:
        return [("its compute_loss", model)]
    losses = _listed(compile_arguments(model).get("loss"))
    if not losses:
        raise InvalidValueError("is compiled without a loss", argument="model", hint=_LOGIT_HINT)
    return [(f"the loss {_name(loss)}", _without_layers(classes, loss=loss)) for loss in losses]


def _check_lower_bound(model: keras.Model, name: str, classes: int) -> None:
    """Raise if a loss falls without end as the logits of the right classes rise."""
    labels = np.arange(classes + 1, dtype=np.int32) % classes
    scores = keras.ops.convert_to_tensor(scores_of(labels, classes, LARGE_SCORE))
    loss = as_array(model.compute_loss(None, keras.ops.convert_to_tensor(labels), scores, None))
    model.reset_metrics()
    if loss.mean() < -LARGE_SCORE / 10:
        raise InvalidValueError(
            f"returns logits, but is compiled with {name}, which needs log-probabilities: it has "
            "no lower bound for logits",
            argument="model",
            hint=_LOGIT_HINT,
        )


def _listed(given: Any) -> list[Any]:
    """Return the losses or metrics in a list, a dictionary or a nested structure."""
    return [item for item in keras.tree.flatten(given) if item is not None]


def _check_loss(model: keras.Model, name: str, classes: int) -> None:
    """Raise if the loss that a model computes needs one-hot labels, or probabilities."""

    def compute(labels: Any, scores: Any) -> Floats:
        # All arguments, in their order: the class may define this method.
        loss = as_array(model.compute_loss(None, labels, scores, None))
        model.reset_metrics()  # the method may count the loss
        return loss

    def is_lower_if_right(shift: float) -> bool:
        if_right, if_wrong = _compute_both(compute, classes, shift, name, _LOSS_HINT)
        margin = if_wrong.mean() - if_right.mean()  # a loss without reduction has several values
        return bool(margin > RELATIVE_MARGIN * abs(if_wrong.mean()))  # False for NaN

    if not is_lower_if_right(0.0):
        raise _label_error(
            name, "is not lower if the right classes have the highest logits", _LOSS_HINT
        )
    if not is_lower_if_right(LOGIT_SHIFT):
        raise InvalidValueError(
            f"returns logits, but is compiled with {name}, which needs probabilities, and would "
            "not learn",
            argument="model",
            hint=_LOGIT_HINT,
        )


def _check_metric(metric: Any, classes: int) -> None:
    """Raise if a metric cannot be computed, or if one of Keras needs other values.

    A metric of the user may be the same whether the classes are right or wrong.
    """
    name = f"the metric {_name(metric)}"
    model = _without_layers(classes, metrics=[metric])

    def compute(labels: Any, scores: Any) -> Floats:
        model.reset_metrics()
        values = keras.tree.flatten(model.compute_metrics(None, labels, scores, None))
        model.reset_metrics()  # the metric may be an object of the user
        return np.concatenate([np.ravel(as_array(value)) for value in values])

    def depends_on_labels(shift: float) -> bool:
        if_right, if_wrong = _compute_both(compute, classes, shift, name, _METRIC_HINT)
        return not np.array_equal(if_right, if_wrong)

    is_sound, is_sound_for_logits = depends_on_labels(0.0), depends_on_labels(LOGIT_SHIFT)
    if not _is_of_keras(metric):
        return
    # The top 5 of fewer than 5 classes are always right, with whole-number labels too.
    if not is_sound and not _name(metric).lower().startswith("sparse"):
        raise _label_error(name, "is the same whether the classes are right or wrong", _METRIC_HINT)
    if is_sound and not is_sound_for_logits:
        raise InvalidValueError(
            f"returns logits, but is compiled with {name}, which needs probabilities",
            argument="model",
            hint="Pass from_logits=True to the metric, or leave it out.",
        )


def _without_layers(classes: int, **arguments: Any) -> keras.Model:
    """Return a compiled model that returns its input: it computes losses and metrics as any does.

    Its parts have names, so that Keras does not count them in the names of the user's next layers.
    """
    scores = keras.Input((classes,), name="scores")
    model = keras.Model(scores, scores, name="without_layers")
    model.compile(**arguments)
    return model


def _compute_both(
    compute: Callable[[Any, Any], Floats], classes: int, shift: float, name: str, hint: str
) -> list[Floats]:
    """Compute a loss or metric for rows whose right classes score highest, and for wrong ones.

    The wrong rows are the right ones in another order. So what ignores the labels is the same.

    Args:
        compute: A function of the labels and the scores.
        classes: Number of classes.
        shift: Is added to all scores.
        name: What is computed, for the error.
        hint: What the user can do, for the error.

    Raises:
        ValueError: If it cannot be computed.
    """
    # Not as many rows as classes: Keras would compare the labels with the scores of one row.
    labels = np.arange(4 if classes == 6 else 6, dtype=np.int32) % classes
    right = scores_of(labels, classes, HIGH_SCORE) + np.float32(shift)
    truth = keras.ops.convert_to_tensor(labels)
    try:
        return [
            compute(truth, keras.ops.convert_to_tensor(scores))
            for scores in (right, np.roll(right, 1, axis=0))
        ]
    except Exception as error:  # losses and metrics raise any type
        hint = f"{hint} The error was {type(error).__name__}: {error}"
        raise _label_error(name, "cannot be computed", hint) from error


def _label_error(name: str, problem: str, hint: str) -> InvalidValueError:
    """Return the error about a loss or metric that may need one-hot labels."""
    return InvalidValueError(
        f"is compiled with {name}, which {problem} with catdog's labels: whole numbers of shape "
        "(batch,), not one-hot",
        argument="model",
        hint=hint,
    )


def _is_of_keras(metric: Any) -> bool:
    """Return whether a metric, and the function in it if there is one, is Keras' own."""
    if isinstance(metric, str):
        return True
    is_wrapper = type(metric) is keras.metrics.MeanMetricWrapper  # of a function of the user
    return metric.__module__.startswith("keras.") and not is_wrapper


def _name(given: Any) -> str:
    """Return the name of a loss or metric: of a string, a function, a class or an object."""
    return given if isinstance(given, str) else getattr(given, "__name__", type(given).__name__)
