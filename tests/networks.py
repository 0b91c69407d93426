"""Small models with a frozen backbone."""

from typing import Any

import keras

SIZE = (32, 32)
layers = keras.layers


def backbone(**options: Any) -> keras.Model:
    """Return a small frozen network with batch normalisation."""
    network = keras.Sequential(
        [
            keras.Input((*SIZE, 3)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(4, 3),
            layers.BatchNormalization(),
            layers.ReLU(),
        ],
        **options,
    )
    network.trainable = False
    return network


def sequential() -> keras.Model:
    """Return an augmentation, the backbone and a head."""
    augmentation = keras.Sequential([layers.RandomFlip(), layers.RandomRotation(0.2)])
    pool = [layers.GlobalMaxPooling2D(), layers.Dropout(0.2)]
    return keras.Sequential(
        [keras.Input((*SIZE, 3)), augmentation, backbone(), *pool, layers.Dense(2)]
    )
