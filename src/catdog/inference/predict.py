"""Predict the classes of images in any form."""

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
from typing import Any, Literal

import keras
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from catdog._utils import checks
from catdog._utils.errors import InvalidValueError, UsageError
from catdog._utils.progress import progress
from catdog._utils.public import public
from catdog._utils.text import counted, percent, printable, shorten
from catdog.images.inputs import ImageSource, Pixels, iter_images, read_pixels
from catdog.inference.forward import checked_logits, log_probabilities
from catdog.inference.litert import MIN_IMAGES_TO_COMPILE, Compute, compile_with_litert
from catdog.models.logits import check_classifier
from catdog.models.metadata import (
    get_metadata,
    get_temperature,
    get_trained_size,
    resolve_class_names,
)
from catdog.typing import Floats, ImageSize, Verbose

UNSURE = "unsure"
PREFETCH_BATCHES = 2  # batches that are decoded while the model is at work on another


@public
@dataclass(frozen=True, eq=False, repr=False)
class Prediction:
    """The prediction for one image. Printed, it is one line of aligned columns.

    Attributes:
        label: Name of the class; `None` if the model is unsure, or the image cannot be read.
        probability: The model's probability of its likeliest class, from 0 to 1; NaN if the image
            cannot be read.
        probabilities: That of every class, `float64`, shape `(classes,)`, adding up to 1; all
            NaN if the image cannot be read.
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
        said = UNSURE if self.label is None else printable(self.label)
        share = percent(self.probability)
        where = "" if self.path is None else f"  {printable(self.path)}"
        guess = f"  ({names[int(self.probabilities.argmax())]}?)" if self.label is None else ""
        return f"{said:<{width}}  {share:>6}{where}{guess}"

    def to_dict(self) -> dict[str, Any]:
        """Return the answer, ready for `json.dump`; what is not known is `None`."""
        read = self.error is None
        shares = dict(zip(self.class_names, self.probabilities.tolist(), strict=True))
        return {
            "path": None if self.path is None else str(self.path),
            "label": self.label,
            "probability": self.probability if read else None,
            "probabilities": shares if read else None,
            "error": self.error,
        }

    def __repr__(self) -> str:
        return f"<Prediction: {' '.join(str(self).split())}>"


@public
def predict(
    model: keras.Model,
    images: "str | PathLike[str] | bytes | Image.Image | NDArray[Any] | Iterable[Any]",
    *,
    class_names: Sequence[str] | None = None,
    batch_size: int = 32,
    on_bad_image: Literal["raise", "skip"] = "raise",
    unsure_below: float | None = None,
    verbose: Verbose = "auto",
) -> list[Prediction]:
    """Predict the classes of images.

    Images are read exactly as for training and `evaluate`: turned upright, as RGB, stretched to
    the model's input size. Nothing is augmented. A large folder is read while the model is at work;
    no more than a few batches of it are in memory at a time. For 1000 images or more the model is
    compiled for the CPU first, if there is no GPU: faster, and the same to within rounding.

    Args:
        model: Returns logits, as every model of the zoo does.
        images: What to look at: an image file; a folder, with all that is below it, ordered by
            name; the bytes of a file; an image of Pillow's; an array `(height, width, 3)`, or
            `(n, height, width, 3)` for several, of whole numbers or floats in `[0, 255]`; or an
            iterable of any of these. In a folder, files are taken by their suffix. An array of the
            right size is taken as it is, one of another size is rounded and stretched as a file is.
        class_names: Names of the classes, in the order of their labels. A model that catdog has
            trained, or opened, knows them.
        batch_size: Images that the model looks at together.
        on_bad_image: What to do about an image that cannot be read: `"raise"` an error, or
            `"skip"` it with a warning; it keeps its place in the list, with an `error`.
        unsure_below: Give no label where the probability is below this, above 0 and at most 1.
            `coverage_curve` shows what it buys.
        verbose: 0 shows no progress bar; else there is one if it takes long.

    Returns:
        A prediction for each image, in their order.

    Raises:
        FileNotFoundError: If an image file does not exist.
        TypeError: If `images` is nothing of the kind.
        ValueError: If an image cannot be read, a folder holds none, an array is not one of pixels
            in `[0, 255]`, the model does not return logits, it does not know its classes' names and
            `class_names` does not fit, or an argument is out of its range.

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
    threshold = _check_threshold(unsure_below)
    sources, total = _list(images)
    answer = partial(
        _answer,
        _fastest(model, size, total),
        class_names=names,
        temperature=get_temperature(model),
        unsure_below=threshold,
    )
    answers: list[Prediction] = []
    with progress("Predicting", total, shown=verbose != 0) as advance:
        for read in _read_batches(sources, size, batch):
            if not skip:
                _raise_first(read)
            answers += answer(read)
            advance(len(read))
    _warn_skipped(answers)
    return answers


def _fastest(model: keras.Model, image_size: ImageSize, images: int | None) -> Compute:
    """Return the fastest function from images to logits; `images` is their number, if known."""
    compute: Compute | None = None
    if images is not None and images >= MIN_IMAGES_TO_COMPILE:
        noise = np.random.default_rng(0).integers(0, 256, (1, *image_size, 3))
        compute = compile_with_litert(model, noise.astype(np.float32))
    return compute or model.predict_on_batch


def _check_threshold(value: Any) -> float:
    """Return `unsure_below`; 0, below which nothing is, if there is none."""
    if value is None:
        return 0.0
    number = checks.as_float(value)
    if number is None or not 0 < number <= 1:
        raise InvalidValueError(
            f"must be a probability above 0 and at most 1, such as 0.9, not {value!r}",
            argument="unsure_below",
        )
    return number


def _list(images: Any) -> tuple[Iterable[ImageSource], int | None]:
    """Return the images and how many there are; an iterator is not consumed."""
    sources = iter_images(images)
    if not isinstance(images, str | PathLike) and not hasattr(images, "__len__"):
        return sources, None
    listed = list(sources)  # so that what is wrong with the last is said before the first is read
    return listed, len(listed)


_Read = tuple[ImageSource, Pixels | Exception]


def _read_batches(
    sources: Iterable[ImageSource], image_size: ImageSize, batch_size: int
) -> Iterator[list[_Read]]:
    """Yield batches of images or errors, read in parallel, `PREFETCH_BATCHES` ahead at most."""
    waiting: deque[tuple[ImageSource, Future[Pixels | Exception]]] = deque()
    coming = iter(sources)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        while True:
            for source in islice(coming, PREFETCH_BATCHES * batch_size - len(waiting)):
                waiting.append((source, pool.submit(_try_to_read, source, image_size)))
            if not waiting:
                return
            batch = [waiting.popleft() for _ in range(min(batch_size, len(waiting)))]
            yield [(source, pixels.result()) for source, pixels in batch]


def _try_to_read(source: ImageSource, image_size: ImageSize) -> Pixels | Exception:
    try:
        return read_pixels(source, image_size)
    except (OSError, ValueError) as error:
        return error


def _raise_first(images: Iterable[_Read]) -> None:
    """Raise the first error there is, with the hint."""
    for _, pixels in images:
        if isinstance(pixels, Exception):
            hint = 'Repair or remove it, or pass on_bad_image="skip" for the others.'
            problem = str(pixels).rstrip(".")
            if isinstance(pixels, UsageError):
                raise type(pixels)(problem, hint=hint) from pixels
            raise type(pixels)(f"{problem}. {hint}") from pixels


def _answer(
    compute: Compute,
    images: Sequence[_Read],
    *,
    class_names: tuple[str, ...],
    temperature: float,
    unsure_below: float,
) -> list[Prediction]:
    """Predict the classes of a batch of images."""
    good = [pixels for _, pixels in images if not isinstance(pixels, Exception)]
    rows = iter(_probabilities(compute, good, temperature) if good else ())
    answers = []
    for source, pixels in images:
        error = str(pixels) if isinstance(pixels, Exception) else None
        row = next(rows) if error is None else np.full(len(class_names), np.nan)
        sure = error is None and row.max() >= unsure_below
        answers.append(
            Prediction(
                label=class_names[row.argmax()] if sure else None,
                probability=float(row.max()),
                probabilities=row,
                path=source.content if isinstance(source.content, Path) else None,
                class_names=class_names,
                error=error,
            )
        )
    return answers


def _probabilities(compute: Compute, pixels: Sequence[Pixels], temperature: float) -> Floats:
    """Return the model's probabilities for images of one size, shape `(n, classes)`."""
    images = np.stack(pixels, dtype=np.float32, casting="unsafe")
    logits = checked_logits(compute(images))
    probabilities: Floats = np.exp(log_probabilities(logits, temperature))
    return probabilities


def _warn_skipped(answers: Iterable[Prediction]) -> None:
    """Warn of the images that could not be read."""
    errors = [printable(answer.error) for answer in answers if answer.error is not None]
    if errors:
        listed = "\n  ".join(shorten(errors))
        warnings.warn(f"{counted(len(errors), 'image')} cannot be read:\n  {listed}", stacklevel=3)
