"""Compute a model's outputs for images, which are read in parallel threads, a few batches ahead."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from catdog.images.arrays import Pixels
from catdog.inference.read_ahead import read_ahead


class HasPixels(Protocol):
    """What was read of an image: its pixels, or why it cannot be read."""

    @property
    def pixels(self) -> Pixels | Exception:
        """The pixels, shape `(height, width, 3)`, or the error."""


Item = TypeVar("Item")
Found = TypeVar("Found", bound=HasPixels)
Outputs = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Compute:
    """Computes the outputs of a model.

    Attributes:
        run: A function from images, `float32` `(n, height, width, 3)` in `[0, 255]`, to outputs,
            `(n, ...)`.
        in_threads: Whether several threads may call `run` at once, each for one image on one core.
            Then the threads that read the images call it. If it ran beside them, more threads than
            cores would slow each other down.
    """

    run: Callable[[NDArray[np.float32]], Outputs]
    in_threads: bool = False

    def outputs_of(self, found: Sequence[HasPixels]) -> list[Outputs | Exception]:
        """Return the outputs for images, each `(...)`; the error of those that cannot be read."""
        pixels = [each.pixels for each in found]
        good = [each for each in pixels if not isinstance(each, Exception)]
        size = 1 if self.in_threads else len(good)
        rows = chain.from_iterable(map(self.run, _batches(good, size)))
        return [each if isinstance(each, Exception) else next(rows) for each in pixels]


def compute_ahead(
    items: Iterable[Item],
    batch_size: int,
    read: Callable[[Sequence[Item]], Sequence[Found]],
    compute: Compute,
    chunk_size: int = 1,
) -> Generator[list[tuple[Item, Found, Outputs | Exception]], None, None]:
    """Yield batches of items, what `read` returns for each, and its outputs, in their order.

    Args:
        items: Images; an iterator is consumed a few batches ahead at most.
        batch_size: Number of items in a batch; the last may hold fewer.
        read: Is called in several threads at once, for a few items each.
        compute: The model.
        chunk_size: For how many items `read` is called, at most.
    """

    def read_and_compute(chunk: Sequence[Item]) -> Sequence[tuple[Found, Outputs | Exception]]:
        found = read(chunk)
        return list(zip(found, compute.outputs_of(found), strict=True))

    if compute.in_threads:
        with closing(read_ahead(items, batch_size, read_and_compute, chunk_size)) as computed:
            for pairs in computed:
                yield [(item, *pair) for item, pair in pairs]
        return
    with closing(read_ahead(items, batch_size, read, chunk_size)) as batches:
        for batch in batches:
            outputs = compute.outputs_of([found for _, found in batch])
            yield [(*pair, each) for pair, each in zip(batch, outputs, strict=True)]


def _batches(images: Sequence[Pixels], size: int) -> Iterator[NDArray[np.float32]]:
    """Yield the images in batches of a size, `float32`."""
    for start in range(0, len(images), max(size, 1)):
        yield np.stack(images[start : start + size], dtype=np.float32, casting="unsafe")
