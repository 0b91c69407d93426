"""Classify images of any form, whatever computes the probabilities.

This file imports neither Keras nor TensorFlow: they take seconds to load, and an exported model
needs neither.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from catdog._utils import checks
from catdog._utils.errors import InvalidValueError, UsageError
from catdog._utils.progress import progress
from catdog.images.inputs import ImageSource
from catdog.images.notes import Note
from catdog.inference.compute_ahead import Compute, Outputs, compute_ahead
from catdog.inference.prediction import Prediction
from catdog.inference.readers import ONE_BY_ONE, Reader, ReadImage
from catdog.typing import Floats, ImageSize


@dataclass(frozen=True, eq=False)
class Scorer:
    """A model that is ready to score images.

    Attributes:
        class_names: Names of the classes, in the order of the probabilities.
        image_size: Height and width of the images that it takes, in pixels.
        batch_size: Number of images that are read and scored together.
        compute: Computes outputs from images.
        probabilities: A function from outputs, `(n, classes)`, to probabilities, `float64`
            `(n, classes)`.
        reader: Reads the images.
    """

    class_names: tuple[str, ...]
    image_size: ImageSize
    batch_size: int
    compute: Compute
    probabilities: Callable[[NDArray[Any]], Floats]
    reader: Reader = ONE_BY_ONE


def classify(
    scorer: Scorer,
    sources: Iterable[ImageSource],
    total: int | None,
    *,
    skip_bad: bool,
    threshold: float,
    notes: list[Note],
    show_progress: bool,
) -> Generator[Prediction, None, None]:
    """Yield a prediction for each image, in order, as soon as its batch is scored.

    Args:
        scorer: The model.
        sources: The images, which are decoded in parallel, a few batches ahead.
        total: Number of images; `None` if it is unknown.
        skip_bad: Go on if an image cannot be read; its prediction then has an `error`.
        threshold: Abstain (no label) below this probability, as `check_threshold` returns it.
        notes: Receives the notes on the images, such as that one is dark.
        show_progress: Show a progress bar if it takes long.

    Raises:
        OSError: If an image cannot be read, and is not skipped.
        ValueError: As `OSError`, or if the model's outputs cannot be used.
    """
    with progress("Predicting", total, shown=show_progress) as advance:
        for images in _computed_batches(sources, total, scorer, skip_bad, notes):
            yield from _predict_batch(scorer, images, threshold)
            advance(len(images))


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


def _computed_batches(
    sources: Iterable[ImageSource],
    total: int | None,
    scorer: Scorer,
    skip_bad: bool,
    notes: list[Note],
) -> Iterator[list[tuple[ImageSource, Outputs | Exception]]]:
    """Yield batches of images with outputs or errors; notes are in the order of the images."""
    reader = scorer.reader

    def read(chunk: Sequence[ImageSource]) -> list[ReadImage]:
        images = reader.read(chunk, scorer.image_size)
        if not skip_bad:
            _raise_first(images)
        return images

    batches = compute_ahead(
        sources, scorer.batch_size, read, scorer.compute, reader.chunk_size, total
    )
    with closing(batches):
        for batch in batches:
            notes += [note for _, image, _ in batch for note in image.notes]
            yield [(source, outputs) for source, _, outputs in batch]


def _raise_first(images: Iterable[ReadImage]) -> None:
    """Raise the first error among the images, if there is one, with a hint."""
    for image in images:
        if isinstance(image.pixels, Exception):
            raise_unreadable(image.pixels)


def raise_unreadable(error: Exception) -> NoReturn:
    """Raise the error of an image that cannot be read, with a hint."""
    fix = "Check it" if isinstance(error, FileNotFoundError) else "Repair or remove it"
    hint = f'{fix}, or pass on_bad_image="skip" for the others.'
    problem = str(error).rstrip(".")
    if isinstance(error, UsageError):
        raise type(error)(problem, hint=hint) from error
    raise type(error)(f"{problem}. {hint}") from error


def _predict_batch(
    scorer: Scorer, images: Sequence[tuple[ImageSource, Outputs | Exception]], threshold: float
) -> Iterator[Prediction]:
    """Yield the predictions for a batch of images."""
    good = [outputs for _, outputs in images if not isinstance(outputs, Exception)]
    rows = iter(scorer.probabilities(np.stack(good)) if good else ())
    for source, outputs in images:
        error = str(outputs) if isinstance(outputs, Exception) else None
        row = next(rows) if error is None else np.full(len(scorer.class_names), np.nan)
        has_label = error is None and row.max() >= threshold
        yield Prediction(
            label=scorer.class_names[row.argmax()] if has_label else None,
            probability=float(row.max()),
            probabilities=row,
            path=source.content if isinstance(source.content, Path) else None,
            class_names=scorer.class_names,
            error=error,
        )
