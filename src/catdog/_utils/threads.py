"""Call a function for many items in parallel threads, with a progress bar."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from catdog._utils.progress import progress

Item = TypeVar("Item")
Result = TypeVar("Result")


MAX_THREADS = 32  # each may need memory of its own, such as for a copy of a model


def core_count() -> int:
    """Return how many cores this process may use: on a shared machine, often not all."""
    has_affinity = hasattr(os, "sched_getaffinity")
    return len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1


def thread_count() -> int:
    """Return how many threads to run: one for each core that this process may use, at most 32."""
    return min(core_count(), MAX_THREADS)


def map_in_threads(
    function: Callable[[Item], Result], items: Sequence[Item], description: str
) -> Iterator[Result]:
    """Yield the results of a function in the order of the items, on all processor cores.

    Args:
        function: Called in several threads at once; what it calls releases the GIL.
        items: Its arguments, such as files.
        description: Name of the task, for the progress bar.
    """
    pool = ThreadPoolExecutor(thread_count())
    try:
        with progress(description, len(items)) as advance:
            for result in pool.map(function, items):
                yield result
                advance(1)
    finally:  # after Ctrl-C or an error, do not begin the thousands of items that may be left
        pool.shutdown(cancel_futures=True)
