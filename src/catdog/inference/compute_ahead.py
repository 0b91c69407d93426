"""Compute a model's outputs for images, which are read in parallel threads, a few batches ahead."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import chain
from threading import Event
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from catdog._utils.threads import thread_count
from catdog.images.arrays import Pixels
from catdog.inference.read_ahead import PREFETCH_BATCHES, read_ahead


class HasPixels(Protocol):
    """What was read of an image: its pixels, or why it cannot be read."""

    @property
    def pixels(self) -> Pixels | Exception:
        """The pixels, shape `(height, width, 3)`, or the error."""


Item = TypeVar("Item")
Found = TypeVar("Found", bound=HasPixels)
Outputs = NDArray[Any]
Run = Callable[[NDArray[np.float32]], Outputs]


@dataclass(frozen=True, eq=False)
class Compute:
    """Computes the outputs of a model.

    Attributes:
        run: A function from images, `float32` `(n, height, width, 3)` in `[0, 255]`, to outputs,
            `(n, ...)`, on all cores. One thread calls it.
        run_on_one_core: The same for one image, in the thread that calls; `None` if several threads
            must not call it at once. The threads that read the images call it: if the model ran
            beside them, more threads than cores would slow each other down.
    """

    run: Run
    run_on_one_core: Run | None = None


def compute_ahead(
    items: Iterable[Item],
    batch_size: int,
    read: Callable[[Sequence[Item]], Sequence[Found]],
    compute: Compute,
    chunk_size: int,
    total: int | None,
) -> Generator[list[tuple[Item, Found, Outputs | Exception]], None, None]:
    """Yield batches of items, what `read` returns for each, and its outputs, in their order.

    Args:
        items: Images; an iterator is consumed a few batches ahead at most.
        batch_size: Number of items in a batch; the last may hold fewer.
        read: Is called in several threads at once, for a few items each.
        compute: The model.
        chunk_size: For how many items `read` is called, at most.
        total: Number of items; `None` if it is unknown.
    """
    run = compute.run_on_one_core
    # Each core gets a part of a batch; of all batches that are read ahead, if it runs the model:
    # with small parts, it changes often from decoding to the model and back, which is slower.
    shared = batch_size * (PREFETCH_BATCHES if run else 1)
    part = min(chunk_size, math.ceil(min(total or shared, shared) / thread_count()))
    if run:
        stopped = Event()
        work = partial(_read_and_run, read, run, stopped)
        with closing(read_ahead(items, batch_size, work, part, stopped)) as found:
            for rows in found:
                yield [(item, *row) for item, row in rows]
        return
    with closing(read_ahead(items, batch_size, read, part)) as batches:
        for batch in batches:
            outputs = _outputs_of([found for _, found in batch], compute.run, len(batch))
            yield [(*pair, each) for pair, each in zip(batch, outputs, strict=True)]


def _read_and_run(
    read: Callable[[Sequence[Item]], Sequence[Found]],
    run: Run,
    stopped: Event,
    chunk: Sequence[Item],
) -> list[tuple[Found, Outputs | Exception]]:
    """Return what was read of each item, and its outputs, which are computed one by one."""

    def run_unless_stopped(images: NDArray[np.float32]) -> Outputs:
        if stopped.is_set():  # after Ctrl-C; nobody waits for the outputs
            raise CancelledError
        return run(images)

    found = read(chunk)
    return list(zip(found, _outputs_of(found, run_unless_stopped, 1), strict=True))


def _outputs_of(found: Sequence[HasPixels], run: Run, batch_size: int) -> list[Outputs | Exception]:
    """Return the outputs for images, each `(...)`; the error of those that cannot be read."""
    pixels = [each.pixels for each in found]
    good = [each for each in pixels if not isinstance(each, Exception)]
    rows = chain.from_iterable(map(run, _batches(good, batch_size)))
    return [each if isinstance(each, Exception) else next(rows) for each in pixels]


def _batches(images: Sequence[Pixels], size: int) -> Iterator[NDArray[np.float32]]:
    """Yield the images in batches, `float32`."""
    for start in range(0, len(images), size):
        yield np.stack(images[start : start + size], dtype=np.float32, casting="unsafe")
