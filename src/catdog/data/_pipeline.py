"""From files to batches: the only module that speaks tf.data."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from catdog._types import ImageSize
from catdog.data._decode import decode_image
from catdog.data._scan import Pictures


def serve(
    pictures: Pictures,
    *,
    image_size: ImageSize,
    batch_size: int,
    shuffle_seed: int | None,
    cached: bool,
) -> tf.data.Dataset:
    """Decode pictures in parallel and batch them.

    Args:
        pictures: The files and labels to serve.
        image_size: Height and width in pixels.
        batch_size: Pictures in a batch; the last one may hold fewer.
        shuffle_seed: Reshuffles every pass, the same way in every process; `None` keeps the order.
        cached: Whether the decoded `uint8` pixels are kept in memory after the first pass.

    Returns:
        Batches `(images, labels)`: `float32` `(batch, height, width, 3)` in `[0, 255]`, and
        `int32` `(batch,)`.
    """

    def decode(path: Any, label: Any) -> tuple[Any, Any]:
        pixels = tf.numpy_function(read, [path], tf.uint8, stateful=False)
        return tf.ensure_shape(pixels, (*image_size, 3)), label

    def read(path: bytes) -> Any:
        return decode_image(Path(os.fsdecode(path)), image_size)

    def shuffle(dataset: tf.data.Dataset) -> tf.data.Dataset:
        return dataset if shuffle_seed is None else dataset.shuffle(len(pictures), shuffle_seed)

    names = np.array([os.fsencode(path) for path in pictures.paths])
    dataset = tf.data.Dataset.from_tensor_slices((names, pictures.labels))
    # Both ways shuffle all n elements by the same seed, so they give the same batches.
    if cached:
        dataset = shuffle(dataset.map(decode, tf.data.AUTOTUNE).cache())
    else:
        dataset = shuffle(dataset).map(decode, tf.data.AUTOTUNE)
    return dataset.batch(batch_size).map(_to_float).prefetch(tf.data.AUTOTUNE)


def _to_float(images: Any, labels: Any) -> tuple[Any, Any]:
    return tf.cast(images, tf.float32), labels
