"""Backbones: frozen networks of `keras.applications`, and their ImageNet weights."""

from __future__ import annotations

import warnings
from pathlib import Path

import keras

from catdog._utils.download import compute_digest, download
from catdog._utils.errors import FileAccessError, HintCode, UsageWarning
from catdog._utils.keras_cache import cached_path
from catdog.typing import ImageSize

WEIGHTS_URL = "https://storage.googleapis.com/tensorflow/keras-applications"


def frozen_backbone(application: str, image_size: ImageSize, *, name: str) -> keras.Model:
    """Build the backbone of a network, with initial weights, and freeze it.

    Args:
        application: Name of the function of `keras.applications` that builds the network.
        image_size: Height and width in pixels.
        name: Name of the backbone as a layer.

    Returns:
        A model from images, scaled as the network needs them, to features `(batch, height,
        width, channels)`. They are the same in training and outside it.
    """
    build = getattr(keras.applications, application)
    backbone = build(input_shape=(*image_size, 3), include_top=False, weights=None)
    backbone.name = name  # no argument: some of Keras' functions find layers by the default name
    # This freezes every layer inside, batch normalization too. To call the backbone with
    # training=False would not be enough: in Keras 3, an outer training=True overrides it, and only
    # a batch normalization layer that is itself frozen then keeps its ImageNet statistics.
    # Code that sets backbone.trainable to True must freeze these layers again.
    backbone.trainable = False
    for layer in backbone.layers:
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0  # the EfficientNets drop blocks in training, also if they are frozen
    return backbone


def load_published(
    backbone: keras.Model, url: str, *, cached_as: str | None = None, digest: str | None = None
) -> None:
    """Load the weights that Keras publishes, from Keras' cache or downloaded into it.

    Args:
        backbone: What `frozen_backbone` returned.
        url: Where the file is published.
        cached_as: Its name in the cache, if it differs from the name in the address.
        digest: The hash that Keras publishes for the file, if there is one. A download with
            another hash is refused. A cached file with another hash is used, with a warning.

    Raises:
        OSError: If the weights are not in the cache and cannot be downloaded, or are damaged.
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
    elif digest is not None:
        _warn_if_other(path, digest)
    try:
        backbone.load_weights(path)
    except Exception as error:  # h5py and Keras raise many types
        raise FileAccessError(
            f"Cannot read the ImageNet weights {path}: {error}",
            hint="Delete the file and try again.",
        ) from error


def _warn_if_other(path: Path, digest: str) -> None:
    """Warn about a cached file without the published hash: a user may have put it there."""
    found = compute_digest(path, like=digest)
    if found != digest:
        warnings.warn(
            UsageWarning(
                f"{path} has the hash {found}, but Keras publishes {digest} for it.",
                hint="If you did not put it there yourself, delete it to download it again.",
            ),
            stacklevel=2,
        )
