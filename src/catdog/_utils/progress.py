"""A progress bar for long tasks, such as a scan or a download."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from catdog.typing import Verbose

if TYPE_CHECKING:
    from rich.progress import Progress

SHOW_AFTER_SECONDS = 1.0  # a shorter task needs no bar


def keras_verbose(verbose: Verbose) -> Literal[0, 1, 2]:
    """Return the `verbose` to pass to Keras: its bar for `"auto"` on a terminal, else nothing.

    The bar rewrites its line with backspaces. In a file or a notebook they are hundreds of lines,
    or boxes.
    """
    if verbose != "auto":
        return verbose
    return 1 if sys.stdout is not None and sys.stdout.isatty() else 0


@contextmanager
def progress(
    description: str, total: int | None, *, unit: str = "files", shown: bool = True
) -> Iterator[Callable[[int], None]]:
    """Show a progress bar on standard error if a task takes longer than `SHOW_AFTER_SECONDS`.

    The bar appears in terminals and notebooks only.

    Args:
        description: Name of the task, such as `"Scanning the images of photos"`.
        total: Number of units; `None` if it is unknown.
        unit: `"files"`, or `"bytes"` to show amounts such as 12.5 MB.
        shown: Whether the bar may appear.

    Yields:
        A function that takes the number of units completed since its last call.
    """
    start = time.monotonic()
    completed, bar = 0, None

    def advance(units: int) -> None:
        nonlocal completed, bar
        completed += units
        if bar is not None:
            bar.update(bar.task_ids[0], completed=completed)
        elif shown and time.monotonic() - start > SHOW_AFTER_SECONDS:
            bar = _start_bar(description, total, completed, unit)

    try:
        yield advance
    finally:
        if bar is not None:
            bar.stop()


def _start_bar(description: str, total: int | None, completed: int, unit: str) -> "Progress":
    """Return a progress bar, started; it shows nothing outside terminals and notebooks."""
    # keras.utils.Progbar would import TensorFlow; rich comes with Keras. It takes longer to load
    # than a short task takes.
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn() if unit == "bytes" else MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not (sys.stderr.isatty() or console.is_jupyter),
        redirect_stdout=False,  # results may be written to it while the bar is shown
    )
    bar.add_task(description, total=total, completed=completed)
    bar.start()
    return bar
