"""Predict in another program that runs many machines, such as Ray or Spark."""

from __future__ import annotations

from os import PathLike
from typing import Any

import keras
import numpy as np

from catdog._utils import checks
from catdog._utils.public import public
from catdog.inference.batch_columns import (
    ERROR,
    Columns,
    other_columns,
    read_sources,
    text_column,
)
from catdog.inference.classify import check_threshold, classify
from catdog.inference.litert import MIN_IMAGES_TO_COMPILE
from catdog.inference.predict import make_scorer
from catdog.models.saving import load_model


@public
class BatchPredictor:
    """Predicts the classes of the images in batches of rows, as Ray Data and Spark pass them.

    Each process makes one of these, which opens the model and compiles it, and calls it for each of
    its batches. It uses all cores of its machine. The predictions are those of
    [`predict`][catdog.predict]; an image that cannot be read gets a row without label, with the
    reason. Warnings about single images are not shown.

    Args:
        model: A file that `save_model` wrote, which each process opens; or a model.
        batch_size: Largest number of images that the model takes at once.
        unsure_below: As for `predict`: abstain (no label) below this probability.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it is not a model of catdog, or an argument is out of its range.

    Example:
        ```python
        from catdog import BatchPredictor, build_model, load_datasets, train

        data = load_datasets("synthetic")
        model = build_model("cnn", image_size=(32, 32))
        train(model, data, epochs=1)
        predictor = BatchPredictor(model)
        print(predictor({"path": data.paths("test")[:3]})["label"])
        ```
    """

    def __init__(
        self,
        model: str | PathLike[str] | keras.Model,
        *,
        batch_size: int = 32,
        unsure_below: float | None = None,
    ) -> None:
        """Open the model."""
        batch_size = checks.check_positive_int("batch_size", batch_size)
        opened = load_model(model) if isinstance(model, str | PathLike) else model
        self._threshold = check_threshold(unsure_below)
        self._scorer = make_scorer(opened, MIN_IMAGES_TO_COMPILE, batch_size=batch_size)

    def __call__(self, batch: Any) -> Columns:
        """Predict the classes of a batch of rows.

        Args:
            batch: Columns by name, or a data frame: `path`, of image files, or `bytes`, of their
                contents, or both.

        Returns:
            The columns of the batch without `bytes`, and `label`, empty if the model is unsure;
            `probability` and `probabilities` (`float64`, shape `(n, classes)`), NaN if the image
            cannot be read; and `error`, empty if it was read.

        Raises:
            ValueError: If the batch has neither column, or one of the result, such as `label`.
        """
        sources = read_sources(batch)
        others = other_columns(batch, ("label", "probability", "probabilities", ERROR))
        found = list(
            classify(
                self._scorer,
                sources,
                len(sources),
                skip_bad=True,
                threshold=self._threshold,
                notes=[],
                show_progress=False,
            )
        )
        classes = len(self._scorer.class_names)
        rows = [prediction.probabilities for prediction in found]
        return {
            **others,
            "label": text_column([prediction.label for prediction in found]),
            "probability": np.array([prediction.probability for prediction in found]),
            "probabilities": np.array(rows, np.float64).reshape(-1, classes),
            ERROR: text_column([prediction.error for prediction in found]),
        }
