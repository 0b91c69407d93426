"""The progress of a training: Keras' bar on a terminal, else one line for each epoch."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import keras

from catdog._utils.progress import keras_verbose
from catdog.typing import Verbose


def epoch_lines(verbose: Verbose) -> list[keras.callbacks.Callback]:
    """Return the callback that shows the progress where Keras does not, see `keras_verbose`."""
    return [EpochLines()] if verbose == "auto" and keras_verbose(verbose) == 0 else []


class EpochLines(keras.callbacks.Callback):  # type: ignore[misc]
    """Prints one line for each epoch: its number, its seconds and its figures."""

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Remember when the epoch begins."""
        self._begin = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Print the line of the epoch."""
        epochs = self.params["epochs"]
        seconds = time.monotonic() - self._begin
        figures = [f"{name} {float(value):.4f}" for name, value in (logs or {}).items()]
        number = f"{epoch + 1:>{len(str(epochs))}}"
        line = "  ".join([f"epoch {number}/{epochs}", f"{seconds:.1f} s", *figures])
        print(line, flush=True)  # noqa: T201
