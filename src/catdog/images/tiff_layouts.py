"""TIFF images whose values Pillow reads wrongly (11.3 to 13.0): corrected, or refused."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from catdog.images.formats import UnsupportedFormatError

# Tags, and values of them, by their names in the specification.
_BITS, _PHOTOMETRIC, _FILL_ORDER, _SAMPLES, _PLANES = 258, 262, 266, 277, 284
_COLOURS, _EXTRA_SAMPLES, _SAMPLE_FORMAT = 320, 338, 339
_WHITE_IS_ZERO, _RGB, _YCBCR = 0, 2, 6
_SEPARATE, _SIGNED, _REVERSED = 2, 2, 2
_BYTE_ORDERS = {b"II": "L", b"MM": "B"}

# Decompressed values have the order of this machine. Pillow heeds that for some of its modes.
_IN_NATIVE_ORDER: Mapping[str, str] = {
    "F;32F": "F;32NF",
    "F;32BF": "F;32NF",
    "I;16S": "I;16NS",
    "I;16BS": "I;16NS",
    "I;32S": "I;32NS",
    "I;32BS": "I;32NS",
}


def correct_tiles(image: TiffImageFile) -> None:
    """Correct how the pixels of an opened TIFF image will be loaded.

    Args:
        image: The image. If it is loaded already, it is only checked.

    Raises:
        UnsupportedFormatError: If it is of a kind that Pillow reads wrongly.
    """
    tags = image.tag_v2
    if _SIGNED in tags.get(_SAMPLE_FORMAT, ()) and min(tags.get(_BITS, (1,))) <= 8:
        raise _unsupported("whole numbers of 8 bits with a sign")
    if not image.tile:
        return
    if image.tile[0].codec_name == "libtiff":
        _correct_decompressed(image)
    elif tags.get(_PLANES) == _SEPARATE:
        _correct_planes(image)


def _correct_decompressed(image: TiffImageFile) -> None:
    is_jpeg = "jpeg" in str(image.info.get("compression"))
    if image.tag_v2.get(_PHOTOMETRIC) == _YCBCR and not is_jpeg:
        # The errors of the decoder are ignored: what is damaged would be grey or black.
        raise _unsupported("YCbCr colours, compressed, but not with JPEG")
    raw_mode, *more = _arguments(image.tile[0])
    native = _IN_NATIVE_ORDER.get(raw_mode, raw_mode)
    image.tile = [image.tile[0]._replace(args=(native, *more))]


def _correct_planes(image: TiffImageFile) -> None:
    """Correct the raw mode of each plane: Pillow gives the first letter of all of it."""
    tags = image.tag_v2
    bits = set(tags.get(_BITS, (1,)))
    if tags.get(_SAMPLES, 1) == 1:  # one plane
        tags[_PLANES] = 1
        image._setup()
    elif tags.get(_FILL_ORDER) == _REVERSED or tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        raise _unsupported("planes whose values are inverted")
    elif tags.get(_SAMPLES) == 4 and tags.get(_PHOTOMETRIC) == _RGB and _EXTRA_SAMPLES not in tags:
        raise _unsupported("planes of red, green, blue and another, which it does not name")
    elif bits == {16} and image.mode.startswith("RGB"):
        order = f";16{_BYTE_ORDERS[tags.prefix[:2]]}"
        image.tile = [
            tile._replace(args=(_arguments(tile)[0] + order, *_arguments(tile)[1:]))
            for tile in image.tile
        ]
    elif bits != {8}:
        raise _unsupported("planes of another depth than 8 bits")


def _arguments(tile: Any) -> tuple[Any, ...]:
    """Return the arguments of a decoder: Pillow's name of the values, and more."""
    return tile.args if isinstance(tile.args, tuple) else (tile.args,)


def correct_pixels(image: TiffImageFile) -> Image.Image:
    """Return a loaded TIFF image, or one with the right values.

    Values of 12 bits fill 16 bits: white stays white. A table of colours has 16 bits; if no value
    needs more than 8, it was written with 8, as libtiff assumes, and Pillow gives black.

    Raises:
        UnsupportedFormatError: If nothing tells what its fourth channel is.
    """
    tags = image.tag_v2
    unnamed = tags.get(_PHOTOMETRIC) == _RGB and _EXTRA_SAMPLES not in tags
    if image.mode == "RGBA" and unnamed and np.asarray(image.getchannel("A")).min() < 255:
        raise UnsupportedFormatError(
            "it has a fourth channel, and does not say what it is (transparency or infrared, for "
            "example: its tag ExtraSamples is missing); save it as JPEG or PNG, without that "
            "channel if it is no transparency"
        )
    if image.mode in ("P", "PA") and 0 < max(colours := tags.get(_COLOURS, (0,))) < 2**8:
        return _with_colours(image, np.array([*colours], np.uint8))
    if image.mode == "I;16" and tags.get(_BITS) == (12,):
        values = np.asarray(image)
        return Image.fromarray((values << 4) | (values >> 8))
    return image


def _with_colours(image: Image.Image, colours: NDArray[np.uint8]) -> Image.Image:
    """Return an image with other colours: all reds, all greens, and all blues."""
    copy = image.copy()
    copy.putpalette(colours.reshape(3, -1).T.tobytes())
    return copy


def _unsupported(kind: str) -> UnsupportedFormatError:
    return UnsupportedFormatError(
        f"it is a kind of TIFF that Pillow does not read right ({kind}); save it as JPEG or PNG"
    )
