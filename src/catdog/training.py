"""Training a model on data."""

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from typing import Any, Literal

import keras
import numpy as np
from numpy.typing import NDArray

from catdog import _checks
from catdog._features import FrozenPass, cut_model, with_inner
from catdog._head import fit_head
from catdog._record import remember
from catdog._types import Verbose
from catdog.data import Datasets
from catdog.data._datasets import (
    naming_broken_pictures,
    serve_to,
    training_batches,
    training_order,
)

MAX_WEIGHT = 1e6  # what is far above it overflows
ClassWeight = Literal["balanced"] | Mapping[str, float]


def train(
    model: keras.Model,
    data: Datasets,
    *,
    epochs: int = 20,
    class_weight: ClassWeight | None = None,
    callbacks: Sequence[keras.callbacks.Callback] | None = None,
    verbose: Verbose = "auto",
) -> keras.callbacks.History:
    """Train a compiled model on the training pictures; watch it on the validation pictures.

    The test pictures are never touched. Pictures are served at the model's own input size, in an
    order that the seed of the data draws anew for every epoch, the same in every call. Augmentation
    layers inside the model change them anew each time. From now on, the model knows the names of
    its classes.

    Args:
        model: A compiled model that returns logits `(batch, num_classes)`. It is trained in place.
        data: Training and validation pictures.
        epochs: Passes over the training pictures.
        class_weight: How much a picture of each class counts: `"balanced"` makes every class count
            the same, however many pictures it has; a mapping gives a weight to each class name. The
            loss that is shown for the training pictures is weighted then; accuracies are not.
        callbacks: Any Keras callbacks.
        verbose: Progress as Keras shows it: `"auto"`, 0 (silent), 1 (bar) or 2 (a line an epoch).

    Returns:
        Keras' record of the run; `history.history` maps `"loss"`, `"accuracy"`, `"val_loss"` and
        `"val_accuracy"` to one value an epoch.

    Raises:
        ValueError: If `epochs` is not at least 1, the model's number of classes is not the data's,
            the class weights do not fit the classes, the model is not compiled, or a picture was
            changed or removed after it was loaded.

    Example:
        ```python
        from catdog import build_model, load_datasets, train

        data = load_datasets("synthetic")
        model = build_model("cnn", image_size=(64, 64))
        history = train(model, data, epochs=1)
        ```
    """
    epochs = _checks.check_positive_int("epochs", epochs)
    served = serve_to(model, data)
    weights = _class_weights(class_weight, data)
    _check_compiled(model)
    remember(model, data)
    model._initial_epoch = None  # Keras would skip what BackupAndRestore let it skip the last time
    with naming_broken_pictures(served):
        return model.fit(
            training_batches(served),
            validation_data=served.validation,
            epochs=epochs,
            callbacks=callbacks,
            class_weight=weights,
            verbose=verbose,
            shuffle=False,  # the batches are shuffled; Keras warns if asked to do it again
        )


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
    """Train what lies behind the frozen part of a model, and run the frozen part only once.

    A frozen part, such as MobileNetV2 with its ImageNet weights, gives the same features for the
    same picture in every epoch. So it is run once over the training and the validation pictures,
    and the layers behind it train on the features: with the model's own optimizer, loss and
    metrics, in the order in which `train` would show the pictures. The layers are the model's own:
    afterwards it is trained from end to end.

    Augmentation in front of the frozen part does not act on the first view of the pictures. Each
    further view is a pass of augmented pictures through the frozen part, which takes as long as the
    first; in every epoch, each picture is shown in one of its views, drawn at random.

    Args:
        model: A compiled Sequential or functional model that begins with a frozen part, as
            `"mobilenet_v2"` does. It is trained in place.
        data: Training and validation pictures.
        epochs: Passes over the training features.
        views: How many versions of each training picture there are: 1 is the picture as it is, 3
            are that and two augmented ones.
        class_weight: As in [`train`][catdog.train].
        cache_dir: Keep the features in this folder, and take them from there if the same pictures
            go through the same frozen part again. `feature_cache_size` and `clear_feature_cache`
            measure and empty it.
        callbacks: Any Keras callbacks; they see the whole model, and are called for every epoch, as
            if it were one batch.
        verbose: Progress as Keras shows it: `"auto"`, 0 (silent), 1 (bar) or 2 (a line an epoch).

    Returns:
        Keras' record of the run, as from `train`.

    Raises:
        ValueError: If the model does not begin with a frozen part, nothing trains behind it,
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
    epochs = _checks.check_positive_int("epochs", epochs)
    views = _checks.check_positive_int("views", views)
    served = serve_to(model, data)
    weights = _class_weights(class_weight, data)
    _check_compiled(model)
    _check_head_trains(model)
    parts = cut_model(model)
    if views > 1 and parts.augmentation is None:
        raise ValueError(
            f"views={views} needs augmentation in front of the frozen part, and model has none: "
            "every view would be the same. Leave views out, or begin the model with "
            "catdog.make_augmentation()."
        )
    pictures = len(data.paths("train")) * views + len(data.paths("validation"))
    frozen = FrozenPass(parts, served, pictures, cache_dir, verbose != 0)
    with naming_broken_pictures(served):
        shown = _shown(frozen, views)
        (judged,) = frozen.features("validation")
    if weights:
        shown.append(np.array([weights[label] for label in shown[1]], np.float32))
    record = keras.callbacks.History()
    remember(model, data)
    parts.head.compile(**{**_compiled_with(model), "optimizer": model.optimizer})
    fit_head(
        parts.head,
        shown,
        [judged, data.labels("validation")],
        order_of=_order_of(data, views),
        batch_size=served.batch_size,
        epochs=epochs,
        callbacks=keras.callbacks.CallbackList(
            [*_as_list(callbacks), record],
            add_progbar=verbose != 0,
            model=model,
            verbose=verbose,
            epochs=epochs,
            steps=-(-len(data.paths("train")) // served.batch_size),
        ),
    )
    return record


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
    """Train all layers of a model in small steps, the frozen part too, once its head is trained.

    Every frozen layer is unfrozen, but for batch normalisation: it keeps the statistics of the
    pictures it was first trained on, which a few pictures of one's own would spoil. The model is
    compiled anew, with Adam and its own loss and metrics, and stays unfrozen. An epoch takes
    several times as long as one of `train` with the frozen part, and augmentation is live.

    Args:
        model: A compiled model with a trained head, as `train_head` leaves it. It is trained in
            place.
        data: Training and validation pictures.
        epochs: Passes over the training pictures.
        learning_rate: Adam's step; about a hundredth of what the head was trained with.
        class_weight: As in [`train`][catdog.train].
        callbacks: Any Keras callbacks.
        verbose: Progress as Keras shows it: `"auto"`, 0 (silent), 1 (bar) or 2 (a line an epoch).

    Returns:
        Keras' record of the run, as from `train`.

    Raises:
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
    rate = _checks.as_float(learning_rate)
    if rate is None or not 0 < rate < 1:
        raise ValueError(
            f"learning_rate must be a number between 0 and 1, such as 1e-5, not {learning_rate!r}."
        )
    _checks.check_positive_int("epochs", epochs)
    serve_to(model, data)
    _class_weights(class_weight, data)
    _check_compiled(model)
    frozen = [layer for layer in with_inner(model) if not layer.trainable]
    for layer in frozen:  # outer layers first: they pass it on to the inner ones
        layer.trainable = not isinstance(layer, keras.layers.BatchNormalization)
    model.compile(**{**_compiled_with(model), "optimizer": keras.optimizers.Adam(rate)})
    return train(
        model, data, epochs=epochs, class_weight=class_weight, callbacks=callbacks, verbose=verbose
    )


def _shown(frozen: FrozenPass, views: int) -> list[NDArray[np.generic]]:
    """Return features and labels of the training pictures, one view after the other."""
    features = frozen.features("train")
    if views > 1:
        augmented = frozen.features("train", augmented_views=views - 1)
        features = np.concatenate([features, augmented])
    return [features.reshape(-1, *features.shape[2:]), np.tile(frozen.data.labels("train"), views)]


def _order_of(data: Datasets, views: int) -> Callable[[int], NDArray[np.int64]]:
    """Return a function that tells which rows of `_shown` to train on in an epoch, in order."""
    count = len(data.paths("train"))

    def order_of(epoch: int) -> NDArray[np.int64]:
        view = np.random.default_rng([data.seed, epoch, 1]).integers(views, size=count)
        return training_order(data, epoch) + count * view

    return order_of


def _compiled_with(model: keras.Model) -> dict[str, Any]:
    """Return what a model was compiled with: the very functions and objects.

    `get_compile_config` would write them down, and know no functions of the user's own.
    """
    return dict(model._compile_config.config)


def _as_list(callbacks: Any) -> list[keras.callbacks.Callback]:
    """Return callbacks as Keras takes them: none, one, or several."""
    if callbacks is None:
        return []
    return [callbacks] if isinstance(callbacks, keras.callbacks.Callback) else list(callbacks)


def _check_compiled(model: keras.Model) -> None:
    if not model.compiled:
        raise ValueError("model is not compiled. Call model.compile(...), or use build_model.")


def _check_head_trains(model: keras.Model) -> None:
    """Refuse what would train otherwise than the model does."""
    if (backend := keras.backend.backend()) != "tensorflow":
        raise RuntimeError(
            f"train_head runs in TensorFlow, but Keras' backend is {backend!r}. Set the "
            "environment variable KERAS_BACKEND=tensorflow before Python starts, or call "
            "catdog.train."
        )
    for step in ("call", "train_step", "test_step", "compute_loss", "compute_metrics"):
        if getattr(type(model), step).__module__.partition(".")[0] != "keras":
            raise ValueError(
                f"model has a {step} of its own ({type(model).__name__}), which its head alone "
                "does not have. Call catdog.train(model, data) instead."
            )


def _class_weights(class_weight: ClassWeight | None, data: Datasets) -> dict[int, float] | None:
    """Return a weight for each label, as Keras takes them.

    `"balanced"` is n / (classes * pictures of the class), as in scikit-learn, after G. King and
    L. Zeng, "Logistic Regression in Rare Events Data", Political Analysis 9 (2001): the mean weight
    of a training picture is 1.
    """
    if class_weight is None:
        return None
    if isinstance(class_weight, str) and class_weight == "balanced":
        counts = list(data.label_counts("train").values())
        return {label: sum(counts) / (len(counts) * each) for label, each in enumerate(counts)}
    if not isinstance(class_weight, Mapping) or set(class_weight) != set(data.class_names):
        raise ValueError(
            'class_weight must be "balanced" or a weight for each class, such as '
            f"{dict.fromkeys(data.class_names, 1.0)}, not {class_weight!r}."
        )
    for name, weight in class_weight.items():
        number = _checks.as_float(weight)
        if number is None or not 0 <= number <= MAX_WEIGHT:
            raise ValueError(
                f"class_weight[{name!r}] must be a number from 0 to {MAX_WEIGHT:g}, not {weight!r}."
            )
    if not any(class_weight.values()):
        raise ValueError(f"class_weight={class_weight!r} leaves nothing to train on.")
    return {label: float(class_weight[name]) for label, name in enumerate(data.class_names)}
