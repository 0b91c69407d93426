"""Predict the classes of images in any form."""

from __future__ import annotations

import os
import warnings
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from os import PathLike
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from catdog._utils import checks
from catdog._utils.errors import InvalidValueError, UsageError, UsageWarning
from catdog._utils.progress import progress
from catdog._utils.public import public
from catdog._utils.text import counted, percent, printable, with_lines
from catdog.images.inputs import ImageSource, Pixels, iter_images, read_pixels
from catdog.images.notes import Note, warn_of_notes
from catdog.inference.forward import checked_logits, log_probabilities
from catdog.inference.litert import MIN_IMAGES_TO_COMPILE, Compute, compile_with_litert
from catdog.models.logits import check_classifier
from catdog.models.metadata import (
    get_metadata,
    get_temperature,
    get_trained_size,
    resolve_class_names,
)
from catdog.typing import Floats, ImageSize, OnBadImage, Verbose

UNSURE = "unsure"
PREFETCH_BATCHES = 2  # batches that are decoded while the model runs another


@public
@dataclass(frozen=True, eq=False, repr=False)
class Prediction:
    """The prediction for one image. Printed, it is one line of aligned columns.

    Attributes:
        label: Name of the most probable class; `None` if the model is unsure, or the image cannot
            be read.
        probability: The probability of the most probable class, from 0 to 1; NaN if the image
            cannot be read.
        probabilities: The probability of every class, `float64`, shape `(classes,)`, adding up to
            1; all NaN if the image cannot be read.
        path: The image file; `None` if the image came from elsewhere.
        class_names: Names of the classes, in the order of `probabilities`.
        error: Why the image cannot be read; `None` if it was.
    """

    label: str | None
    probability: float
    probabilities: Floats
    path: Path | None
    class_names: tuple[str, ...]
    error: str | None = None

    def __str__(self) -> str:
        names = [printable(name) for name in self.class_names]
        width = max(map(len, [*names, UNSURE]))
        if self.error is not None:
            return f"{'-':<{width}}  {'':>6}  {printable(self.error)}"
        label = UNSURE if self.label is None else printable(self.label)
        probability = percent(self.probability)
        path = "" if self.path is None else f"  {printable(self.path)}"
        likely = f"  ({names[int(self.probabilities.argmax())]}?)" if self.label is None else ""
        return f"{label:<{width}}  {probability:>6}{path}{likely}"

    def to_dict(self) -> dict[str, Any]:
        """Return a dictionary for `json.dump`; values that are not known are `None`."""
        is_read = self.error is None
        by_name = dict(zip(self.class_names, self.probabilities.tolist(), strict=True))
        return {
            "path": None if self.path is None else str(self.path),
            "label": self.label,
            "probability": self.probability if is_read else None,
            "probabilities": by_name if is_read else None,
            "error": self.error,
        }

    def __repr__(self) -> str:
        return f"<Prediction: {' '.join(str(self).split())}>"


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
    without a GPU, the model is compiled with LiteRT first: faster, with the same probabilities up
    to rounding.

    Args:
        model: Returns logits, as every model of the zoo does.
        images: An image file; a folder and all folders below it, ordered by name; the bytes of a
            file; a Pillow image; an array `(height, width, 3)`, or `(n, height, width, 3)` for
            several, of whole numbers or floats in `[0, 255]`; or an iterable of any of these. In a
            folder, the same files are images as for `load_datasets`; a warning lists the others. An
            array of the model's input size is used as it is; an array of another size is rounded
            and stretched as a file is. A Pillow image of mode `I` or `I;16` holds values from 0 to
            65535, of mode `F` from 0 to 255; a warning lists images that do not fill this range.
        class_names: Names of the classes, in the order of their labels. Not needed for a model that
            was trained or loaded by catdog: its metadata holds them.
        batch_size: Number of images in a batch.
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
    size, classes = check_classifier(model)
    metadata = get_metadata(model)
    names = resolve_class_names(class_names, metadata, classes)
    size = size or get_trained_size(metadata)
    batch = checks.check_positive_int("batch_size", batch_size)
    skip = checks.check_choice("on_bad_image", on_bad_image, ("raise", "skip")) == "skip"
    threshold = check_threshold(unsure_below)
    sources, total = _list_sources(images)
    predict_batch = partial(
        _predict_batch,
        model,
        _choose_compute(model, size, total),
        class_names=names,
        temperature=get_temperature(model),
        unsure_below=threshold,
    )
    predictions: list[Prediction] = []
    notes: list[Note] = []
    with progress("Predicting", total, shown=checks.check_verbose(verbose) != 0) as advance:
        for images_read in _read_batches(sources, size, batch, notes):
            if not skip:
                _raise_first(images_read)
            predictions += predict_batch(images_read)
            advance(len(images_read))
    _warn_skipped(predictions)
    warn_of_notes(notes, stacklevel=2)
    return predictions


def _choose_compute(model: keras.Model, image_size: ImageSize, count: int | None) -> Compute:
    """Return the fastest function from images to logits; `count` is their number, if known."""
    compute: Compute | None = None
    if count is not None and count >= MIN_IMAGES_TO_COMPILE:
        noise = np.random.default_rng(0).integers(0, 256, (1, *image_size, 3))
        compute = compile_with_litert(model, noise.astype(np.float32))
    return compute or model.predict_on_batch


def check_threshold(value: Any) -> float:
    """Return `unsure_below` as a number; 0 for `None`, since no probability is below 0."""
    if value is None:
        return 0.0
    number = checks.as_float(value)
    if number is None or not 0 < number <= 1:
        raise InvalidValueError(
            f"must be a probability above 0 and at most 1, such as 0.9, not {value!r}",
            argument="unsure_below",
        )
    return number


def _list_sources(images: Any) -> tuple[Iterable[ImageSource], int | None]:
    """Return the images and their number; an iterator is not consumed, and has no number."""
    sources = iter_images(images)
    if not isinstance(images, str | PathLike) and not hasattr(images, "__len__"):
        return sources, None
    listed = list(sources)  # so that all arguments are checked before the first image is read
    return listed, len(listed)


_ReadImage = tuple[ImageSource, Pixels | Exception]


def _read_batches(
    sources: Iterable[ImageSource], image_size: ImageSize, batch_size: int, notes: list[Note]
) -> Iterator[list[_ReadImage]]:
    """Yield batches of images or errors, read in parallel, `PREFETCH_BATCHES` ahead at most."""
    pending: deque[tuple[ImageSource, list[Note], Future[Pixels | Exception]]] = deque()
    remaining = iter(sources)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        while True:
            for source in islice(remaining, PREFETCH_BATCHES * batch_size - len(pending)):
                own: list[Note] = []
                pending.append((source, own, pool.submit(_try_to_read, source, image_size, own)))
            if not pending:
                return
            batch = [pending.popleft() for _ in range(min(batch_size, len(pending)))]
            images = [(source, future.result()) for source, _, future in batch]
            notes += [note for _, own, _ in batch for note in own]  # in the order of the images
            yield images


def _try_to_read(source: ImageSource, size: ImageSize, notes: list[Note]) -> Pixels | Exception:
    try:
        return read_pixels(source, size, notes)
    except (OSError, ValueError) as error:
        return error


def _raise_first(images: Iterable[_ReadImage]) -> None:
    """Raise the first error among the images, if there is one, with a hint."""
    for _, pixels in images:
        if isinstance(pixels, Exception):
            fix = "Check it" if isinstance(pixels, FileNotFoundError) else "Repair or remove it"
            hint = f'{fix}, or pass on_bad_image="skip" for the others.'
            problem = str(pixels).rstrip(".")
            if isinstance(pixels, UsageError):
                raise type(pixels)(problem, hint=hint) from pixels
            raise type(pixels)(f"{problem}. {hint}") from pixels


def _predict_batch(
    model: keras.Model,
    compute: Compute,
    images: Sequence[_ReadImage],
    *,
    class_names: tuple[str, ...],
    temperature: float,
    unsure_below: float,
) -> list[Prediction]:
    """Predict the classes of a batch of images; `compute` returns the logits of the model."""
    good = [pixels for _, pixels in images if not isinstance(pixels, Exception)]
    rows = iter(_probabilities(model, compute, good, temperature) if good else ())
    predictions = []
    for source, pixels in images:
        error = str(pixels) if isinstance(pixels, Exception) else None
        row = next(rows) if error is None else np.full(len(class_names), np.nan)
        has_label = error is None and row.max() >= unsure_below
        predictions.append(
            Prediction(
                label=class_names[row.argmax()] if has_label else None,
                probability=float(row.max()),
                probabilities=row,
                path=source.content if isinstance(source.content, Path) else None,
                class_names=class_names,
                error=error,
            )
        )
    return predictions


def _probabilities(
    model: keras.Model, compute: Compute, pixels: Sequence[Pixels], temperature: float
) -> Floats:
    """Return the model's probabilities for images of one size, shape `(n, classes)`."""
    images = np.stack(pixels, dtype=np.float32, casting="unsafe")
    logits = checked_logits(model, compute(images), images.shape[1:3])
    probabilities: Floats = np.exp(log_probabilities(logits, temperature))
    return probabilities


def _warn_skipped(predictions: Iterable[Prediction]) -> None:
    """Warn about the images that could not be read."""
    errors = [
        printable(prediction.error) for prediction in predictions if prediction.error is not None
    ]
    if errors:
        sentence = with_lines(f"{counted(len(errors), 'image')} cannot be read", errors)
        warnings.warn(UsageWarning(sentence), stacklevel=3)
