"""Run a backbone over image files: read, hash and decode in threads, in batches."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from catdog.images.inputs import ImageSource, Pixels, check_file, read_pixels
from catdog.images.notes import Note
from catdog.inference.litert import Compute
from catdog.inference.predict import choose_compute
from catdog.inference.read_ahead import read_ahead
from catdog.models.graph import ModelParts
from catdog.typing import ImageSize


class Extracted(NamedTuple):
    """What was computed of one image.

    Attributes:
        name: Its path, or the name of its bytes.
        sha256: Hash of its content; empty if the file could not be read.
        values: Its features; `None` if it could not be read.
        error: Why it could not be read; `None` if it was.
    """

    name: str
    sha256: str
    values: NDArray[np.float32] | None
    error: Exception | None


class _Read(NamedTuple):
    """An image that was read: the hash of its file, its pixels or the error, and notes on it."""

    sha256: str
    pixels: Pixels | Exception
    notes: list[Note]


def compute_features(parts: ModelParts, image_size: ImageSize, count: int) -> Compute:
    """Return a function from images, `(n, height, width, 3)`, to features, `float32` `(n, ...)`.

    Args:
        parts: The model.
        image_size: Height and width of the images.
        count: Number of images; for many, the backbone is compiled.
    """
    backbone, augmentation = choose_compute(parts.backbone, image_size, count), parts.augmentation

    def compute(images: Any) -> NDArray[np.float32]:
        if augmentation:  # draws nothing outside of training, but may hold other layers
            images = np.asarray(augmentation(images, training=False))
        return backbone(images).astype(np.float32)  # from bfloat16 too

    return compute


def run_backbone(
    compute: Compute,
    sources: Iterable[ImageSource],
    image_size: ImageSize,
    batch_size: int,
    notes: list[Note],
) -> Iterator[list[Extracted]]:
    """Yield the features of the images of each batch, in order.

    Args:
        compute: From `compute_features`.
        sources: Image files, or the bytes of such files. Each file is read once.
        image_size: Height and width at which the backbone gets them.
        batch_size: Number of images in a batch.
        notes: Receives the notes on the images, such as that one is dark.
    """
    with closing(
        read_ahead(sources, batch_size, lambda source: _read(source, image_size))
    ) as batches:
        for batch in batches:
            good = [read.pixels for _, read in batch if not isinstance(read.pixels, Exception)]
            images = np.stack(good, dtype=np.float32, casting="unsafe") if good else None
            values = iter(() if images is None else compute(images))
            rows = []
            for source, (sha256, pixels, own) in batch:
                notes += own
                error = pixels if isinstance(pixels, Exception) else None
                rows.append(Extracted(source.name, sha256, None if error else next(values), error))
            yield rows


def _read(source: ImageSource, image_size: ImageSize) -> _Read:
    """Read the bytes of an image once: for its hash and its pixels."""
    sha256, notes, content = "", list[Note](), source.content
    try:
        if isinstance(content, Path):
            check_file(content)
            content = content.read_bytes()
        assert isinstance(content, bytes)
        sha256 = hashlib.sha256(content).hexdigest()
        return _Read(
            sha256, read_pixels(ImageSource(content, source.name), image_size, notes), notes
        )
    except (OSError, ValueError) as error:
        return _Read(sha256, error, notes)
