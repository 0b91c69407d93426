"""The first frame of an animated image, which may be smaller than the image.

What is outside is transparent, as in browsers. Pillow gives it a colour.
"""

from typing import BinaryIO

from PIL import Image

Box = tuple[int, int, int, int]  # left, top, right, bottom


def first_frame_box(image: Image.Image, file: BinaryIO | None) -> Box | None:
    """Return where the first frame of a GIF or WebP image is; `None` if it is the whole image.

    Args:
        image: The image, at its first frame.
        file: The file that it was opened from, if it is at hand; its position changes.
    """
    box: Box | None = None
    if image.format == "GIF" and not image.tell():
        box = getattr(image, "dispose_extent", None)
    elif image.format == "WEBP" and file:
        box = _box_in_webp(file)
    return None if box == (0, 0, *image.size) else box


def _box_in_webp(file: BinaryIO) -> Box | None:
    """Return the place of the first frame of an animated WebP file."""
    file.seek(12)
    while len(start := file.read(8)) == 8:
        length = int.from_bytes(start[4:], "little")
        if start[:4] == b"ANMF":
            left, top, width, height = (
                int.from_bytes(file.read(3), "little") for _ in ("x", "y", "width", "height")
            )
            return 2 * left, 2 * top, 2 * left + width + 1, 2 * top + height + 1
        file.seek(length + length % 2, 1)
    return None
