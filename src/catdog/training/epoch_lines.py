"""The progress of a training that is not on a terminal: one line for each epoch."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from catdog._utils.progress import keras_verbose
from catdog.typing import Verbose


def epoch_lines(verbose: Verbose) -> list[keras.callbacks.Callback]:
    """Return the callback that shows the progress where Keras does not, see `keras_verbose`.

    It prints the number, the seconds and the figures of each epoch.
    """

    class EpochLines(keras.callbacks.Callback):  # type: ignore[misc]  # here, to load Keras late
        def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
            self._begin = time.monotonic()

        def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
            epochs = self.params["epochs"]
            seconds = time.monotonic() - self._begin
            # A metric may have several values; Keras' bar shows their mean, too.
            figures = [f"{name} {np.mean(value):.4f}" for name, value in (logs or {}).items()]
            number = f"{epoch + 1:>{len(str(epochs))}}"
            line = "  ".join([f"epoch {number}/{epochs}", f"{seconds:.1f} s", *figures])
            print(line, flush=True)  # noqa: T201

    return [EpochLines()] if verbose == "auto" and keras_verbose(verbose) == 0 else []
