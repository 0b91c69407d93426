"""`Datasets`: its batches, caches, image sizes and copies."""

import copy
import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from catdog import Datasets, load_datasets, scan_images
from catdog.data.datasets import count_test_evaluation, ordered_batches
from catdog.data.pipeline import ImageCache
from catdog.data.report import readable_images
from catdog.typing import SPLITS
from tests.data.batches import collect

SIZE = (8, 8)


def decoded(paths: Iterable[Path]) -> NDArray[np.float32]:
    return np.stack([np.asarray(Image.open(path), np.float32) for path in paths])


def files(data: Datasets) -> list[set[Path]]:
    return [set(data.paths(split)) for split in SPLITS]


def test_sets_are_disjoint_over_any_number_of_passes(image_folder: Path) -> None:
    data = load_datasets(image_folder, image_size=SIZE, batch_size=4)
    seen: list[set[bytes]] = [set(), set(), set()]
    for _ in range(3):
        for images, dataset in zip(seen, data, strict=True):
            images.update(image.tobytes() for image in collect(dataset)[0])
    assert [len(images) for images in seen] == [12, 4, 4]
    assert len(set.union(*seen)) == 20


@pytest.mark.parametrize("cache_mib", [0, 1024])
def test_held_out_sets_keep_the_order_of_their_paths(image_folder: Path, cache_mib: int) -> None:
    data = load_datasets(image_folder, image_size=SIZE, batch_size=3, cache_mib=cache_mib)
    for split in SPLITS[1:]:
        for _ in range(2):
            images, labels = collect(getattr(data, split))
            assert np.array_equal(images, decoded(data.paths(split)))
            assert np.array_equal(labels, data.labels(split))


def test_training_set_in_order(image_folder: Path) -> None:
    data = load_datasets(image_folder, image_size=SIZE)
    images, labels = collect(ordered_batches(data, "train"))
    assert np.array_equal(images, decoded(data.paths("train")))
    assert np.array_equal(labels, data.labels("train"))


def test_contract_of_batches(image_folder: Path) -> None:
    images, labels = next(
        iter(load_datasets(image_folder, image_size=(12, 10), batch_size=5).train)
    )
    assert images.shape == (5, 12, 10, 3)
    assert images.dtype == "float32"
    assert labels.shape == (5,)
    assert labels.dtype == "int32"
    assert 2 < images.numpy().max() <= 255


def test_training_set_is_reshuffled_from_the_seed(image_folder: Path) -> None:
    def passes(seed: int) -> list[NDArray[np.float32]]:
        data = load_datasets(image_folder, image_size=SIZE, seed=seed)
        return [collect(data.train)[0] for _ in range(2)]

    first, second = passes(0), passes(0)
    assert not np.array_equal(first[0], passes(1)[0])
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert not np.array_equal(first[0], first[1])


def test_cache_does_not_change_the_batches(image_folder: Path) -> None:
    kept, read_again = (
        load_datasets(image_folder, image_size=SIZE, cache_mib=mib) for mib in (1, 0)
    )
    for _ in range(2):
        for one, other in zip(collect(kept.train), collect(read_again.train), strict=True):
            assert np.array_equal(one, other)


def test_cached_images_are_not_decoded_again(image_folder: Path) -> None:
    kept, read_again = (
        load_datasets(image_folder, image_size=SIZE, cache_mib=mib) for mib in (1, 0)
    )
    before = collect(kept.validation)[0], collect(read_again.validation)[0]
    assert np.array_equal(*before)
    for path in kept.paths("validation"):
        path.unlink()
    assert np.array_equal(collect(kept.validation)[0], before[0])
    with pytest.raises(Exception, match="Cannot read the image"):
        collect(read_again.validation)


def test_the_cache_limit_is_three_bytes_a_pixel() -> None:
    assert ImageCache((100, 50), 1).max_images == 2**20 // (100 * 50 * 3)
    assert ImageCache((100, 50), 0).max_images == 0


def test_a_full_cache_takes_no_more_images(image_folder: Path) -> None:
    side = 300  # three images fit into 1 MiB
    data = load_datasets(image_folder, image_size=(side, side), cache_mib=1, batch_size=1)
    first = [collect(data.test)[0] for _ in range(2)]
    assert np.array_equal(first[0], first[1])
    collect(data.validation)
    assert len(data._session.caches[(side, side)]._cached) == 3


class Slow(dict[str, Any]):
    """A dictionary during whose `len` other threads run."""

    def __len__(self) -> int:
        length = super().__len__()
        time.sleep(0.002)
        return length


def test_many_threads_fill_a_cache(image_folder: Path) -> None:
    """The limit holds if all of them ask at once whether there is a place."""
    images = readable_images(scan_images(image_folder))
    cache = ImageCache((300, 300), 1)
    cache._cached = Slow()
    pixels = np.zeros((300, 300, 3), np.uint8)
    with ThreadPoolExecutor(8) as threads:
        for image in images:
            threads.submit(cache.keep, image, pixels)
    assert len(cache._cached) == 3


def test_the_global_seed_does_not_matter(image_folder: Path) -> None:
    import keras

    orders = []
    for seed in (1, 2):
        keras.utils.set_random_seed(seed)
        orders.append(collect(load_datasets(image_folder, image_size=SIZE).train)[0])
    assert np.array_equal(orders[0], orders[1])


def test_no_pass_waits_for_autotune(image_folder: Path) -> None:
    for batches in load_datasets(image_folder, image_size=SIZE):
        assert batches.options().autotune.enabled is False


def test_pipelines_are_traced_without_autograph(image_folder: Path) -> None:
    before = set(sys.modules)
    for batches in load_datasets(image_folder, image_size=SIZE):
        collect(batches)
    assert not [name for name in set(sys.modules) - before if "autograph_generated" in name]


def test_passes_have_a_known_length(image_folder: Path) -> None:
    data = load_datasets(image_folder, image_size=SIZE, batch_size=5)
    assert [len(dataset) for dataset in data] == [3, 1, 1]


PRINT_BATCHES = """
import sys
from catdog import load_datasets
data = load_datasets(sys.argv[1], image_size=(8, 8), batch_size=4, seed=5)
print([path.name for path in data.paths("test")])
for _ in range(2):
    print([(images.numpy().sum(), labels.numpy().tolist()) for images, labels in data.train])
"""


@pytest.mark.slow
def test_two_processes_get_the_same_batches(image_folder: Path) -> None:
    command = [sys.executable, "-c", PRINT_BATCHES, str(image_folder)]
    first, second = (
        subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(2)
    )
    assert first == second
    assert "image" in first


def test_at_returns_the_same_split_at_another_size(image_folder: Path) -> None:
    data = load_datasets(image_folder, image_size=SIZE)
    other = data.at((16, 12))
    assert other.image_size == (16, 12)
    assert files(other) == files(data)
    assert next(iter(other.test))[0].shape == (4, 16, 12, 3)
    assert data.at((16, 12)) is other
    assert other.at(SIZE) is data
    assert other.at((9, 9)) is data.at((9, 9))
    kept = ("class_names", "batch_size", "seed", "cache_mib")
    assert all(getattr(other, name) == getattr(data, name) for name in kept)
    assert data.at(SIZE) is data
    more = replace(data, batch_size=7)  # which shares what is cached
    assert more.at(SIZE).batch_size == more.at((16, 12)).batch_size == 7
    assert data.at((16, 12)) is other


def test_record_is_frozen_and_unpacks(image_folder: Path) -> None:
    data = load_datasets(image_folder, image_size=SIZE)
    train, validation, test = data
    assert (train, validation, test) == (data.train, data.validation, data.test)
    with pytest.raises(AttributeError):
        data.class_names = ()  # type: ignore[misc]
    data.labels("train")[:] = 9  # a copy
    assert data.labels("train").max() == 1


def test_printing_shows_sizes_and_counts(image_folder: Path) -> None:
    text = str(load_datasets(image_folder, image_size=SIZE))
    assert "2 classes" in text
    assert "train          12  (cats 6, dogs 6)" in text


def test_a_batch_larger_than_the_set_is_the_set(image_folder: Path) -> None:
    data = load_datasets(image_folder, image_size=SIZE, batch_size=2**62)
    assert next(iter(data.train))[0].shape == (12, *SIZE, 3)


@pytest.mark.parametrize("copy_of", [copy.deepcopy, lambda data: pickle.loads(pickle.dumps(data))])
def test_data_can_be_copied_after_use(
    image_folder: Path, copy_of: Callable[[Datasets], Datasets]
) -> None:
    data = load_datasets(image_folder, image_size=SIZE)
    before = collect(data.train)[0]
    again = copy_of(data)
    assert np.array_equal(collect(again.train)[0], before)
    assert str(again) == str(data)
    assert again.at((9, 9)).paths("test") == data.paths("test")


@pytest.mark.parametrize("copy_of", [copy.deepcopy, lambda data: pickle.loads(pickle.dumps(data))])
def test_copies_keep_the_count_of_test_evaluations(
    image_folder: Path, copy_of: Callable[[Datasets], Datasets]
) -> None:
    data = load_datasets(image_folder, image_size=SIZE)
    collect(data.at((9, 9)).test)
    counts = [count_test_evaluation(data, split) for split in (*SPLITS, "test")]
    assert counts == [None, None, 1, 2]
    copied = copy_of(data)
    assert copied.test_evaluations == copied.at((9, 9)).test_evaluations == 2
    assert copied._session.caches == {}
    assert count_test_evaluation(copied.at((9, 9)), "test") == 3
    assert count_test_evaluation(copied, "test") == 4
    assert data.test_evaluations == 2  # a copy counts on its own
    assert copy_of(copied).test_evaluations == 4


def test_evaluations_in_several_threads_are_all_counted(image_folder: Path) -> None:
    data = load_datasets(image_folder, image_size=SIZE)
    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(lambda _: count_test_evaluation(data, "test"), range(200)))
    assert sorted(count or 0 for count in counts) == list(range(1, 201))


def test_printing_counts_files_that_are_not_images(image_folder: Path) -> None:
    (image_folder / "cats" / "notes.txt").write_text("x")
    assert "1 file of another kind, ignored: print(data.report)" in str(load_datasets(image_folder))
