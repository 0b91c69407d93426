"""A progress bar for the batches of a model in a notebook, where the bar of Keras is not used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import keras

from catdog._utils.notebook_bar import is_notebook
from catdog._utils.progress import progress
from catdog.typing import Verbose


@contextmanager
def batch_bar(
    description: str, batches: int, verbose: Verbose
) -> Iterator[list[keras.callbacks.Callback]]:
    """Show a progress bar while a model is trained or predicts, in a notebook and if it takes long.

    Args:
        description: Name of the task.
        batches: Number of batches, of all epochs together.
        verbose: As the user passed it; only for `"auto"` there is a bar.

    Yields:
        The callbacks to pass to Keras; none if there is no bar.
    """
    if verbose != "auto" or not is_notebook():
        yield []
        return
    with progress(description, batches, unit="batches") as advance:

        class CountBatches(keras.callbacks.Callback):  # type: ignore[misc]  # here, to load Keras late
            def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
                advance(1)

            def on_predict_batch_end(
                self, batch: int, logs: Mapping[str, Any] | None = None
            ) -> None:
                advance(1)

        yield [CountBatches()]
