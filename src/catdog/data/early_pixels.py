"""Pixels of large images at the size of a data set, kept by the scan, which decodes them anyway.

A scan decodes a large JPEG at an eighth of its size. That is often the scale at which the first
pass would decode it again, and takes most of the time of both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from catdog.data.findings import ImageFile
from catdog.images.decode import to_rgb
from catdog.images.greys import black_is_zero
from catdog.images.resize import resize
from catdog.images.scale import denominator_of, least_size
from catdog.images.thumbnails import TINY_LEAST
from catdog.typing import ImageSize, Split

# Smaller images are decoded fast. Their pixels would be kept in vain by all who use the data set at
# another size, that of their model.
MIN_PIXELS = 2_000_000


def max_cached_images(cache_mib: int, image_size: ImageSize) -> int:
    """Return how many images of a size a cache limit allows, at three bytes per pixel."""
    height, width = image_size
    return cache_mib * 2**20 // (height * width * 3)


class EarlyPixels:
    """The pixels of large images by the hash of their files, of at most `max_images` of them."""

    def __init__(self, image_size: ImageSize, cache_mib: int) -> None:
        """Keep images of `image_size`; `max_images` are `cache_mib` MiB at 3 bytes per pixel."""
        self.image_size = image_size
        self.by_hash: dict[str, NDArray[np.uint8]] = {}
        self.max_images = max_cached_images(cache_mib, image_size)

    def can_keep(self, image: Image.Image) -> bool:
        """Return whether an opened image is large, and a scan decodes it as the first pass would.

        Args:
            image: The image, not loaded yet.
        """
        return image.width * image.height >= MIN_PIXELS and denominator_of(
            image, TINY_LEAST
        ) == denominator_of(image, least_size(self.image_size))

    def resized(self, image: Image.Image) -> NDArray[np.uint8]:
        """Return the pixels of a loaded, upright image, shape `(height, width, 3)`."""
        return resize(to_rgb(black_is_zero(image)), self.image_size)

    def keep(self, sha256: str, pixels: NDArray[np.uint8]) -> None:
        """Keep the pixels of an image."""
        self.by_hash[sha256] = pixels

    def of(self, sets: Mapping[Split, Sequence[ImageFile]]) -> EarlyPixels:
        """Forget the pixels of images that are in no set; return the object."""
        used = {image.sha256 for images in sets.values() for image in images}
        self.by_hash = {key: pixels for key, pixels in self.by_hash.items() if key in used}
        return self
