"""Fine-tuning: training all layers, the backbone too, at a small learning rate."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from catdog._utils import checks
from catdog._utils.errors import InvalidValueError
from catdog._utils.keras_internals import all_layers, compile_arguments
from catdog._utils.public import public
from catdog.data.datasets import Datasets
from catdog.matching import resize_to_model
from catdog.training.class_weights import label_weights
from catdog.training.compiled import check_ready_to_train
from catdog.training.devices import check_one_device
from catdog.training.train import list_callbacks, train
from catdog.training.trainable import check_no_saved_model
from catdog.typing import ClassWeight, Verbose


@public
def fine_tune(
    model: keras.Model,
    data: Datasets,
    *,
    epochs: int = 10,
    learning_rate: float = 1e-5,
    class_weight: ClassWeight | None = None,
    callbacks: Sequence[keras.callbacks.Callback] | None = None,
    verbose: Verbose = "auto",
) -> keras.callbacks.History:
    """Fine-tune a model: train all layers, the backbone too, at a small learning rate.

    Train the head first, with `train_head` or `train`. Every frozen layer is unfrozen, except batch
    normalisation: it keeps the statistics of the images that it was pretrained on, because
    statistics of a few images would be worse. The model is compiled again, with Adam and its own
    loss and metrics, and stays unfrozen. An epoch takes several times as long as an epoch of
    `train` with a frozen backbone. Augmentation is active. Models that share its layers change too.

    Args:
        model: A compiled model with a trained head, as `train_head` leaves it. It is trained in
            place.
        data: Training and validation images.
        epochs: Number of passes over the training images.
        learning_rate: Learning rate of Adam; about 1 % of that of the head's training.
        class_weight: As in [`train`][catdog.train].
        callbacks: Any Keras callbacks.
        verbose: Progress. `"auto"` shows Keras' bar on a terminal, and one line for each epoch in a
            file or a notebook, there with a bar if `ipywidgets` is installed; 0 shows nothing, 1
            and 2 what Keras shows for them.

    Returns:
        Keras' record of the run, as from `train`.

    Raises:
        RuntimeError: If the model is distributed with `tf.distribute`.
        ValueError: If `learning_rate` is not between 0 and 1, and where `train` raises.

    Example:
        ```python
        from catdog import build_model, fine_tune, load_datasets, train_head

        data = load_datasets("synthetic")
        model = build_model("mobilenet_v2", image_size=(96, 96), weights=None)
        train_head(model, data)
        history = fine_tune(model, data, epochs=1)
        ```
    """
    rate = checks.as_float(learning_rate)
    if rate is None or not 0 < rate < 1:
        raise InvalidValueError(
            f"must be a number between 0 and 1, such as 1e-5, not {learning_rate!r}",
            argument="learning_rate",
        )
    checks.check_positive_int("epochs", epochs)
    checks.check_verbose(verbose)
    own_callbacks = list_callbacks(callbacks)
    resized = resize_to_model(model, data)
    label_weights(class_weight, data)
    check_one_device(
        model,
        function="fine_tune",
        hint=(
            "Within the scope, set trainable = True on all layers but batch normalisation, and "
            f"compile the model with keras.optimizers.Adam({rate:g}). Then call "
            "catdog.train(model, data)."
        ),
    )
    check_ready_to_train(model, resized)  # train warns of what is in doubt
    check_no_saved_model(model)
    frozen = [layer for layer in all_layers(model) if not layer.trainable]
    for layer in frozen:  # outer layers first: they set their inner layers too
        layer.trainable = not isinstance(layer, keras.layers.BatchNormalization)
    model.compile(**{**compile_arguments(model), "optimizer": keras.optimizers.Adam(rate)})
    return train(
        model,
        data,
        epochs=epochs,
        class_weight=class_weight,
        callbacks=own_callbacks,
        verbose=verbose,
    )
