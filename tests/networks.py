"""Small models with a frozen backbone, and models of the zoo that are traced fast."""

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import pytest
from keras.src.applications import efficientnet_v2, mobilenet_v2

from catdog import build_model

# They have the backbone of `mobilenet_v2.both_flips`, which is tested with all its blocks.
SAME_BACKBONE = ("mobilenet_v2.horizontal_flip", "mobilenet_v2.linear", "transfer")

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


def build_light_model(name: str, **options: Any) -> keras.Model:
    """Build a model of the zoo; if another variant tests its backbone, with pooling for blocks."""
    with pytest.MonkeyPatch.context() as patch:
        if name in SAME_BACKBONE:
            use_pooling_for_blocks(patch)
        return build_model(name, **options)


def use_pooling_for_blocks(patch: pytest.MonkeyPatch) -> None:
    """Replace the blocks of two backbones by pooling (Keras 3.15): tracing them takes long."""
    patch.setattr(mobilenet_v2, "_inverted_res_block", pooled, raising=False)
    for name in ("MBConvBlock", "FusedMBConvBlock"):
        patch.setattr(efficientnet_v2, name, make_pooling_block, raising=False)


def pooled(features: keras.KerasTensor, *, stride: int, **_: Any) -> keras.KerasTensor:
    return features if stride == 1 else layers.AveragePooling2D(2, padding="same")(features)


def make_pooling_block(*, strides: int, **_: Any) -> Callable[..., keras.KerasTensor]:
    return partial(pooled, stride=strides)
