"""Train the head of a model on extracted features."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from os import PathLike

import keras
import numpy as np
from numpy.typing import NDArray

from catdog._utils import checks
from catdog._utils.errors import InvalidValueError
from catdog._utils.keras_internals import (
    compile_arguments,
    is_defined_by_keras,
    reset_initial_epoch,
)
from catdog._utils.progress import keras_verbose
from catdog._utils.public import public
from catdog.data.datasets import Datasets, training_order
from catdog.data.features import Features
from catdog.data.split_features import given_data
from catdog.matching import record_training, resize_to_model
from catdog.models.checkpoints import metadata_in_checkpoints
from catdog.models.graph import ModelParts, split_model
from catdog.training.class_weights import label_weights
from catdog.training.compiled import (
    check_ready_to_train,
    check_weights_count,
    has_mean_losses,
)
from catdog.training.devices import check_strategy, scope_of
from catdog.training.features import FeatureExtractor
from catdog.training.head_loop import WHOLE_MODEL_METHODS, Rows, fit_head
from catdog.training.kept_weights import check_patience
from catdog.training.resume import open_checkpoints
from catdog.training.run import Run
from catdog.training.stored_features import StoredFeatures, stored_features
from catdog.training.train import list_callbacks
from catdog.typing import ClassWeight, Verbose

VALIDATION_BATCH_SIZE = 256  # rows; larger batches give the same metrics faster


@public
def train_head(
    model: keras.Model,
    data: Datasets | Features,
    *,
    epochs: int = 20,
    views: int = 1,
    class_weight: ClassWeight | None = None,
    patience: int | None = None,
    checkpoint_dir: str | PathLike[str] | None = None,
    cache_dir: str | PathLike[str] | None = None,
    callbacks: Sequence[keras.callbacks.Callback] | None = None,
    verbose: Verbose = "auto",
) -> keras.callbacks.History:
    """Train the head of a model on features that its backbone computes once.

    A frozen backbone computes the same features of an image in every epoch. So it runs once over
    the training and validation images. The head is trained on the features with the model's own
    optimizer, loss and metrics, in the image order of `train`. Its layers belong to the model.
    Random layers within the backbone, such as those of EfficientNet, do not act: unlike in `train`,
    its features have no noise. Losses that its layers add, which frozen weights cannot lower, are
    not part of the loss.

    With `views` above 1, the backbone runs once more for each augmented copy. An epoch uses every
    image once: as it is, or as one of its augmented copies, drawn at random.

    Args:
        model: A compiled Sequential or functional model that begins with a backbone, as
            `"mobilenet_v2"` does. It is trained in place.
        data: Training and validation images; or their features, as
            [`extract_features`][catdog.extract_features] returns them, if `views` is 1.
        epochs: Number of passes over the training images.
        views: Number of versions of each training image: itself and `views - 1` augmented copies.
        class_weight: As in [`train`][catdog.train].
        patience: As in [`train`][catdog.train].
        checkpoint_dir: As in [`train`][catdog.train]. The features are not saved there, but in
            `cache_dir`.
        cache_dir: Folder of the feature cache, which is used when the same backbone runs on the
            same images again. See `feature_cache_size` and `clear_feature_cache`.
        callbacks: As in [`train`][catdog.train]. Their `model` is the whole model. If one acts on
            batches, such as a schedule of the learning rate, all are called for every batch, and
            the head takes longer. Otherwise an epoch runs at once.
        verbose: Progress. `"auto"` shows Keras' bar on a terminal, and one line for each epoch in a
            file or a notebook; 0 shows nothing, 1 and 2 what Keras shows for them.

    Returns:
        Keras' record of the run, as from `train`.

    Raises:
        ValueError: If the model does not begin with a backbone, no layer behind it trains, the
            model's class defines how it is called, trained or evaluated, `views` is more than 1
            but there is no augmentation, features come from another backbone or are not split, and
            where `train` raises.
        TypeError: If `cache_dir` is not a path.
        OSError: If `cache_dir` is a file, or cannot be written to.
        RuntimeError: As `fine_tune` raises.

    Example:
        ```python
        from catdog import build_model, load_datasets, train_head

        data = load_datasets("synthetic")
        model = build_model("mobilenet_v2", image_size=(96, 96), weights=None)
        history = train_head(model, data, epochs=5)
        ```
    """
    epochs = checks.check_positive_int("epochs", epochs)
    patience = check_patience(patience)
    views = checks.check_positive_int("views", views)
    checks.check_verbose(verbose)
    own_callbacks = list_callbacks(callbacks)
    stored, data = data, given_data(data)
    resized = resize_to_model(model, data)
    weights = label_weights(class_weight, data)
    _check_head_trains(model)
    check_strategy(model, function="train_head")
    for doubt in check_ready_to_train(model, resized):
        warnings.warn(doubt, stacklevel=2)
    if weights:
        check_weights_count(model, len(data.class_names))
    arguments = {"class_weight": weights, "patience": patience, "views": views}
    with ExitStack() as stack:
        stack.enter_context(scope_of(model))
        parts = split_model(model)
        _check_views(views, parts)
        parts.head.compile(**{**compile_arguments(model), "optimizer": model.optimizer})
        checkpoints = stack.enter_context(
            open_checkpoints(
                checkpoint_dir,
                "train_head",
                model,
                parts.head,
                resized,
                own_callbacks,
                arguments,
                backbone=parts.backbone,
            )
        )
        run = Run(parts.head, epochs, patience, own_callbacks, verbose, False, checkpoints)
        if isinstance(stored, Features):
            extractor: FeatureExtractor | StoredFeatures = stored_features(
                stored, data, parts, views=views, cache_dir=cache_dir
            )
        else:
            images = len(data.paths("train")) * views + len(data.paths("validation"))
            extractor = FeatureExtractor(parts, resized, images, cache_dir, verbose != 0)
        train_rows = _train_rows(extractor, views, weights)
        record_training(model, data)
        _fit(model, run, data, train_rows, _validation_rows(extractor), views)
    return run.history


def _check_views(views: int, parts: ModelParts) -> None:
    """Raise if all versions of an image would be the same."""
    if views > 1 and parts.augmentation is None:
        raise InvalidValueError(
            f"views={views} needs augmentation in front of the backbone, and model has "
            "none: all versions of an image would be the same",
            hint="Leave views out, or begin the model with catdog.make_augmentation().",
        )


def _fit(
    model: keras.Model,
    run: Run,
    data: Datasets,
    train_rows: Rows,
    validation_rows: Rows,
    views: int,
) -> None:
    """Train the head of a model on the rows."""
    are_means = has_mean_losses(model, len(data.class_names))
    callbacks = keras.callbacks.CallbackList(
        run.callbacks,
        add_progbar=keras_verbose(run.verbose) != 0,
        model=model,
        verbose=keras_verbose(run.verbose),
        epochs=run.epochs,
        steps=-(-len(data.paths("train")) // data.batch_size),
    )
    with run.guarded(), metadata_in_checkpoints(model), ExitStack() as stack:
        stack.callback(reset_initial_epoch, model)  # for a later `fit` of the user
        fit_head(
            run.trained,
            train_rows,
            validation_rows,
            order_of=_order_of(data, views),
            batch_size=data.batch_size,
            validation_batch_size=VALIDATION_BATCH_SIZE if are_means else data.batch_size,
            epochs=run.epochs,
            callbacks=callbacks,
        )


def _train_rows(
    extractor: FeatureExtractor | StoredFeatures, views: int, weights: dict[int, float] | None
) -> Rows:
    """Return features, labels and, if there are any, weights of the training images.

    There is one row for each version of each image: first those of the images without augmentation,
    then those of each set of augmented copies.
    """
    features = extractor.features("train")
    if views > 1:
        augmented = extractor.features("train", augmented_copies=views - 1)
        features = np.concatenate([features, augmented])
    labels = np.tile(extractor.data.labels("train"), views)
    rows = [features.reshape(-1, *features.shape[2:]), labels]
    if weights:
        rows.append(np.array([weights[label] for label in labels], np.float32))
    return rows


def _validation_rows(extractor: FeatureExtractor | StoredFeatures) -> Rows:
    """Return features and labels of the validation images."""
    (features,) = extractor.features("validation")
    return [features, extractor.data.labels("validation")]


def _order_of(data: Datasets, views: int) -> Callable[[int], NDArray[np.int64]]:
    """Return a function from an epoch to the positions in `_train_rows` to train on, in order."""
    count = len(data.paths("train"))

    def order_of(epoch: int) -> NDArray[np.int64]:
        versions = np.random.default_rng([data.seed, epoch, 1]).integers(views, size=count)
        return training_order(data, epoch) + count * versions

    return order_of


def _check_head_trains(model: keras.Model) -> None:
    """Raise if the head alone would train differently from the model."""
    for step in WHOLE_MODEL_METHODS:
        if not is_defined_by_keras(model, step):
            raise InvalidValueError(
                f"has a {step} of its own ({type(model).__name__}), which its head alone "
                "would not use",
                argument="model",
                hint="Call catdog.train(model, data) instead.",
            )
