"""A small residual network of our own, designed for accuracy per millisecond on two CPU cores.

It has plain 3 x 3 convolutions. MobileNets have depthwise convolutions, whose speed is limited by
the memory, because they do few multiplications per number read (Ma et al., "ShuffleNet V2", ECCV
2018, https://arxiv.org/abs/1807.11164). Two strided convolutions reduce the image first, so that
the layers behind them are cheap.

Sources: He et al., "Deep Residual Learning for Image Recognition", CVPR 2016,
https://arxiv.org/abs/1512.03385; the average pooling in the shortcuts is from He et al., "Bag of
Tricks for Image Classification", CVPR 2019, https://arxiv.org/abs/1812.01187.
"""

from __future__ import annotations

from functools import partial

import keras

from catdog.models.pretrained import load_pretrained, pretrained_weights
from catdog.models.sources import OWN
from catdog.models.spec import MeasuredAccuracy, ModelSpec
from catdog.typing import ImageSize

STEM = (16, 32)  # channels of the strided convolutions
STAGES = ((32, 1), (64, 2), (128, 3))  # channels, residual blocks; the first keeps the size
FEATURES = 256  # channels of the last convolution


def _convolution(
    x: keras.KerasTensor, channels: int, size: int = 3, *, strides: int = 1, relu: bool = True
) -> keras.KerasTensor:
    x = keras.layers.Conv2D(channels, size, strides=strides, padding="same", use_bias=False)(x)
    x = keras.layers.BatchNormalization()(x)
    return keras.layers.ReLU()(x) if relu else x


def _block(x: keras.KerasTensor, channels: int, strides: int) -> keras.KerasTensor:
    """Add the residual of two convolutions to `x`; the shortcut is resized to the same shape."""
    y = _convolution(x, channels, strides=strides)
    y = _convolution(y, channels, relu=False)
    if strides > 1:
        x = keras.layers.AveragePooling2D(strides, padding="same")(x)
    if x.shape[-1] != channels:
        x = _convolution(x, channels, 1, relu=False)
    return keras.layers.ReLU()(keras.layers.Add()([x, y]))


def build(image_size: ImageSize, num_classes: int) -> keras.Model:
    """Build the network, with initial weights, from pixels in `[0, 255]` to logits."""
    pixels = keras.Input((*image_size, 3))
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(pixels)
    for channels in STEM:
        x = _convolution(x, channels, strides=2)  # 64, 64, 16, then 32, 32, 32
    for stage, (channels, blocks) in enumerate(STAGES):
        for block in range(blocks):
            x = _block(x, channels, strides=2 if stage and not block else 1)
    x = _convolution(x, FEATURES, 1)  # 8, 8, 256
    x = keras.layers.GlobalAveragePooling2D()(x)  # 256
    return keras.Model(pixels, keras.layers.Dense(num_classes)(x))  # 2


_read_weights = partial(pretrained_weights, "compact")


def _load_default_weights(model: keras.Model) -> None:
    load_pretrained(model, _read_weights())


def _read_measured() -> MeasuredAccuracy:
    return _read_weights().measured


SPECS = (
    ModelSpec(
        name="compact",
        summary=(
            "rescale; conv 16, conv 32, strided; residual blocks of two convs: 1 of 32, 2 of 64, "
            "3 of 128; conv 256; batch norm and relu after convs; global average pool, dense 2"
        ),
        source=OWN,
        image_size=(128, 128),
        min_image_size=16,
        num_params=1_013_362,
        num_trainable_params=1_010_194,
        weights="cats and dogs, trained by catdog",
        build=build,
        load_default_weights=_load_default_weights,
        read_measured=_read_measured,
        read_pretrained=_read_weights,
    ),
)
