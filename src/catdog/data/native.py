"""Decode plain JPEG files with the kernels of TensorFlow, to the pixels of `images.decode`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

import tensorflow as tf

from catdog._utils.threads import core_count
from catdog.images.plain_jpeg import PlainJpeg
from catdog.images.scale import is_sideways, least_size
from catdog.typing import ImageSize

# EXIF orientations, after those on the side are transposed.
_FLIPPED_DOWN = (3, 4, 7, 8)
_FLIPPED_ACROSS = (2, 3, 6, 7)


class Plan(NamedTuple):
    """How a plain JPEG file is decoded: the denominator of the scale, and its orientation."""

    denominator: int
    orientation: int


def find_plan(image: PlainJpeg | None, image_size: ImageSize) -> Plan | None:
    """Return how an image is decoded; `None` if it is not a plain JPEG file."""
    if image is None:
        return None
    return Plan(image.denominator(least_size(image_size)), image.orientation)


def decode_native(
    content: Any, number: Any, plans: Sequence[Plan | None], image_size: ImageSize
) -> Any:
    """Decode and resize an image within a graph.

    Args:
        content: Scalar string: a plain JPEG file, or pixels, `uint8`, of `image_size`.
        number: Scalar `int32`: which of `plans` it is decoded by.
        plans: The plans that there are; `None` for pixels. TensorFlow spends time on each, even if
            it is not taken.
        image_size: Height and width in pixels.

    Returns:
        Pixels `(height, width, 3)`, `uint8`.
    """
    shape = (*image_size, 3)

    def decode(plan: Plan | None) -> Any:
        if plan is None:
            return tf.reshape(tf.io.decode_raw(content, tf.uint8), shape)
        return _resize(_decode_jpeg(content, plan), image_size)

    return tf.switch_case(number, [partial(decode, plan) for plan in plans])


@lru_cache(maxsize=8)  # to trace a graph takes as long as to decode some tens of images
def decoder_of_many(plan: Plan, image_size: ImageSize) -> Callable[[Any], tuple[Any, Any]]:
    """Return a function that decodes plain JPEG files in parallel, within one call.

    Args:
        plan: How each file is decoded; upright.
        image_size: Height and width in pixels of the results.

    Returns:
        A function from files, strings `(n,)`, to pixels, `uint8` `(n, height, width, 3)`, and the
        last pixel of each before it was resized, `uint8` `(n, 3)`.
    """

    def decode(content: Any) -> tuple[Any, Any]:
        image = _decode_jpeg(content, plan)
        return _resize(image, image_size), image[-1, -1]

    def decode_many(contents: Any) -> Any:
        with tf.device("CPU:0"):  # which alone decodes, so that no GPU resizes
            return tf.map_fn(
                decode,
                contents,
                fn_output_signature=(tf.uint8, tf.uint8),
                parallel_iterations=core_count(),
            )

    traced: Callable[[Any], tuple[Any, Any]] = tf.function(
        decode_many, input_signature=(tf.TensorSpec([None], tf.string),), autograph=False
    )
    return traced


def _resize(image: Any, image_size: ImageSize) -> Any:
    """Resize an image as `images.resize` does."""
    resized = tf.raw_ops.ResizeBilinear(
        images=image[tf.newaxis], size=image_size, half_pixel_centers=True
    )
    return tf.reshape(tf.cast(resized, tf.uint8), (*image_size, 3))


def _decode_jpeg(content: Any, plan: Plan) -> Any:
    """Decode a JPEG file as Pillow does, and turn it upright."""
    image = tf.io.decode_jpeg(
        content, channels=3, ratio=plan.denominator, dct_method="INTEGER_ACCURATE"
    )
    if is_sideways(plan.orientation):
        image = tf.transpose(image, (1, 0, 2))
    axes = [
        axis
        for axis, flipped in enumerate((_FLIPPED_DOWN, _FLIPPED_ACROSS))
        if plan.orientation in flipped
    ]
    return tf.reverse(image, axes) if axes else image
