"""Train the CNNs of the blog posts on the training images of `compact`.

    KERAS_HOME=... python tools/train_cnns.py cnn.three_block --work FOLDER

The training is that of the blog post, but with 8 epochs of nine times as many images, which are 128
pixels wide. A stopped run continues after the last complete epoch, with the images in another order
than in an unbroken run. The folder then contains `NAME.weights.h5`, `NAME.run.json` and
`NAME.log.csv`, one line per epoch.
"""

import argparse
import csv
import logging
import time
from collections.abc import Sequence
from pathlib import Path

import keras
from compact_data import SIDE, read_images, write_run

from catdog import build_model

SEED = 0
EPOCHS = 8
NAMES = ("cnn.three_block", "cnn_preprocessed.three_block")


class CpuTime(keras.callbacks.Callback):  # type: ignore[misc]
    """Add the CPU time of each epoch to the logs, for the callbacks after it."""

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Store the CPU time at the start."""
        self._begin = time.process_time()

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        """Add the CPU time of the epoch to the logs."""
        logs["cpu_seconds"] = round(time.process_time() - self._begin, 1)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the script."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--work", type=Path, required=True, help="the folder of the run")
    options = parser.parse_args(arguments)
    options.work.mkdir(parents=True, exist_ok=True)
    log = options.work / f"{options.name}.log.csv"
    training, held_out = read_images(SEED)
    model = build_model(options.name, image_size=(SIDE, SIDE), weights=None, seed=SEED)
    keras.utils.set_random_seed(SEED)  # the order of the images
    model.fit(
        training.pixels,
        training.labels,
        validation_data=(held_out["held_out"].pixels, held_out["held_out"].labels),
        epochs=EPOCHS,
        verbose=2,
        callbacks=[
            keras.callbacks.BackupAndRestore(options.work / options.name, delete_checkpoint=False),
            CpuTime(),
            keras.callbacks.CSVLogger(log, append=True),
        ],
    )
    model.save_weights(options.work / f"{options.name}.weights.h5")
    settings = {"seed": SEED, "epochs": EPOCHS, "batch_size": 32}
    with log.open() as lines:
        cpu_seconds = sum(float(line["cpu_seconds"]) for line in csv.DictReader(lines))
    write_run(options.work, options.name, settings, training, held_out, cpu_seconds)


if __name__ == "__main__":
    main()
