"""Many images are read with the kernels of TensorFlow, to what Pillow reads one by one."""

import re
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from catdog.images import notes
from catdog.images.arrays import Pixels
from catdog.images.inputs import ImageSource
from catdog.inference import native_reader
from catdog.inference.native_reader import MIN_IMAGES, NATIVE, read_natively
from catdog.inference.predict import choose_reader
from catdog.inference.read_ahead import read_ahead
from catdog.inference.readers import ONE_BY_ONE, ReadImage, read_each
from catdog.typing import ImageSize
from tests.images.odd_files import noise, saved
from tests.images.test_complete import KINDS as COMPLETE_KINDS
from tests.images.test_complete import cut, smooth
from tests.images.test_scale import KINDS, jpeg

SIZE = (8, 10)


def as_source(content: bytes) -> ImageSource:
    return ImageSource(content, "image")


def pixels(image: ReadImage) -> Pixels:
    assert not isinstance(image.pixels, Exception)
    return image.pixels


def check_equal(sources: list[ImageSource]) -> list[ReadImage]:
    """Check that both readers return the same; return it."""
    expected = read_each(sources, SIZE)
    found = read_natively(sources, SIZE)
    for one, other in zip(found, expected, strict=True):
        assert one.notes == other.notes
        if isinstance(other.pixels, Exception):
            assert type(one.pixels) is type(other.pixels)
            assert str(one.pixels) == str(other.pixels)
        else:
            assert np.array_equal(pixels(one), other.pixels)
    return found


def is_read_natively(content: bytes, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Return whether Pillow decodes nothing."""
    left: list[ImageSource] = []

    def count(rest: Sequence[ImageSource], size: ImageSize) -> list[ReadImage]:
        left.extend(rest)
        return read_each(rest, size)

    monkeypatch.setattr(native_reader, "read_each", count)
    read_natively([as_source(content)], SIZE)
    return not left


@pytest.mark.parametrize("kind", KINDS)
def test_jpeg_files(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sides = [(1, 1), (1, 40), (33, 1), (8, 10), (31, 41), (67, 90), (64, 80), (170, 171)]
    files = [jpeg(*each, kind, orientation) for each, orientation in product(sides, (1, 6))]
    found = check_equal([as_source(file) for file in files])
    assert not any(isinstance(image.pixels, Exception) for image in found)
    is_native = kind not in ("progressive", "CMYK")
    assert is_read_natively(jpeg(67, 90, kind), monkeypatch) == is_native
    assert not is_read_natively(jpeg(67, 90, kind, orientation=6), monkeypatch)


def test_images_of_all_forms(tmp_path: Path) -> None:
    (tmp_path / "notes.jpg").write_text("no image")
    (tmp_path / "photo.jpg").write_bytes(jpeg(50, 60))
    (tmp_path / "photo.png").write_bytes(saved(Image.fromarray(noise(20, 30)), "PNG"))
    names = ("photo.jpg", "notes.jpg", "photo.png", "nothing.jpg", ".")
    paths = [ImageSource(tmp_path / name, name) for name in names]
    others: list[Any] = [
        noise(*SIZE),
        noise(12, 12),
        Image.fromarray(noise(9, 7)),
        jpeg(50, 60),
        b"",
        b"\xff",
    ]
    found = check_equal([*paths, *(ImageSource(other, "other") for other in others)])
    errors = [isinstance(image.pixels, Exception) for image in found]
    assert errors == [False, True, False, True, True, False, False, False, False, True, True]


@pytest.mark.parametrize("options", COMPLETE_KINDS.values(), ids=COMPLETE_KINDS.keys())
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_files_that_end_early(mode: str, options: dict[str, int]) -> None:
    for image in (Image.fromarray(noise(90, 130)), smooth()):
        whole = saved(image.convert(mode), "JPEG", **options)
        shares = (0.02, 0.3, 0.6, 0.9, 0.97, 0.99)
        found = check_equal([as_source(file) for file in (whole, *(cut(whole, s) for s in shares))])
        assert [isinstance(image.pixels, Exception) for image in found][:6] == [False, *[True] * 5]


def test_files_with_gaps() -> None:
    whole = saved(smooth(), "JPEG", quality=95)
    middle = len(whole) // 2
    rows = saved(smooth(), "JPEG", quality=90, restart_marker_rows=1)
    restarts = [match.start() for match in re.finditer(rb"\xff[\xd0-\xd7]", rows)]
    damaged = [
        whole[:middle] + whole[middle + len(whole) // 4 :],
        rows[: restarts[1]] + rows[restarts[2] :],
        rows[: restarts[-1]] + b"\xff\xd9",
    ]
    empty_end = whole + b"more" + bytes(64)
    found = check_equal([as_source(file) for file in (whole, *damaged, empty_end, rows)])
    errors = [isinstance(image.pixels, Exception) for image in found]
    assert errors == [False, True, True, True, True, False]


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_damaged_files(data: st.DataObject) -> None:
    """What a changed byte does not make unreadable may become other pixels in each decoder."""
    content = bytearray(jpeg(40, 50))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] = data.draw(st.integers(0, 255))
    sources = [as_source(jpeg(40, 50)), as_source(bytes(content))]
    expected, found = read_each(sources, SIZE), read_natively(sources, SIZE)
    assert np.array_equal(pixels(found[0]), pixels(expected[0]))
    assert isinstance(found[1].pixels, Exception) == isinstance(expected[1].pixels, Exception)


@pytest.mark.parametrize("grey", [0, 1, 3, 4, 127, 128])
def test_images_of_one_grey(grey: int) -> None:
    files = [saved(Image.new(mode, (40, 30), grey), "JPEG") for mode in ("L",)]
    files.append(saved(Image.new("RGB", (40, 30), (grey,) * 3), "JPEG"))
    found = check_equal([as_source(file) for file in files])
    reasons = [note.reason for image in found for note in image.notes]
    assert reasons == (["unfilled_range"] * 2 if grey in (1, 3) else [])


def test_notes_on_large_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notes, "LARGE_PIXELS", 2000)
    small, large = check_equal([as_source(jpeg(40, 50)), as_source(jpeg(40, 51))])
    assert not small.notes
    assert [note.reason for note in large.notes] == ["very_large"]


def test_no_images() -> None:
    assert read_natively([], SIZE) == []


def test_the_reader_for_a_number_of_images() -> None:
    assert choose_reader(None) is choose_reader(MIN_IMAGES - 1) is ONE_BY_ONE
    assert choose_reader(MIN_IMAGES) is NATIVE


@given(count=st.integers(0, 30), batch_size=st.integers(1, 12), chunk_size=st.integers(1, 12))
def test_chunks_keep_the_order(count: int, batch_size: int, chunk_size: int) -> None:
    sizes: list[int] = []

    def read(chunk: Sequence[int]) -> Sequence[int]:
        sizes.append(len(chunk))
        return [-item for item in chunk]

    batches = list(read_ahead(iter(range(count)), batch_size, read, chunk_size))
    assert [pair for batch in batches for pair in batch] == [(item, -item) for item in range(count)]
    assert all(len(batch) == batch_size for batch in batches[:-1])
    assert all(size <= chunk_size for size in sizes)
