"""Transparent pixels become white, in all the ways that files and Pillow express them."""

import struct
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from catdog import load_datasets, scan_images
from catdog.images import strips
from catdog.images.decode import decode_image
from catdog.images.inputs import ImageSource, read_pixels
from catdog.images.notes import Note
from tests.conftest import MakeFolder
from tests.data.files import add
from tests.images.odd_files import (
    GREY,
    GREY_ALPHA,
    PALETTE,
    RGB,
    RGB_ALPHA,
    chunk,
    noise,
    packed_rows,
    png,
    rows,
    saved,
)

HEIGHT, WIDTH = SIZE = (6, 16)
LEVELS = np.tile(np.arange(WIDTH), (HEIGHT, 1))
Values = NDArray[Any]


def key(*values: int) -> bytes:
    """Return the chunk that names the transparent grey or colour."""
    return chunk(b"tRNS", struct.pack(f">{len(values)}H", *values))


def file(values: bytes, depth: int, colour_type: int, *before: bytes) -> bytes:
    return png((WIDTH, HEIGHT), depth, colour_type, zlib.compress(values), before=before)


def in_all_forms(content: bytes, tmp_path: Path) -> Values:
    """Return the pixels of an image, which must be the same in all forms that users pass."""
    forms: list[Any] = [content, add(tmp_path, "image", content), Image.open(BytesIO(content))]
    forms.append(forms[-1])  # the same object again, which is loaded then
    first, *others = [read_pixels(ImageSource(form, "it"), SIZE) for form in forms]
    for other in others:
        assert np.array_equal(first, other)
    return first


@pytest.mark.parametrize(("bits", "transparent"), [(1, 0), (1, 1), (2, 2), (4, 3), (4, 15), (8, 9)])
def test_a_transparent_grey_of_few_bits(tmp_path: Path, bits: int, transparent: int) -> None:
    """Pillow scales the pixels, and not the key."""
    highest = 2**bits - 1
    values = LEVELS % (highest + 1)
    content = file(packed_rows(values, bits), bits, GREY, key(transparent))
    expected = np.where(values == transparent, 255, values * 255 // highest)
    assert np.array_equal(in_all_forms(content, tmp_path)[..., 1], expected)


def test_a_transparent_grey_of_16_bits(tmp_path: Path) -> None:
    values = (LEVELS * 4000).astype(np.uint16)
    content = file(rows(values), 16, GREY, key(8000))
    expected = np.where(values == 8000, 255, values // 257)
    assert np.array_equal(in_all_forms(content, tmp_path)[..., 1], expected)


def test_a_transparent_colour_of_16_bits(tmp_path: Path) -> None:
    values = np.stack([LEVELS * 4000, LEVELS * 0 + 300, LEVELS * 100], axis=-1).astype(np.uint16)
    content = file(rows(values), 16, RGB, key(8000, 300, 200))
    expected = values // 256
    expected[:, 2] = 255
    assert np.array_equal(in_all_forms(content, tmp_path), expected)


@pytest.mark.parametrize("bits", [4, 8])
def test_a_palette_whose_colours_are_partly_transparent(tmp_path: Path, bits: int) -> None:
    colours = noise(1, 16)[0]
    alphas = np.array([0, 64, 128, 255, 200], np.uint8)  # the colours after these are opaque
    before = (chunk(b"PLTE", colours.tobytes()), chunk(b"tRNS", alphas.tobytes()))
    content = file(packed_rows(LEVELS, bits), bits, PALETTE, *before)
    opacity = np.pad(alphas, (0, 11), constant_values=255)[:, None] / 255
    expected = (colours * opacity + 255 * (1 - opacity))[LEVELS]
    assert np.abs(in_all_forms(content, tmp_path) - expected).max() <= 1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(("colour_type", "channels"), [(GREY_ALPHA, 2), (RGB_ALPHA, 4)])
def test_an_alpha_channel(tmp_path: Path, colour_type: int, channels: int, dtype: Any) -> None:
    values = noise(*SIZE, channels)
    whole = values.astype(dtype) * (257 if dtype == np.uint16 else 1)
    content = file(rows(whole.astype(dtype)), 8 * np.dtype(dtype).itemsize, colour_type)
    opacity = values[..., -1:] / 255
    expected = values[..., :-1] * opacity + 255 * (1 - opacity)
    assert np.abs(in_all_forms(content, tmp_path) - expected).max() <= 1


@pytest.mark.parametrize("mode", ["LA", "PA", "RGBA", "La", "RGBa"])
def test_modes_of_pillow_with_alpha(mode: str) -> None:
    """The user's own image is not changed."""
    image = Image.new({"PA": "P", "La": "LA", "RGBa": "RGBA"}.get(mode, mode), (4, 4))
    image.putalpha(0)
    image = image.convert(mode)
    before = image.tobytes()
    assert read_pixels(ImageSource(image, "it"), (4, 4)).min() == 255
    assert image.tobytes() == before


def test_a_palette_with_alpha() -> None:
    """Pillow makes one of an image with transparent parts."""
    image = Image.new("RGBA", (4, 4), (255, 0, 0, 255))
    image.paste((0, 0, 0, 0), (0, 0, 4, 2))
    image = image.quantize(4)
    assert (image.mode, "transparency" in image.info) == ("P", False)
    pixels = read_pixels(ImageSource(image, "it"), (4, 4))
    assert pixels[:2].min() == 255
    assert (pixels[2:] == (255, 0, 0)).all()


def details(content: Any) -> list[str]:
    notes: list[Note] = []
    read_pixels(ImageSource(content, "it"), SIZE, notes)
    return [note.detail for note in notes if note.reason == "transparent"]


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_an_image_of_which_nothing_can_be_seen(kind: str) -> None:
    rgba = np.dstack([noise(40, 50), np.zeros((40, 50), np.uint8)])
    for opaque, expected in ((0, ["all transparent"]), (19, ["99 % transparent"]), (21, [])):
        rgba[..., 3].flat[:opaque] = 255
        assert details(saved(Image.fromarray(rgba), kind, lossless=True, exact=True)) == expected
    assert details(Image.new("RGBA", (4, 4), (0, 0, 0, 2))) == ["99.2 % transparent"]
    assert details(Image.new("RGBA", (4, 4), (0, 0, 0, 3))) == []


def test_keys_and_palettes_that_make_an_image_invisible() -> None:
    nothing = np.zeros(SIZE, np.uint8)
    black = chunk(b"PLTE", bytes(3))
    contents = [
        file(packed_rows(nothing, 4), 4, GREY, key(0)),
        file(rows(nothing.astype(np.uint16)), 16, GREY, key(0)),
        file(rows(nothing), 8, PALETTE, black, chunk(b"tRNS", b"\0")),
    ]
    assert [details(content) for content in contents] == [["all transparent"]] * 3
    assert details(file(rows(nothing), 8, PALETTE, black, chunk(b"tRNS", b"\x80"))) == []


WHITE = "white on a transparent ground"


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_a_white_drawing_on_transparency(kind: str) -> None:
    rgba = np.full((40, 50, 4), 255, np.uint8)
    assert details(saved(Image.fromarray(rgba), kind, lossless=True, exact=True)) == []
    rgba[..., 3] = 128  # nothing is drawn
    assert details(saved(Image.fromarray(rgba), kind, lossless=True, exact=True)) == []
    rgba[5:20, :, 3] = 255
    assert details(saved(Image.fromarray(rgba), kind, lossless=True, exact=True)) == [WHITE]
    rgba[..., :3] = 253
    rgba[:2, :, 3] = 0
    rgba[:2, :, :3] = 0  # cannot be seen
    assert details(saved(Image.fromarray(rgba), kind, lossless=True, exact=True)) == [WHITE]
    rgba[7, 7, :3] = 90
    assert details(saved(Image.fromarray(rgba), kind, lossless=True, exact=True)) == []


def test_a_white_drawing_of_other_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys, palettes, greys, 16 bits; the whole image, of several strips too."""
    drawn = np.zeros(SIZE, np.uint8)
    drawn[2:5] = 1
    two = chunk(b"PLTE", bytes(3) + b"\xff" * 3)
    contents = [
        file(rows(drawn * 255), 8, GREY, key(0)),
        file(rows(drawn.astype(np.uint16) * 65535), 16, GREY, key(0)),
        file(rows(drawn), 8, PALETTE, two, chunk(b"tRNS", b"\0")),
        file(rows(np.dstack([255 - 0 * drawn, drawn * 255])), 8, GREY_ALPHA),
    ]
    for rows_a_strip in (100, 3):
        monkeypatch.setattr(strips, "_STRIP_PIXELS", rows_a_strip * SIZE[1])
        assert [details(content) for content in contents] == [[WHITE]] * 4


def test_a_scan_and_load_datasets_say_so(make_folder: MakeFolder) -> None:
    folder = make_folder(a=4, b=4)
    clear = saved(Image.new("RGBA", (40, 40), (200, 0, 0, 0)), "PNG")
    add(folder / "a", "clear.png", clear)
    report = scan_images(folder)
    notes = [f for f in report.findings if f.reason == "transparent"]
    assert [(note.path.name, note.detail) for note in notes] == [("clear.png", "all transparent")]
    assert report.bad == ()
    logo = Image.new("RGBA", (40, 40), (255, 255, 255, 0))
    logo.paste("white", (5, 5, 20, 20))
    add(folder / "b", "logo.png", saved(logo, "PNG"))
    with pytest.warns(
        UserWarning, match=rf"2 images white(.|\n)*clear\.png: all tr(.|\n)*logo\.png: {WHITE}"
    ):
        load_datasets(folder)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGB", "RGBA", "I;16", "1", "F"])
def test_strips_give_the_pixels_of_the_whole(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Image.fromarray(noise(23, 16, 4))
    if mode == "I;16":
        source = Image.fromarray(noise(23, 16, 1)[..., 0].astype(np.uint16) * 200)
    image = source.convert(mode)
    if mode == "P":
        image.info["transparency"] = bytes([0, 100, 200])
    whole = read_pixels(ImageSource(image, "it"), (23, 16))
    monkeypatch.setattr(strips, "_STRIP_PIXELS", 5 * 16)
    assert np.array_equal(read_pixels(ImageSource(image, "it"), (23, 16)), whole)


def test_a_key_is_not_left_in_a_decoded_image() -> None:
    """Its value would make other pixels of the result transparent."""
    content = file(packed_rows(LEVELS, 4), 4, GREY, key(3))
    assert np.array_equal(decode_image(content, SIZE)[0, :3, 0], [0, 17, 34])
