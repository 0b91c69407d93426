"""Call a function for many items in parallel threads, with a progress bar."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from catdog._utils.progress import progress

Item = TypeVar("Item")
Result = TypeVar("Result")


def usable_cores() -> int:
    """Return how many cores this process may use, or how many there are if that is unknown."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def map_in_threads(
    function: Callable[[Item], Result], items: Sequence[Item], description: str
) -> Iterator[Result]:
    """Yield the results of a function in the order of the items, on all processor cores.

    Args:
        function: Called in several threads at once; what it calls releases the GIL.
        items: Its arguments, such as files.
        description: Name of the task, for the progress bar.
    """
    pool = ThreadPoolExecutor(usable_cores())
    try:
        with progress(description, len(items)) as advance:
            for result in pool.map(function, items):
                yield result
                advance(1)
    finally:  # after Ctrl-C or an error, do not begin the thousands of items that may be left
        pool.shutdown(cancel_futures=True)
