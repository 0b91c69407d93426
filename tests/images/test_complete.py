"""Images of which a part is missing, in files that have an end."""

import re
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from catdog import load_datasets, scan_images
from catdog.images.decode import decode_image
from catdog.images.inputs import ImageSource, read_pixels
from tests.conftest import MakeFolder
from tests.data.files import add
from tests.images.odd_files import (
    GREY_ALPHA,
    PALETTE,
    RGB,
    RGB_ALPHA,
    chunk,
    interlaced_rows,
    noise,
    png,
    rows,
    saved,
)

SIZE = (8, 8)
END = b"\xff\xd9"
TEXT = chunk(b"tEXt", b"Comment\0more")
COLOURS = chunk(b"PLTE", bytes(range(256)) * 3)

KINDS = {  # how a JPEG image is saved
    "baseline": {},
    "no subsampling": {"subsampling": 0, "optimize": True},
    "restarts": {"restart_marker_blocks": 3},
    "progressive": {"progressive": True},
    "progressive with restarts": {"progressive": True, "restart_marker_rows": 1},
}


def smooth() -> Image.Image:
    """Return an image in which a JPEG file has many short blocks."""
    y, x = np.mgrid[:90, :130]
    return Image.fromarray(np.stack([x, y, x + y], axis=-1).astype(np.uint8))


def cut(content: bytes, share: float) -> bytes:
    """Return a JPEG file without the end of its data."""
    start = content.index(b"\xff\xda") + 14
    return content[: start + int(share * (len(content) - start))] + END


def is_complete(content: bytes) -> bool:
    try:
        decode_image(content, SIZE)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("options", KINDS.values(), ids=KINDS.keys())
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize(
    "image", [Image.fromarray(noise(90, 130)), smooth()], ids=["noise", "ramp"]
)
def test_a_jpeg_image_that_ends_early(
    image: Image.Image, mode: str, options: dict[str, int]
) -> None:
    whole = saved(image.convert(mode), "JPEG", **options)
    assert is_complete(whole)
    expected = np.asarray(Image.open(BytesIO(whole)).convert("RGB"))
    assert np.array_equal(decode_image(whole, (90, 130)), expected)
    assert [share for share in (0.02, 0.3, 0.6, 0.9, 0.97) if is_complete(cut(whole, share))] == []


@pytest.mark.parametrize("options", KINDS.values(), ids=KINDS.keys())
@pytest.mark.parametrize("size", [(1, 1), (8, 8), (17, 40), (130, 90)])
def test_a_jpeg_image_of_the_grey_of_missing_blocks(
    size: tuple[int, int], options: dict[str, int]
) -> None:
    for mode in ("RGB", "L", "CMYK"):
        grey = Image.new("RGB", size, (128, 128, 128)).convert(mode)
        assert is_complete(saved(grey, "JPEG", **options)), mode


def test_a_progressive_image_without_its_last_scans() -> None:
    whole = saved(smooth(), "JPEG", progressive=True)
    scans = [match.start() for match in re.finditer(b"\xff\xda", whole)]
    assert len(scans) == 10
    for scan in scans[1:]:
        before = max(whole.rfind(b"\xff\xc4", 0, scan), whole.rfind(END, 0, scan))
        assert not is_complete(whole[:before] + END)


def test_a_jpeg_image_with_a_hole() -> None:
    whole = saved(smooth(), "JPEG", quality=95)
    middle = len(whole) // 2
    assert not is_complete(whole[:middle] + whole[middle + len(whole) // 4 :])


@pytest.mark.parametrize("rows", [1, 3])
def test_a_jpeg_image_without_some_rows_between_restarts(rows: int) -> None:
    buffer = BytesIO()
    smooth().save(buffer, "jpeg", quality=90, restart_marker_rows=1)
    content = buffer.getvalue()
    assert is_complete(content)
    restarts = [match.start() for match in re.finditer(rb"\xff[\xd0-\xd7]", content)]
    assert len(restarts) > rows + 1
    assert not is_complete(content[: restarts[1]] + content[restarts[1 + rows] :])


def test_a_jpeg_image_with_another_one_behind_it() -> None:
    phone = saved(smooth(), "MPO", save_all=True, append_images=[smooth()])
    assert is_complete(phone)
    first = phone.index(END) + 2
    assert not is_complete(phone[: first // 2] + phone[first - 2 :])


@pytest.mark.parametrize("is_interlaced", [False, True])
@pytest.mark.parametrize(
    ("colour_type", "channels", "dtype"),
    [(PALETTE, 1, np.uint8), (RGB, 3, np.uint8), (GREY_ALPHA, 2, np.uint16),
     (RGB_ALPHA, 4, np.uint8)],
)  # fmt: skip
@pytest.mark.parametrize("height", [1, 2, 21])
def test_a_png_image_of_too_few_rows(
    colour_type: int, channels: int, dtype: type, is_interlaced: bool, height: int
) -> None:
    """The compressed data have an end, and the file has one; or a chunk follows."""
    values: NDArray[Any] = noise(height, 40, channels, lowest=1).astype(dtype)
    data = interlaced_rows(values) if is_interlaced else rows(values)
    depth = 8 * np.dtype(dtype).itemsize
    before = [COLOURS] if colour_type == PALETTE else []

    def file(data: bytes, *after: bytes) -> bytes:
        return png((40, height), depth, colour_type, data, before=before, after=after,
                   interlaced=is_interlaced)  # fmt: skip

    assert is_complete(file(zlib.compress(data), TEXT))
    for share in (0.05, 0.5, 0.9):
        some = zlib.compress(data[: int(share * len(data))])
        assert not is_complete(file(some))
        assert not is_complete(file(some, TEXT))
        assert not is_complete(file(zlib.compress(data)[: int(share * len(zlib.compress(data)))]))


@pytest.mark.parametrize("is_interlaced", [False, True])
@pytest.mark.parametrize("height", [1, 2, 21])
def test_a_png_image_whose_last_rows_are_black(is_interlaced: bool, height: int) -> None:
    values = noise(height, 40)
    values[height // 2 :] = 0
    data = zlib.compress(interlaced_rows(values) if is_interlaced else rows(values))
    whole = png((40, height), 8, RGB, data, interlaced=is_interlaced)
    assert np.array_equal(decode_image(whole, (height, 40)), values)


def test_a_png_image_without_its_palette(make_folder: MakeFolder) -> None:
    """Browsers refuse it; Pillow shows greys."""
    content = png((64, 48), 8, PALETTE, zlib.compress(rows(noise(channels=1))))
    with pytest.raises(ValueError, match="its palette is missing"):
        decode_image(content, SIZE)
    folder = make_folder(a=4, b=4)
    add(folder / "a", "no_palette.png", content)
    (finding,) = scan_images(folder).bad
    assert (finding.reason, finding.detail) == ("undecodable", "its palette is missing")


def test_more_rows_than_the_header_says_are_left_out() -> None:
    whole = png((64, 24), 8, RGB, zlib.compress(rows(noise())))
    assert np.array_equal(decode_image(whole, (24, 64)), noise()[:24])


def test_a_scan_names_them_and_a_prediction_refuses_them(make_folder: MakeFolder) -> None:
    folder = make_folder(a=4, b=4)
    bad = [
        add(folder / "a", "baseline.jpg", cut(saved(smooth(), "JPEG"), 0.5)),
        add(folder / "a", "few_rows.png", png((64, 48), 8, RGB, zlib.compress(rows(noise(24))))),
        add(folder / "a", "progressive.jpg", cut(saved(smooth(), "JPEG", progressive=True), 0.9)),
    ]
    report = scan_images(folder)
    found = [(finding.path, finding.reason, finding.detail) for finding in report.bad]
    assert found == [(path, "truncated", "the pixels end early") for path in bad]
    with pytest.raises(ValueError, match="3 files of 11"):
        load_datasets(folder)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "progressive"])
def test_all_forms_that_users_pass_are_checked(kind: str, tmp_path: Path) -> None:
    few_rows = png((64, 48), 8, RGB, zlib.compress(rows(noise(24))))
    jpeg = saved(smooth(), "JPEG", progressive=kind == "progressive")
    content = few_rows if kind == "PNG" else cut(jpeg, 0.5)
    path = add(tmp_path, "cut", content)
    with Image.open(path) as opened:
        for form in (path, content, Image.open(BytesIO(content)), opened):
            with pytest.raises(ValueError, match="it: the pixels end early|cut: the pixels end"):
                read_pixels(ImageSource(form, "it"), SIZE)
