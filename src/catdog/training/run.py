"""What the training functions do around the epochs of a run, and when it ends, whichever way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import keras

from catdog._utils.errors import NotFiniteError
from catdog._utils.text import counted
from catdog.training.epoch_lines import epoch_lines
from catdog.training.kept_weights import (
    best_weights,
    stop_if_not_finite,
    stop_without_progress,
)
from catdog.training.resume import Checkpoints
from catdog.typing import Verbose


@dataclass(eq=False)
class Run:
    """One run of a training function.

    Attributes:
        trained: The model, or its head if only that is trained.
        epochs: Number of epochs.
        patience: As in `train`.
        own_callbacks: The callbacks of the user.
        verbose: As in `train`.
        every_batch: Whether the loss is checked after each batch, or after each epoch only.
        checkpoints: Where the run is saved after each epoch, and goes on from; `None` for nowhere.
        start_loss: Computes the validation loss before the run, if the model must not become worse.
        history: Keras' record of the run.
    """

    trained: keras.Model
    epochs: int
    patience: int | None
    own_callbacks: Sequence[keras.callbacks.Callback]
    verbose: Verbose
    every_batch: bool = True
    checkpoints: Checkpoints | None = None
    start_loss: Callable[[], float] | None = None
    history: keras.callbacks.History = field(default_factory=lambda: keras.callbacks.History())

    def __post_init__(self) -> None:
        """Make the callbacks, and find the checkpoint to go on from.

        Raises:
            ValueError: If the checkpoint is of another run.
        """
        self.history.epoch = []  # Keras does so later, and the user may press Ctrl-C before
        self.first_epoch = self.checkpoints.find(self.epochs) if self.checkpoints else 0
        self._finite = stop_if_not_finite(self.trained, every_batch=self.every_batch)
        self._best = best_weights(
            self.trained,
            of_epochs=self.patience is not None,
            # That of a run that goes on is in the file.
            start_loss=self.start_loss() if self.start_loss and not self.first_epoch else None,
        )
        self._watched = [
            *self.own_callbacks,
            *stop_without_progress(self.patience),
            self._best,
            self.history,
        ]

    @property
    def callbacks(self) -> list[keras.callbacks.Callback]:
        """All callbacks of the run, in their order.

        The first one raises if a loss is not finite: such an epoch is nothing for the others. The
        last one saves their state.
        """
        callbacks = [self._finite, *self._watched, *epoch_lines(self.verbose)]
        if self.checkpoints:
            callbacks.append(self.checkpoints.callback(self._watched, self.first_epoch))
        return callbacks

    def epochs_of_passes(self) -> Iterator[int]:
        """Yield the epoch, counted from 0, that each pass of `fit` over the images belongs to.

        Keras 3.15 may begin a pass before the first epoch, to see the shape of a batch.
        """
        while True:
            yield max(self.first_epoch, self._finite.epoch - 1)

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Go on from the checkpoint; choose the weights that the model has after this block.

        Raises:
            FloatingPointError: If a loss was not finite. The model has the last good weights.
            KeyboardInterrupt: If the user interrupted the run. The model has the best weights so
                far, or the present ones without `patience`.
        """
        if self.checkpoints and self.first_epoch:
            self.checkpoints.restore()
            self._say(
                f"Goes on after epoch {self.first_epoch} of {self.epochs}, as saved in "
                f"{self.checkpoints.folder}."
            )
        try:
            yield
        except NotFiniteError:
            self._finite.restore()
            raise
        except KeyboardInterrupt:
            kept = self._keep_weights()
            self._say(f"Interrupted in epoch {self._finite.epoch} of {self.epochs}. {kept}")
            raise
        kept = self._keep_weights()
        if self.patience or not self.history.kept_epoch:
            self._say(kept)

    def _keep_weights(self) -> str:
        """Restore the best weights, if they are to be kept; return which weights there are now."""
        self.history.kept_epoch = done = len(self.history.epoch)
        if not self._best.restore():
            return "The model has its present weights."
        self.history.kept_epoch = best = self._best.epoch
        if not best:
            return (
                f"The model has the weights from before: after {counted(done, 'epoch')}, the "
                "validation loss was not lower."
            )
        return (
            f"The model has the weights of epoch {best} of {done}, whose validation loss is the "
            "lowest. The validation figures of a chosen epoch are optimistic."
        )

    def _say(self, line: str) -> None:
        if self.verbose != 0:
            print(line, flush=True)  # noqa: T201
