"""Measures of an image's quality: formulas of its pixels."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from catdog.images.reduced import ReducedImage

LONGER_SIDE = 512  # pixels; at a smaller size, a slight blur cannot be measured
WHITE_FROM = 250  # of 255; pixels whose channels are all as high show no detail
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as in Pillow


class Quality(NamedTuple):
    """The measures of one image.

    Attributes:
        sharpness: See `sharpness`.
        brightness: Mean of the luma, from 0 to 255.
        white: Share of the pixels whose three channels are all at least 250, from 0 to 1.
        contrast: Standard deviation of the luma, from 0 to 127.5 (RMS contrast).
        shorter_side: Shorter side of the image itself in pixels.
    """

    sharpness: float
    brightness: float
    white: float
    contrast: float
    shorter_side: int


def measure_quality(image: ReducedImage) -> Quality:
    """Measure the quality of an image, by a copy whose longer side has at most 512 pixels.

    Source: E. Peli, "Contrast in Complex Images", JOSA A 7 (1990), for the RMS contrast;
    Recommendation ITU-R BT.601 for the luma, `0.299 R + 0.587 G + 0.114 B`.
    """
    grey = luma(image.pixels)
    return Quality(
        sharpness=sharpness(grey),
        brightness=float(grey.mean()),
        white=white_share(image.pixels),
        contrast=float(grey.std()),
        shorter_side=min(image.size),
    )


def luma(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Compute the luma of RGB pixels, shape `(height, width)`, from 0 to 255."""
    grey: NDArray[np.float32] = pixels @ _LUMA
    return grey


def white_share(pixels: NDArray[np.uint8]) -> float:
    """Compute the share of the pixels whose channels are all at least 250, from 0 to 1."""
    red, green, blue = np.moveaxis(pixels, 2, 0)  # `pixels.min(axis=2)` takes ten times as long
    return float(np.mean(np.minimum(np.minimum(red, green), blue) >= WHITE_FROM))


def sharpness(grey: NDArray[np.float32]) -> float:
    """Compute the variance of the Laplacian, divided by the variance of the image.

    Without the division, each dark or flat image would seem to be blurred: multiplying the values
    by a quarter divides the variance of the Laplacian by 16.

    Args:
        grey: Shape `(height, width)`.

    Returns:
        A value of at least 0, low if the image is blurred; 0 if all values are equal or a side has
        fewer than three pixels.

    Source: J. L. Pech-Pacheco and others, "Diatom Autofocusing in Brightfield Microscopy: a
    Comparative Study", ICPR 2000, for the variance of the Laplacian.
    """
    variance = float(grey.var(dtype=np.float64))
    if min(grey.shape) < 3 or not variance:
        return 0.0
    laplacian = -4 * grey[1:-1, 1:-1]
    for neighbours in (grey[:-2, 1:-1], grey[2:, 1:-1], grey[1:-1, :-2], grey[1:-1, 2:]):
        laplacian += neighbours  # in place: without copies
    return float(laplacian.var(dtype=np.float64)) / variance
