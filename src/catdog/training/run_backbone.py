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

from catdog.images.inputs import ImageSource, check_file
from catdog.images.notes import Note
from catdog.inference.litert import Compute
from catdog.inference.predict import choose_compute, choose_reader
from catdog.inference.read_ahead import read_ahead
from catdog.inference.readers import Reader, ReadImage
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
    """An image that was read: the hash of its file, and its pixels or the error."""

    sha256: str
    image: ReadImage


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
    with closing(read_ahead(sources, batch_size, read, reader.chunk_size)) as batches:
        for batch in batches:
            images = [read.image.pixels for _, read in batch]
            good = [each for each in images if not isinstance(each, Exception)]
            stacked = np.stack(good, dtype=np.float32, casting="unsafe") if good else None
            values = iter(() if stacked is None else compute(stacked))
            rows = []
            for source, (sha256, (pixels, own)) in batch:
                notes += own
                error = pixels if isinstance(pixels, Exception) else None
                rows.append(Extracted(source.name, sha256, None if error else next(values), error))
            yield rows


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
        _Read(hashlib.sha256(content).hexdigest(), next(images))
        if isinstance(content, bytes)
        else _Read("", ReadImage(content, []))
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
