"""Transfer learning: a new head on MobileNetV2, whose ImageNet weights stay frozen.

Source: Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018,
https://arxiv.org/abs/1801.04381, as `keras.applications.MobileNetV2` builds it.
"""

from __future__ import annotations

from functools import partial

import keras

from catdog.models.augmentation import make_augmentation
from catdog.models.backbones import WEIGHTS_URL, frozen_backbone, load_published
from catdog.models.measured import measured_accuracy
from catdog.models.preprocessing import make_preprocessor
from catdog.models.sources import FIRST_POST, OWN, SECOND_POST
from catdog.models.spec import ModelSpec, ReportedAccuracy
from catdog.typing import Flip, ImageSize

BACKBONE_NAME = "mobilenet_v2"
PUBLISHED_SIZES = (96, 128, 160, 192, 224)

_backbone = partial(frozen_backbone, "MobileNetV2", name=BACKBONE_NAME)


def _build(flip: Flip, image_size: ImageSize, num_classes: int) -> keras.Sequential:
    """Build the model of the blog posts with the given flips."""
    return keras.Sequential(
        [
            keras.Input((*image_size, 3)),
            make_preprocessor(image_size=image_size),  # 160, 160, 3
            make_augmentation(flip=flip, rotation=0.2),  # 160, 160, 3
            _backbone(image_size),  # 5, 5, 1280
            keras.layers.GlobalMaxPooling2D(),  # 1280
            keras.layers.Dropout(0.2),
            keras.layers.Flatten(),  # 1280
            keras.layers.Dense(64, activation="relu"),  # 64
            keras.layers.Dense(num_classes),  # 2
        ]
    )


def _build_linear(image_size: ImageSize, num_classes: int) -> keras.Sequential:
    """Build our own variant: one linear layer on the pooled features."""
    return keras.Sequential(
        [
            keras.Input((*image_size, 3)),
            make_preprocessor(image_size=image_size),  # 224, 224, 3
            make_augmentation(flip="horizontal", rotation=0.1),  # 224, 224, 3
            _backbone(image_size),  # 7, 7, 1280
            keras.layers.GlobalAveragePooling2D(),  # 1280
            keras.layers.Dense(num_classes),  # 2
        ]
    )


def load_imagenet(backbone: keras.Model) -> None:
    """Load the ImageNet weights that Keras publishes for the input size of the backbone.

    For a size without weights of its own, the weights for 224 pixels are loaded, as Keras does.
    Keras publishes no hash for these files.

    Raises:
        OSError: If the weights are not in Keras' cache and cannot be downloaded, or are damaged.
    """
    height, width = backbone.input_shape[1:3]
    side = height if height == width and height in PUBLISHED_SIZES else 224
    name = f"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_{side}_no_top.h5"
    load_published(backbone, f"{WEIGHTS_URL}/mobilenet_v2/{name}")


def _load_default_weights(model: keras.Model) -> None:
    load_imagenet(model.get_layer(BACKBONE_NAME))


_SPEC = partial(
    ModelSpec,
    min_image_size=32,
    weights="ImageNet (the backbone)",
    load_default_weights=_load_default_weights,
)
_POST = partial(_SPEC, image_size=(160, 160), num_params=2_340_098, num_trainable_params=82_114)
_SUMMARY = (
    "preprocessor; {flip}, rotation 0.2; frozen MobileNetV2; global max pool, dropout 0.2, "
    "flatten, dense 64 relu, dense 2"
)

SPECS = (
    _POST(
        name="mobilenet_v2.both_flips",
        summary=_SUMMARY.format(flip="flip both ways"),
        source=SECOND_POST,
        reported=ReportedAccuracy(validation=(0.97, 0.97), final_validation=0.9790, test=0.9792),
        read_measured=partial(measured_accuracy, "mobilenet_v2.both_flips"),
        build=partial(_build, "horizontal_and_vertical"),
    ),
    _POST(
        name="mobilenet_v2.horizontal_flip",
        summary=_SUMMARY.format(flip="flip horizontal"),
        source=FIRST_POST,
        # "between 797% and 98%" in the text; the log shows 96 to 99.
        reported=ReportedAccuracy(validation=(0.97, 0.98), final_validation=0.9864),
        read_measured=partial(measured_accuracy, "mobilenet_v2.horizontal_flip"),
        build=partial(_build, "horizontal"),
    ),
    _SPEC(
        name="mobilenet_v2.linear",
        summary=(
            "preprocessor; flip horizontal, rotation 0.1; frozen MobileNetV2; global average pool, "
            "dense 2"
        ),
        source=OWN,
        image_size=(224, 224),
        num_params=2_260_546,
        num_trainable_params=2_562,
        read_measured=partial(measured_accuracy, "mobilenet_v2.linear"),
        build=_build_linear,
    ),
)
