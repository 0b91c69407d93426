"""A progress bar for what may take long, such as a scan or a download."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SHOW_AFTER_SECONDS = 1.0  # seconds before a bar appears: what ends sooner needs none


@contextmanager
def progress(
    doing: str, total: int | None, *, unit: str = "files", shown: bool = True
) -> Iterator[Callable[[int], None]]:
    """Show how much of a task is done, on standard error, if it takes longer than a second.

    Nothing is shown where nobody watches: neither a terminal nor a notebook.

    Args:
        doing: What is done, such as `"Looking at photos"`.
        total: How many units there are; `None` if that is not known.
        unit: What is counted: `"files"`, or `"bytes"` to show amounts such as 12.5 MB.
        shown: Whether to show anything at all.

    Yields:
        A function to call with the number of units just done.
    """
    # keras.utils.Progbar would import TensorFlow; rich comes with Keras.
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
        disable=not shown or not (sys.stderr.isatty() or console.is_jupyter),
    )
    task = bar.add_task(doing, total=total)
    begin = time.monotonic()

    def advance(units: int) -> None:
        bar.advance(task, units)
        if not bar.live.is_started and time.monotonic() - begin > SHOW_AFTER_SECONDS:
            bar.start()

    try:
        yield advance
    finally:
        bar.stop()
