"""Transfer learning: a linear head on a frozen backbone of `keras.applications`.

Each backbone was trained on pixels that were scaled in its own way, and some scale pixels
themselves. The table below says which. The model scales the pixels for the others.

Source: https://keras.io/api/applications/, which names the paper behind each network.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import keras

from catdog._utils import checks
from catdog.models import mobilenet_v2
from catdog.models.augmentation import make_augmentation
from catdog.models.backbones import WEIGHTS_URL, frozen_backbone, load_published
from catdog.models.preprocessing import make_preprocessor
from catdog.models.sources import OWN
from catdog.models.spec import ModelSpec
from catdog.typing import ImageSize

# "none" is for a backbone that scales the pixels itself. The others are the modes of
# `keras.applications.imagenet_utils.preprocess_input`, by their names there.
Scaling = Literal["none", "tf", "torch", "caffe"]

# Mean and standard deviation of ImageNet's pixels in [0, 1], and the mean in [0, 255] for Caffe.
IMAGENET_MEAN_RGB, IMAGENET_STD_RGB = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CAFFE_MEAN_BGR = (103.939, 116.779, 123.68)


@dataclass(frozen=True)
class Backbone:
    """A network of `keras.applications` without its classification layers.

    Attributes:
        layer: Its name as a layer of a model.
        scaling: How pixels in `[0, 255]` are scaled before it.
        num_params: Number of its weights.
        num_features: Number of channels of its features.
        load_imagenet: Loads the ImageNet weights into it, after a check of their published hash.
        side: Height and width in pixels of the images it was trained on.
        min_side: Smallest height and width in pixels that it takes.
    """

    layer: str
    scaling: Scaling
    num_params: int
    num_features: int
    load_imagenet: Callable[[keras.Model], None]
    side: int = 224
    min_side: int = 32


def _published(
    path: str, digest: str, *, cached_as: str | None = None
) -> Callable[[keras.Model], None]:
    """Return a function that loads the weights that Keras publishes under a path, with a hash."""
    url = f"{WEIGHTS_URL}/{path}"
    return partial(load_published, url=url, cached_as=cached_as, digest=digest)


def _load_efficientnet_b0(backbone: keras.Model) -> None:
    """Load the weights of EfficientNetB0, with its pixel scaling in the normalization layer.

    With `weights="imagenet"` only, Keras 3.15 adds one layer to the EfficientNets of the first
    version: it divides by the square root of the standard deviation. Here, the variance of the
    normalization layer includes this factor. So the model has the same layers with any weights,
    and a file of its weights is enough to restore it.
    """
    load_published(
        backbone,
        "https://storage.googleapis.com/keras-applications/efficientnetb0_notop.h5",
        digest="50bc09e76180e00e4465e1a485ddc09d",
    )
    norm = next(layer for layer in backbone.layers if isinstance(layer, keras.layers.Normalization))
    mean, variance, count = norm.get_weights()
    norm.set_weights([mean, variance * IMAGENET_STD_RGB, count])
    norm.finalize_state()


_NO_TOP = "weights_tf_dim_ordering_tf_kernels_notop.h5"

BACKBONES = {
    "MobileNetV2": Backbone(
        mobilenet_v2.BACKBONE_NAME,
        scaling="tf",
        num_params=2_257_984,
        num_features=1280,
        load_imagenet=mobilenet_v2.load_imagenet,
    ),
    "MobileNetV3Small": Backbone(
        "mobilenet_v3_small",
        scaling="none",
        num_params=939_120,
        num_features=576,
        load_imagenet=_published(
            "mobilenet_v3/weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5",
            "d3e8ec802a04aa4fc771ee12a9a9b836",
        ),
    ),
    "MobileNetV3Large": Backbone(
        "mobilenet_v3_large",
        scaling="none",
        num_params=2_996_352,
        num_features=960,
        load_imagenet=_published(
            "mobilenet_v3/weights_mobilenet_v3_large_224_1.0_float_no_top_v2.h5",
            "07fb09a5933dd0c8eaafa16978110389",
        ),
    ),
    "EfficientNetB0": Backbone(
        "efficientnet_b0",
        scaling="none",
        num_params=4_049_571,
        num_features=1280,
        load_imagenet=_load_efficientnet_b0,
    ),
    "EfficientNetV2B0": Backbone(
        "efficientnet_v2_b0",
        scaling="none",
        num_params=5_919_312,
        num_features=1280,
        load_imagenet=_published(
            "efficientnet_v2/efficientnetv2-b0_notop.h5", "893217f2bb855e2983157299931e43ff"
        ),
    ),
    "EfficientNetV2S": Backbone(
        "efficientnet_v2_s",
        scaling="none",
        num_params=20_331_360,
        num_features=1280,
        load_imagenet=_published(
            "efficientnet_v2/efficientnetv2-s_notop.h5", "af0682fb74e8c54910f2d4393339c070"
        ),
        side=384,
    ),
    "ResNet50": Backbone(
        "resnet50",
        scaling="caffe",
        num_params=23_587_712,
        num_features=2048,
        load_imagenet=_published(f"resnet/resnet50_{_NO_TOP}", "4d473c1dd8becc155b73f8504c6f6626"),
    ),
    "ResNet50V2": Backbone(
        "resnet50_v2",
        scaling="tf",
        num_params=23_564_800,
        num_features=2048,
        load_imagenet=_published(
            f"resnet/resnet50v2_{_NO_TOP}", "fac2f116257151a9d068a22e544a4917"
        ),
    ),
    "DenseNet121": Backbone(
        "densenet121",
        scaling="torch",
        num_params=7_037_504,
        num_features=1024,
        load_imagenet=_published(
            f"densenet/densenet121_{_NO_TOP}", "30ee3e1110167f948a6b9946edeeb738"
        ),
    ),
    "Xception": Backbone(
        "xception",
        scaling="tf",
        num_params=20_861_480,
        num_features=2048,
        load_imagenet=_published(
            f"xception/xception_{_NO_TOP}", "b0042744bf5b25fce3cb969f33bebb97"
        ),
        side=299,
        min_side=71,
    ),
    "InceptionV3": Backbone(
        "inception_v3",
        scaling="tf",
        num_params=21_802_784,
        num_features=2048,
        load_imagenet=_published(
            f"inception_v3/inception_v3_{_NO_TOP}", "bcbd6486424b2319ff4ef7d526e38f63"
        ),
        side=299,
        min_side=75,
    ),
    "ConvNeXtTiny": Backbone(
        "convnext_tiny",
        scaling="none",
        num_params=27_820_128,
        num_features=768,
        load_imagenet=_published(
            "convnext/convnext_tiny_notop.h5",
            "d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1",
        ),
    ),
    "NASNetMobile": Backbone(
        "nasnet_mobile",
        scaling="tf",
        num_params=4_269_716,
        num_features=1056,
        load_imagenet=_published(
            "nasnet/NASNet-mobile-no-top.h5",
            "1ed92395b5b598bdda52abe5c0dbfd63",
            cached_as="nasnet_mobile_no_top.h5",
        ),
    ),
    "VGG16": Backbone(
        "vgg16",
        scaling="caffe",
        num_params=14_714_688,
        num_features=512,
        load_imagenet=_published(f"vgg16/vgg16_{_NO_TOP}", "6d6bbae143d832006294945121d1f1fc"),
    ),
}
DEFAULT_BACKBONE = "MobileNetV2"  # as in the blog posts


def _preprocessors(scaling: Scaling, image_size: ImageSize) -> list[keras.Model]:
    """Return the models that scale pixels in `[0, 255]`: one or none."""
    if scaling == "none":
        return []
    if scaling == "tf":
        return [make_preprocessor(image_size=image_size)]
    pixels = keras.Input((*image_size, 3))
    if scaling == "torch":
        scaled = keras.layers.Normalization(
            mean=[255 * mean for mean in IMAGENET_MEAN_RGB],
            variance=[(255 * std) ** 2 for std in IMAGENET_STD_RGB],
        )(pixels)
    else:
        bgr = keras.ops.flip(pixels, axis=-1)
        scaled = keras.layers.Normalization(mean=list(CAFFE_MEAN_BGR), variance=[1.0, 1.0, 1.0])(
            bgr
        )
    return [keras.Model(pixels, scaled, name="preprocessor")]


def _build(name: str, image_size: ImageSize, num_classes: int) -> keras.Sequential:
    """Build the model on a backbone."""
    backbone = BACKBONES[name]
    return keras.Sequential(
        [
            keras.Input((*image_size, 3)),
            make_augmentation(flip="horizontal", rotation=0.1),
            *_preprocessors(backbone.scaling, image_size),
            frozen_backbone(name, image_size, name=backbone.layer),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(num_classes),
        ]
    )


def _load_default_weights(name: str, model: keras.Model) -> None:
    backbone = BACKBONES[name]
    backbone.load_imagenet(model.get_layer(backbone.layer))


def spec_of(name: str) -> ModelSpec:
    """Return the spec of the transfer model on a backbone.

    Args:
        name: Name of the backbone, as in `keras.applications`.

    Raises:
        ValueError: If it is not listed; the message lists all and the closest.
    """
    backbone = BACKBONES[checks.check_choice("backbone", name, BACKBONES)]
    head = 2 * (backbone.num_features + 1)
    return ModelSpec(
        name="transfer",
        summary=(
            f"flip horizontal, rotation 0.1; scaling for the backbone; frozen backbone ({name}); "
            "global average pool, dense 2"
        ),
        source=OWN,
        image_size=(backbone.side, backbone.side),
        min_image_size=backbone.min_side,
        num_params=backbone.num_params + head,
        num_trainable_params=head,
        weights="ImageNet (the backbone)",
        build=partial(_build, name),
        load_default_weights=partial(_load_default_weights, name),
    )


SPECS = (spec_of(DEFAULT_BACKBONE),)
