"""Check arrays of pixels that users pass."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catdog._utils.errors import InvalidTypeError, InvalidValueError, UsageWarning
from catdog.images.greys import BLACK_UP_TO

Pixels = NDArray[Any]


def check_array(array: Pixels, name: str) -> Pixels:
    """Return an array if it holds RGB pixels in `[0, 255]`; else raise an error."""
    if array.dtype.kind not in "uif":
        raise InvalidTypeError(
            f"must hold whole numbers or floats, not {array.dtype}", argument=name
        )
    shape = array.shape
    if array.ndim not in (3, 4) or shape[-1] != 3 or 0 in shape[-3:]:
        raise InvalidValueError(
            "must be RGB pixels, one image (height, width, 3) or several (n, height, "
            f"width, 3), not shape {shape}",
            argument=name,
            hint=_shape_hint(shape),
        )
    if not array.size:
        return array
    low, high = float(array.min()), float(array.max())
    if not np.isfinite([low, high]).all():
        raise InvalidValueError(
            "must hold finite values, but some are NaN or infinite", argument=name
        )
    if low < 0 or high > 255:
        raise InvalidValueError(
            f"must hold pixels in [0, 255], but its values run from {low:g} to {high:g}",
            argument=name,
            hint=(
                "Pass pixels of 8 bits as they are in the file: the models take 0 to 255. "
                "Bring other values to this range, all images by the same factor: those of 16 bits "
                "by array // 257, those of 12 bits by array * (255 / 4095)."
            ),
        )
    if 0 < high <= BLACK_UP_TO:
        warnings.warn(
            UsageWarning(
                f"No value of {name} is above {high:g}: a black image, if pixels are in [0, 255].",
                hint="If these are in [0, 1], multiply them by 255.",
            ),
            stacklevel=2,
        )
    return array


def _shape_hint(shape: tuple[int, ...]) -> str:
    """Return how to make RGB pixels of an array of another shape; it may have several meanings."""
    if shape[-1:] == (1,):
        return "Grey images: np.repeat(array, 3, axis=-1)."
    if shape[-1:] == (4,):
        return "Transparent images of 8 bits: pass each as PIL.Image.fromarray(image)."
    grey = "np.stack([array] * 3, axis=-1)"
    if len(shape) == 4 and shape[1] == 3:
        return "If the colours come first: np.moveaxis(array, 1, -1)."
    if len(shape) == 3 and shape[0] == 3:
        return (
            "The shape has two meanings, and only you know which: if it is one image whose colours "
            f"come first, np.moveaxis(array, 0, -1); if these are 3 grey images, {grey}."
        )
    if len(shape) in (2, 3):
        return f"Grey images: {grey}."
    return ""
