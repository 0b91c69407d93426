"""Drawn videos of a few frames, and a model whose backbone tells them apart."""

from pathlib import Path

import keras
import numpy as np
from PIL import Image

SIZE = (16, 16)
layers = keras.layers


def write_videos(
    folder: Path, *, videos: int, frames: int, seed: int = 0, by_coin: bool = True
) -> Path:
    """Write frames of videos of random scenes, half of the videos in each class.

    The classes mean nothing, or the scenes of one class are red and those of the other blue.
    """
    rng = np.random.default_rng(seed)
    for video in range(videos):
        scene = rng.integers(0, 256, (4, 4, 3))
        if not by_coin:
            scene[..., 2 * (video % 2)] = 255
        still = np.kron(scene, np.ones((4, 4, 1)))
        label = ("heads", "tails")[video % 2]
        (folder / label).mkdir(parents=True, exist_ok=True)
        for frame in range(frames):
            noisy = still + rng.normal(0, 6, still.shape)
            image = Image.fromarray(noisy.clip(0, 255).astype(np.uint8))
            image.save(folder / label / f"video{video}_{frame}.png")
    return folder


def blocks_model(features: int = 400) -> keras.Model:
    """Return a model whose backbone computes random features of the mean colours of 16 blocks."""
    random = keras.initializers.RandomNormal(stddev=0.3, seed=0)
    base = keras.Sequential(
        [
            keras.Input((*SIZE, 3)),
            layers.Rescaling(1 / 127.5, offset=-1),
            layers.AveragePooling2D(4),
            layers.Flatten(),
            layers.Dense(features, activation="tanh", kernel_initializer=random),
        ]
    )
    base.trainable = False
    head = layers.Dense(2, kernel_initializer="zeros")
    model = keras.Sequential([keras.Input((*SIZE, 3)), base, head])
    model.compile(
        "adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"]
    )
    return model
