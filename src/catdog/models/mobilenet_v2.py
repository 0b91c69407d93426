"""Transfer learning: a new head on MobileNetV2, whose ImageNet weights stay frozen.

Source: Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018,
https://arxiv.org/abs/1801.04381, as `keras.applications.MobileNetV2` builds it.
"""

from collections.abc import Callable
from functools import partial

import keras
from keras import Input, Sequential, layers

from catdog._download import download
from catdog._keras_cache import cached_path
from catdog._types import ImageSize
from catdog.augmentation import Flip, make_augmentation
from catdog.models._sources import FIRST_POST, SECOND_POST
from catdog.models._spec import ModelSpec, ReportedAccuracy
from catdog.preprocessing import make_preprocessor

BASE_NAME = "mobilenet_v2"
PUBLISHED_SIZES = (96, 128, 160, 192, 224)
WEIGHTS_URL = "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v2/"


def _frozen_base(image_size: ImageSize) -> keras.Model:
    """Build the convolutional part, without weights of its own yet, and freeze it."""
    base = keras.applications.MobileNetV2(
        input_shape=(*image_size, 3), include_top=False, weights=None, name=BASE_NAME
    )
    # Freezes every layer inside, batch normalisation too. Calling the base with training=False
    # would not do: Keras 3 lets an outer training=True override it, and only a batch normalisation
    # layer that is itself frozen keeps its ImageNet statistics then. Whoever sets base.trainable to
    # True sets it for these layers as well, and must freeze them again.
    base.trainable = False
    return base


def _builder(flip: Flip) -> Callable[[ImageSize, int], Sequential]:
    """Return a function that builds the model with the given flips."""

    def build(image_size: ImageSize, num_classes: int) -> Sequential:
        return Sequential(
            [
                Input((*image_size, 3)),
                make_preprocessor(image_size=image_size),  # 160, 160, 3
                make_augmentation(flip=flip, rotation=0.2),  # 160, 160, 3
                _frozen_base(image_size),  # 5, 5, 1280
                layers.GlobalMaxPooling2D(),  # 1280
                layers.Dropout(0.2),
                layers.Flatten(),  # 1280
                layers.Dense(64, activation="relu"),  # 64
                layers.Dense(num_classes),  # 2
            ]
        )

    return build


def load_imagenet(model: keras.Model) -> None:
    """Fill the base with the weights that Keras publishes for its input size.

    For a size without weights of its own, those of 224 pixels are taken, as Keras does.

    Raises:
        OSError: If the weights are neither in Keras' cache nor to be downloaded, or are broken.
    """
    base = model.get_layer(BASE_NAME)
    height, width = base.input_shape[1:3]
    side = height if height == width and height in PUBLISHED_SIZES else 224
    name = f"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_{side}_no_top.h5"
    path = cached_path(f"models/{name}")
    if not path.is_file():
        otherwise = "pass weights=None to begin without the ImageNet weights"
        download(WEIGHTS_URL + name, path, otherwise=otherwise)
    try:
        base.load_weights(path)
    except Exception as error:  # h5py and Keras raise many kinds
        raise OSError(
            f"Cannot read the ImageNet weights {path}: {error}. Delete the file and try again."
        ) from error


_SPEC = partial(
    ModelSpec,
    image_size=(160, 160),
    min_image_size=32,
    num_params=2_340_098,
    num_trainable_params=82_114,
    weights="ImageNet (the frozen part)",
    load_default_weights=load_imagenet,
)
_SUMMARY = (
    "preprocessor; {flip}, rotation 0.2; frozen MobileNetV2; global max pool, dropout 0.2, "
    "flatten, dense 64 relu, dense 2"
)

SPECS = (
    _SPEC(
        name="mobilenet_v2.both_flips",
        summary=_SUMMARY.format(flip="flip both ways"),
        source=SECOND_POST,
        reported=ReportedAccuracy(validation=(0.97, 0.97), final_validation=0.9790, test=0.9792),
        build=_builder("horizontal_and_vertical"),
    ),
    _SPEC(
        name="mobilenet_v2.horizontal_flip",
        summary=_SUMMARY.format(flip="flip horizontal"),
        source=FIRST_POST,
        # "between 797% and 98%" in the text; the log shows 96 to 99.
        reported=ReportedAccuracy(validation=(0.97, 0.98), final_validation=0.9864),
        build=_builder("horizontal"),
    ),
)
