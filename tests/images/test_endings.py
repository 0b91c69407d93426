"""Files that end in empty bytes."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from catdog import scan_images
from catdog.images.decode import decode_image
from tests.conftest import MakeFolder

SIZE = (8, 8)


def encoded(image_format: str) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, image_format)
    return buffer.getvalue()


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "GIF"])
@pytest.mark.parametrize("kept", [0.5, 0.9])
def test_an_image_that_was_cut_off_and_filled_up(
    make_folder: MakeFolder, image_format: str, kept: float
) -> None:
    whole = encoded(image_format)
    cut = whole[: int(len(whole) * kept)].ljust(len(whole), b"\0")
    folder = make_folder(a=2, b=2)
    (folder / "a" / "cut").write_bytes(cut)
    (finding,) = scan_images(folder).bad
    assert finding.path.name == "cut"
    with pytest.raises(ValueError, match="Cannot read the image from bytes"):
        decode_image(cut, SIZE)


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "GIF"])
@pytest.mark.parametrize("zeros", [63, 64, 2**16 - 3, 2**17])
def test_a_complete_image_that_a_camera_filled_up(
    make_folder: MakeFolder, image_format: str, zeros: int
) -> None:
    whole = encoded(image_format)
    folder = make_folder(a=2, b=2)
    (folder / "a" / "filled").write_bytes(whole + bytes(zeros))
    assert scan_images(folder).bad == ()
    expected = decode_image(whole, SIZE)
    assert np.array_equal(decode_image(whole + bytes(zeros), SIZE), expected)


def test_a_bmp_of_black_pixels(tmp_path: Path) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "black.bmp")
    assert decode_image(tmp_path / "black.bmp", SIZE).max() == 0


def test_a_file_of_zeros() -> None:
    with pytest.raises(ValueError, match="Cannot read the image"):
        decode_image(bytes(1000), SIZE)
