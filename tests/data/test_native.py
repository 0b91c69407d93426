"""Training images have the same pixels, whether TensorFlow or Pillow decodes them."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from catdog import load_datasets
from catdog.data import pipeline
from catdog.data.datasets import ordered_batches
from catdog.data.native import decode_native, find_plan
from catdog.data.scan_file import inspect
from catdog.images.containers import open_once
from catdog.images.plain_jpeg import PlainJpeg
from catdog.typing import SPLITS
from tests.conftest import MakeFolder
from tests.data.batches import collect
from tests.images import reference
from tests.images.odd_files import noise, saved
from tests.images.test_scale import KINDS, jpeg

SIZE = (8, 10)
SIDES = [(1, 1), (1, 40), (33, 1), (8, 10), (31, 41), (32, 40), (67, 90), (64, 80), (170, 171)]
PLAIN = [kind for kind in KINDS if kind != "CMYK"]


def plain(content: bytes, folder: Path) -> PlainJpeg | None:
    path = folder / "image.jpg"
    path.write_bytes(content)
    with open_once(path) as file:
        found = inspect(file, path, len(content), None)
    assert found
    return found.plain_jpeg


@pytest.mark.parametrize("kind", PLAIN)
def test_kernels_of_tensorflow_give_the_pixels_of_the_reference(kind: str, tmp_path: Path) -> None:
    for number, (height, width) in enumerate(SIDES):
        orientation = number % 8 + 1
        content = jpeg(height, width, kind, orientation)
        image = plain(content, tmp_path)
        assert image
        assert (image.size, image.orientation) == ((width, height), orientation)
        found = decode_native(content, tf.constant(0), [find_plan(image, SIZE)], SIZE)
        assert np.array_equal(found, reference.read(content, SIZE)), (height, width, orientation)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation(orientation: int, tmp_path: Path) -> None:
    for sides in ((50, 70), (97, 60)):
        content = jpeg(*sides, orientation=orientation)
        found = decode_native(
            content, tf.constant(0), [find_plan(plain(content, tmp_path), SIZE)], SIZE
        )
        assert np.array_equal(found, reference.read(content, SIZE))


def with_sampling(content: bytes, sampling: int) -> bytes:
    """Return a JPEG file whose frame says another sampling of the first component."""
    start = content.index(b"\xff\xc0") + 11
    return content[:start] + bytes([sampling]) + content[start + 1 :]


def test_other_files_are_decoded_by_pillow(tmp_path: Path) -> None:
    png = saved(Image.fromarray(noise(20, 20)), "PNG")
    tall = saved(Image.new("RGB", (16, 16)), "JPEG", subsampling=0)
    for content in (png, jpeg(20, 20, "CMYK"), with_sampling(tall, 0x12)):
        assert plain(content, tmp_path) is None
    assert plain(jpeg(20, 20), tmp_path)


@pytest.mark.parametrize("after", [b"\0" * 20, b"more", b"\xff\xd9"])
def test_bytes_after_the_end_change_nothing(after: bytes, tmp_path: Path) -> None:
    content = jpeg(50, 60) + after
    plan = find_plan(plain(content, tmp_path), SIZE)
    found = decode_native(content, tf.constant(0), [plan], SIZE)
    assert np.array_equal(found, reference.read(content, SIZE))


def test_a_folder_of_all_kinds(make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first pass, one with some images cached, and one with all of them."""
    monkeypatch.setattr(pipeline, "MAX_CHUNK_FILES", 3)
    folder = make_folder(a=3, b=3)
    for number, (kind, orientation) in enumerate(product(KINDS, (1, 3, 6, 8))):
        content = jpeg(40 + 9 * number, 120 - number, kind, orientation)
        (folder / "ab"[number % 2] / f"{number}.jpg").write_bytes(content)
    data = load_datasets(folder, image_size=SIZE, batch_size=4)
    some = load_datasets(folder, image_size=SIZE, batch_size=4, cache_mib=0)
    some._batches("train")
    some._session.caches[SIZE].max_images = 7
    for split in SPLITS:
        expected = [reference.read(path.read_bytes(), SIZE) for path in data.paths(split)]
        for passes in (data, data, some, some):
            images, labels = collect(ordered_batches(passes, split))
            assert images.dtype == np.float32
            assert np.array_equal(images, expected)
            names = [data.class_names[label] for label in labels]
            assert names == [path.parent.name for path in data.paths(split)]
    assert len(some._session.caches[SIZE]._cached) == 7


def test_later_passes_read_no_files(make_folder: MakeFolder) -> None:
    folder = make_folder(a=6, b=6)
    data = load_datasets(folder, image_size=SIZE, batch_size=5)
    first = {split: collect(ordered_batches(data, split)) for split in SPLITS}
    for file in folder.rglob("*.png"):
        file.unlink()
    for split, (images, labels) in first.items():
        again = collect(ordered_batches(data, split))
        assert np.array_equal(again[0], images)
        assert np.array_equal(again[1], labels)


def test_a_graph_of_kernels_runs_without_python() -> None:
    content = jpeg(50, 60)
    plan = find_plan(PlainJpeg((60, 50), 1, is_in_order=True), SIZE)
    images = tf.data.Dataset.from_tensors(content).map(
        lambda each: decode_native(each, tf.constant(1), [None, plan], SIZE)
    )
    assert np.array_equal(next(iter(images)), reference.read(content, SIZE))
