"""Evaluate a model on one split: accuracy with its confidence interval, loss and baseline."""

from __future__ import annotations

import keras
import numpy as np

from catdog._utils import checks
from catdog._utils.errors import HintCode
from catdog._utils.public import public
from catdog.data.datasets import Datasets, count_test_evaluation, near_training
from catdog.evaluation.baseline import baseline_accuracy, majority_class
from catdog.evaluation.result import Evaluation
from catdog.inference.forward import log_probabilities, split_logits
from catdog.matching import hash_training_images, record_split, resize_as_predicted
from catdog.models.metadata import check_same_classes, get_metadata, get_temperature
from catdog.typing import Split, Verbose


@public
def evaluate(
    model: keras.Model, data: Datasets, *, split: Split = "test", verbose: Verbose = "auto"
) -> Evaluation:
    """Evaluate a model on one split, in one pass over the images.

    Nothing is trained and nothing is augmented. Images are resized to the model's input size, and
    for a model that takes any size, to the size that it was trained at, as by `predict`. If the
    model was calibrated, probabilities and losses use its temperature.

    If images are nearly the same as training images, the accuracy of the other images is given as
    well: it is closer to what new images will show. If the model was trained on other images than
    the training set of `data`, this is not known, and the evaluation says so.

    Args:
        model: Takes pixels from 0 to 255 and returns logits `(batch, num_classes)`, as every model
            of the zoo does.
        data: The images.
        split: `"test"`, `"validation"` or `"train"`. Choose among models on `"validation"`.
            Evaluate on `"test"` once, at the end.
        verbose: Progress: `"auto"` shows Keras' bar on a terminal; 0 shows nothing, 1 and 2 what
            Keras shows for them.

    Returns:
        Accuracy with its 95 % confidence interval, majority-class baseline, loss, confusion matrix,
        and the prediction for each image.

    Raises:
        TypeError: If `data` is not what `load_datasets` returns.
        ValueError: If the split is unknown; the classes of the model differ from those of the
            data; the model returns another number of values, probabilities, or values that are
            not finite; or an image was changed or removed after it was loaded.

    Example:
        ```python
        from catdog import build_model, evaluate, load_datasets

        data = load_datasets("synthetic")
        model = build_model("cnn", image_size=(64, 64))
        print(evaluate(model, data, split="validation"))  # near the baseline: it is not trained
        ```
    """
    split = checks.check_split(split)
    resized = resize_as_predicted(model, data)
    check_same_classes(
        model,
        data.class_names,
        "Name the folders of the images after the model's classes, or train the model on them "
        "with train, which stores their names.",
        HintCode.MATCH_CLASSES,
    )
    logits = split_logits(model, resized, split, verbose=verbose)
    labels = data.labels(split)
    near_training_unknown = "" if split == "train" else _why_near_training_is_unknown(model, data)
    near = near_training(data, split)
    log_p = log_probabilities(logits, get_temperature(model))
    return Evaluation(
        split=split,
        class_names=data.class_names,
        image_size=resized.image_size,
        baseline=baseline_accuracy(data, split=split),
        majority=data.class_names[majority_class(data.labels("train"))],
        test_evaluations=count_test_evaluation(data, split),
        paths=data.paths(split),
        near_training=np.zeros_like(near) if near_training_unknown else near,
        labels=labels,
        predictions=logits.argmax(axis=1).astype(np.int32),
        probabilities=np.exp(log_p),
        losses=0 - log_p[np.arange(len(labels)), labels],  # never -0.0
        near_training_unknown=near_training_unknown,
    )


def _why_near_training_is_unknown(model: keras.Model, data: Datasets) -> str:
    """Return why near duplicates of the model's training images are not known; empty if they are.

    The training set decides, whatever the seed and the other sets. A model that catdog did not
    train is taken to be trained on these data; `calibrate` gives it metadata without versions.
    """
    metadata = get_metadata(model)
    if (
        metadata is None
        or not metadata.versions
        or metadata.train_sha256 == hash_training_images(data)
    ):
        return ""
    if metadata.train_sha256:
        return "the model was trained on other images than the training set of these data"
    if metadata.split and metadata.split.sha256 == record_split(data).sha256:  # an earlier catdog
        return ""
    return "the model has no record of its training images"
