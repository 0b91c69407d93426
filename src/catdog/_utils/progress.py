"""A progress bar for long tasks, such as a scan or a download."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, Protocol

from catdog._utils.notebook_bar import NotebookBar, find_widgets, is_notebook
from catdog.typing import Verbose

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
    """Show a progress bar if a task takes longer than `SHOW_AFTER_SECONDS`.

    The bar appears on standard error if that is a terminal, and in notebooks if `ipywidgets` is
    installed.

    Args:
        description: Name of the task, such as `"Scanning the images of photos"`.
        total: Number of units; `None` if it is unknown.
        unit: Such as `"files"`, which notebooks show; or `"bytes"` to show amounts such as 12.5 MB.
        shown: Whether the bar may appear.

    Yields:
        A function that takes the number of units completed since its last call.
    """
    start = time.monotonic()
    completed = 0
    bar: _Bar | None = None
    is_waiting = shown

    def advance(units: int) -> None:
        nonlocal completed, bar, is_waiting
        completed += units
        if is_waiting and time.monotonic() - start > SHOW_AFTER_SECONDS:
            bar, is_waiting = _start_bar(description, total, unit), False
        if bar is not None:
            bar.update(completed)

    try:
        yield advance
    finally:
        if bar is not None:
            bar.stop()


class _Bar(Protocol):
    def update(self, completed: int) -> None: ...

    def stop(self) -> None: ...


def _start_bar(description: str, total: int | None, unit: str) -> _Bar | None:
    """Return a progress bar that is shown; `None` where none can be."""
    if is_notebook():
        widgets = find_widgets()
        return NotebookBar(widgets, description, total, unit) if widgets else None
    is_terminal = sys.stderr is not None and sys.stderr.isatty()
    return _TerminalBar(description, total, unit) if is_terminal else None


class _TerminalBar:
    """A bar on standard error, which is removed at the end."""

    def __init__(self, description: str, total: int | None, unit: str) -> None:
        """Show the bar."""
        # keras.utils.Progbar would import TensorFlow; rich comes with Keras. It takes longer to
        # load than a short task takes.
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn() if unit == "bytes" else MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            redirect_stdout=False,  # results may be written to it while the bar is shown
        )
        self._task = self._bar.add_task(description, total=total)
        self._bar.start()

    def update(self, completed: int) -> None:
        """Show how many units are completed."""
        self._bar.update(self._task, completed=completed)

    def stop(self) -> None:
        """Remove the bar."""
        self._bar.stop()
