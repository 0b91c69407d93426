from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from catdog.images.decode import decode_image
from catdog.images.inputs import ImageSource, read_image
from catdog.images.thumbnails import thumbnail, upright_size


def turned(path: Path, *, width: int = 800, height: int = 500) -> bytes:
    """Write an image with the EXIF orientation of a turned camera; return the file's bytes."""
    exif = Image.Exif()
    exif[0x0112] = 6  # rotate by 90 degrees clockwise
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, exif=exif)
    return path.read_bytes()


def test_all_forms_of_an_image_give_the_same_thumbnail(tmp_path: Path) -> None:
    path = tmp_path / "image.jpg"
    content = turned(path)
    expected = decode_image(path, (320, 200))
    with Image.open(path) as image:
        upright = np.asarray(read_image(ImageSource(path, "")))
        for form in (path, content, image, upright, upright.astype(np.float32)):
            source = ImageSource(form, "image")
            assert upright_size(source) == (800, 500)
            assert np.array_equal(thumbnail(source), expected)


def test_a_large_jpeg_is_decoded_at_a_reduced_scale(tmp_path: Path) -> None:
    path = tmp_path / "image.jpg"
    stripes = np.zeros((1300, 1950), np.uint8)
    stripes[:, ::2] = 200  # without antialiasing, the thumbnail would have stripes of its own
    Image.fromarray(stripes).save(path, quality=95)
    found = thumbnail(ImageSource(path, ""))
    assert found.shape == (213, 320, 3)
    assert np.ptp(found[:, 1:-1]) <= 4
    assert np.ptp(thumbnail(ImageSource(np.stack([stripes] * 3, -1), ""))) > 100


def test_a_file_is_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    turned(tmp_path / "image.png")
    opened: list[Any] = []
    open_image = Image.open

    def counted(file: Any, **options: Any) -> Any:
        opened.append(Path(file.name))
        return open_image(file, **options)

    monkeypatch.setattr(Image, "open", counted)
    thumbnail(ImageSource(tmp_path / "image.png", ""))
    assert opened == [tmp_path / "image.png"]


@pytest.mark.parametrize("size", [(320, 200), (7, 1), (1, 320)])
def test_small_images_keep_their_pixels(size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).uniform(0, 255, (*size, 3)).astype(np.float32)
    assert np.array_equal(thumbnail(ImageSource(pixels, "")), np.rint(pixels).astype(np.uint8))


def test_the_shorter_side_has_at_least_one_pixel() -> None:
    pixels = np.zeros((1, 2000, 3), np.uint8)
    assert thumbnail(ImageSource(pixels, "")).shape == (1, 320, 3)


def test_files_without_an_image(tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    with pytest.raises(FileNotFoundError, match=r"The image .*image\.png does not exist"):
        thumbnail(ImageSource(path, str(path)))
    path.write_bytes(b"no image")
    with pytest.raises(
        ValueError, match=r"Cannot read the image .*image\.png: it is none of AVIF, BMP"
    ):
        thumbnail(ImageSource(path, str(path)))
    broken = BytesIO()
    Image.new("RGB", (64, 64)).save(broken, "png")
    cut = Image.open(BytesIO(broken.getvalue()[:-40]))
    with pytest.raises(ValueError, match="Cannot read the image mine: "):
        thumbnail(ImageSource(cut, "mine"))
