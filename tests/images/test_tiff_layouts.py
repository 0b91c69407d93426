"""TIFF files of every layout: their values are right, or the file is refused."""

import struct
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from catdog import scan_images
from catdog.images.decode import read_rgb
from catdog.images.inputs import ImageSource, read_image
from tests.images.tiff_files import (
    BITS,
    COMPRESSION,
    COUNTS,
    EXTRA,
    OFFSETS,
    ROWS,
    tiff,
)

FILL_ORDER, PLANES, ORIENTATION = 266, 284, 274
TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_COUNTS = 322, 323, 324, 325
RNG = np.random.default_rng(0)
NOISE = RNG.integers(0, 256, (20, 30, 4), dtype=np.uint8)
NOISE[0, 0], NOISE[0, 1] = 0, 255
RGB, GREY = NOISE[..., :3], NOISE[..., 0]
DTYPES = ("u1", "u2", "i2", "u4", "i4", "f4")
Order = Literal["<", ">"]


def packbits(content: bytes) -> bytes:
    parts = (content[at : at + 128] for at in range(0, len(content), 128))
    return b"".join(bytes([len(part) - 1]) + part for part in parts)


def lzw(content: bytes) -> bytes:
    """Write each byte as a code of 9 bits; the table is cleared before codes need 10."""
    codes = []
    for at in range(0, len(content), 200):
        codes += [256, *content[at : at + 200]]
    bits = "".join(f"{code:09b}" for code in (*codes, 257))
    return int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")


def zstd(content: bytes) -> bytes:
    """Write a frame of one block that is not compressed."""
    block = (len(content) << 3 | 1).to_bytes(3, "little")
    return b"\x28\xb5\x2f\xfd\xa0" + struct.pack("<I", len(content)) + block + content


COMPRESSED: Mapping[int, Callable[[bytes], bytes]] = {
    1: bytes,
    5: lzw,
    8: zlib.compress,
    32773: packbits,
    50000: zstd,
}


def has_zstd() -> bool:
    """Return whether this build of Pillow reads zstd; that of 11.3 does not."""
    content = tiff(GREY, tags={COMPRESSION: [50000]}, strips=(zstd(GREY.tobytes()),))
    try:
        Image.open(BytesIO(content)).load()
    except OSError:
        return False
    return True


def scaled(values: NDArray[np.uint8], dtype: str) -> Any:
    """Return values of a dtype that are read as these, or as half of these with a sign."""
    factor = {"u1": 1, "f4": 1, "i2": 128}.get(dtype, 257)
    return values.astype(dtype) * np.dtype(dtype).type(factor)


def pixels(content: bytes) -> Any:
    return np.asarray(read_rgb(content))


def assert_right(content: bytes, expected: NDArray[Any]) -> None:
    """Assert that a file has these pixels, also as a Pillow image that the user opened."""
    expected = expected if expected.ndim == 3 else np.stack([expected] * 3, axis=-1)
    assert np.array_equal(pixels(content), expected)
    opened = Image.open(BytesIO(content))
    for _ in range(2):  # it may be in a list twice
        assert np.array_equal(np.asarray(read_image(ImageSource(opened, "it"))), expected)


@pytest.mark.parametrize("compression", COMPRESSED)
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("planes", [0, 1, 2])
def test_every_layout(compression: int, order: Order, dtype: str, planes: int) -> None:
    """Without planes, it is grey. A file that is not read has the reason."""
    if compression == 50000 and not has_zstd():
        pytest.skip("this Pillow reads no zstd")
    values = scaled(RGB if planes else GREY, dtype)
    stored = values.astype(values.dtype.newbyteorder(order))
    parts = [stored[..., n] for n in range(3)] if planes == 2 else [stored]
    strips = tuple(COMPRESSED[compression](part.tobytes()) for part in parts)
    tags = {COMPRESSION: [compression], PLANES: [planes or 1]}
    content = tiff(values, 2 if planes else 1, order=order, tags=tags, strips=strips)
    is_read = dtype in ("u1", "u2") or (not planes and (dtype, order) != ("u4", ">"))
    if is_read:
        assert_right(content, values // 257 if dtype in ("u2", "i2", "u4", "i4") else values)
    else:
        with pytest.raises(ValueError, match="a kind of TIFF that Pillow does not read"):
            read_rgb(content)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("dtype", ["u1", "u2"])
@pytest.mark.parametrize("channels", [3, 4])
def test_planes_in_strips_and_tiles(order: Order, dtype: str, channels: int) -> None:
    values = scaled(NOISE[..., :channels], dtype)
    alpha = NOISE[..., 3:] / 255
    expected = RGB * alpha + 255 * (1 - alpha) if channels == 4 else RGB
    stored = values.astype(values.dtype.newbyteorder(order))
    tags = {PLANES: [2], **({EXTRA: [2]} if channels == 4 else {})}
    strips = tuple(
        stored[top : top + 8, :, n].tobytes() for n in range(channels) for top in (0, 8, 16)
    )
    found = pixels(tiff(values, 2, order=order, tags=tags | {ROWS: [8]}, strips=strips))
    assert np.abs(found - expected).max() <= 1
    padded = np.zeros((32, 32, channels), stored.dtype)
    padded[:20, :30] = stored
    corners = [(n, top, left) for n in range(channels) for top in (0, 16) for left in (0, 16)]
    tiles = tuple(padded[top : top + 16, left : left + 16, n].tobytes() for n, top, left in corners)
    content = tiff(values, 2, order=order, tags=tags | {TILE_WIDTH: [16]}, strips=tiles)
    assert np.abs(pixels(in_tiles(content, order)) - expected).max() <= 1


def in_tiles(content: bytes, order: str) -> bytes:
    """Name the tags of strips as those of tiles of 16 x 16 pixels; the order of tags is lost."""
    renamed = {OFFSETS: TILE_OFFSETS, ROWS: TILE_HEIGHT, COUNTS: TILE_COUNTS}
    (count,) = struct.unpack(f"{order}H", content[8:10])
    entries = [content[at : at + 12] for at in range(10, 10 + 12 * count, 12)]
    for n, entry in enumerate(entries):
        (tag,) = struct.unpack(f"{order}H", entry[:2])
        value = struct.pack(f"{order}HH", 16, 0) if tag == ROWS else entry[8:]
        entries[n] = struct.pack(f"{order}H", renamed.get(tag, tag)) + entry[2:8] + value
    return content[:10] + b"".join(entries) + content[10 + 12 * count :]


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "i4", "f4"])
def test_one_plane(order: Order, dtype: str) -> None:
    """A grey image has one plane, whether its file says planes or not."""
    values = scaled(GREY, dtype)
    for photometric in (0, 1):
        if photometric == 0 and (dtype.startswith("i") or (dtype, order) == ("u2", ">")):
            continue  # Pillow does not read those
        single = tiff(values, photometric, order=order)
        content = tiff(values, photometric, order=order, tags={PLANES: [2]})
        assert_right(content, pixels(single))


@pytest.mark.parametrize("compression", [1, 8])
@pytest.mark.parametrize("width", [30, 29])
def test_12_bits_fill_the_range(compression: int, width: int) -> None:
    values = RNG.integers(0, 4096, (20, width))
    values[0, :3] = 0, 4095, 2048
    bits = ["".join(f"{value:012b}" for value in row) for row in values]
    rows = [int(row.ljust(-(-len(row) // 8) * 8, "0"), 2) for row in bits]
    packed = b"".join(row.to_bytes(-(-width * 12 // 8), "big") for row in rows)
    tags = {COMPRESSION: [compression], BITS: [12], ORIENTATION: [3]}
    strips = (COMPRESSED[compression](packed),)
    content = tiff(values.astype(np.uint16), tags=tags, strips=strips)
    assert_right(content, (values[::-1, ::-1] * (65535 / 4095)).astype(int) // 257)


@pytest.mark.parametrize(
    "content",
    [
        tiff(GREY.astype(np.int8)),
        tiff(GREY.astype(np.int8), tags={PLANES: [2]}),
        tiff(RGB, 2, tags={PLANES: [2], FILL_ORDER: [2]}, strips=(RGB[..., 0].tobytes(),) * 3),
        tiff(scaled(NOISE, "u2"), 5, tags={PLANES: [2]}, strips=(b"1" * 1200,) * 4),
        tiff(NOISE[..., :2], 0, tags={PLANES: [2], EXTRA: [0]}, strips=(b"1" * 600,) * 2),
        tiff(scaled(NOISE[..., :2], "f4"), tags={PLANES: [2], EXTRA: [0]}),
        tiff(NOISE, 2, tags={PLANES: [2]}, strips=(b"1" * 600,) * 4),
        tiff(NOISE, 2),
        tiff(scaled(NOISE, "u2"), 2),
        tiff(RGB, 6, tags={COMPRESSION: [8]}, strips=(zlib.compress(RGB.tobytes()),)),
    ],
)
def test_kinds_that_would_be_read_wrongly(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"Cannot read the image.*save it as JPEG or PNG"):
        read_rgb(content)
    for name, each in (("cats/it.tif", content), ("dogs/it.tif", tiff(RGB, 2))):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(each)
    (finding,) = scan_images(tmp_path).bad
    assert finding.reason == "unsupported_format"
    with suppress(UnidentifiedImageError):  # Pillow 11.3 opens fewer kinds
        image = Image.open(BytesIO(content))
        with pytest.raises(ValueError, match="save it as JPEG or PNG"):
            read_image(ImageSource(image, "it"))


def test_a_fourth_channel_that_is_white_hides_nothing() -> None:
    """It is transparency that hides nothing, or of no use."""
    opaque = NOISE.copy()
    opaque[..., 3] = 255
    assert_right(tiff(opaque, 2), RGB)
    assert_right(tiff(NOISE, 2, tags={EXTRA: [0]}), RGB)  # it says that it is no transparency


@pytest.mark.parametrize("bits", [8, 16])
def test_colours_of_a_palette(bits: int) -> None:
    """A table of 16 bits is often written with 8; then libtiff takes it for one of 8."""
    random = np.random.default_rng(0)
    colours = random.integers(0, 256, (3, 256), np.uint8)
    numbers = random.integers(0, 256, (20, 30), np.uint8)
    table = colours.astype(int) * (257 if bits == 16 else 1)
    content = tiff(numbers, 3, tags={320: table.ravel().tolist()})
    assert_right(content, colours[:, numbers].transpose(1, 2, 0))
    turned = tiff(numbers, 3, tags={320: table.ravel().tolist(), 274: [3]})
    assert_right(turned, colours[:, numbers].transpose(1, 2, 0)[::-1, ::-1])
    black = tiff(numbers, 3, tags={320: [0] * 768})
    assert_right(black, np.zeros((20, 30, 3), np.uint8))
