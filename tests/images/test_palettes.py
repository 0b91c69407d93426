"""Images whose palette has fewer colours than their pixels name."""

import struct
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from catdog import load_datasets, scan_images
from catdog.images.decode import decode_image
from catdog.images.inputs import ImageSource, read_pixels
from tests.conftest import MakeFolder
from tests.data.files import add
from tests.images.odd_files import PALETTE, chunk, packed_rows, png, rows, saved
from tests.images.tiff_files import tiff

SIZE = (40, 48)
COLOUR_MAP = 320
COLOURS = bytes(number * 37 % 256 for number in range(768))


def numbers(highest: int) -> np.ndarray:
    """Return an image of the colours 0 to `highest`."""
    return np.resize(np.arange(highest + 1, dtype=np.uint8), SIZE)


def as_png(highest: int, count: int, *more: bytes, bits: int = 8) -> bytes:
    data = rows(numbers(highest)) if bits == 8 else packed_rows(numbers(highest), bits)
    before = [chunk(b"PLTE", COLOURS[: 3 * count]), *more]
    return png(SIZE[::-1], bits, PALETTE, zlib.compress(data), before=before)


def as_bmp(highest: int, count: int) -> bytes:
    pixels, palette = numbers(highest).tobytes(), COLOURS[: 4 * count]
    offset = 54 + len(palette)
    header = struct.pack("<IiiHHIIiiII", 40, *SIZE[::-1], 1, 8, 0, len(pixels), 1, 1, count, 0)
    start = b"BM" + struct.pack("<IHHI", offset + len(pixels), 0, 0, offset)
    return start + header + palette + pixels


def as_gif(highest: int, count: int) -> bytes:
    """Write a table of 256 colours, and cut it."""
    image = Image.fromarray(numbers(255))
    image.putpalette(COLOURS)
    whole = saved(image, "GIF", optimize=False)
    assert (whole[10] & 7, highest) == (7, 255)
    bits = count.bit_length() - 2
    return whole[:10] + bytes([whole[10] & 0xF8 | bits]) + whole[11 : 13 + 3 * count] + whole[781:]


def as_tiff(highest: int, count: int) -> bytes:
    return tiff(
        numbers(highest), 3, tags={COLOUR_MAP: [257 * each for each in COLOURS[: 3 * count]]}
    )


BAD = {
    "bmp": as_bmp(100, 100),
    "gif": as_gif(255, 128),
    "png": as_png(100, 100),
    "png of 4 bits": as_png(15, 12, bits=4),
    "tif": as_tiff(100, 100),
}
GOOD = {
    "bmp": as_bmp(99, 100),
    "gif": as_gif(255, 256),
    "png": as_png(99, 100),
    "png of 1 colour": as_png(0, 1),
    "png of 4 bits": as_png(11, 12, bits=4),
    "tif": as_tiff(99, 100),
}


@pytest.mark.parametrize("content", BAD.values(), ids=BAD.keys())
def test_pixels_without_a_colour(content: bytes, tmp_path: Path) -> None:
    path = add(tmp_path, "short", content)
    loaded = Image.open(BytesIO(content))
    loaded.load()
    for form in (path, content, Image.open(BytesIO(content)), loaded):
        with pytest.raises(
            ValueError, match=r"its palette has \d+ colours, but pixels have colour"
        ):
            read_pixels(ImageSource(form, "it"), SIZE)


@pytest.mark.parametrize("content", GOOD.values(), ids=GOOD.keys())
def test_a_palette_with_all_colours(content: bytes) -> None:
    expected = np.asarray(Image.open(BytesIO(content)).convert("RGB"))
    assert np.array_equal(decode_image(content, SIZE), expected)


def test_images_in_memory() -> None:
    image = Image.fromarray(numbers(9))
    short = image.copy()
    short.putpalette(COLOURS[:27])
    with pytest.raises(ValueError, match="its palette has 9 colours, but pixels have colour 9"):
        read_pixels(ImageSource(short, "it"), SIZE)
    short.info["transparency"] = 9  # needs no colour
    assert read_pixels(ImageSource(short, "it"), SIZE)[0, 9].tolist() == [255] * 3
    read_pixels(ImageSource(image.quantize(4), "it"), SIZE)
    read_pixels(ImageSource(Image.new("P", (4, 4), 3), "it"), SIZE)


def test_around_the_first_frame_of_a_gif_no_colour_is_needed() -> None:
    """Pillow fills it with the colour of the background, which may not be there."""
    content = bytearray(as_gif(255, 256))
    content[6:8] = struct.pack("<H", SIZE[1] + 9)  # the width of the whole image
    assert decode_image(bytes(content), SIZE).shape == (*SIZE, 3)


def test_a_scan_names_them(make_folder: MakeFolder) -> None:
    folder = make_folder(a=4, b=4)
    for name, content in BAD.items():
        add(folder / "a", f"{name}.{name[:3]}", content)
    found = {(finding.path.stem, finding.reason) for finding in scan_images(folder).bad}
    assert found == {(name, "undecodable") for name in BAD}
    with pytest.raises(ValueError, match="5 files of 13"):
        load_datasets(folder)
