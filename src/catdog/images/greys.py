"""Greys of more than 8 bits: how they are scaled, and when they come out dark.

The one rule: values are scaled by the range of their container, never by their own largest value,
so two images of one camera stay comparable.

| Pillow's mode | from | values | become |
|---|---|---|---|
| `I;16` and its byte orders | PNG and TIFF of 16 bits | 0 to 65535 | `value // 257` |
| `I` | TIFF of 32 bits or with signs, or in memory | 0 to 65535 | `value // 257` |
| `F` | TIFF of floats, or in memory | 0 to 255 | the whole number below |
| `RGB`, `RGBA` | colour PNG and TIFF of 16 bits | 0 to 65535 | `value // 256`, by Pillow |

Other values, NaN too, are an error. Values that use a small part of the range are a finding: 10 or
12 bits in a container of 16, or floats from 0 to 1.
"""

import re

import numpy as np
from PIL import Image

MAX_16_BITS = 65535
_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0  # a tag of TIFF files, and a value of it
DARK_BELOW = 2**14  # images of 16 bits whose values are all below this come out darker than 64


def is_deep(image: Image.Image) -> bool:
    """Return whether an image has 16 bits per channel; call it before the image is loaded.

    Pillow reads colour images of 16 bits as 8 bits per channel. The format that it reads them from
    is in `tile`, until they are loaded.
    """
    tiles = getattr(image, "tile", ())
    # "RGB;16B" has 16 bits per channel, "BGR;16" has 16 bits per pixel.
    return image.mode.startswith("I") or any(re.search(";16[BLN]", str(tile[3])) for tile in tiles)


def unfilled_range(image: Image.Image, deep: bool) -> str | None:
    """Return a detail such as "no value above 4095 of 65535" if a loaded image is dark.

    Args:
        image: The image, as Pillow has loaded it.
        deep: What `is_deep` returned before.

    Returns:
        `None` if the values fill the range, or are all zero: such an image is black.
    """
    if image.mode == "F":
        high, limit = float(np.asarray(image).max()), 255
        return f"no value above {high:g} of {limit}" if 0 < high <= 1 else None
    if image.mode.startswith("I"):
        high = int(np.asarray(image).max())
        return f"no value above {high} of {MAX_16_BITS}" if 0 < high < DARK_BELOW else None
    if deep and image.mode.startswith("RGB"):
        high = int(np.asarray(image)[..., :3].max()) * 256 + 255  # Pillow drops the lower byte
        return f"no value above {high} of {MAX_16_BITS}" if high < DARK_BELOW else None
    return None


def deep_to_rgb(image: Image.Image) -> Image.Image:
    """Convert an image of mode `I`, `I;16` or `F` to RGB, by the rule of this module.

    Raises:
        ValueError: If a value is outside the range of the mode.
    """
    check_range(image)
    if image.mode == "F":
        return image.convert("RGB")
    values = np.asarray(image)
    grey = (values // 257).astype(np.uint8)  # convert() would clip them at 255
    return Image.fromarray(grey).convert("RGB")


def black_is_zero(image: Image.Image) -> Image.Image:
    """Return a loaded image, inverted if it is a TIFF file whose zero is white.

    Pillow inverts those of 8 bits, but not those of 16 bits and of floats (11.3 to 13.0).
    """
    if not is_wide(image) or getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) != _WHITE_IS_ZERO:
        return image
    return Image.fromarray(_highest(image) - np.asarray(image))


def is_wide(image: Image.Image) -> bool:
    """Return whether the values of an image are floats, or whole numbers of more than 8 bits."""
    return image.mode == "F" or image.mode.startswith("I")


def _highest(image: Image.Image) -> int:
    return 255 if image.mode == "F" else MAX_16_BITS


def check_range(image: Image.Image) -> None:
    """Raise an error if an image has values outside the range of its mode.

    Raises:
        ValueError: If a value is too low or too high, or is not finite.
    """
    if not is_wide(image):
        return
    values, highest = np.asarray(image), _highest(image)
    low, high = float(values.min()), float(values.max())
    if not np.isfinite([low, high]).all():
        raise ValueError("its values must be finite, but some are NaN or infinite")
    if low < 0 or high > highest:
        raise ValueError(
            f"its grey values run from {low:g} to {high:g}, not within 0 and {highest}; scale "
            "them to that range, all images by the same factor"
        )
