"""Read many images: plain JPEG files with the kernels of TensorFlow, all others with Pillow.

The pixels are the same. Files of the same scale are decoded in one call, in parallel and without
Python.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from catdog.data.native import Plan, decoder_of_many, find_plan
from catdog.images.arrays import Pixels
from catdog.images.containers import open_image, open_once
from catdog.images.endings import has_empty_end
from catdog.images.greys import BLACK_UP_TO
from catdog.images.inputs import ImageSource, check_file
from catdog.images.jpeg_scans import MISSING_GREYS
from catdog.images.limits import own_limits
from catdog.images.notes import size_notes
from catdog.images.plain_jpeg import find_plain_jpeg
from catdog.inference.readers import Reader, ReadImage, read_each
from catdog.typing import ImageSize

MIN_IMAGES = 200  # with fewer, tracing the graph takes longer than it saves
_CHUNK_SIZE = 32  # files that a thread holds at once, at most


class _PlainFile(NamedTuple):
    """The bytes of a plain JPEG file, and how it is decoded."""

    content: bytes
    plan: Plan


def read_natively(sources: Sequence[ImageSource], image_size: ImageSize) -> list[ReadImage]:
    """Read images; the result is that of `read_each`, for damaged files too."""
    files = [_find_plain(source, image_size) for source in sources]
    by_plan: dict[Plan, list[bytes]] = {}
    for file in filter(None, files):
        by_plan.setdefault(file.plan, []).append(file.content)
    decoded = {plan: iter(_decode(found, plan, image_size)) for plan, found in by_plan.items()}
    pixels = [next(decoded[file.plan]) if file else None for file in files]
    others = [source for source, each in zip(sources, pixels, strict=True) if each is None]
    rest = iter(read_each(others, image_size))
    return [next(rest) if each is None else ReadImage(each, []) for each in pixels]


NATIVE = Reader(_CHUNK_SIZE, read_natively)


def _find_plain(source: ImageSource, image_size: ImageSize) -> _PlainFile | None:
    """Read a plain JPEG file of which nothing but the end can be missing; `None` for others."""
    try:
        with own_limits(), _open(source) as file, open_image(file) as image:
            plain = find_plain_jpeg(image, file)
            plan = find_plan(plain, image_size) if plain and plain.is_in_order else None
            if plan is None or plan.orientation != 1 or any(size_notes(image, source.name)):
                return None
            if has_empty_end(file, image.format):
                return None
            assert isinstance(file, BytesIO)  # of a plain JPEG file
            return _PlainFile(file.getvalue(), plan)
    except Exception:  # Pillow raises many kinds; `read_each` says what is wrong
        return None


def _open(source: ImageSource) -> BytesIO | BufferedReader:
    """Open a file, or the bytes of one; raise for images of other kinds."""
    if isinstance(source.content, Path):
        check_file(source.content)
        return open_once(source.content)
    if isinstance(source.content, bytes):
        return BytesIO(source.content)
    raise TypeError("not a file")


def _decode(contents: Sequence[bytes], plan: Plan, image_size: ImageSize) -> list[Pixels | None]:
    """Decode plain files; `None` for an image that may be damaged, or that needs a note."""
    try:
        tensors = decoder_of_many(plan, image_size)(np.array(contents, np.object_))
    except tf.errors.OpError:  # it does not say which file is damaged
        return [None] * len(contents)
    pixels, last = (tensor.numpy() for tensor in tensors)
    is_black = pixels.max(axis=(1, 2, 3)) <= BLACK_UP_TO
    is_grey_at_the_end = np.isin(last, MISSING_GREYS).all(axis=1)
    doubtful = is_black | is_grey_at_the_end
    return [None if doubt else each for each, doubt in zip(pixels, doubtful, strict=True)]
