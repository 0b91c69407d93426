"""Train a compiled model on the images of a data set."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from functools import partial
from os import PathLike
from typing import Any, Literal

import keras
import numpy as np

from catdog._utils import checks
from catdog._utils.batch_bar import batch_bar
from catdog._utils.errors import InvalidTypeError
from catdog._utils.keras_internals import forget_validation_data, reset_initial_epoch
from catdog._utils.progress import keras_verbose
from catdog._utils.public import public
from catdog.data.datasets import Datasets, ordered_batches, training_batches
from catdog.data.session import raise_read_errors
from catdog.matching import record_training, resize_to_model
from catdog.models.checkpoints import metadata_in_checkpoints
from catdog.training.class_weights import label_weights
from catdog.training.compiled import check_ready_to_train, check_weights_count
from catdog.training.devices import check_batch_size, check_strategy
from catdog.training.kept_weights import check_patience
from catdog.training.mixed_precision import check_mixed_precision, computing_in_bfloat16
from catdog.training.resume import open_checkpoints
from catdog.training.run import Run
from catdog.training.trainable import check_trains
from catdog.typing import ClassWeight, Verbose


@public
def train(
    model: keras.Model,
    data: Datasets,
    *,
    epochs: int = 20,
    class_weight: ClassWeight | None = None,
    patience: int | None = None,
    mixed_precision: Literal["auto"] | bool = False,
    checkpoint_dir: str | PathLike[str] | None = None,
    callbacks: Sequence[keras.callbacks.Callback] | None = None,
    verbose: Verbose = "auto",
) -> keras.callbacks.History:
    """Train a compiled model on the training images, and validate after every epoch.

    The test images are never used. Images are resized to the model's input size.
    Their order in each epoch is drawn from the seed of the data, the same in every call.
    Augmentation layers inside the model change them at random in each epoch. The class names are
    stored with the model.

    If the loss becomes NaN or infinite, training stops at once, and the model has the weights of
    the last epoch before. If the user interrupts it (Ctrl-C), the model has the best weights so far
    with `patience`, and its present ones without.

    Args:
        model: A model that returns logits `(batch, num_classes)`, compiled with a loss for logits
            and whole-number labels, such as
            `keras.losses.SparseCategoricalCrossentropy(from_logits=True)`. It is trained in place.
            If its class defines `train_step` or `compute_loss`, a loss that does not fit causes a
            warning, not an error.
        data: Training and validation images.
        epochs: Number of passes over the training images.
        class_weight: How much an image of each class counts: `"balanced"` makes every class count
            the same, however many images it has; a mapping gives a weight to each class name. The
            training loss is then weighted; accuracies are not.
        patience: Stop after this many epochs without a lower validation loss, and keep the weights
            of the epoch with the lowest one. Its validation figures are optimistic, because it was
            chosen by them. `None` runs all epochs, and keeps the weights of the last one.
        mixed_precision: Whether layers compute in bfloat16 while the model trains; `"auto"` does so
            if all GPUs that TensorFlow uses are NVIDIA's of compute capability 8.0 or higher.
            Scaling of pixels, the last layer, the loss and all weights are float32, and so is the
            whole model afterwards. A `ModelCheckpoint` saves the model as it trains: what you load
            from it computes in bfloat16. The effect on speed was not measured on a GPU.
        checkpoint_dir: Folder in which the run is saved after every epoch. If it is killed, the
            same call goes on after the last saved epoch, and ends as if it had not been killed. A
            finished run is not repeated: the call returns its result. Delete the folder to begin
            again.
        callbacks: Any Keras callbacks. Their attributes that are numbers, texts, arrays or lists of
            these are saved in `checkpoint_dir` too.
        verbose: Progress. `"auto"` shows Keras' bar on a terminal, and one line for each epoch in a
            file or a notebook, there with a bar if `ipywidgets` is installed; 0 shows nothing, 1
            and 2 what Keras shows for them.

    Returns:
        Keras' record of the run; `history.history` maps `"loss"`, `"accuracy"`, `"val_loss"` and
        `"val_accuracy"` to one value per epoch. `history.kept_epoch` is the number of the epoch,
        from 1, whose weights the model has.

    Raises:
        FloatingPointError: If the loss is NaN or infinite.
        ValueError: If `epochs` or `patience` is not at least 1, `mixed_precision` is none of its
            values, the model's number of classes is not the data's, the class weights do not fit
            the classes, the model is not compiled, no weight of it trains or Keras cannot train its
            weights (those of a SavedModel), its loss or a metric needs probabilities or one-hot
            labels, the model returns probabilities, an image was changed or removed after it was
            loaded, or `checkpoint_dir` holds a checkpoint of a run with other images, layers or
            arguments.
        OSError: If `checkpoint_dir` is a file, or cannot be written to.

    Example:
        ```python
        from catdog import build_model, load_datasets, train

        data = load_datasets("synthetic")
        model = build_model("cnn", image_size=(64, 64))
        history = train(model, data, epochs=1)
        ```
    """
    return fit_layers(
        model,
        data,
        name="train",
        epochs=epochs,
        class_weight=class_weight,
        patience=patience,
        mixed_precision=mixed_precision,
        checkpoint_dir=checkpoint_dir,
        callbacks=callbacks,
        verbose=verbose,
    )


def fit_layers(
    model: keras.Model,
    data: Datasets,
    *,
    name: str,
    epochs: int,
    class_weight: ClassWeight | None,
    patience: int | None,
    mixed_precision: Literal["auto"] | bool,
    checkpoint_dir: str | PathLike[str] | None,
    callbacks: Sequence[keras.callbacks.Callback] | None,
    verbose: Verbose,
    schedule: keras.callbacks.Callback | None = None,
    may_become_worse: bool = True,
) -> keras.callbacks.History:
    """Train the layers of a compiled model that are trainable, as `train` does.

    Args:
        model: As in `train`.
        data: As in `train`.
        name: Name of the public function, which calls this one.
        epochs: As in `train`.
        class_weight: As in `train`.
        patience: As in `train`.
        mixed_precision: As in `train`.
        checkpoint_dir: As in `train`.
        callbacks: As in `train`.
        verbose: As in `train`.
        schedule: Sets the learning rate of each step, from the number of epochs.
        may_become_worse: Whether the validation loss may be higher afterwards than before. If not,
            the weights from before are restored then, and `history.kept_epoch` is 0.
    """
    epochs = checks.check_positive_int("epochs", epochs)
    patience = check_patience(patience)
    is_mixed = check_mixed_precision(mixed_precision)
    checks.check_verbose(verbose)
    own_callbacks = list_callbacks(callbacks)
    resized = resize_to_model(model, data)
    weights = label_weights(class_weight, data)
    check_strategy(model, function=name)
    for doubt in check_ready_to_train(model, resized):
        warnings.warn(doubt, stacklevel=3)
    if weights:
        check_weights_count(model, len(data.class_names))
    check_trains(model)
    check_batch_size(model, resized)
    reset_initial_epoch(model)
    arguments = {"class_weight": weights, "patience": patience}
    if schedule:
        arguments["epochs"] = epochs  # on which the learning rate depends
    start_loss = None if may_become_worse else partial(_validation_loss, model, resized)
    with ExitStack() as stack:
        if is_mixed:
            stack.enter_context(computing_in_bfloat16(model))
        checkpoints = stack.enter_context(
            open_checkpoints(checkpoint_dir, name, model, model, resized, own_callbacks, arguments)
        )
        scheduled = [*([schedule] if schedule else []), *own_callbacks]
        run = Run(model, epochs, patience, scheduled, verbose, True, checkpoints, start_loss)
        record_training(model, data)
        stack.enter_context(run.guarded())
        stack.callback(reset_initial_epoch, model)  # for a later `fit` of the user
        stack.callback(forget_validation_data, model)
        stack.enter_context(metadata_in_checkpoints(model))
        errors = stack.enter_context(raise_read_errors())
        steps = math.ceil(len(resized.paths("train")) / resized.batch_size)
        bar = stack.enter_context(
            batch_bar("Training", (epochs - run.first_epoch) * steps, verbose)
        )
        model.fit(
            training_batches(resized, errors, epochs=run.epochs_of_passes()),
            validation_data=ordered_batches(resized, "validation", errors),
            epochs=epochs,
            callbacks=[*run.callbacks, *bar],
            class_weight=weights,
            verbose=keras_verbose(verbose),
            shuffle=False,  # the batches are shuffled; Keras warns if asked to do it again
        )
    return run.history


def _validation_loss(model: keras.Model, resized: Datasets) -> float:
    """Return the loss of a compiled model on the validation images."""
    with raise_read_errors() as errors:
        batches = ordered_batches(resized, "validation", errors)
        found = model.evaluate(batches, verbose=0, return_dict=True)
        return float(found.get("loss", np.nan))  # a `test_step` of the user may return no loss


def list_callbacks(callbacks: Any) -> list[keras.callbacks.Callback]:
    """Return the callbacks that were passed, one or several, in a list."""
    if callbacks is None:
        return []
    is_one = isinstance(callbacks, keras.callbacks.Callback) or not isinstance(callbacks, Iterable)
    listed = [callbacks] if is_one else list(callbacks)
    for callback in listed:
        if not isinstance(callback, keras.callbacks.Callback):
            raise InvalidTypeError(
                f"must be objects of keras.callbacks.Callback, not {callback!r}",
                argument="callbacks",
            )
    return listed
