"""Greys of more than 8 bits: how they are scaled, and when they come out dark.

The one rule: values are scaled by the range of their container, never by their own largest value,
so two images of one camera stay comparable.

| Pillow's mode | from | values | become |
|---|---|---|---|
| `I;16` and its byte orders | PNG and TIFF of 16 bits | 0 to 65535 | `value // 257` |
| `I` | TIFF of 32 bits or with signs, or in memory | 0 to 65535 | `value // 257` |
| `F` | TIFF of floats, or in memory | 0 to 255 | the whole number below |
| `RGB`, `RGBA` | colour PNG and TIFF of 16 bits | 0 to 65535 | `value // 256`, by Pillow |
| `CMYK` | TIFF of 16 bits | 0 to 65535 | `value // 256`, by Pillow |

Other values, NaN too, are an error. Values that use less than a quarter of the range, from the
lowest to the highest, are a finding: 10 or 12 bits in a container of 16, floats from 0 to 1, or
temperatures with an offset. Photos of 8 bits may be dark or flat, so those are a finding only if no
value is above 3, such as floats from 0 to 1 that were saved without a factor.
"""

import re

import numpy as np
from PIL import Image

from catdog.images.strips import strips

MAX_16_BITS = 65535
_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0  # a tag of TIFF files, and a value of it
BLACK_UP_TO = 3  # of 255: nobody sees more than black
_SAMPLES_A_SIDE = 16


def is_deep(image: Image.Image) -> bool:
    """Return whether an image has 16 bits per channel; call it before the image is loaded.

    Pillow reads colour images of 16 bits as 8 bits per channel. The format that it reads them from
    is in `tile`, until they are loaded.
    """
    tiles = getattr(image, "tile", ())
    # "RGB;16B" has 16 bits per channel, "BGR;16" has 16 bits per pixel.
    return image.mode.startswith("I") or any(re.search(";16[BLN]", str(tile[3])) for tile in tiles)


def unfilled_range(image: Image.Image, deep: bool) -> str | None:
    """Return a detail such as "no value above 4095 of 65535" if a loaded image is dark or flat.

    Args:
        image: The image, as Pillow has loaded it.
        deep: What `is_deep` returned before.

    Returns:
        `None` if the values fill the range, or are all the same: such an image has one colour.
    """
    if is_wide(image):
        return _unfilled(*_range(image), _highest(image))
    if not deep:
        return _black(image)
    if not image.mode.startswith(("RGB", "CMYK")):
        return None
    colours = np.array(image.getextrema())[: 4 if image.mode == "CMYK" else 3]
    if image.mode == "CMYK" and not colours.any():  # without ink it is white
        return None
    low, high = int(colours.min()) * 256, int(colours.max()) * 256 + 255  # the lower byte is lost
    return _unfilled(low if high - low > 255 else high, high, MAX_16_BITS)


def _unfilled(low: float, high: float, top: int) -> str | None:
    """Return a detail if the values from `low` to `high` use less than a quarter of 0 to `top`."""
    quarter = (top + 1) / 4
    used = high - low or high  # an image of one value has no lowest one
    if not 0 < used < quarter:
        return None
    if high < quarter:
        return f"no value above {high:g} of {top}"
    return f"no value below {low:g} or above {high:g} of {top}"


def _black(image: Image.Image) -> str | None:
    """Return a detail if an opaque image of 8 bits is black, but its values are not all zero."""
    if image.mode not in ("L", "LA", "RGB", "RGBA") or "transparency" in image.info:
        return None
    side = _SAMPLES_A_SIDE
    if _highest_colour(image.resize((side, side), Image.Resampling.NEAREST)) > BLACK_UP_TO:
        return None  # nearly all images: the others need a look at each pixel
    if image.mode.endswith("A") and np.asarray(image.getchannel("A")).min() < 255:
        return None
    high = _highest_colour(image)
    return f"no value above {high} of 255" if 0 < high <= BLACK_UP_TO else None


def _highest_colour(image: Image.Image) -> int:
    """Return the highest value of an image of 8 bits, transparency left out."""
    highest = np.atleast_2d(image.getextrema())[:, 1]
    return int(highest[:-1].max() if image.mode.endswith("A") else highest.max())


def deep_to_rgb(image: Image.Image) -> Image.Image:
    """Convert an image of mode `I`, `I;16` or `F` to RGB, by the rule of this module.

    Raises:
        ValueError: If a value is outside the range of the mode.
    """
    check_range(image)
    if image.mode == "F":
        return image.convert("RGB")
    key = image.info.get("transparency")  # 16 bits, as the values
    rgb = Image.new("RGB", image.size)
    for top, strip in strips(image):
        values = np.asarray(strip)
        grey = (values // 257).astype(np.uint8)  # convert() would clip them at 255
        if key is not None:
            grey[values == key] = 255
        rgb.paste(Image.fromarray(grey).convert("RGB"), (0, top))
    return rgb


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


def _range(image: Image.Image) -> tuple[float, float]:
    """Return the lowest and the highest value; NaN if there is one."""
    values = (np.asarray(strip) for _, strip in strips(image))
    each = [(strip.min(), strip.max()) for strip in values]
    return float(np.min(each)), float(np.max(each))


def check_range(image: Image.Image) -> None:
    """Raise an error if an image has values outside the range of its mode.

    Raises:
        ValueError: If a value is too low or too high, or is not finite.
    """
    if not is_wide(image):
        return
    highest = _highest(image)
    low, high = _range(image)
    if not np.isfinite([low, high]).all():
        raise ValueError("its values must be finite, but some are NaN or infinite")
    if low < 0 or high > highest:
        raise ValueError(
            f"its grey values run from {low:g} to {high:g}, not within 0 and {highest}; scale "
            "them to that range, all images by the same factor"
        )
