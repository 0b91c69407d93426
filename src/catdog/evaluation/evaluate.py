"""How good a model is, and how sure one can be of that."""

import keras
import numpy as np

from catdog._utils import checks
from catdog._utils.public import public
from catdog.data.datasets import Datasets, count_test_evaluation
from catdog.evaluation.baseline import baseline_accuracy, majority_class
from catdog.evaluation.result import Evaluation
from catdog.inference.forward import log_probabilities, split_logits
from catdog.matching import resize_to_model
from catdog.models.metadata import check_same_classes, get_temperature
from catdog.typing import Split, Verbose


@public
def evaluate(
    model: keras.Model, data: Datasets, *, split: Split = "test", verbose: Verbose = "auto"
) -> Evaluation:
    """Judge a model on one set of images, in one pass.

    Nothing is trained and nothing is augmented. Images are resized at the model's input size.
    Probabilities and losses are those after `calibrate`, if the model was calibrated.

    Args:
        model: Returns logits `(batch, num_classes)`, as every model of the zoo does.
        data: The images.
        split: `"test"`, `"validation"` or `"train"`. Choose among models on `"validation"`; look at
            `"test"` once, at the end.
        verbose: Progress as Keras shows it.

    Returns:
        Accuracy with its interval and baseline, loss, confusion matrix, and the answer for each
        image.

    Raises:
        ValueError: If the split is unknown, the model knows other classes than the data has, or
            returns another number of them, probabilities, or something that is not finite, or a
            image was changed or removed after it was loaded.

    Example:
        ```python
        from catdog import build_model, evaluate, load_datasets

        data = load_datasets("synthetic")
        model = build_model("cnn", image_size=(64, 64))
        print(evaluate(model, data, split="validation"))  # near the baseline: it is not trained
        ```
    """
    split = checks.check_split(split)
    check_same_classes(
        model,
        data.class_names,
        "Name the folders of the images as the model's classes, or train it on them with train, "
        "which gives it their names.",
    )
    resized = resize_to_model(model, data)
    logits = split_logits(model, resized, split, verbose=verbose)
    labels = data.labels(split)
    log_shares = log_probabilities(logits, get_temperature(model))
    return Evaluation(
        split=split,
        class_names=data.class_names,
        image_size=resized.image_size,
        baseline=baseline_accuracy(data, split=split),
        majority=data.class_names[majority_class(data.labels("train"))],
        test_evaluations=count_test_evaluation(data, split),
        paths=data.paths(split),
        labels=labels,
        predictions=logits.argmax(axis=1).astype(np.int32),
        probabilities=np.exp(log_shares),
        losses=0 - log_shares[np.arange(len(labels)), labels],  # never -0.0
    )
