"""Small convolutional networks: plain, augmented, and augmented with scaled pixels.

Each has a variant for each blog post: two convolution blocks or three. The comments give the output
shape at 160 x 160 pixels and two classes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import keras

from catdog.models.augmentation import make_augmentation
from catdog.models.measured import measured_accuracy
from catdog.models.preprocessing import make_preprocessor
from catdog.models.pretrained import pretrained_weights
from catdog.models.sources import FIRST_POST, SECOND_POST
from catdog.models.spec import ModelSpec, ReportedAccuracy
from catdog.typing import ImageSize

IMAGE_SIZE = (160, 160)
TWO_BLOCK_MIN_SIZE = 10  # pixels; each block removes 2, then halves: 10 -> 4 -> 1
THREE_BLOCK_MIN_SIZE = 22  # pixels: 22 -> 10 -> 4 -> 1


def _block(filters: int) -> list[keras.Layer]:
    return [keras.layers.Conv2D(filters, 3, activation="relu"), keras.layers.MaxPooling2D(2)]


def _two_block(num_classes: int) -> list[keras.Layer]:
    return [
        *_block(32),  # 79, 79, 32
        *_block(32),  # 38, 38, 32
        keras.layers.Flatten(),  # 46208
        keras.layers.Dropout(0.2),
        keras.layers.Dense(num_classes),  # 2
    ]


def _three_block(num_classes: int) -> list[keras.Layer]:
    return [
        *_block(32),  # 79, 79, 32
        *_block(32),  # 38, 38, 32
        *_block(64),  # 18, 18, 64
        keras.layers.Dropout(0.2),
        keras.layers.Flatten(),  # 20736
        keras.layers.Dense(num_classes),  # 2
    ]


def _augmented_two_block(num_classes: int) -> list[keras.Layer]:
    return [
        make_augmentation(flip="horizontal", rotation=0.2),  # 160, 160, 3
        *_block(32),  # 79, 79, 32
        *_block(32),  # 38, 38, 32
        keras.layers.Dropout(0.2),
        keras.layers.Flatten(),  # 46208
        keras.layers.Dense(64, activation="relu"),  # 64
        keras.layers.Dense(num_classes),  # 2
    ]


def _augmented_three_block(num_classes: int) -> list[keras.Layer]:
    return [
        make_augmentation(flip="horizontal_and_vertical", rotation=0.2),  # 160, 160, 3
        *_block(32),  # 79, 79, 32
        keras.layers.Dropout(0.2),
        *_block(32),  # 38, 38, 32
        *_block(64),  # 18, 18, 64
        keras.layers.Flatten(),  # 20736
        keras.layers.Dense(64, activation="relu"),  # 64
        keras.layers.Dense(num_classes),  # 2
    ]


def _build(
    body: Callable[[int], list[keras.Layer]],
    image_size: ImageSize,
    num_classes: int,
    *,
    scaled: bool = False,
) -> keras.Sequential:
    """Build the input, the preprocessor if `scaled`, and `body`."""
    preprocessors = [make_preprocessor(image_size=image_size)] if scaled else []
    return keras.Sequential([keras.Input((*image_size, 3)), *preprocessors, *body(num_classes)])


_TWO = "conv 32, pool, conv 32, pool"
_AUGMENTED_TWO = (
    f"flip horizontal, rotation 0.2; {_TWO}, dropout 0.2, flatten, dense 64 relu, dense 2"
)
_AUGMENTED_THREE = (
    "flip both ways, rotation 0.2; conv 32, pool, dropout 0.2, conv 32, pool, conv 64, pool, "
    "flatten, dense 64 relu, dense 2"
)

_TWO_BLOCK = partial(
    ModelSpec,
    source=FIRST_POST,
    image_size=IMAGE_SIZE,
    min_image_size=TWO_BLOCK_MIN_SIZE,
    weights="none",
)
_THREE_BLOCK = partial(
    ModelSpec,
    source=SECOND_POST,
    image_size=IMAGE_SIZE,
    min_image_size=THREE_BLOCK_MIN_SIZE,
    weights="none",
)

SPECS = (
    _THREE_BLOCK(
        name="cnn.three_block",
        summary=f"{_TWO}, conv 64, pool, dropout 0.2, flatten, dense 2",
        num_params=70_114,
        num_trainable_params=70_114,
        reported=ReportedAccuracy(validation=(0.62, 0.66), final_validation=0.6436),
        read_measured=partial(measured_accuracy, "cnn.three_block"),
        build=partial(_build, _three_block),
        read_pretrained=partial(pretrained_weights, "cnn.three_block"),
    ),
    _TWO_BLOCK(
        name="cnn.two_block",
        summary=f"{_TWO}, flatten, dropout 0.2, dense 2",
        num_params=102_562,
        num_trainable_params=102_562,
        reported=ReportedAccuracy(validation=(0.54, 0.57), final_validation=0.5644),
        read_measured=partial(measured_accuracy, "cnn.two_block"),
        build=partial(_build, _two_block),
    ),
    _THREE_BLOCK(
        name="cnn_augmented.three_block",
        summary=_AUGMENTED_THREE,
        num_params=1_355_938,
        num_trainable_params=1_355_938,
        reported=ReportedAccuracy(validation=(0.60, 0.62), final_validation=0.6238),
        read_measured=partial(measured_accuracy, "cnn_augmented.three_block"),
        build=partial(_build, _augmented_three_block),
    ),
    _TWO_BLOCK(
        name="cnn_augmented.two_block",
        summary=_AUGMENTED_TWO,
        num_params=2_967_650,
        num_trainable_params=2_967_650,
        reported=ReportedAccuracy(validation=(0.55, 0.57), final_validation=0.5507),
        read_measured=partial(measured_accuracy, "cnn_augmented.two_block"),
        build=partial(_build, _augmented_two_block),
    ),
    _THREE_BLOCK(
        name="cnn_preprocessed.three_block",
        summary=f"preprocessor; {_AUGMENTED_THREE}",
        num_params=1_355_938,
        num_trainable_params=1_355_938,
        reported=ReportedAccuracy(validation=(0.72, 0.72), final_validation=0.7203),
        read_measured=partial(measured_accuracy, "cnn_preprocessed.three_block"),
        build=partial(_build, _augmented_three_block, scaled=True),
        read_pretrained=partial(pretrained_weights, "cnn_preprocessed.three_block"),
    ),
    _TWO_BLOCK(
        name="cnn_preprocessed.two_block",
        summary=f"preprocessor; {_AUGMENTED_TWO}",
        num_params=2_967_650,
        num_trainable_params=2_967_650,
        reported=ReportedAccuracy(validation=(0.70, 0.72), final_validation=0.7228),
        read_measured=partial(measured_accuracy, "cnn_preprocessed.two_block"),
        build=partial(_build, _augmented_two_block, scaled=True),
    ),
)
