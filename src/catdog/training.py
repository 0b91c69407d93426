"""Training a model on data."""

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import keras

from catdog import _checks
from catdog._types import Verbose
from catdog.data import Datasets
from catdog.data._datasets import naming_broken_pictures, serve_to, training_batches

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
    layers inside the model change them anew each time.

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
    if not model.compiled:
        raise ValueError("model is not compiled. Call model.compile(...), or use build_model.")
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
        if number is None or not 0 <= number < math.inf:
            raise ValueError(
                f"class_weight[{name!r}] must be a number of at least 0, not {weight!r}."
            )
    return {label: float(class_weight[name]) for label, name in enumerate(data.class_names)}
