"""The measures of quality, as formulas of pixels."""

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from scipy import ndimage

from catdog.images.quality import luma, measure_quality, sharpness, white_share
from catdog.images.reduced import ReducedImage


def noise(height: int = 40, width: int = 60) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def reduced(pixels: NDArray[np.uint8], size: tuple[int, int] = (60, 40)) -> ReducedImage:
    return ReducedImage(pixels, size, 1000, "PNG", "", "")


def test_sharpness_is_the_variance_of_the_laplacian() -> None:
    grey = luma(noise())
    laplacian = ndimage.laplace(grey.astype(np.float64))[1:-1, 1:-1]
    assert sharpness(grey) == pytest.approx(laplacian.var() / grey.var(), rel=1e-5)


def test_blur_reduces_the_sharpness_step_by_step() -> None:
    image = Image.fromarray(noise())
    found = [
        sharpness(luma(np.asarray(image.filter(ImageFilter.GaussianBlur(radius)))))
        for radius in (0, 1, 2, 4)
    ]
    assert found == sorted(found, reverse=True)
    assert found[0] > 100 * found[3]


@pytest.mark.parametrize(("factor", "offset"), [(0.1, 0), (0.25, 0), (0.25, 190), (-1, 255)])
def test_a_dark_or_flat_image_does_not_seem_to_be_blurred(factor: float, offset: float) -> None:
    grey = luma(noise())
    changed = (factor * grey + offset).astype(np.float32)
    assert sharpness(changed) == pytest.approx(sharpness(grey), rel=1e-3)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (2, 9), (9, 2), (3, 3), (20, 20)])
def test_sharpness_without_detail_is_zero(shape: tuple[int, int]) -> None:
    assert sharpness(np.full(shape, 77.7, np.float32)) == 0
    varied = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    if min(shape) < 3:
        assert sharpness(varied) == 0


def test_white_needs_all_three_channels() -> None:
    pixels = np.array([[[250, 250, 250], [255, 255, 249], [255, 255, 255], [0, 0, 0]]], np.uint8)
    assert white_share(pixels) == 0.5


def test_measures_of_plain_images() -> None:
    black = measure_quality(reduced(np.zeros((4, 4, 3), np.uint8), size=(900, 700)))
    assert black == (0, 0, 0, 0, 700)
    white = measure_quality(reduced(np.full((4, 4, 3), 255, np.uint8)))
    assert white == pytest.approx((0, 255, 1, 0, 40))
    halves = np.zeros((4, 4, 3), np.uint8)
    halves[:2] = 255
    assert measure_quality(reduced(halves)).contrast == pytest.approx(127.5)
