"""Fine-tuning: training all layers, the backbone too, at a small learning rate."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from os import PathLike
from typing import Literal

import keras

from catdog._utils import checks
from catdog._utils.errors import InvalidValueError
from catdog._utils.public import public
from catdog.data.datasets import Datasets
from catdog.matching import resize_to_model
from catdog.training.checkpoint_files import make_checkpoint_dir
from catdog.training.class_weights import label_weights
from catdog.training.compile_again import check_one_optimizer, compile_again, optimizer_doubt
from catdog.training.compiled import check_ready_to_train
from catdog.training.devices import check_batch_size, check_strategy, scope_of
from catdog.training.kept_weights import check_patience
from catdog.training.learning_rate import sets_learning_rate, warm_up_and_decay
from catdog.training.mixed_precision import check_mixed_precision
from catdog.training.train import fit_layers, list_callbacks
from catdog.training.trainable import check_no_saved_model
from catdog.training.unfreeze import find_first_layer, unfreeze_from
from catdog.typing import ClassWeight, Verbose


@public
def fine_tune(
    model: keras.Model,
    data: Datasets,
    *,
    epochs: int = 10,
    learning_rate: float = 1e-5,
    unfreeze: str = "all",
    class_weight: ClassWeight | None = None,
    patience: int | None = 3,
    mixed_precision: Literal["auto"] | bool = False,
    checkpoint_dir: str | PathLike[str] | None = None,
    callbacks: Sequence[keras.callbacks.Callback] | None = None,
    verbose: Verbose = "auto",
) -> keras.callbacks.History:
    """Fine-tune a model: train all layers, the backbone too, at a small learning rate.

    Train the head first, with `train_head` or `train`. Frozen layers are unfrozen, except batch
    normalisation: in the whole model, it keeps the statistics of the images that it was trained on,
    because statistics of a few images would be worse. The model is compiled again, with Adam and
    its own loss and metrics, and stays unfrozen. What a `compile` of its own class was given stays.
    An epoch takes several times as long as an epoch of `train` with a frozen backbone. Augmentation
    is active. Models that share its layers change too.

    The learning rate rises in the first tenth of the steps, and then falls as a cosine does. If the
    validation loss is not lower afterwards than before, the weights from before are restored.

    Args:
        model: A compiled model with a trained head, as `train_head` leaves it. It is trained in
            place.
        data: Training and validation images.
        epochs: Number of passes over the training images.
        learning_rate: Highest learning rate of Adam; about 1 % of that of the head's training. If
            `LearningRateScheduler` or `ReduceLROnPlateau` is among the callbacks, it is the first
            one, and only they change it.
        unfreeze: The layers to unfreeze: `"all"`; `"last_block"`, which are those whose output is
            as small as that of the backbone, such as 5 x 5 for images of 160 x 160 pixels, and all
            behind them; or the name of the first layer to unfreeze, with all behind it. Layers that
            train already go on. `"all"` includes fixed filters in front of the backbone: pass the
            name of the layer behind them to keep them. A model that is only an attribute, such as
            the teacher of a distillation, stays as it is, unless the class defines `call`.
        class_weight: As in [`train`][catdog.train].
        patience: As in [`train`][catdog.train]: by default, training stops after three epochs
            without a lower validation loss, and the weights of the best epoch are kept.
        mixed_precision: As in [`train`][catdog.train].
        checkpoint_dir: As in [`train`][catdog.train]. It may be that of `train_head`. A finished
            run cannot be made longer, unless a callback sets the learning rate.
        callbacks: As in [`train`][catdog.train].
        verbose: Progress. `"auto"` shows Keras' bar on a terminal, and one line for each epoch in a
            file or a notebook, there with a bar if `ipywidgets` is installed; 0 shows nothing, 1
            and 2 what Keras shows for them.

    Returns:
        Keras' record of the run, as from `train`. `history.kept_epoch` is 0 if the model has its
        weights from before.

    Raises:
        RuntimeError: If the model is distributed with `tf.distribute` over several machines, or the
            call is within the scope of another strategy than that of the model.
        ValueError: If `learning_rate` is not between 0 and 1, `unfreeze` names no layer, or the
            model's class trains with optimizers of its own, and where `train` raises.

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
    check_patience(patience)
    check_mixed_precision(mixed_precision)
    checks.check_verbose(verbose)
    own_callbacks = list_callbacks(callbacks)
    resized = resize_to_model(model, data)
    label_weights(class_weight, data)
    check_strategy(model, function="fine_tune")
    check_ready_to_train(model, resized)  # train warns of what is in doubt
    check_no_saved_model(model)
    check_one_optimizer(model, "fine_tune")
    # Whatever can be refused, before the model changes.
    check_batch_size(model, resized)
    if checkpoint_dir is not None:
        make_checkpoint_dir(checkpoint_dir)
    first = find_first_layer(model, unfreeze)
    unfreeze_from(model, first)
    with scope_of(model):
        compile_again(model, keras.optimizers.Adam(rate))
    schedule = None if sets_learning_rate(own_callbacks) else warm_up_and_decay(rate)
    try:
        history = fit_layers(
            model,
            data,
            name="fine_tune",
            epochs=epochs,
            class_weight=class_weight,
            patience=patience,
            mixed_precision=mixed_precision,
            checkpoint_dir=checkpoint_dir,
            callbacks=own_callbacks,
            verbose=verbose,
            schedule=schedule,
            may_become_worse=False,
        )
    finally:
        if schedule:  # also after Ctrl-C: for a later `train`
            model.optimizer.learning_rate.assign(rate)
    if doubt := optimizer_doubt(model):
        warnings.warn(doubt, stacklevel=2)
    return history
