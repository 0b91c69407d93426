"""Run a backbone over image files: read, hash and decode in threads, in batches."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from catdog.images.arrays import Pixels
from catdog.images.inputs import ImageSource, check_file
from catdog.images.notes import Note
from catdog.inference.compute_ahead import Compute, Outputs, compute_ahead
from catdog.inference.predict import choose_compute, choose_reader
from catdog.inference.readers import Reader
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
    """An image that was read: the hash of its file, and its pixels or the error, with notes."""

    sha256: str
    pixels: Pixels | Exception
    notes: list[Note]


def compute_features(parts: ModelParts, image_size: ImageSize, count: int) -> Compute:
    """Return what computes features from images.

    Args:
        parts: The model.
        image_size: Height and width of the images.
        count: Number of images; for many, the backbone is compiled.
    """
    backbone, augmentation = choose_compute(parts.backbone, image_size, count), parts.augmentation
    if augmentation is None:
        return backbone

    def run(images: NDArray[np.float32]) -> NDArray[Any]:
        # It draws nothing outside of training, but may hold other layers.
        return backbone.run(np.asarray(augmentation(images, training=False)))

    return Compute(run)


def run_backbone(
    compute: Compute,
    sources: Sequence[ImageSource],
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
    reader = choose_reader(len(sources))
    read = partial(_read, reader=reader, image_size=image_size)
    batches = compute_ahead(sources, batch_size, read, compute, reader.chunk_size, len(sources))
    with closing(batches):
        for batch in batches:
            notes += [note for _, found, _ in batch for note in found.notes]
            yield [_extracted(source, found.sha256, outputs) for source, found, outputs in batch]


def _extracted(source: ImageSource, sha256: str, outputs: Outputs | Exception) -> Extracted:
    if isinstance(outputs, Exception):
        return Extracted(source.name, sha256, None, outputs)
    return Extracted(source.name, sha256, outputs.astype(np.float32), None)  # from bfloat16 too


def _read(sources: Sequence[ImageSource], *, reader: Reader, image_size: ImageSize) -> list[_Read]:
    """Read the bytes of images once: for their hashes and their pixels."""
    contents = [_read_bytes(source) for source in sources]
    files = [
        ImageSource(content, source.name)
        for source, content in zip(sources, contents, strict=True)
        if isinstance(content, bytes)
    ]
    images = iter(reader.read(files, image_size))
    return [
        _Read(hashlib.sha256(content).hexdigest(), *next(images))
        if isinstance(content, bytes)
        else _Read("", content, [])
        for content in contents
    ]


def _read_bytes(source: ImageSource) -> bytes | Exception:
    """Return the bytes of an image file, or why it cannot be read."""
    content = source.content
    try:
        if isinstance(content, Path):
            check_file(content)
            content = content.read_bytes()
    except (OSError, ValueError) as error:
        return error
    assert isinstance(content, bytes)
    return content
