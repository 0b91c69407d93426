"""Training of the head on extracted features."""

from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from catdog._utils import checks
from catdog._utils.errors import BackendError, InvalidValueError
from catdog._utils.keras_internals import compile_arguments, is_defined_by_keras
from catdog._utils.public import public
from catdog.data.datasets import Datasets, training_order
from catdog.matching import record_training, resize_to_model
from catdog.models.graph import split_model
from catdog.training.class_weights import label_weights
from catdog.training.features import FeatureExtractor
from catdog.training.head_loop import fit_head
from catdog.training.train import check_compiled
from catdog.typing import ClassWeight, Verbose


@public
def train_head(
    model: keras.Model,
    data: Datasets,
    *,
    epochs: int = 20,
    views: int = 1,
    class_weight: ClassWeight | None = None,
    cache_dir: "str | PathLike[str] | None" = None,
    callbacks: Sequence[keras.callbacks.Callback] | None = None,
    verbose: Verbose = "auto",
) -> keras.callbacks.History:
    """Train the head of a model on features that its backbone computes once.

    A backbone, such as MobileNetV2 with its ImageNet weights, gives the same features for the
    same image in every epoch. So it is run once over the training and the validation images,
    and the layers behind it train on the features: with the model's own optimizer, loss and
    metrics, in the order in which `train` would show the images. The layers are the model's own:
    afterwards it is trained from end to end.

    Augmentation in front of the backbone does not act on the first view of the images. Each
    further view is a pass of augmented images through the backbone, which takes as long as the
    first; in every epoch, each image is shown in one of its views, drawn at random.

    Args:
        model: A compiled Sequential or functional model that begins with a backbone, as
            `"mobilenet_v2"` does. It is trained in place.
        data: Training and validation images.
        epochs: Passes over the training features.
        views: How many versions of each training image there are: 1 is the image as it is, 3
            are that and two augmented ones.
        class_weight: As in [`train`][catdog.train].
        cache_dir: Keep the features in this folder, and take them from there if the same images
            go through the same backbone again. `feature_cache_size` and `clear_feature_cache`
            measure and empty it.
        callbacks: Any Keras callbacks; they see the whole model, and are called for every epoch, as
            if it were one batch.
        verbose: Progress as Keras shows it: `"auto"`, 0 (silent), 1 (bar) or 2 (a line an epoch).

    Returns:
        Keras' record of the run, as from `train`.

    Raises:
        ValueError: If the model does not begin with a backbone, nothing trains behind it,
            it calls or trains itself in a way of its own, `views` is more than 1 but there is no
            augmentation, and where `train` raises.
        TypeError: If `cache_dir` is no path.
        OSError: If `cache_dir` is a file, or cannot be written to.
        RuntimeError: If Keras' backend is not TensorFlow.

    Example:
        ```python
        from catdog import build_model, load_datasets, train_head

        data = load_datasets("synthetic")
        model = build_model("mobilenet_v2", image_size=(96, 96), weights=None)
        history = train_head(model, data, epochs=5)
        ```
    """
    epochs = checks.check_positive_int("epochs", epochs)
    views = checks.check_positive_int("views", views)
    resized = resize_to_model(model, data)
    weights = label_weights(class_weight, data)
    check_compiled(model)
    _check_head_trains(model)
    parts = split_model(model)
    if views > 1 and parts.augmentation is None:
        raise InvalidValueError(
            f"views={views} needs augmentation in front of the backbone, and model has "
            "none: every view would be the same",
            hint="Leave views out, or begin the model with catdog.make_augmentation().",
        )
    images = len(data.paths("train")) * views + len(data.paths("validation"))
    extractor = FeatureExtractor(parts, resized, images, cache_dir, verbose != 0)
    train_rows = _train_rows(extractor, views)
    (validation_features,) = extractor.features("validation")
    if weights:
        train_rows.append(np.array([weights[label] for label in train_rows[1]], np.float32))
    record = keras.callbacks.History()
    record_training(model, data)
    parts.head.compile(**{**compile_arguments(model), "optimizer": model.optimizer})
    fit_head(
        parts.head,
        train_rows,
        [validation_features, data.labels("validation")],
        order_of=_order_of(data, views),
        batch_size=resized.batch_size,
        epochs=epochs,
        callbacks=keras.callbacks.CallbackList(
            [*_as_list(callbacks), record],
            add_progbar=verbose != 0,
            model=model,
            verbose=verbose,
            epochs=epochs,
            steps=-(-len(data.paths("train")) // resized.batch_size),
        ),
    )
    return record


def _train_rows(extractor: FeatureExtractor, views: int) -> list[NDArray[np.generic]]:
    """Return features and labels of the training images, one view after the other."""
    features = extractor.features("train")
    if views > 1:
        augmented = extractor.features("train", augmented_views=views - 1)
        features = np.concatenate([features, augmented])
    return [
        features.reshape(-1, *features.shape[2:]),
        np.tile(extractor.data.labels("train"), views),
    ]


def _order_of(data: Datasets, views: int) -> Callable[[int], NDArray[np.int64]]:
    """Return a function from an epoch to the rows of `_train_rows` to train on, in order."""
    count = len(data.paths("train"))

    def order_of(epoch: int) -> NDArray[np.int64]:
        view = np.random.default_rng([data.seed, epoch, 1]).integers(views, size=count)
        return training_order(data, epoch) + count * view

    return order_of


def _as_list(callbacks: Any) -> list[keras.callbacks.Callback]:
    """Return callbacks as Keras takes them: none, one, or several."""
    if callbacks is None:
        return []
    return [callbacks] if isinstance(callbacks, keras.callbacks.Callback) else list(callbacks)


def _check_head_trains(model: keras.Model) -> None:
    """Raise if the head alone would train differently from the model."""
    if (backend := keras.backend.backend()) != "tensorflow":
        raise BackendError(
            f"train_head runs in TensorFlow, but Keras' backend is {backend!r}",
            hint=(
                "Set the environment variable KERAS_BACKEND=tensorflow before Python starts, "
                "or call catdog.train."
            ),
        )
    for step in ("call", "train_step", "test_step", "compute_loss", "compute_metrics"):
        if not is_defined_by_keras(model, step):
            raise InvalidValueError(
                f"has a {step} of its own ({type(model).__name__}), which its head alone "
                "does not have",
                argument="model",
                hint="Call catdog.train(model, data) instead.",
            )
