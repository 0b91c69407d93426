"""Train a compiled model on the images of a data set."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from typing import Any

import keras

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
from catdog.training.devices import check_batch_size
from catdog.training.epoch_lines import epoch_lines
from catdog.training.trainable import check_trains
from catdog.typing import ClassWeight, Verbose


@public
def train(
    model: keras.Model,
    data: Datasets,
    *,
    epochs: int = 20,
    class_weight: ClassWeight | None = None,
    callbacks: Sequence[keras.callbacks.Callback] | None = None,
    verbose: Verbose = "auto",
) -> keras.callbacks.History:
    """Train a compiled model on the training images, and validate after every epoch.

    The test images are never used. Images are resized to the model's input size.
    Their order in each epoch is drawn from the seed of the data, the same in every call.
    Augmentation layers inside the model change them at random in each epoch. The class names are
    stored with the model.

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
        callbacks: Any Keras callbacks.
        verbose: Progress. `"auto"` shows Keras' bar on a terminal, and one line for each epoch in a
            file or a notebook, there with a bar if `ipywidgets` is installed; 0 shows nothing, 1
            and 2 what Keras shows for them.

    Returns:
        Keras' record of the run; `history.history` maps `"loss"`, `"accuracy"`, `"val_loss"` and
        `"val_accuracy"` to one value per epoch.

    Raises:
        ValueError: If `epochs` is not at least 1, the model's number of classes is not the data's,
            the class weights do not fit the classes, the model is not compiled, no weight of it
            trains or Keras cannot train its weights (those of a SavedModel), its loss or a
            metric needs probabilities or one-hot labels, the model returns probabilities, or an
            image was changed or removed after it was loaded.

    Example:
        ```python
        from catdog import build_model, load_datasets, train

        data = load_datasets("synthetic")
        model = build_model("cnn", image_size=(64, 64))
        history = train(model, data, epochs=1)
        ```
    """
    epochs = checks.check_positive_int("epochs", epochs)
    checks.check_verbose(verbose)
    own_callbacks = list_callbacks(callbacks)
    resized = resize_to_model(model, data)
    weights = label_weights(class_weight, data)
    for doubt in check_ready_to_train(model, resized):
        warnings.warn(doubt, stacklevel=2)
    if weights:
        check_weights_count(model, len(data.class_names))
    check_trains(model)
    check_batch_size(model, resized)
    record_training(model, data)
    reset_initial_epoch(model)
    with ExitStack() as stack:
        stack.callback(forget_validation_data, model)
        stack.enter_context(metadata_in_checkpoints(model))
        errors = stack.enter_context(raise_read_errors())
        steps = math.ceil(len(resized.paths("train")) / resized.batch_size)
        bar = stack.enter_context(batch_bar("Training", epochs * steps, verbose))
        return model.fit(
            training_batches(resized, errors),
            validation_data=ordered_batches(resized, "validation", errors),
            epochs=epochs,
            callbacks=[*own_callbacks, *epoch_lines(verbose), *bar],
            class_weight=weights,
            verbose=keras_verbose(verbose),
            shuffle=False,  # the batches are shuffled; Keras warns if asked to do it again
        )


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
