"""Read images in parallel threads, a few batches ahead of the model."""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

PREFETCH_BATCHES = 2  # batches that are decoded while the model runs another
Item = TypeVar("Item")
Result = TypeVar("Result")


def read_ahead(
    items: Iterable[Item], batch_size: int, read: Callable[[Item], Result]
) -> Generator[list[tuple[Item, Result]], None, None]:
    """Yield batches of items and what `read` returns for each, in their order.

    Args:
        items: Images; an iterator is consumed `PREFETCH_BATCHES` batches ahead at most.
        batch_size: Number of items in a batch; the last may hold fewer.
        read: Is called in several threads at once.
    """
    pending: deque[tuple[Item, Future[Result]]] = deque()
    remaining = iter(items)
    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        while True:
            for item in islice(remaining, PREFETCH_BATCHES * batch_size - len(pending)):
                pending.append((item, pool.submit(read, item)))
            if not pending:
                return
            batch = [pending.popleft() for _ in range(min(batch_size, len(pending)))]
            yield [(item, future.result()) for item, future in batch]
    finally:  # after Ctrl-C or an error, or if no more is wanted, do not decode what is left
        pool.shutdown(cancel_futures=True)
