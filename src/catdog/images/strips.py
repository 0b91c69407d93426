"""Images in horizontal strips, so that a step on a large image needs little memory."""

from collections.abc import Iterator

from PIL import Image

_STRIP_PIXELS = 2**18


def strips(image: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """Yield the first row and the pixels of each strip of an image, from top to bottom."""
    rows = max(1, _STRIP_PIXELS // image.width)
    if rows >= image.height:
        yield 0, image
        return
    for top in range(0, image.height, rows):
        yield top, image.crop((0, top, image.width, min(top + rows, image.height)))
