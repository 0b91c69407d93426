"""Run trainings in processes that are killed at random moments, and go on; for `test_kill.py`.

The children are forked from one process that has imported everything, but has run nothing.
"""

import json
import os
import random
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import keras
import numpy as np

import catdog
import catdog.data.pipeline
import catdog.training.fine_tune
import catdog.training.train_head  # not once in every child

EPOCHS_PER_KILL = 10
MAX_SECONDS = 0.05  # about those of an epoch
HOW: dict[str, tuple[Any, dict[str, Any]]] = {
    "train": (catdog.train, {"patience": 1000}),
    "train_head": (catdog.train_head, {"views": 2, "patience": 1000}),
    "fine_tune": (catdog.fine_tune, {"learning_rate": 1e-3, "patience": None}),
}


class Started(keras.callbacks.Callback):  # type: ignore[misc]  # keras ships no hints
    """Tells the parent that the epochs begin."""

    def __init__(self, pipe: int) -> None:
        super().__init__()
        self.pipe = pipe

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        os.write(self.pipe, b"x")


def make_model() -> keras.Model:
    """Return a model with random layers, dropout and a frozen part."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.RandomFlip(),
            layers.Rescaling(1 / 255),
            layers.Conv2D(4, 3, strides=2, trainable=False),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(2),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="adam", loss=loss, metrics=["accuracy"])
    return model


def run(
    name: str, epochs: int, images: Path, checkpoints: Path | None, result: Path, *, pipe: int
) -> None:
    """Train, and write the history and the weights."""
    how, arguments = HOW[name]
    data = catdog.load_datasets(images, image_size=(8, 8), batch_size=4)
    model = make_model()
    plateau = keras.callbacks.ReduceLROnPlateau("val_loss", patience=2)
    history = how(
        model,
        data,
        epochs=epochs,
        checkpoint_dir=checkpoints,
        callbacks=[plateau, Started(pipe)],
        verbose=0,
        **arguments,
    )
    weights = [weight.tolist() for weight in model.get_weights()]
    found = {**history.history, "epoch": history.epoch, "kept": history.kept_epoch}
    result.write_text(json.dumps({"history": found, "weights": weights}), "utf-8")


def in_child(*given: Any, moment: tuple[int, float] | None = None) -> None:
    """Call `run` in a child; kill it in its epoch of this number, after so many seconds."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        try:
            run(*given, pipe=write)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)
    os.close(write)
    if moment is not None:
        for _ in range(moment[0]):
            os.read(read, 1)
        time.sleep(moment[1])
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(read)


def main(images: Path, scratch: Path, kills: int, seed: int) -> None:
    """Print for each function how a run that was killed differs from one that was not.

    That is: its name, the largest difference of all figures and weights, the last epoch that was
    saved before the last start, and what the killed processes left in the folder.
    """
    rng = random.Random(seed)
    for name in HOW:
        whole, killed = scratch / f"{name}.json", scratch / f"{name}.killed.json"
        checkpoints = scratch / "checkpoints"
        epochs = (1 + kills) * EPOCHS_PER_KILL
        in_child(name, epochs, images, None, whole)
        for _ in range(kills):
            moment = rng.randint(1, EPOCHS_PER_KILL), rng.uniform(0, MAX_SECONDS)
            in_child(name, epochs, images, checkpoints, killed, moment=moment)
        saved = [int(path.stem[-6:]) for path in checkpoints.glob(f"{name}-*.checkpoint")]
        in_child(name, epochs, images, checkpoints, killed)
        runs = (json.loads(path.read_text("utf-8")) for path in (whole, killed))
        flat = [
            np.concatenate([np.ravel(each) for each in (*run["history"].values(), *run["weights"])])
            for run in runs
        ]
        difference = float(np.abs(flat[0] - flat[1]).max())
        left = [path.name for path in checkpoints.iterdir() if not path.is_file()]
        found = [name, difference, max(saved, default=0), left]
        print(json.dumps(found), flush=True)  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
