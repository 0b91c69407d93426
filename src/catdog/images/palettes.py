"""Pixels that name a colour which the palette of their image does not have."""

from PIL import Image

Box = tuple[int, int, int, int]  # left, top, right, bottom


def check_palette(image: Image.Image, box: Box | None = None) -> None:
    """Raise an error if pixels name a colour that is not there. Pillow makes them black.

    Args:
        image: The image, loaded.
        box: Where its pixels are, if that is not the whole image.

    Raises:
        ValueError: If its palette has too few colours. Transparent pixels need none.
    """
    palette = image.palette
    if image.mode != "P" or palette is None or not palette.palette:
        return
    count = len(palette.palette) // len(palette.mode)
    used = (image.crop(box) if box else image).histogram()
    transparent = image.info.get("transparency")
    wrong = [each for each in range(count, len(used)) if used[each] and each != transparent]
    if wrong:
        raise ValueError(f"its palette has {count} colours, but pixels have colour {wrong[0]}")
