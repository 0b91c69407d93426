"""How good a model is, and how sure one can be of that."""

import keras
import numpy as np

from catdog import _checks
from catdog._card import check_same_classes, temperature_of
from catdog._evaluation import Evaluation
from catdog._logits import check_logits
from catdog._statistics import log_softmax
from catdog._types import Split, Verbose
from catdog.baseline import baseline_accuracy, majority_class
from catdog.data import Datasets
from catdog.data._datasets import count_look, in_order, naming_broken_pictures, serve_to


def evaluate(
    model: keras.Model, data: Datasets, *, split: Split = "test", verbose: Verbose = "auto"
) -> Evaluation:
    """Judge a model on one set of pictures, in one pass.

    Nothing is trained and nothing is augmented. Pictures are served at the model's input size.
    Probabilities and losses are those after `calibrate`, if the model was calibrated.

    Args:
        model: Returns logits `(batch, num_classes)`, as every model of the zoo does.
        data: The pictures.
        split: `"test"`, `"validation"` or `"train"`. Choose among models on `"validation"`; look at
            `"test"` once, at the end.
        verbose: Progress as Keras shows it.

    Returns:
        Accuracy with its interval and baseline, loss, confusion matrix, and the answer for each
        picture.

    Raises:
        ValueError: If the split is unknown, the model knows other classes than the data has, or
            returns another number of them, probabilities, or something that is not finite, or a
            picture was changed or removed after it was loaded.

    Example:
        ```python
        from catdog import build_model, evaluate, load_datasets

        data = load_datasets("synthetic")
        model = build_model("cnn", image_size=(64, 64))
        print(evaluate(model, data, split="validation"))  # near the baseline: it is not trained
        ```
    """
    split = _checks.check_split(split)
    check_same_classes(
        model,
        data.class_names,
        "Name the folders of the pictures as the model's classes, or train it on them with train, "
        "which gives it their names.",
    )
    served = serve_to(model, data)
    with naming_broken_pictures(served):
        logits = np.asarray(model.predict(in_order(served, split), verbose=verbose), np.float64)
    check_logits(logits)
    labels = data.labels(split)
    log_probabilities = log_softmax(logits / temperature_of(model))
    return Evaluation(
        split=split,
        class_names=data.class_names,
        image_size=served.image_size,
        baseline=baseline_accuracy(data, split=split),
        majority=data.class_names[majority_class(data.labels("train"))],
        looks=count_look(data, split),
        paths=data.paths(split),
        labels=labels,
        predictions=logits.argmax(axis=1).astype(np.int32),
        probabilities=np.exp(log_probabilities),
        losses=0 - log_probabilities[np.arange(len(labels)), labels],  # never -0.0
    )
