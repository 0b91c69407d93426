"""Greys and colours of more than 8 bits: the rule, its errors, and images that come out black."""

import re
import struct
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from catdog.images.decode import decode_image
from catdog.images.inputs import ImageSource, iter_images, read_pixels
from catdog.images.notes import Note
from tests.images.tiff_files import tiff

SIZE = (6, 8)


def png_of_16_bits(values: NDArray[Any], colour_type: int) -> bytes:
    """Return a PNG file, shape `(height, width, channels)`; Pillow writes greys only."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    height, width = values.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    data = zlib.compress(rows)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


def ramp(highest: float, dtype: Any = np.uint16, lowest: float = 0) -> NDArray[Any]:
    return np.linspace(lowest, highest, 48).reshape(SIZE).astype(dtype)


def notes_on(content: Any) -> list[Note]:
    notes: list[Note] = []
    read_pixels(ImageSource(content, "it"), SIZE, notes)
    return notes


def details(content: Any) -> list[str]:
    return [note.detail for note in notes_on(content) if note.reason == "unfilled_range"]


def file_of(image: Image.Image, kind: str = "PNG") -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize("highest", [255, 1023, 4095, 16383])
def test_small_values_are_noted(highest: int) -> None:
    values = ramp(highest)
    expected = [f"no value above {highest} of 65535"]
    assert details(Image.fromarray(values)) == expected
    assert details(Image.fromarray(values.astype(np.int32))) == expected
    assert details(file_of(Image.fromarray(values))) == expected
    big_endian = Image.frombytes("I;16B", SIZE[::-1], values.astype(">u2").tobytes())
    assert details(big_endian) == expected


@pytest.mark.parametrize("highest", [0, 16384, 32768, 65535])
def test_values_that_fill_the_range_or_are_black_are_not(highest: int) -> None:
    values = ramp(highest)
    for content in (Image.fromarray(values), file_of(Image.fromarray(values))):
        assert notes_on(content) == []
        pixels = read_pixels(ImageSource(content, "it"), SIZE)
        assert np.array_equal(pixels, np.stack([values // 257] * 3, axis=-1))


def test_the_scale_does_not_depend_on_the_image() -> None:
    """Two images of one camera stay comparable, the dark one too."""
    bright, dark = ramp(60000), ramp(60000)
    bright[0, 0] = dark[0, 0] = 3000
    dark[dark > 3000] = 3000
    both = [read_pixels(ImageSource(Image.fromarray(each), "it"), SIZE) for each in (bright, dark)]
    assert both[0][0, 0, 0] == both[1][0, 0, 0] == 3000 // 257


@pytest.mark.parametrize(("colour_type", "channels"), [(2, 3), (6, 4), (4, 2)])
@pytest.mark.parametrize(
    ("highest", "expected"),
    [(0, 255), (255, 255), (1023, 1023), (4095, 4095), (16383, 16383), (16384, 0), (65535, 0)],
)
def test_colours_of_16_bits(colour_type: int, channels: int, highest: int, expected: int) -> None:
    """Pillow reads their upper byte alone; alpha says nothing about the range."""
    values = np.stack([ramp(highest)] * channels, axis=-1)
    if channels != 3:
        values[..., -1] = 65535
    content = png_of_16_bits(values, colour_type)
    noted = [f"no value above {expected} of 65535"] if expected else []
    assert details(content) == noted
    assert details(Image.open(BytesIO(content))) == noted
    pixels = read_pixels(ImageSource(content, "it"), SIZE)
    assert np.array_equal(pixels[..., 0], values[..., 0] // 256)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (ramp(31000, np.uint16, 29000), "no value below 29000 or above 31000 of 65535"),
        (ramp(33168, np.uint16, 31744), "no value below 31744 or above 33168 of 65535"),
        (ramp(31000, np.int32, 29000), "no value below 29000 or above 31000 of 65535"),
        (ramp(231, np.float32, 200), "no value below 200 or above 231 of 255"),
        (ramp(46384, np.uint16, 30000), ""),
        (ramp(30000, np.uint16, 30000), ""),  # of one value
        (ramp(255, np.float32, 255), ""),
    ],
)
def test_values_with_an_offset(values: NDArray[Any], expected: str) -> None:
    assert details(Image.fromarray(values)) == ([expected] if expected else [])


def test_colours_of_16_bits_with_an_offset() -> None:
    for low, high, expected in (
        (29000, 31000, ["no value below 28928 or above 31231 of 65535"]),
        (65535, 65535, []),  # white
        (0, 65535, []),
    ):
        values = np.stack([ramp(high, np.uint16, low)] * 3, axis=-1)
        assert details(png_of_16_bits(values, 2)) == expected


def test_inks_of_16_bits() -> None:
    for highest, expected in ((0, []), (4095, ["no value above 4095 of 65535"]), (65535, [])):
        inks = np.stack([ramp(highest)] * 4, axis=-1)
        assert details(tiff(inks, 5)) == expected


@pytest.mark.parametrize("highest", [0, 1, 2, 3, 4, 9])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA"])
def test_8_bits_are_noted_only_if_all_is_black(highest: int, mode: str) -> None:
    """Floats from 0 to 1 that were saved without a factor; photos may be dark."""
    image = Image.fromarray(ramp(highest, np.uint8)).convert(mode)
    expected = [f"no value above {highest} of 255"] if 0 < highest < 4 else []
    assert details(image) == details(file_of(image)) == expected
    large = image.resize((400, 300), Image.Resampling.NEAREST)
    large.putpixel((77, 1), tuple([200] * 4)[: len(mode)] if len(mode) > 1 else 200)
    assert details(large) == []


def test_black_on_nothing_is_not_noted() -> None:
    """A drawing in nearly black: its background is white when it is read."""
    image = Image.new("RGBA", (8, 6), (1, 1, 1, 0))
    image.putpixel((3, 3), (1, 1, 1, 255))
    assert details(image) == details(file_of(image)) == []


def test_a_tiff_image_that_the_user_opened() -> None:
    for values, expected in ((ramp(4095), ["no value above 4095 of 65535"]), (ramp(65535), [])):
        assert details(Image.open(BytesIO(file_of(Image.fromarray(values), "TIFF")))) == expected


def test_other_modes_have_no_notes() -> None:
    grey = Image.fromarray(ramp(9, np.uint8))
    for mode in ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV"):
        image = (
            grey.convert("RGB").convert(mode) if mode != "PA" else grey.convert("P").convert("PA")
        )
        assert notes_on(image) == [], mode
    assert notes_on(file_of(grey.convert("1"))) == []
    assert notes_on(file_of(grey, "BMP")) == []


def test_a_bitmap_of_16_bits_a_pixel_is_not_deep() -> None:
    header = struct.pack("<IiiHHIIiiII", 40, 8, 6, 1, 16, 0, 96, 0, 0, 0, 0)
    content = b"BM" + struct.pack("<IHHI", 150, 0, 0, 54) + header + bytes(96)
    assert notes_on(content) == []


def test_floats_are_grey_values_up_to_255() -> None:
    assert details(Image.fromarray(ramp(1.0, np.float32))) == ["no value above 1 of 255"]
    assert details(Image.fromarray(ramp(0.5, np.float32))) == ["no value above 0.5 of 255"]
    for highest in (1.02, 9, 63):
        noted = [f"no value above {highest:g} of 255"]
        assert details(Image.fromarray(ramp(highest, np.float32))) == noted
    for highest in (0, 64, 255):
        image = Image.fromarray(ramp(highest, np.float32))
        assert notes_on(image) == []
        pixels = read_pixels(ImageSource(image, "it"), SIZE)
        assert np.array_equal(pixels[..., 1], np.asarray(image).astype(np.uint8))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (ramp(4095, np.float32), r"grey values run from 0 to 4095, not within 0 and 255; scale"),
        (ramp(9, np.float32, -0.5), "grey values run from -0.5 to 9, not within 0 and 255"),
        (ramp(3000, np.int32, -1000), "run from -1000 to 3000, not within 0 and 65535; scale"),
        (ramp(70000, np.int32), "run from 0 to 70000, not within 0 and 65535"),
        (np.where(ramp(9) == 9, np.nan, 1).astype(np.float32), "some are NaN or infinite"),
        (np.where(ramp(9) == 9, np.inf, 1).astype(np.float32), "some are NaN or infinite"),
    ],
)
def test_values_outside_the_range(values: NDArray[Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"Cannot read the image it: .*{message}"):
        read_pixels(ImageSource(Image.fromarray(values), "it"), SIZE)


def test_an_image_is_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dark.png").write_bytes(file_of(Image.fromarray(ramp(4095))))
    opened: list[Any] = []
    open_image = Image.open

    def counted(file: Any, **options: Any) -> Any:
        opened.append(file)
        return open_image(file, **options)

    monkeypatch.setattr(Image, "open", counted)
    assert len(notes_on(tmp_path / "dark.png")) == len(opened) == 1
    assert decode_image(tmp_path / "dark.png", SIZE).max() == 4095 // 257


def shape_error(array: NDArray[Any]) -> str:
    with pytest.raises(ValueError, match="must be RGB pixels") as caught:
        list(iter_images(array))
    return str(caught.value)


def advice(array: NDArray[Any]) -> list[NDArray[Any]]:
    """Return what the code in the error's advice makes of an array."""
    code = re.findall(r"np\.\w+\(.*?-1\)", shape_error(array))
    return [eval(each, {"np": np, "array": array}) for each in code]


def test_the_advice_keeps_each_image() -> None:
    """A batch of grey images stays a batch; where the shape has two meanings, both are given."""
    rng = np.random.default_rng(0)
    one, batch, column = (
        rng.integers(0, 256, shape, dtype=np.uint8) for shape in ((9, 7), (5, 9, 7), (5, 9, 7, 1))
    )
    for array, grey in ((one, one), (batch, batch), (column, column[..., 0])):
        (rgb,) = advice(array)
        assert np.array_equal(rgb, np.stack([grey] * 3, axis=-1))
        assert list(iter_images(rgb))
    first = rng.integers(0, 256, (4, 3, 9, 7), dtype=np.uint8)
    (rgb,) = advice(first)
    assert np.array_equal(rgb, first.transpose(0, 2, 3, 1))
    three = rng.integers(0, 256, (3, 9, 7), dtype=np.uint8)
    as_one, as_three = advice(three)
    assert np.array_equal(as_one, three.transpose(1, 2, 0))
    assert np.array_equal(as_three[1], np.stack([three[1]] * 3, axis=-1))
    assert "two meanings" in shape_error(three)
    assert "moveaxis" not in shape_error(batch)


def test_the_advice_about_the_range_names_16_bits() -> None:
    with pytest.raises(
        ValueError, match=r"run from 0 to 4095.* 12 bits by array \* \(255 / 4095\)"
    ):
        list(iter_images(np.stack([ramp(4095)] * 3, axis=-1)))
