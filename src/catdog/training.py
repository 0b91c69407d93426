"""Training a model on data."""

from collections.abc import Sequence

import keras

from catdog import _checks
from catdog._types import Verbose
from catdog.data import Datasets
from catdog.data._datasets import serve_to, training_batches


def train(
    model: keras.Model,
    data: Datasets,
    *,
    epochs: int = 20,
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
        callbacks: Any Keras callbacks.
        verbose: Progress as Keras shows it: `"auto"`, 0 (silent), 1 (bar) or 2 (a line an epoch).

    Returns:
        Keras' record of the run; `history.history` maps `"loss"`, `"accuracy"`, `"val_loss"` and
        `"val_accuracy"` to one value an epoch.

    Raises:
        ValueError: If `epochs` is not at least 1, the model's number of classes is not the data's,
            or the model is not compiled.

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
    if not model.compiled:
        raise ValueError("model is not compiled. Call model.compile(...), or use build_model.")
    return model.fit(
        training_batches(served),
        validation_data=served.validation,
        epochs=epochs,
        callbacks=callbacks,
        verbose=verbose,
        shuffle=False,  # the batches are shuffled; Keras warns if asked to do it again
    )
