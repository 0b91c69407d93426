"""Plot a data set: example images, augmented copies."""

from __future__ import annotations

import keras
import numpy as np
from numpy.typing import ArrayLike, NDArray

from catdog._utils import checks, late
from catdog._utils.errors import InvalidValueError
from catdog._utils.public import public
from catdog.data.datasets import Datasets
from catdog.images.decode import decode_image
from catdog.plotting.style import grid, plain
from catdog.typing import Split

MAX_ROWS, MAX_COLUMNS = 20, 20  # of images in a figure


@public
def plot_examples(
    data: Datasets, *, per_class: int = 3, split: Split = "train", seed: int = 0
) -> late.figure.Figure:
    """Plot example images, one row per class.

    The images are sampled within each class. If there are more than 20 classes, 20 are sampled, and
    the title says so.

    Args:
        data: The images.
        per_class: Images per row, at most 20; fewer if a class has fewer.
        split: The split that they are sampled from.
        seed: Seed of the sampling, from 0 to 2**31 - 1. Another seed shows other images and
            classes.

    Returns:
        A figure with one row per class. In a notebook, end the line with `;`, or the figure appears
        twice.

    Raises:
        TypeError: If `data` is not what `load_datasets` returns.
        ValueError: If an argument is out of its range, or an image can no longer be read.
    """
    checks.check_made_by("data", data, Datasets, "load_datasets")
    columns = checks.check_positive_int("per_class", per_class, at_most=MAX_COLUMNS)
    rng = np.random.default_rng(checks.check_seed(seed))
    paths, labels = data.paths(split), data.labels(split)
    classes = np.arange(len(data.class_names))
    if len(classes) > MAX_ROWS:
        classes = np.sort(rng.choice(classes, MAX_ROWS, replace=False))
    figure, axes = grid(len(classes), columns)
    if len(classes) < len(data.class_names):
        figure.suptitle(f"{len(classes)} of {len(data.class_names)} classes")
    for label, row in zip(classes, axes, strict=True):
        members = np.flatnonzero(labels == label)
        chosen = rng.permutation(members)[:columns]
        for axis, position in zip(row, chosen, strict=False):
            axis.imshow(decode_image(paths[position], data.image_size))
            axis.set_title(plain(data.class_names[label]))
    return figure


@public
def plot_augmentation(
    image: ArrayLike, augmentation: keras.Layer, *, copies: int = 3
) -> late.figure.Figure:
    """Plot an image beside randomly augmented copies of itself.

    Args:
        image: Pixels, shape `(height, width, 3)`, in `[0, 255]`; or in `[-1, 1]` if no value is
            above 1.
        augmentation: A Keras layer or model, such as `make_augmentation` returns.
        copies: Number of augmented copies, at most 19.

    Returns:
        A figure with the original at the left. In a notebook, end the line with `;`, or the figure
        appears twice.

    Raises:
        ValueError: If `image` is not one RGB image of finite values, or `copies` is out of its
            range.
    """
    copies = checks.check_positive_int("copies", copies, at_most=MAX_COLUMNS - 1)
    original = _as_image(image)
    batch = np.repeat(original[np.newaxis], copies, axis=0)
    augmented = keras.ops.convert_to_numpy(augmentation(batch, training=True))
    signed = bool(original.max() <= 1)
    figure, axes = grid(1, copies + 1)
    titles = ["original", *["augmented"] * copies]
    for axis, title, pixels in zip(axes[0], titles, [original, *augmented], strict=True):
        axis.imshow(_displayable(pixels, signed=signed))
        axis.set_title(title)
    return figure


def _as_image(image: ArrayLike) -> NDArray[np.float32]:
    """Return one RGB image as `float32`, after checking it."""
    pixels = np.asarray(image, np.float32)
    if pixels.ndim != 3 or pixels.shape[-1] != 3 or not pixels.size:
        raise InvalidValueError(
            f"must be one RGB image, (height, width, 3), not shape {pixels.shape}",
            argument="image",
            hint="Of a batch, pass one image: images[0].",
        )
    if not np.isfinite(pixels).all():
        raise InvalidValueError(
            "must hold finite values, but some are NaN or infinite", argument="image"
        )
    return pixels


def _displayable(image: NDArray[np.float32], *, signed: bool) -> NDArray[np.uint8]:
    """Return pixels as `uint8` from 0 to 255; `signed` ones range from -1 to 1."""
    scaled = (image + 1) * 127.5 if signed else image
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)
