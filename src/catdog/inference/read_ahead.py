"""Read images in parallel threads, a few batches ahead of the one that is used."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from threading import Event
from typing import TypeVar

from catdog._utils.threads import thread_count

PREFETCH_BATCHES = 2  # batches that are read at the same time
Item = TypeVar("Item")
Result = TypeVar("Result")


def read_ahead(
    items: Iterable[Item],
    batch_size: int,
    read: Callable[[Sequence[Item]], Sequence[Result]],
    chunk_size: int = 1,
    stopped: Event | None = None,
) -> Generator[list[tuple[Item, Result]], None, None]:
    """Yield batches of items and what `read` returns for each, in their order.

    Args:
        items: Images; an iterator is consumed `PREFETCH_BATCHES` batches ahead at most.
        batch_size: Number of items in a batch; the last may hold fewer.
        read: Is called in several threads at once, for a few items each.
        chunk_size: For how many, at most; a chunk is part of one batch.
        stopped: Is set as soon as no more is wanted, so that `read` can end early.
    """
    pending: deque[list[tuple[Sequence[Item], Future[Sequence[Result]]]]] = deque()
    remaining = iter(items)
    pool = ThreadPoolExecutor(thread_count())
    try:
        while True:
            while len(pending) < PREFETCH_BATCHES and (
                batch := list(islice(remaining, batch_size))
            ):
                pending.append(
                    [(chunk, pool.submit(read, chunk)) for chunk in _chunks(batch, chunk_size)]
                )
            if not pending:
                return
            yield [
                pair
                for chunk, future in pending.popleft()
                for pair in zip(chunk, future.result(), strict=True)
            ]
    finally:  # after Ctrl-C or an error, or if no more is wanted, do not decode what is left
        if stopped:
            stopped.set()
        pool.shutdown(cancel_futures=True)


def _chunks(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    return (items[start : start + size] for start in range(0, len(items), size))
