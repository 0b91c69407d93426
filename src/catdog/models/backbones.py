"""The backbone of a model: a network of `keras.applications` and its ImageNet weights."""

import warnings
from collections.abc import Callable

import keras

from catdog._utils.download import download, has_digest
from catdog._utils.errors import FileAccessError, HintCode, UsageWarning
from catdog._utils.keras_cache import cached_path
from catdog.typing import ImageSize

WEIGHTS_URL = "https://storage.googleapis.com/tensorflow/keras-applications"


def frozen_backbone(
    application: Callable[..., keras.Model], image_size: ImageSize, *, name: str
) -> keras.Model:
    """Build the convolutional part of a network, without weights of its own yet, and freeze it.

    Args:
        application: The function of `keras.applications` that builds the network.
        image_size: Height and width in pixels.
        name: What the part is called as a layer.

    Returns:
        A model from images, scaled as the network wants them, to features `(batch, height,
        width, channels)`. They are the same in training as out of it.
    """
    base = application(input_shape=(*image_size, 3), include_top=False, weights=None)
    base.name = name  # not by the argument: some of Keras' functions look their layers up by it
    # Freezes every layer inside, batch normalisation too. Calling the base with training=False
    # would not do: Keras 3 lets an outer training=True override it, and only a batch normalisation
    # layer that is itself frozen keeps its ImageNet statistics then. Whoever sets base.trainable to
    # True sets it for these layers as well, and must freeze them again.
    base.trainable = False
    for layer in base.layers:
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0  # the EfficientNets drop whole blocks in training, frozen or not
    return base


def load_published(
    base: keras.Model, url: str, *, cached_as: str | None = None, digest: str | None = None
) -> None:
    """Fill a base with weights that Keras publishes, from Keras' cache or downloaded into it.

    Args:
        base: What `frozen_backbone` returned.
        url: Where the file is published.
        cached_as: Its name in the cache, if that is not the one in the address.
        digest: The hash that Keras publishes for the file, if it publishes one. A cached file with
            another hash is used, with a warning.

    Raises:
        OSError: If the weights are neither in the cache nor to be downloaded, or are broken.
    """
    path = cached_path(f"models/{cached_as or url.rpartition('/')[2]}")
    if not path.is_file():
        download(
            url,
            path,
            fallback_hint="Or pass weights=None to begin without the ImageNet weights.",
            fallback_code=HintCode.NO_IMAGENET_WEIGHTS,
            digest=digest,
        )
    elif digest is not None and not has_digest(path, digest):
        warnings.warn(
            UsageWarning(
                f"{path} does not have the hash {digest} that Keras publishes for it.",
                hint="If you did not put it there yourself, delete it to download it again.",
            ),
            stacklevel=2,
        )
    try:
        base.load_weights(path)
    except Exception as error:  # h5py and Keras raise many kinds
        raise FileAccessError(
            f"Cannot read the ImageNet weights {path}: {error}",
            hint="Delete the file and try again.",
        ) from error
