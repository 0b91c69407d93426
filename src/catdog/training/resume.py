"""Save the state of a training after each epoch, and go on from it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from catdog._utils.errors import InvalidValueError, UsageWarning
from catdog._utils.file_lock import try_lock
from catdog._utils.keras_internals import seed_states, set_initial_epoch
from catdog.data.datasets import Datasets
from catdog.training.checkpoint_files import (
    Checkpoint,
    make_checkpoint_dir,
    read_checkpoint,
    write_checkpoint,
)
from catdog.training.feature_cache import models_hash
from catdog.training.kept_weights import Logs
from catdog.training.plain_state import (
    PlainValue,
    changed_attributes,
    plain_attributes,
    set_attribute,
    to_array,
)
from catdog.training.run_identity import LEARNING_RATE, hash_weights, identify_run, list_differences

LOCK_NAME = "in-use.lock"


@contextmanager
def open_checkpoints(
    checkpoint_dir: Any,
    name: str,
    model: keras.Model,
    trained: keras.Model,
    resized: Datasets,
    callbacks: Sequence[keras.callbacks.Callback],
    arguments: Mapping[str, Any],
    backbone: keras.Model | None = None,
) -> Iterator[Checkpoints | None]:
    """Yield the checkpoints of a run, after making their folder; `None` without a folder.

    Within this block, the folder is locked.

    Args:
        checkpoint_dir: What was passed to the training function.
        name: Name of the training function.
        model: The compiled model.
        trained: The model, or its head if only that is trained.
        resized: The data, at the model's input size.
        callbacks: The callbacks of the user.
        arguments: Other arguments on which the result depends, by name.
        backbone: What computed the features that `trained` is trained on, if it is a head. Its
            weights are not saved, so they have to be the same in each call.

    Raises:
        ValueError: If another run uses the folder.
    """
    if checkpoint_dir is None:
        yield None
        return
    folder = make_checkpoint_dir(checkpoint_dir)
    if backbone is not None:
        arguments = {**arguments, "weights of the backbone": models_hash([backbone])}
    identity = identify_run(model, resized, callbacks, arguments)
    with ExitStack() as stack:
        _lock(folder, stack)
        yield Checkpoints(folder, name, identity, trained, hash_weights(model))


def _lock(folder: Path, stack: ExitStack) -> None:
    """Lock a folder until the end of a stack; raise if another run has locked it."""
    try:
        is_ours = stack.enter_context(try_lock(folder / LOCK_NAME))
    except OSError:
        return  # a file system without locks
    if not is_ours:
        raise InvalidValueError(
            "is used by another run, which has not ended",
            argument="checkpoint_dir",
            value=str(folder),
            hint="Wait for its end, or pass another folder.",
        )


@dataclass(eq=False)
class Checkpoints:
    """The checkpoints of one run.

    `keras.callbacks.BackupAndRestore` is not used (3.15): it writes weights and epoch one after the
    other, in place, and keeps neither the history nor the state of callbacks.

    Attributes:
        folder: The folder, which exists.
        name: Name of the training function.
        identity: What makes two calls the same run, as from `identify_run`.
        trained: The compiled model, or its head if only that is trained.
        start: Hash of the weights before the first epoch.
        found: The checkpoint that the run goes on from, if there is one.
    """

    folder: Path
    name: str
    identity: Mapping[str, Any]
    trained: keras.Model
    start: str
    found: Checkpoint | None = None

    def find(self, epochs: int) -> int:
        """Read the last checkpoint, and return the number of epochs that need not be run.

        Raises:
            ValueError: If it is of another run, or of more epochs than are asked for.
        """
        self.found = found = read_checkpoint(self.folder, self.name)
        if found is None:
            return 0
        saved = dict(found.state["identity"])
        if self.identity[LEARNING_RATE] == found.state["rate"]:  # which a callback may have set
            saved[LEARNING_RATE] = found.state["rate"]
        differences = list_differences(saved, self.identity)
        if not differences and found.epoch > epochs:
            differences = [f"epochs ({found.epoch} are done, {epochs} are asked for)"]
        if not differences and [list(v.shape) for v in self._variables()] != found.state["shapes"]:
            differences = ["the shapes of the weights, or of the state of the optimizer"]
        if differences:
            raise InvalidValueError(
                f"holds a checkpoint of another run of {self.name}. What differs: "
                f"{'; '.join(differences)}",
                argument="checkpoint_dir",
                value=str(self.folder),
                hint="Pass another folder, or delete this one to begin again.",
            )
        is_new = not int(self.trained.optimizer.iterations)  # else it may be the interrupted one
        if is_new and found.state["start"] != self.start:
            warnings.warn(
                UsageWarning(
                    f"The run of {self.name} in {self.folder} began with other weights than model "
                    "has now. It goes on from its own.",
                    hint="If it is a run of another model, pass another folder. A model that was "
                    "built with a seed has the same weights each time.",
                ),
                stacklevel=4,
            )
        self.start = found.state["start"]
        return epochs if found.state["is_stopped"] else found.epoch

    def restore(self) -> None:
        """Set weights, state of the optimizer and random state to those of the checkpoint."""
        if self.found:
            for variable, value in zip(self._variables(), self.found.arrays, strict=False):
                variable.assign(value)

    def callback(
        self, watched: Sequence[keras.callbacks.Callback], first_epoch: int
    ) -> keras.callbacks.Callback:
        """Return the callback that writes checkpoints, to be called after all others.

        Args:
            watched: The callbacks whose state is part of a checkpoint.
            first_epoch: What `find` returned.
        """
        checkpoints = self

        class WriteCheckpoints(keras.callbacks.Callback):  # type: ignore[misc]  # loads Keras late
            def on_train_begin(self, logs: Logs = None) -> None:
                set_initial_epoch(self.model, first_epoch)
                self.begin = [plain_attributes(callback) for callback in watched]
                checkpoints.restore_callbacks(watched)

            def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
                # What has not changed is how the user made them, perhaps not as for the last call.
                states = list(map(changed_attributes, watched, self.begin))
                # Another callback may stop it for now, as at the time limit of a cluster.
                is_stopped = any(getattr(each, "stopped_epoch", 0) for each in watched)
                checkpoints.write(epoch + 1, states, is_stopped=is_stopped)

        return WriteCheckpoints()

    def restore_callbacks(self, watched: Sequence[keras.callbacks.Callback]) -> None:
        """Set the attributes of callbacks to those of the checkpoint."""
        if self.found:
            for callback, state in zip(watched, self.found.state["callbacks"], strict=True):
                for name, (value, first) in state.items():
                    set_attribute(callback, name, (value, list(self.found.arrays[first:])))
            self.found = None  # its arrays may be large

    def write(
        self, epoch: int, states: Sequence[Mapping[str, PlainValue]], *, is_stopped: bool
    ) -> None:
        """Write the checkpoint after an epoch, counted from 1.

        If that fails, as on a full disk, the run goes on with a warning: its weights are worth more
        than the checkpoint.

        Args:
            epoch: The epoch.
            states: The attributes of each callback that have changed since the begin.
            is_stopped: Whether the run is finished before its last epoch.
        """
        variables = self._variables()
        arrays = [to_array(variable) for variable in variables]
        callbacks: list[dict[str, Any]] = []
        for attributes in states:
            callbacks.append({})
            for name, (value, more) in attributes.items():
                callbacks[-1][name] = [value, len(arrays)]
                arrays += more
        rate = self.trained.optimizer.get_config().get("learning_rate")
        state = {
            "identity": self.identity,
            "rate": rate if isinstance(rate, float) else None,
            "start": self.start,
            "shapes": [list(variable.shape) for variable in variables],
            "is_stopped": is_stopped,
            "callbacks": callbacks,
        }
        try:
            write_checkpoint(self.folder, self.name, Checkpoint(epoch, state, arrays))
        except OSError as error:
            warnings.warn(
                UsageWarning(
                    f"The checkpoint of epoch {epoch} cannot be written: {error}. The run goes on; "
                    "if it is stopped, it goes on from an earlier epoch."
                ),
                stacklevel=2,
            )

    def _variables(self) -> list[Any]:
        """Return all variables that training changes, always in the same order."""
        optimizer = self.trained.optimizer
        if not optimizer.built:
            optimizer.build(self.trained.trainable_variables)
        return [*self.trained.weights, *seed_states(self.trained), *optimizer.variables]
