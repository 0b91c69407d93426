"""The scan keeps the pixels of large images, so that the first pass need not decode them."""

import copy
from pathlib import Path

import numpy as np
import pytest

from catdog import Datasets, load_datasets
from catdog.data import early_pixels
from catdog.data.datasets import ordered_batches
from catdog.typing import SPLITS, ImageSize
from tests.conftest import MakeFolder
from tests.data.batches import collect
from tests.images import reference
from tests.images.test_scale import jpeg

SIZE = (8, 9)
LARGE = 4


@pytest.fixture
def folder(make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder in which some JPEG images count as large, half of them on their side."""
    monkeypatch.setattr(early_pixels, "MIN_PIXELS", 270 * 300)
    folder = make_folder(a=6, b=6)
    for number in range(LARGE):
        content = jpeg(270 + number, 300, orientation=1 + 5 * (number % 2))
        (folder / "ab"[number // 2] / f"large{number}.jpg").write_bytes(content)
    return folder


def remove_large(folder: Path) -> None:
    for file in folder.rglob("large*"):
        file.unlink()


def read_all(data: Datasets) -> None:
    for split in SPLITS:
        collect(ordered_batches(data, split))


def test_large_images_are_decoded_once_and_to_the_same_pixels(folder: Path) -> None:
    data = load_datasets(folder, image_size=SIZE)
    expected = {
        path: reference.read(path.read_bytes(), SIZE)
        for split in SPLITS for path in data.paths(split)
    }  # fmt: skip
    assert sum(path.name.startswith("large") for path in expected) == LARGE
    remove_large(folder)  # so they are not read again
    for split in SPLITS:
        images, _ = collect(ordered_batches(data, split))
        for path, image in zip(data.paths(split), images, strict=True):
            assert np.array_equal(image, expected[path]), path


@pytest.mark.parametrize(
    ("size", "cache_mib"),
    [((8, 9), 0), ((30, 9), 1024)],  # the second needs 60 rows: half of the image, not an eighth
)
def test_they_are_read_again_if_their_pixels_may_not_be_kept(
    folder: Path, size: ImageSize, cache_mib: int
) -> None:
    data = load_datasets(folder, image_size=size, cache_mib=cache_mib)
    remove_large(folder)
    with pytest.raises(Exception, match="Cannot read the image"):
        read_all(data)


def test_they_are_read_again_at_another_size_and_by_a_copy(folder: Path) -> None:
    data = load_datasets(folder, image_size=SIZE)
    read_all(data)
    remove_large(folder)
    for other in (data.at((9, 8)), copy.deepcopy(data)):
        with pytest.raises(Exception, match="Cannot read the image"):
            read_all(other)


def test_small_images_and_those_in_no_set_are_not_kept(folder: Path) -> None:
    cut = folder / "a" / "cut.jpg"
    cut.write_bytes(jpeg(290, 300)[:-500])
    (folder / "a" / "copy.jpg").write_bytes((folder / "b" / "large3.jpg").read_bytes())
    with pytest.warns(UserWarning, match="left out"):
        data = load_datasets(folder, image_size=SIZE, on_bad_image="skip")
    early = data._session.early
    assert early
    assert len(early.by_hash) == LARGE - 1  # one in two classes is in no set


def test_the_first_files_are_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not those of the fastest threads: a folder always gives the same pixels."""
    monkeypatch.setattr(early_pixels, "max_cached_images", lambda *_: 9)
    data = load_datasets(folder, image_size=SIZE)
    names = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    kept = [name for name in names[:9] if name.name.startswith("large")]
    early = data._session.early
    assert early
    assert len(early.by_hash) == len(kept) == 2
