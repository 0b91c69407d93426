from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from catdog.images.decode import decode_image, to_rgb
from catdog.typing import ImageSize


def save(tmp_path: Path, image: Image.Image, name: str = "image.png", **options: Any) -> Path:
    path = tmp_path / name
    image.save(path, **options)
    return path


def noise(mode: str, height: int = 9, width: int = 13) -> Image.Image:
    channels = {"L": 1, "RGB": 3, "RGBA": 4, "CMYK": 4}[mode]
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, channels), dtype=np.uint8)
    return Image.frombytes(mode, (width, height), pixels.tobytes())


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [("RGB", "png"), ("RGB", "jpg"), ("RGB", "bmp"), ("RGB", "webp"), ("L", "png"), ("L", "gif"),
     ("RGBA", "png"), ("CMYK", "jpg")],
)  # fmt: skip
def test_every_kind_becomes_rgb(tmp_path: Path, mode: str, suffix: str) -> None:
    pixels = decode_image(save(tmp_path, noise(mode), f"image.{suffix}"), (5, 7))
    assert pixels.shape == (5, 7, 3)
    assert pixels.dtype == np.uint8


def test_path_and_bytes_give_the_same_pixels(tmp_path: Path) -> None:
    path = save(tmp_path, noise("RGB", 50, 40), "image.jpg")
    assert np.array_equal(decode_image(path, (16, 16)), decode_image(path.read_bytes(), (16, 16)))


def test_own_size_leaves_the_pixels_alone(tmp_path: Path) -> None:
    image = noise("RGB")
    assert np.array_equal(decode_image(save(tmp_path, image), (9, 13)), np.asarray(image))


@pytest.mark.parametrize("size", [(5, 7), (9, 13), (40, 30), (1, 1)])
def test_resizing_is_that_of_keras_loader(tmp_path: Path, size: ImageSize) -> None:
    import tensorflow as tf

    image = noise("RGB")
    expected = tf.image.resize(np.asarray(image), size).numpy()
    assert np.abs(decode_image(save(tmp_path, image), size) - expected).max() <= 1


def test_phone_images_are_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 90 degrees clockwise to look at it
    image = noise("RGB")
    pixels = decode_image(save(tmp_path, image, exif=exif), (13, 9))
    assert np.array_equal(pixels, np.rot90(np.asarray(image), k=-1))


def test_transparency_is_laid_over_white(tmp_path: Path) -> None:
    clear = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    assert (decode_image(save(tmp_path, clear), (4, 4)) == 255).all()


def test_palette_with_transparency(tmp_path: Path) -> None:
    image = Image.new("P", (4, 4), 0)
    image.putpalette([10, 20, 30])
    path = save(tmp_path, image, transparency=0)
    assert (decode_image(path, (4, 4)) == 255).all()


@pytest.mark.parametrize("content", [b"", b"not an image", b"\x89PNG\r\n\x1a\n" + b"\0" * 40])
def test_unreadable_files_are_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.png"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"Cannot read the image .*broken\.png"):
        decode_image(path, (4, 4))


def test_truncated_jpeg_is_named(tmp_path: Path) -> None:
    path = save(tmp_path, noise("RGB", 100, 100), "cut.jpg")
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(ValueError, match=r"cut\.jpg.*truncated"):
        decode_image(path, (4, 4))


def test_sixteen_bits_of_grey_are_scaled(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 8).astype(np.uint16).reshape(1, 8)
    pixels = decode_image(save(tmp_path, Image.fromarray(ramp)), (1, 8))
    assert pixels[0, :, 0].tolist() == (ramp[0] // 257).tolist()


def test_transparent_colour_of_an_rgb_image(tmp_path: Path) -> None:
    path = save(tmp_path, Image.new("RGB", (4, 4), (1, 2, 3)), transparency=(1, 2, 3))
    assert (decode_image(path, (4, 4)) == 255).all()


def test_a_bmp_whose_fourth_byte_is_empty(tmp_path: Path) -> None:
    """Windows writes such files: the alpha of every pixel is 0, but the image is opaque."""
    rgba = noise("RGBA")
    rgba.putalpha(0)
    path = save(tmp_path, rgba, "image.bmp")
    expected = np.asarray(rgba.convert("RGB"))
    assert np.array_equal(decode_image(path, (9, 13)), expected)


@pytest.mark.parametrize("mode", ["RGBa", "La"])
def test_premultiplied_colours_are_laid_over_white(mode: str) -> None:
    source = Image.new("RGBA" if mode == "RGBa" else "LA", (2, 2))  # transparent
    assert np.asarray(to_rgb(source.convert(mode))).min() == 255
