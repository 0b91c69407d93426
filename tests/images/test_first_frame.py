"""The first frame of an animated image may be smaller than the image: the rest is white."""

import struct
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from catdog import scan_images
from catdog.images.inputs import ImageSource, read_pixels
from tests.conftest import MakeFolder
from tests.data.files import add
from tests.images.odd_files import noise, saved

SIZE = (48, 64)
BOX = (10, 12, 42, 36)  # left, top, right, bottom
INSIDE = (slice(BOX[1], BOX[3]), slice(BOX[0], BOX[2]))
COLOURS = noise(1, 128)[0]
NUMBERS = noise(24, 32, 1)[..., 0] % 128


def gif(size: tuple[int, int] = SIZE, *, background: int = 0, transparent: int | None = None,
        local_colours: bool = False) -> bytes:  # fmt: skip
    """Return a GIF file of one frame, whose pixels are `NUMBERS`."""
    colours: bytes = COLOURS.tobytes()
    flags = 0x70 if local_colours else 0xF6
    head = b"GIF89a" + struct.pack("<2H3B", *size[::-1], flags, background, 0)
    if transparent is not None:
        head += bytes([0x21, 0xF9, 4, 1, 0, 0, transparent, 0])
    place = b"," + struct.pack("<4HB", *BOX[:2], 32, 24, 0x86 if local_colours else 0)
    runs = (NUMBERS.tobytes()[i : i + 100] for i in range(0, NUMBERS.size, 100))
    blocks = b"".join(bytes([len(run) + 1, 0x80]) + run for run in runs)  # codes of 8 bits
    data = b"\x07" + blocks + b"\x01\x81\0;"
    if local_colours:
        return head + place + colours + data
    return head[:13] + colours + head[13:] + place + data


def pixels(content: bytes, tmp_path: Path) -> NDArray[np.uint8]:
    """Return the pixels of an image, which must be the same as a path and as a Pillow image."""
    path = add(tmp_path, "image", content)
    loaded = Image.open(BytesIO(content))
    loaded.load()
    forms: list[Any] = [content, path, Image.open(BytesIO(content)), loaded]
    size = loaded.size[::-1]
    first, *others = [read_pixels(ImageSource(form, "it"), size) for form in forms]
    for other in others:
        assert np.array_equal(first, other)
    return np.asarray(first)


@pytest.mark.parametrize(
    "options", [{}, {"background": 3}, {"local_colours": True}, {"transparent": 5}], ids=str
)
def test_a_gif_frame_that_is_smaller_than_its_screen(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    expected = np.full((*SIZE, 3), 255, np.uint8)
    expected[INSIDE] = COLOURS[NUMBERS]
    if "transparent" in options:
        expected[INSIDE][NUMBERS == 5] = 255
    assert np.array_equal(pixels(gif(**options), tmp_path), expected)


def test_a_gif_frame_beyond_its_screen(tmp_path: Path) -> None:
    """Browsers and Pillow enlarge the screen."""
    found = pixels(gif((30, 30)), tmp_path)
    assert found.shape == (36, 42, 3)
    assert np.array_equal(found[INSIDE], COLOURS[NUMBERS])
    assert found[:12].min() == found[:, :10].min() == 255


def webp(**options: Any) -> bytes:
    """Return an animated WebP file without alpha, whose first frame fills the box alone."""
    first = np.zeros((*SIZE, 4), np.uint8)
    first[INSIDE] = np.dstack([noise(24, 32), np.full((24, 32), 255)])
    frames = [Image.fromarray(first), Image.fromarray(noise(*SIZE))]
    return saved(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True,
                 **options)  # fmt: skip


def test_a_webp_frame_that_is_smaller_than_its_image() -> None:
    content = webp()
    assert Image.open(BytesIO(content)).mode == "RGB"
    expected = np.full((*SIZE, 3), 255, np.uint8)
    expected[INSIDE] = noise(24, 32)
    for form in (content, Image.open(BytesIO(content))):
        assert np.array_equal(read_pixels(ImageSource(form, "it"), SIZE), expected)


def test_it_is_turned_upright_afterwards() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = read_pixels(ImageSource(webp(exif=exif), "it"), SIZE[::-1])
    assert np.array_equal(turned, np.rot90(read_pixels(ImageSource(webp(), "it"), SIZE), k=-1))


def test_a_later_frame_of_a_pillow_image_is_as_pillow_shows_it() -> None:
    image = Image.open(BytesIO(webp()))
    image.seek(1)
    assert np.array_equal(read_pixels(ImageSource(image, "it"), SIZE), noise(*SIZE))


def test_a_scan_accepts_them(make_folder: MakeFolder) -> None:
    folder = make_folder(a=4, b=4)
    add(folder / "a", "frame.gif", gif())
    add(folder / "a", "frame.webp", webp())
    report = scan_images(folder)
    assert report.bad == ()
    assert report.label_counts()["a"] == 6
