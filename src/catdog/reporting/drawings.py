"""Figures and images as parts of an HTML page, without any address outside of it."""

import base64
import re
import warnings
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from catdog.images.arrays import Pixels
from catdog.images.inputs import ImageSource
from catdog.images.thumbnails import thumbnail
from catdog.inference.gradcam import HeatMap, upsample
from catdog.plotting.explanation import HEAT_MAP_COLOURS

MAX_SIDE = 200  # pixels of an image in the page
JPEG_QUALITY = 80
HEAT_OPACITY = 0.6
# Text and axes are drawn in this colour, which no figure uses, and then given that of the page.
_INK = "#010203"
_PAPER = "#030201"  # behind a legend
_GREY = "#666666"  # of the lines of a baseline; too dark on a dark page
_STYLE: dict[str, Any] = {
    "svg.fonttype": "none",  # text stays text: small, and in the font of the page
    "font.family": "sans-serif",
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "legend.facecolor": _PAPER,
    "legend.edgecolor": "none",
    **dict.fromkeys(
        ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), _INK
    ),
}
_NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))


def svg(name: str, draw: Callable[[], Any]) -> str:
    """Return a figure as an SVG element in the colours of the page.

    Args:
        name: Makes the identifiers inside different from those of other figures.
        draw: Returns the figure, or its axes.
    """
    import matplotlib as mpl
    from matplotlib import pyplot as plt

    style: Any = {**_STYLE, "svg.hashsalt": name}
    with mpl.rc_context(style), plt.ioff(), warnings.catch_warnings():
        # The text is drawn by the browser, which has fonts for all of it.
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from")
        drawn = draw()
        figure = getattr(drawn, "figure", drawn)
        figure.canvas.draw()
        buffer = StringIO()
        figure.savefig(buffer, format="svg", metadata=_NO_METADATA)
        plt.close(figure)
    return _inline(buffer.getvalue(), name)


def _inline(text: str, name: str) -> str:
    """Return what stands in a page: no prologue, no name spaces, identifiers of its own."""
    text = text[text.index("<svg") :].strip()
    text = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    head, _, rest = text.partition(">")
    view_box = re.search(r'viewBox="[^"]*"', head)
    assert view_box is not None  # Matplotlib writes one
    for old, new in (
        (' id="', f' id="{name}-'),
        ("url(#", f"url(#{name}-"),
        ('href="#', f'href="#{name}-'),
        (_INK, "currentColor"),
        (_GREY, "currentColor"),
        (_PAPER, "var(--ground)"),
    ):
        rest = rest.replace(old, new)
    width = float(view_box[0].split()[2])
    return f'<svg {view_box[0]} style="width:{width * 4 / 3:.0f}px" aria-hidden="true">{rest}'


def image_address(path: Path) -> str | None:
    """Return an image as an address that contains it; `None` if it can no longer be read."""
    with suppress(OSError, ValueError):
        return _address(_small(path))
    return None


def heat_address(path: Path, heat: HeatMap) -> str | None:
    """Return an image in grey, below its heat map; `None` if it can no longer be read."""
    with suppress(OSError, ValueError):
        return _address(_overlay(_small(path), heat))
    return None


def _small(path: Path) -> Pixels:
    """Read an image, and reduce it to the size at which the page holds it."""
    image = Image.fromarray(thumbnail(ImageSource(path, str(path))))
    image.thumbnail((MAX_SIDE, MAX_SIDE))
    return np.asarray(image)


def _overlay(pixels: Pixels, heat: HeatMap) -> NDArray[np.uint8]:
    """Return a heat map over an image in grey, as `plot_gradcam` draws it."""
    import matplotlib as mpl

    colours = mpl.colormaps[HEAT_MAP_COLOURS](upsample(heat, pixels.shape[:2]))[..., :3]
    grey = pixels.mean(axis=-1, keepdims=True) / 255
    mixed = HEAT_OPACITY * colours + (1 - HEAT_OPACITY) * grey
    return np.asarray(np.round(255 * mixed), np.uint8)


def _address(pixels: NDArray[np.uint8]) -> str:
    """Return pixels as an address that contains them."""
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=JPEG_QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
