"""Transparent images: which they are, and how they look over white, as in a browser."""

import numpy as np
from PIL import Image

from catdog.images.greys import deep_to_rgb, is_wide
from catdog.images.strips import strips

Key = int | tuple[int, ...]

_BITS_OF_GREY = {"1": 1, "L;2": 2, "L;4": 4, "L": 8}  # by Pillow's name of the values in a file
_VISIBLE_BELOW = 0.01  # a share of the whole image
_WHITE_FROM = 252  # of 255: nobody sees less than white


def transparent_key(image: Image.Image) -> Key | None:
    """Return the transparent grey or colour of a PNG image, as its pixels will have it.

    Pillow scales the pixels to 8 bits, and leaves the key at the scale of the file (13.0). The
    lower bytes of colours of 16 bits are lost, so colours that differ in them are one.

    Args:
        image: The image, not loaded yet.

    Returns:
        `None` if there is no key, or Pillow's needs no change.
    """
    key = image.info.get("transparency")
    tiles = getattr(image, "tile", ())
    if image.format != "PNG" or not tiles:
        return None
    values = str(tiles[0][3])
    if isinstance(key, tuple):
        return tuple(int(each) >> 8 if "16" in values else int(each) & 255 for each in key)
    if isinstance(key, int) and values in _BITS_OF_GREY:
        highest: int = 2 ** _BITS_OF_GREY[values] - 1
        return int(key & highest) * 255 // highest
    return None


def is_transparent(image: Image.Image) -> bool:
    """Return whether pixels of a loaded image can be transparent."""
    if image.format == "BMP" and image.mode == "RGBA" and image.getextrema()[-1] == (0, 0):
        return False  # many programs leave the fourth byte of a pixel empty
    return bool(image.has_transparency_data)


def over_white(image: Image.Image) -> Image.Image:
    """Lay an image whose pixels can be transparent over white; returns RGB."""
    flat = Image.new("RGB", image.size)
    for top, strip in strips(image):
        rgba = _to_rgba(strip)
        white = Image.new("RGBA", rgba.size, "white")
        flat.paste(Image.alpha_composite(white, rgba).convert("RGB"), (0, top))
    return flat


def on_white_canvas(image: Image.Image, box: tuple[int, int, int, int]) -> Image.Image:
    """Return an image as RGB whose pixels outside a box are white."""
    inside = image.crop(box)
    canvas = Image.new("RGB", image.size, "white")
    canvas.paste(over_white(inside) if is_transparent(inside) else inside.convert("RGB"), box[:2])
    canvas.info = {key: value for key, value in image.info.items() if key != "transparency"}
    return canvas


def nearly_invisible(image: Image.Image) -> str | None:
    """Return a detail such as "99.9 % transparent" if at least 99 % of an image is transparent.

    Args:
        image: The image, loaded.
    """
    if not is_transparent(image):
        return None
    whole = 255 * image.width * image.height
    visible = 0
    for _, strip in strips(image):
        counts = _alpha(strip).histogram()
        visible += int(np.dot(counts, np.arange(256)))
        if visible >= _VISIBLE_BELOW * whole:
            return None
    return f"{100 - 100 * visible / whole:.3g} % transparent" if visible else "all transparent"


def white_on_transparency(image: Image.Image) -> str | None:
    """Return a detail if what is drawn on a transparent ground is white: over white, it is gone.

    Args:
        image: The image, loaded.
    """
    if not is_transparent(image):
        return None
    lowest, highest = 255, 0  # of the opacity
    for _, strip in strips(image):
        flat = deep_to_rgb(strip) if is_wide(strip) else over_white(strip)
        if np.asarray(flat).min() < _WHITE_FROM:
            return None
        opacity = np.asarray(_alpha(strip))
        lowest, highest = min(lowest, int(opacity.min())), max(highest, int(opacity.max()))
    return "white on a transparent ground" if highest - lowest > 255 - _WHITE_FROM else None


def _to_rgba(image: Image.Image) -> Image.Image:
    if image.mode in ("RGBa", "La"):  # with premultiplied colours
        image = image.convert("RGBA" if image.mode == "RGBa" else "LA")
    return image.convert("RGBA")


def _alpha(image: Image.Image) -> Image.Image:
    """Return the opacity of each pixel."""
    if image.mode.startswith("I"):
        opaque = np.asarray(image) != image.info["transparency"]
        return Image.fromarray(opaque.astype(np.uint8) * 255)
    return _to_rgba(image).getchannel("A")
