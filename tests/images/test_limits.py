"""Pillow's settings do not change which images are read, and stay as the user has set them."""

import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFile

from catdog import load_datasets, scan_images
from catdog.images.decode import decode_image
from catdog.images.inputs import ImageSource, read_image
from catdog.images.limits import MAX_PIXELS, own_limits
from catdog.images.thumbnails import thumbnail, upright_size
from tests.conftest import MakeFolder
from tests.data.files import add


def encoded(kind: str, side: int = 64) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def huge(kind: str, pixels: int = 200_000_000) -> bytes:
    """Return the start of an image file of 200 million pixels; WebP files hold fewer pixels."""
    if kind == "webp":
        size = (16_000 - 1) | (12_500 - 1) << 14  # of the lossless format
        chunk = b"WEBPVP8L" + (5).to_bytes(4, "little") + b"\x2f" + size.to_bytes(4, "little")
        return b"RIFF" + (len(chunk) + 1).to_bytes(4, "little") + chunk + b"\0"
    content = bytearray(encoded(kind))
    width, height = 20_000, pixels // 20_000
    if kind == "jpeg":
        at = content.index(b"\xff\xc0") + 5
        content[at : at + 4] = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    elif kind == "gif":
        content[6:10] = width.to_bytes(2, "little") + height.to_bytes(2, "little")
    else:
        content[18:26] = width.to_bytes(4, "little") + height.to_bytes(4, "little")
    return bytes(content)


def truncated_alone() -> bytes:
    return encoded("jpeg")[:-700]


@pytest.fixture
def restore() -> Iterator[None]:
    flag, limit = ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS
    yield
    ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS = flag, limit


pytestmark = pytest.mark.usefixtures("restore")

READERS: dict[str, Callable[[Path], object]] = {
    "decode": lambda path: decode_image(path, (4, 4)),
    "bytes": lambda path: decode_image(path.read_bytes(), (4, 4), name=path.name),
    "predict": lambda path: read_image(ImageSource(path, str(path))),
    "thumbnail": lambda path: thumbnail(ImageSource(path, str(path))),
}


@pytest.mark.parametrize("kind", ["jpeg", "png", "gif", "bmp"])
@pytest.mark.parametrize("reader", READERS)
def test_a_truncated_file_is_refused(kind: str, reader: str, tmp_path: Path) -> None:
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    path = add(tmp_path, f"cut.{kind}", encoded(kind)[:-700])
    with pytest.raises(ValueError, match=r"Cannot read the image .*cut.*truncated"):
        READERS[reader](path)
    assert ImageFile.LOAD_TRUNCATED_IMAGES is True
    with Image.open(path) as image:
        image.load()  # as the user has asked for


def test_an_image_that_the_user_opened_is_refused() -> None:
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    cut = Image.open(BytesIO(truncated_alone()))
    with pytest.raises(ValueError, match="Cannot read the image mine: .*truncated"):
        read_image(ImageSource(cut, "mine"))


@pytest.mark.parametrize("flag", [True, False, 1])
def test_scan_and_split_do_not_depend_on_the_flag(make_folder: MakeFolder, flag: Any) -> None:
    folder = make_folder(cats=6, dogs=6)
    expected = load_datasets(folder).paths("train")
    add(folder / "cats", "half.jpg", truncated_alone())
    ImageFile.LOAD_TRUNCATED_IMAGES = flag
    assert [finding.reason for finding in scan_images(folder).bad] == ["truncated"]
    with pytest.warns(UserWarning, match=r"truncated: cats/half\.jpg"):
        data = load_datasets(folder, on_bad_image="skip")
    assert data.paths("train") == expected
    assert ImageFile.LOAD_TRUNCATED_IMAGES is flag


def test_other_threads_keep_their_settings() -> None:
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    Image.MAX_IMAGE_PIXELS = 1000
    begun, done = Event(), Event()

    def read_for_catdog() -> None:
        with own_limits():
            begun.set()
            done.wait(10)

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read_for_catdog)
        begun.wait(10)
        with pytest.warns(Image.DecompressionBombWarning, match="exceeds limit of 1000"):
            image = Image.open(BytesIO(encoded("jpeg", 44)[:-500]))
        image.load()  # although it is truncated
        with pytest.raises(Image.DecompressionBombError, match="exceeds limit of 2000"):
            Image.open(BytesIO(encoded("jpeg")))
        done.set()
        reading.result()
    assert ImageFile.LOAD_TRUNCATED_IMAGES is True
    assert Image.MAX_IMAGE_PIXELS == 1000
    assert type(Image.MAX_IMAGE_PIXELS) is int


def test_a_setting_made_meanwhile_is_kept() -> None:
    with own_limits():
        ImageFile.LOAD_TRUNCATED_IMAGES = True
        Image.MAX_IMAGE_PIXELS = 7
    assert ImageFile.LOAD_TRUNCATED_IMAGES is True
    assert Image.MAX_IMAGE_PIXELS == 7


def test_many_threads_leave_the_settings_alone() -> None:
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    Image.MAX_IMAGE_PIXELS = None
    content = truncated_alone()

    def is_refused(_: int) -> bool:
        try:
            decode_image(content, (4, 4))
        except ValueError:
            return True
        return False

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(is_refused, range(400)))
    assert ImageFile.LOAD_TRUNCATED_IMAGES is True
    assert Image.MAX_IMAGE_PIXELS is None


@pytest.mark.parametrize("limit", [None, 1, 100, 10**12, float("inf"), 1e9])
def test_small_images_are_read_whatever_the_limit(limit: Any, tmp_path: Path) -> None:
    Image.MAX_IMAGE_PIXELS = limit
    for kind in ("jpeg", "png", "gif", "bmp", "webp"):
        path = add(tmp_path, f"small.{kind}", encoded(kind))
        for reader in READERS.values():
            reader(path)
        assert upright_size(ImageSource(path, "")) == (64, 64)
    assert Image.MAX_IMAGE_PIXELS is limit


@pytest.mark.parametrize("limit", [None, 100, MAX_PIXELS // 2, 10**12])
@pytest.mark.parametrize("kind", ["jpeg", "gif", "bmp", "webp"])
@pytest.mark.parametrize("reader", READERS)
def test_huge_images_are_refused_whatever_the_limit(
    kind: str, reader: str, limit: int | None, tmp_path: Path
) -> None:
    Image.MAX_IMAGE_PIXELS = limit
    path = add(tmp_path, f"huge.{kind}", huge(kind))
    message = r"huge.*: it has more than 178 million pixels.*; save a smaller copy of it"
    with pytest.raises(ValueError, match=message):
        READERS[reader](path)


@pytest.mark.parametrize("limit", [None, 100, MAX_PIXELS // 2, 10**12])
def test_scans_have_the_same_limit(make_folder: MakeFolder, limit: int | None) -> None:
    folder = make_folder(cats=6, dogs=6)
    for kind in ("jpeg", "gif", "bmp", "webp"):
        add(folder / "cats", f"huge.{kind}", huge(kind))
    add(folder / "cats", "no_suffix", huge("jpeg"))
    Image.MAX_IMAGE_PIXELS = limit
    report = scan_images(folder)
    assert {finding.reason for finding in report.bad} == {"too_many_pixels"}
    assert len(report.bad) == 5
    assert report.label_counts() == {"cats": 6, "dogs": 6}


def test_the_limit_is_twice_pillows_default() -> None:
    """Between the two, Pillow's warning does not name the file; catdog's note does."""
    assert MAX_PIXELS == 2 * (1024**3 // 4 // 3)
    with own_limits(), warnings.catch_warnings():
        warnings.simplefilter("error")
        with Image.open(BytesIO(huge("bmp", MAX_PIXELS // 20_000 * 20_000))) as image:
            assert image.width * image.height > MAX_PIXELS - 20_000


def test_a_block_within_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    with own_limits():
        with own_limits():
            assert not ImageFile.LOAD_TRUNCATED_IMAGES
        assert not ImageFile.LOAD_TRUNCATED_IMAGES
    assert ImageFile.LOAD_TRUNCATED_IMAGES is True
