"""Train with the three functions from a seed; for `test_repeat.py`, there and in other processes.

python tests/repeated_trainings.py IMAGES RESULTS.npz
"""

import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

import catdog

SIZE = (24, 24)

Weights = NDArray[np.float32]
"""All weights of a model, in one array."""


def train_once(images: Path, seed: int) -> tuple[keras.Model, catdog.Datasets]:
    """Train a model with augmentation and dropout; return it with its data."""
    data = catdog.load_datasets(images, image_size=SIZE, batch_size=4, seed=seed)
    model = catdog.build_model("cnn_preprocessed", image_size=SIZE, seed=seed)
    catdog.train(model, data, epochs=2, verbose=0)
    return model, data


def train_all(images: Path, seed: int) -> dict[str, Weights]:
    """Return the weights after each of the training functions, which are called in turn."""
    model, data = train_once(images, seed)
    found = {"train": all_weights(model)}
    catdog.fine_tune(model, data, epochs=1, learning_rate=1e-3, verbose=0)
    found["fine_tune"] = all_weights(model)
    model.layers[2].trainable = False  # the first convolution, behind the augmentation
    model.compile("adam", loss=model.loss, metrics=["accuracy"])
    catdog.train_head(model, data, epochs=2, views=2, verbose=0)
    found["train_head"] = all_weights(model)
    return found


def all_weights(model: keras.Model) -> Weights:
    """Return all weights of a model in one array."""
    return np.concatenate([np.ravel(weight) for weight in model.get_weights()])


if __name__ == "__main__":
    images, results = map(Path, sys.argv[1:])
    found = train_all(images, 0)
    tf.config.experimental.enable_op_determinism()  # what draws without a seed would raise
    found["deterministic"] = all_weights(train_once(images, 0)[0])
    np.savez(results, **found)  # type: ignore[arg-type]  # numpy expects its own options too
