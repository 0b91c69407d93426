"""Scaling of pixels."""

from __future__ import annotations

import keras

from catdog._utils.checks import check_image_size
from catdog._utils.public import public
from catdog.typing import ImageSize


@public
def make_preprocessor(*, image_size: ImageSize = (160, 160)) -> keras.Model:
    """Build the layer that scales pixels from `[0, 255]` to `[-1, 1]`.

    Networks train faster on small numbers around zero. MobileNetV2 was trained on this range.
    The model consists of plain Keras layers, so a saved model opens without catdog.

    Args:
        image_size: Height and width in pixels of the images.

    Returns:
        A model from `float32` `(batch, height, width, 3)` in `[0, 255]` to the same shape in
        `[-1, 1]`: `x / 127.5 - 1`. It has no weights.

    Raises:
        ValueError: If `image_size` is not two whole numbers of at least 1.

    Example:
        ```python
        from catdog import make_preprocessor
        import numpy as np

        preprocessor = make_preprocessor(image_size=(2, 2))
        print(preprocessor(np.full((1, 2, 2, 3), 255.0)))  # all 1.0
        ```

    Source: `keras.applications.mobilenet_v2.preprocess_input`, which computes the same.
    """
    layers = [
        keras.Input((*check_image_size(image_size), 3)),
        keras.layers.Rescaling(1 / 127.5, offset=-1),
    ]
    return keras.Sequential(layers, name="preprocessor")
