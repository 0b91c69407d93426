"""Large JPEG files are decoded at a reduced scale, the same for all that read them."""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from catdog.images.decode import decode_image, read_rgb
from catdog.images.inputs import ImageSource, read_pixels
from catdog.images.scale import OVERSIZE, find_denominator, least_size
from catdog.typing import ImageSize
from tests.images import reference
from tests.images.odd_files import noise, saved

ORIENTATION = 0x0112
KINDS: dict[str, dict[str, Any]] = {
    "4:2:0": {"subsampling": 2},
    "4:2:2": {"subsampling": 1},
    "4:4:4": {"subsampling": 0},
    "progressive": {"progressive": True},
    "grey": {},
    "CMYK": {},
}


def jpeg(height: int, width: int, kind: str = "4:2:0", orientation: int = 1) -> bytes:
    """Return a JPEG file of noise that is smooth enough to have colours of its own."""
    small = Image.fromarray(noise(-(-height // 3), -(-width // 3)))
    image = small.resize((width, height), Image.Resampling.BICUBIC)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    mode = {"grey": "L", "CMYK": "CMYK"}.get(kind, "RGB")
    return saved(image.convert(mode), "JPEG", quality=85, exif=exif, **KINDS[kind])


@settings(max_examples=60, deadline=None)
@given(
    sides=st.tuples(st.integers(1, 150), st.integers(1, 150)),
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    kind=st.sampled_from(list(KINDS)),
    orientation=st.integers(0, 9),
)
def test_every_jpeg_file_is_read_as_by_the_reference(
    sides: ImageSize, size: ImageSize, kind: str, orientation: int
) -> None:
    content = jpeg(*sides, kind, orientation)
    assert np.array_equal(decode_image(content, size), reference.read(content, size))


@given(
    width=st.integers(1, 20000), height=st.integers(1, 20000),
    least=st.tuples(st.integers(1, 2000), st.integers(1, 2000)),
)  # fmt: skip
def test_the_scale_leaves_what_is_needed_and_no_smaller_one_does(
    width: int, height: int, least: tuple[int, int]
) -> None:
    number = find_denominator((width, height), least)
    if number > 1:
        assert width / number >= least[0]
        assert height / number >= least[1]
    if number < 8:
        assert width / (2 * number) < least[0] or height / (2 * number) < least[1]


@pytest.mark.parametrize(
    ("width", "number"), [(39, 1), (40, 2), (79, 2), (80, 4), (159, 4), (160, 8), (900, 8)]
)
def test_where_the_scales_begin(width: int, number: int) -> None:
    image = read_rgb(jpeg(width, width), least=least_size((10, 10)))
    assert OVERSIZE == 2
    assert image.width == -(-width // number)


def test_a_narrow_image_is_decoded_at_its_own_size() -> None:
    assert read_rgb(jpeg(30, 1000), least=least_size((10, 10))).size == (1000, 30)


def test_other_formats_keep_their_pixels() -> None:
    content = saved(Image.fromarray(noise(200, 200)), "PNG")
    assert np.array_equal(decode_image(content, (8, 8)), reference.read(content, (8, 8)))
    assert read_rgb(content, least=least_size((8, 8))).size == (200, 200)


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("size", [(8, 8), (8, 20)])
def test_all_forms_that_users_pass_have_the_same_pixels(
    size: ImageSize, orientation: int, tmp_path: Path
) -> None:
    content = jpeg(200, 330, orientation=orientation)
    path = tmp_path / "large.jpg"
    path.write_bytes(content)
    expected = reference.read(content, size)
    with Image.open(path) as opened:
        for form in (path, content, opened, opened):  # twice: the first call must not change it
            assert np.array_equal(read_pixels(ImageSource(form, "it"), size), expected)
        assert opened.size == (330, 200)


def test_a_pillow_image_that_is_loaded_keeps_its_pixels() -> None:
    content = jpeg(200, 200)
    image = Image.open(BytesIO(content))
    image.load()
    expected = reference.resize(np.asarray(image), (8, 8))
    assert np.array_equal(read_pixels(ImageSource(image, "it"), (8, 8)), expected)


def test_a_pillow_image_that_the_user_has_drafted_or_turned_is_read_as_it_is() -> None:
    content = jpeg(200, 330)
    drafted = Image.open(BytesIO(content))
    drafted.draft(None, (165, 100))
    expected = np.asarray(drafted.copy())
    found = read_pixels(ImageSource(drafted, "it"), (8, 8))
    assert np.array_equal(found, reference.resize(expected, (8, 8)))
    turned = Image.open(BytesIO(content))
    turned.getexif()[ORIENTATION] = 6
    found = read_pixels(ImageSource(turned, "it"), (8, 8))
    assert np.array_equal(found, reference.read(jpeg(200, 330, orientation=6), (8, 8)))


def test_a_large_image_is_antialiased() -> None:
    """A fine pattern becomes its mean; without a reduced scale it would be black and white."""
    pattern = np.tile(np.eye(2, dtype=np.uint8) * 255, (160, 160))
    content = saved(Image.fromarray(pattern), "JPEG", quality=95)
    assert np.abs(decode_image(content, (16, 16)).astype(int) - 127).max() <= 3
