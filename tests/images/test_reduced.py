"""Small copies of image files, and the properties of the files."""

import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from catdog.images.decode import read_rgb
from catdog.images.quality import luma, sharpness
from catdog.images.reduced import ReducedImage, map_reduced, read_reduced
from tests.images.odd_files import GREY, chunk, packed_rows, png
from tests.images.test_first_frame import gif

ORIENTATION, MAKE, MODEL = 0x0112, 0x010F, 0x0110


def gradient(width: int, height: int) -> Image.Image:
    across = np.linspace(0, 255, width)[np.newaxis, :, np.newaxis]
    down = np.linspace(0, 200, height)[:, np.newaxis, np.newaxis]
    pixels = np.concatenate(
        np.broadcast_arrays(across, down, np.full((height, width, 1), 90)), axis=2
    )
    return Image.fromarray(pixels.astype(np.uint8))


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "bmp", "gif", "tiff"])
@pytest.mark.parametrize(
    ("size", "copy"),
    [
        ((800, 600), (128, 96)),
        ((60, 80), (60, 80)),
        ((2000, 30), (128, 2)),
        ((128, 128), (128, 128)),
    ],
)
def test_the_copy_shows_the_image(
    tmp_path: Path, suffix: str, size: tuple[int, int], copy: tuple[int, int]
) -> None:
    path = tmp_path / f"image.{suffix}"
    gradient(*size).save(path)
    found = read_reduced(path, 128)
    assert found.size == size
    assert found.pixels.shape == (copy[1], copy[0], 3)
    assert found.file_size == path.stat().st_size
    assert found.format == {"jpg": "JPEG"}.get(suffix, suffix.upper())
    whole = read_rgb(path).resize(copy, Image.Resampling.BILINEAR)
    assert np.abs(found.pixels - np.asarray(whole, np.float32)).max() < 12


@pytest.mark.parametrize("width", [129, 260, 390, 520, 1040])
def test_the_copy_of_a_jpeg_file_is_as_sharp_as_that_of_a_png_file(
    tmp_path: Path, width: int
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    image = Image.fromarray(pixels).resize((width, width * 4 // 5), Image.Resampling.BICUBIC)
    image.save(tmp_path / "image.png")
    image.save(tmp_path / "image.jpg", quality=95, subsampling=0)
    jpeg, png = (
        sharpness(luma(read_reduced(tmp_path / name, 128).pixels))
        for name in ("image.jpg", "image.png")
    )
    assert jpeg == pytest.approx(png, rel=0.03)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_copy_is_upright(tmp_path: Path, orientation: int) -> None:
    image, exif = gradient(300, 200), Image.Exif()
    exif[ORIENTATION] = orientation
    image.save(tmp_path / "turned.jpg", exif=exif)
    found, whole = read_reduced(tmp_path / "turned.jpg", 64), read_rgb(tmp_path / "turned.jpg")
    assert found.size == whole.size == ((200, 300) if orientation > 4 else (300, 200))
    assert found.pixels.shape[:2] == ((64, 43) if orientation > 4 else (43, 64))
    small = whole.resize(found.pixels.shape[1::-1], Image.Resampling.BILINEAR)
    assert np.abs(found.pixels - np.asarray(small, np.float32)).max() < 12


def test_the_camera(tmp_path: Path) -> None:
    image, exif = gradient(30, 20), Image.Exif()
    path = tmp_path / "photo.jpg"
    image.save(path)
    assert read_reduced(path, 64).camera == ""
    exif[MAKE], exif[MODEL] = "Maker\0", " Model 5 "
    image.save(path, exif=exif)
    assert read_reduced(path, 64).camera == "Maker Model 5"
    del exif[MAKE]
    image.save(path, exif=exif)
    assert read_reduced(path, 64).camera == "Model 5"
    image.save(path, exif=b"Exif\0\0broken")
    assert read_reduced(path, 64).camera == ""


def test_the_jpeg_tables(tmp_path: Path) -> None:
    def tables(suffix: str, quality: int) -> str:
        path = tmp_path / f"image.{suffix}"
        gradient(30, 20).save(path, quality=quality)
        return read_reduced(path, 64).jpeg_tables

    assert tables("png", 80) == tables("webp", 80) == ""
    low, high = (float(tables("jpg", quality).removeprefix("mean step ")) for quality in (50, 95))
    assert low > 5 * high > 0


def test_the_copy_has_the_pixels_of_the_decoder(tmp_path: Path) -> None:
    """Also where Pillow gives a transparent grey, or what is outside a frame, another colour."""
    greys = np.arange(16)[np.newaxis].repeat(40, axis=0)
    key = chunk(b"tRNS", b"\0\3")
    files = {
        "a.png": png((16, 40), 4, GREY, zlib.compress(packed_rows(greys, 4)), before=[key]),
        "a.gif": gif(),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        expected = np.asarray(read_rgb(tmp_path / name))
        assert (expected == 255).all(axis=2).any()
        np.testing.assert_array_equal(read_reduced(tmp_path / name, 512).pixels, expected)


def test_an_image_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "gone.jpg"
    with pytest.raises(ValueError, match=r"Cannot read the image .*gone\.jpg: "):
        read_reduced(path, 64)
    gradient(30, 20).save(path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ValueError, match=r"Cannot read the image .*gone\.jpg: (?i:.*truncated)"):
        map_reduced(ReducedImage.__repr__, [path], 64, "Reading")
