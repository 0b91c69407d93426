"""A progress bar in a notebook, made of widgets."""

import sys
import time
from importlib import import_module
from types import ModuleType
from typing import Any

REFRESH_SECONDS = 0.1  # between two messages to the page


def is_notebook() -> bool:
    """Return whether this is the process of a notebook, whose page can show widgets."""
    ipython = sys.modules.get("IPython")
    return hasattr(ipython.get_ipython(), "kernel") if ipython else False


def find_widgets() -> ModuleType | None:
    """Return the package of the widgets; `None` if it is not installed."""
    try:
        return import_module("ipywidgets")
    except ImportError:
        return None


class NotebookBar:
    """A bar with a name and a count, which is removed at the end.

    It captures no output, unlike the display of rich: a warning stays on the page.
    """

    def __init__(self, widgets: Any, description: str, total: int | None, unit: str) -> None:
        """Show the bar; without a total it shows the count alone."""
        self._widgets, self._total, self._unit = widgets, total, unit
        self._count = widgets.Label()
        self._bar = widgets.IntProgress(min=0, max=total or 1)
        parts = [widgets.Label(description), *([self._bar] if total else []), self._count]
        self._box = widgets.HBox(parts)
        self._shown_at = 0.0
        self._output = import_module("IPython.display").display(self._box, display_id=True)

    def update(self, completed: int) -> None:
        """Show how many units are completed, unless it was shown just now."""
        now = time.monotonic()
        if now - self._shown_at < REFRESH_SECONDS and completed != self._total:
            return
        self._shown_at = now
        self._bar.value = completed
        self._count.value = _count(completed, self._total, self._unit)

    def stop(self) -> None:
        """Remove the bar; a saved notebook keeps no trace of it."""
        self._box.close()
        self._output.update({"text/plain": "", "text/html": ""}, raw=True)


def _count(completed: int, total: int | None, unit: str) -> str:
    """Return a count such as `3/4 files` or `1.2/2.0 MB`."""
    if unit == "bytes":
        end = f"/{total / 1e6:.1f}" if total else ""
        return f"{completed / 1e6:.1f}{end} MB"
    return f"{completed}/{total or '?'} {unit}"
