"""TIFF files: what their values mean, how they are compressed, and files that are cut off."""

import struct
import zlib
from io import BytesIO
from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from catdog.images.containers import open_image
from catdog.images.decode import read_rgb
from catdog.images.formats import UnsupportedFormatError
from catdog.images.inputs import ImageSource, read_image
from catdog.images.notes import Note
from catdog.images.thumbnails import upright_size
from tests.images.tiff_files import (
    BITS,
    COMPRESSION,
    EXTRA,
    ROWS,
    directory_first,
    tiff,
)

ORIENTATION, COLOUR_MAP, NEW_SUBFILE_TYPE, PLANES, DNG_VERSION = 274, 320, 254, 284, 50706
GREYS = np.array([[0, 100, 255]], np.uint8)
COLOURS = np.array([[[255, 0, 0], [0, 255, 0], [10, 20, 30]]], np.uint8)
NOISE = np.random.default_rng(0).integers(0, 256, (20, 14, 3), dtype=np.uint8)
COMPRESSIONS = ["tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits", "lzma"]


def rgb(content: bytes) -> NDArray[Any]:
    """Return the pixels of a file, which must be the same as a Pillow image that is not loaded."""
    found = np.asarray(read_rgb(content))
    assert np.array_equal(as_pillow_image(content), found)
    return found


def as_pillow_image(content: bytes) -> NDArray[Any]:
    return np.asarray(read_image(ImageSource(Image.open(BytesIO(content)), "it")))


def pixels(content: bytes) -> Any:
    return rgb(content).tolist()


def grey(*values: int) -> list[list[list[int]]]:
    return [[[value] * 3 for value in values]]


def details(content: bytes) -> list[str]:
    notes: list[Note] = []
    read_rgb(content, notes=notes)
    return [note.detail for note in notes]


def written(image: Image.Image, **options: Any) -> bytes:
    buffer = BytesIO()
    image.save(buffer, "TIFF", **options)
    return buffer.getvalue()


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_greys_of_every_depth(order: Literal["<", ">"], dtype: Any) -> None:
    scale = 257 if dtype == np.uint16 else 1
    values = GREYS.astype(dtype) * dtype(scale)
    assert pixels(tiff(values, order=order)) == grey(0, 100, 255)
    if not (order == ">" and dtype == np.uint16):  # Pillow does not read those
        assert pixels(tiff(values, 0, order=order)) == grey(255, 155, 0)  # zero is white


def test_zero_is_white_in_an_image_that_the_user_opened() -> None:
    content = tiff(GREYS.astype(np.uint16) * 257, 0)
    image = Image.open(BytesIO(content))
    assert np.asarray(read_image(ImageSource(image, "it"))).tolist() == grey(255, 155, 0)
    assert np.asarray(image).tolist() == [[0, 25700, 65535]]  # the user's image is as it was


def test_one_bit_a_pixel() -> None:
    image = Image.fromarray(GREYS > 99)
    for compression in (None, "group3", "group4", "packbits"):
        assert pixels(written(image, compression=compression)) == grey(0, 255, 255)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("order", "<>")
def test_colours_and_alpha(order: Literal["<", ">"], dtype: Any) -> None:
    scale = dtype(257 if dtype == np.uint16 else 1)
    assert pixels(tiff(COLOURS * scale, 2, order=order)) == COLOURS.tolist()
    clear = np.dstack([COLOURS, [[0, 255, 255]]]).astype(dtype) * scale
    over_white = [[[255, 255, 255], [0, 255, 0], [10, 20, 30]]]
    for kind, expected in ((2, over_white), (0, COLOURS.tolist())):  # 0: the channel is no alpha
        assert pixels(tiff(clear, 2, order=order, tags={EXTRA: [kind]})) == expected
    clear[0, 0] = 0
    assert pixels(tiff(clear, 2, order=order, tags={EXTRA: [1]})) == over_white  # premultiplied


def test_other_colours() -> None:
    cmyk = np.array([[[0, 255, 255, 0], [0, 0, 0, 0], [0, 0, 0, 255]]], np.uint8)
    assert pixels(tiff(cmyk, 5)) == [[[255, 0, 0], [255, 255, 255], [0, 0, 0]]]
    lab = np.array([[[136, 80, 67], [255, 0, 0], [0, 0, 0]]], np.uint8)
    expected = [[[255, 0, 0], [255, 255, 255], [0, 0, 0]]]
    assert np.abs(np.array(pixels(tiff(lab, 8))) - expected).max() < 15
    colours = [65535, 0, 0] + [0] * 253 + [0, 65535, 0] + [0] * 253 + [0, 0, 65535] + [0] * 253
    palette = tiff(np.array([[2, 0, 1]], np.uint8), 3, tags={COLOUR_MAP: colours})
    assert pixels(palette) == [[[0, 0, 255], [255, 0, 0], [0, 255, 0]]]


@pytest.mark.parametrize("compression", [None, *COMPRESSIONS, "tiff_deflate"])
def test_compressions(compression: str | None) -> None:
    for content in (
        written(Image.fromarray(NOISE), compression=compression),
        written(Image.fromarray(NOISE), compression=compression, big_tiff=True),
        directory_first(Image.fromarray(NOISE), compression) if compression else tiff(NOISE, 2),
    ):
        tolerance = 90 if compression == "jpeg" else 0
        assert np.abs(rgb(content).astype(int) - NOISE).max() <= tolerance


@pytest.mark.parametrize("photometric", [0, 1, 2])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_compression_changes_no_value(dtype: Any, photometric: int) -> None:
    values = COLOURS if photometric == 2 else GREYS
    values = values.astype(dtype) * dtype(257 if dtype == np.uint16 else 1)
    if photometric == 2 and dtype == np.float32:
        return  # Pillow does not read those
    packed = zlib.compress(values.tobytes())
    content = tiff(values, photometric, tags={COMPRESSION: [8]}, strips=(packed,))
    assert pixels(content) == pixels(tiff(values, photometric))
    dark = (values // dtype(8)).astype(dtype)
    packed = zlib.compress(dark.tobytes())
    content = tiff(dark, photometric, tags={COMPRESSION: [8]}, strips=(packed,))
    assert details(content) == details(tiff(dark, photometric))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (GREYS.astype(np.uint16) * 16, ["no value above 4080 of 65535"]),
        (GREYS.astype(np.uint16) * 257, []),
        (GREYS.astype(np.float32) / 255, ["no value above 1 of 255"]),
        (GREYS.astype(np.float32), []),
        (COLOURS.astype(np.uint16) * 4, ["no value above 1023 of 65535"]),
        (COLOURS.astype(np.uint16) * 257, []),
    ],
)
def test_values_that_do_not_fill_their_range(values: NDArray[Any], expected: list[str]) -> None:
    assert details(tiff(values, 1 if values.ndim == 2 else 2)) == expected


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (GREYS.astype(np.float32) * 2, "run from 0 to 510, not within 0 and 255"),
        (GREYS.astype(np.float32) - 1, "run from -1 to 254, not within 0 and 255"),
        (GREYS.astype(np.float32) * np.nan, "some are NaN or infinite"),
        (GREYS.astype(np.int16) - 5, "run from -5 to 250, not within 0 and 65535"),
        (GREYS.astype(np.uint32) * 70000, "run from 0 to 1.785e[+]07, not within 0 and 65535"),
    ],
)
def test_values_outside_the_range(values: NDArray[Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"Cannot read the image from bytes: .*{message}"):
        read_rgb(tiff(values))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_that_of_a_png_file(orientation: int) -> None:
    values = np.arange(6, dtype=np.uint8).reshape(2, 3) * 40
    content = tiff(values, tags={ORIENTATION: [orientation]})
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    buffer = BytesIO()
    Image.fromarray(values).save(buffer, "PNG", exif=exif)
    expected = np.asarray(read_rgb(buffer.getvalue()))
    assert np.array_equal(rgb(content), expected)
    assert upright_size(ImageSource(content, "it")) == expected.shape[:2]
    opened = ImageSource(Image.open(BytesIO(content)), "it")
    assert np.array_equal(np.asarray(read_image(opened)), expected)


@pytest.mark.parametrize("compression", [None, *COMPRESSIONS])
@pytest.mark.parametrize("first", ["pixels first", "directory first"])
@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_a_cut_file_is_never_used(compression: str | None, first: str) -> None:
    image = Image.fromarray(NOISE)
    if first == "pixels first":
        content = written(image, compression=compression)
    else:
        content = directory_first(image, compression) if compression else tiff(NOISE, 2)
    for length in range(1, len(content), 7):
        with pytest.raises(ValueError, match="Cannot read the image"):
            read_rgb(content[:length])
    with pytest.raises(ValueError, match="truncated"):
        read_rgb(content[:-90])


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_file_that_is_filled_up_with_zeros(compression: str) -> None:
    content = directory_first(Image.fromarray(NOISE), compression)
    for missing in (70, 200, 600):
        with pytest.raises(ValueError, match=r"truncated: the end|decoder error"):
            read_rgb(content[:-missing] + bytes(missing))
    content = written(Image.fromarray(NOISE), compression=compression)
    for missing in (150, 300):  # the directory, or the tables of a JPEG decoder
        with pytest.raises(ValueError, match=r"truncated"):
            read_rgb(content[:-missing] + bytes(missing))


def short_strips() -> tuple[NDArray[Any], tuple[bytes, ...]]:
    """Return a flat image, and its strips of 10 rows."""
    flat = np.full((20, 14, 3), 7, np.uint8)
    return flat, tuple(zlib.compress(flat[top : top + 10].tobytes()) for top in (0, 10))


@pytest.mark.parametrize("compression", [1, 8, 32773])
def test_a_strip_without_a_position(compression: int) -> None:
    """Pillow and its decoder use what is there: the start of the file, or another strip."""
    flat, strips = short_strips()
    if compression != 8:
        strips = (flat[:10].tobytes(), flat[:10].tobytes())
    if compression == 32773:
        strips = tuple(b"".join(b"\x29" + bytes([7] * 42) for _ in range(10)) for _ in strips)
    content = tiff(flat, 2, tags={COMPRESSION: [compression], ROWS: [10]}, strips=strips)
    assert np.array_equal(rgb(content), flat)
    start = struct.pack("<I", len(content) - len(strips[1]))
    pair = struct.pack("<II", *map(len, strips))
    for old, new in ((start, bytes(4)), (start, b"\4\0\0\0"), (pair, pair[:4] + bytes(4))):
        assert content.count(old) == 1
        if old == start or compression != 1:
            for read in (read_rgb, as_pillow_image):
                with pytest.raises(ValueError, match=r"truncated \(a part of the pixels"):
                    read(content.replace(old, new))


def test_a_short_strip_that_is_filled_up_with_zeros() -> None:
    flat, strips = short_strips()
    assert len(strips[1]) < 64
    content = tiff(flat, 2, tags={COMPRESSION: [8], ROWS: [10]}, strips=strips)
    for read in (read_rgb, as_pillow_image):
        with pytest.raises(ValueError, match="truncated: the end of the file is empty"):
            read(content[: -len(strips[1])] + bytes(len(strips[1])))


def test_the_first_page_is_read() -> None:
    pages = [Image.new("L", (3, 3), value) for value in (10, 20, 30)]
    content = written(pages[0], save_all=True, append_images=pages[1:])
    assert pixels(content) == grey(10, 10, 10) * 3
    assert getattr(open_image(BytesIO(content)), "is_animated", False)
    assert pixels(content[:-50]) == grey(10, 10, 10) * 3  # the last page is cut off


def test_pixels_that_are_stored_plane_by_plane() -> None:
    planes = tuple(NOISE[..., channel].tobytes() for channel in range(3))
    assert np.array_equal(rgb(tiff(NOISE, 2, tags={PLANES: [2]}, strips=planes)), NOISE)
    with pytest.raises(ValueError, match="truncated"):
        read_rgb(tiff(NOISE, 2, tags={PLANES: [2]}, strips=planes)[:-9])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (tiff(GREYS, tags={NEW_SUBFILE_TYPE: [1]}), "camera's raw format"),
        (tiff(GREYS, tags={DNG_VERSION: [1, 4]}), "camera's raw format"),
        (tiff(GREYS, 32803), "a kind of TIFF that Pillow does not read"),
        (tiff(GREYS.astype(np.float64)), "a kind of TIFF that Pillow does not read"),
        (tiff(COLOURS.astype(np.float32), 2), "a kind of TIFF that Pillow does not read"),
        (tiff(GREYS, tags={COMPRESSION: [34712]}), "a kind of TIFF that Pillow does not read"),
        (tiff(GREYS, tags={BITS: [7]}), "a kind of TIFF that Pillow does not read"),
    ],
)
def test_kinds_that_are_not_read(content: bytes, message: str) -> None:
    with pytest.raises(UnsupportedFormatError, match=message):
        open_image(BytesIO(content))
    with pytest.raises(ValueError, match=f"Cannot read the image.*{message}.*JPEG or PNG"):
        read_rgb(content)


def test_a_raw_file_of_canon() -> None:
    content = b"II*\0\x10\0\0\0CR\2\0" + bytes(4) + tiff(GREYS)[8:]
    with pytest.raises(UnsupportedFormatError, match="camera's raw format"):
        open_image(BytesIO(content))
    pixels_first = written(Image.fromarray(np.frombuffer(b"CR\2\0", np.uint8)[None]))
    assert pixels(pixels_first) == grey(67, 82, 2, 0)  # a signature by chance


def test_bombs() -> None:
    content = tiff(GREYS, tags={256: [60_000], 257: [60_000]})
    with pytest.raises(ValueError, match="more than 178 million pixels"):
        read_rgb(content)
