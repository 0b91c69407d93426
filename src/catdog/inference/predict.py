"""Predict the classes of images in any form."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from os import PathLike
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from catdog._utils import checks
from catdog._utils.errors import UsageWarning
from catdog._utils.public import public
from catdog._utils.text import counted, printable, with_lines
from catdog.images.inputs import ImageSource, iter_images
from catdog.images.notes import Note, warn_of_notes
from catdog.inference import forward
from catdog.inference.classify import Scorer, check_threshold, classify
from catdog.inference.compute_ahead import Compute
from catdog.inference.litert import MIN_IMAGES_TO_COMPILE, compile_with_litert
from catdog.inference.native_reader import MIN_IMAGES, NATIVE
from catdog.inference.prediction import Prediction
from catdog.inference.readers import ONE_BY_ONE, Reader
from catdog.models.logits import check_classifier
from catdog.models.metadata import (
    get_metadata,
    get_temperature,
    get_trained_size,
    resolve_class_names,
)
from catdog.typing import Floats, ImageSize, OnBadImage, Verbose


@public
def predict(
    model: keras.Model,
    images: str | PathLike[str] | bytes | Image.Image | NDArray[Any] | Iterable[Any],
    *,
    class_names: Sequence[str] | None = None,
    batch_size: int = 32,
    on_bad_image: OnBadImage = "raise",
    unsure_below: float | None = None,
    verbose: Verbose = "auto",
) -> list[Prediction]:
    """Predict the classes of images.

    Images are decoded and resized as for training, from the same formats, in batches while the
    model runs, so a folder may have any size. Nothing is augmented. For 1000 images or more and
    without a GPU, the model is compiled with LiteRT first: the same up to rounding, and faster for
    networks such as MobileNetV2.

    Args:
        model: Takes pixels from 0 to 255 and returns logits, as every model of the zoo does.
        images: An image file; a folder and all folders below it, ordered by name; the bytes of a
            file; a Pillow image; an array `(height, width, 3)`, or `(n, height, width, 3)` for
            several, of whole numbers or floats in `[0, 255]`; or an iterable of any of these, such
            as copies of the frames of a film. In a folder, the same files are images as for
            `load_datasets`; a warning lists the others. An array of the model's input size is used
            as it is; an array of another size is rounded and stretched as a file is. A Pillow image
            of mode `I` or `I;16` holds values from 0 to 65535, of mode `F` from 0 to 255; a warning
            lists images that do not fill this range.
        class_names: Names of the classes, in the order of their labels. Not needed for a model that
            was trained or loaded by catdog: its metadata holds them.
        batch_size: Largest number of images in a batch.
        on_bad_image: What to do if an image cannot be read: `"raise"` an error, or `"skip"` it with
            a warning; its prediction then has an `error`.
        unsure_below: Abstain (no label) below this probability; above 0 and at most 1. See
            `coverage_curve`.
        verbose: 0 shows no progress bar; any other value shows one if it takes long.

    Returns:
        A prediction for each image, in their order.

    Raises:
        FileNotFoundError: If an image file does not exist.
        TypeError: If `images` is none of these.
        ValueError: If an image cannot be read, a folder holds none, an array does not hold pixels
            in `[0, 255]`, the model does not return logits, `class_names` is needed or does not fit
            the model, or an argument is out of its range.

    Example:
        ```python
        from catdog import build_model, load_datasets, predict, train

        data = load_datasets("synthetic")
        model = build_model("cnn", image_size=(32, 32))
        train(model, data, epochs=1)
        for prediction in predict(model, data.paths("test")[:3]):
            print(prediction)
        ```
    """
    batch = checks.check_positive_int("batch_size", batch_size)
    skip = checks.check_choice("on_bad_image", on_bad_image, ("raise", "skip")) == "skip"
    threshold = check_threshold(unsure_below)
    show_progress = checks.check_verbose(verbose) != 0
    sources, total = _list_sources(images)
    scorer = make_scorer(model, total, class_names=class_names, batch_size=batch)
    notes: list[Note] = []
    predictions = list(
        classify(
            scorer,
            sources,
            total,
            skip_bad=skip,
            threshold=threshold,
            notes=notes,
            show_progress=show_progress,
        )
    )
    _warn_skipped(predictions)
    warn_of_notes(notes, stacklevel=2)
    return predictions


def make_scorer(
    model: keras.Model,
    count: int | None,
    *,
    class_names: Sequence[str] | None = None,
    batch_size: int = 32,
) -> Scorer:
    """Return what scores images with a Keras model.

    Args:
        model: Returns logits.
        count: Number of images to score; `None` if it is unknown.
        class_names: Names of the classes; not needed if the model has metadata.
        batch_size: Number of images in a batch.

    Raises:
        ValueError: If the model does not return logits, or the names are needed or do not fit.
    """
    size, classes = check_classifier(model)
    metadata = get_metadata(model)
    names = resolve_class_names(class_names, metadata, classes)
    size = size or get_trained_size(metadata)
    temperature = get_temperature(model)

    def probabilities_of(outputs: NDArray[np.generic]) -> Floats:
        logits = forward.checked_logits(model, outputs, size)
        probabilities: Floats = np.exp(forward.log_probabilities(logits, temperature))
        return probabilities

    batch = forward.even_batch_size(count, batch_size)
    compute = choose_compute(model, size, count)
    return Scorer(names, size, batch, compute, probabilities_of, choose_reader(count))


def choose_compute(model: keras.Model, image_size: ImageSize, count: int | None) -> Compute:
    """Return the fastest way from images to logits; `count` is their number, if known."""
    if count is not None and count >= MIN_IMAGES_TO_COMPILE:
        noise = np.random.default_rng(0).integers(0, 256, (2, *image_size, 3))
        noise[1] //= 4  # a dark image: the features of images of noise are nearly the same
        if interpreters := compile_with_litert(model, noise.astype(np.float32)):
            return Compute(interpreters.compute, interpreters.run)
    return Compute(forward.batch_function(model))


def choose_reader(count: int | None) -> Reader:
    """Return the fastest way to read `count` images; `None` if their number is unknown."""
    return ONE_BY_ONE if count is None or count < MIN_IMAGES else NATIVE


def _list_sources(images: Any) -> tuple[Iterable[ImageSource], int | None]:
    """Return the images and their number; an iterator is not consumed, and has no number."""
    sources = iter_images(images)
    if not isinstance(images, str | PathLike) and not hasattr(images, "__len__"):
        return sources, None
    listed = list(sources)  # so that all arguments are checked before the first image is read
    return listed, len(listed)


def _warn_skipped(predictions: Iterable[Prediction]) -> None:
    """Warn about the images that could not be read."""
    errors = [
        printable(prediction.error) for prediction in predictions if prediction.error is not None
    ]
    if errors:
        sentence = with_lines(f"{counted(len(errors), 'image')} cannot be read", errors)
        warnings.warn(UsageWarning(sentence), stacklevel=3)
