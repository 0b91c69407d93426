import copy
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from catdog import Datasets, build_model, evaluate, load_datasets, scan_images, train
from catdog.data.datasets import ordered_batches
from catdog.data.pipeline import ImageCache
from catdog.data.session import raise_read_errors
from catdog.matching import resize_to_model
from catdog.typing import SPLITS, Labels
from tests.conftest import MakeFolder, write_images

SIZE = (8, 8)


def collect(dataset: Iterable[tuple[Any, Any]]) -> tuple[NDArray[np.float32], Labels]:
    batches = [(images.numpy(), labels.numpy()) for images, labels in dataset]
    images, labels = zip(*batches, strict=True)
    return np.concatenate(images), np.concatenate(labels)


def decoded(paths: Iterable[Path]) -> NDArray[np.float32]:
    return np.stack([np.asarray(Image.open(path), np.float32) for path in paths])


def files(data: Datasets) -> list[set[Path]]:
    return [set(data.paths(split)) for split in SPLITS]


def test_own_folder_is_divided(image_folder: Path) -> None:
    data = load_datasets(image_folder, image_size=SIZE)
    assert isinstance(data, Datasets)
    assert data.class_names == ("cats", "dogs")
    assert [data.label_counts(split) for split in SPLITS] == [
        {"cats": 6, "dogs": 6},
        {"cats": 2, "dogs": 2},
        {"cats": 2, "dogs": 2},
    ]


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


def test_cache_keeps_decoded_images_within_the_budget(image_folder: Path) -> None:
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


def test_the_budget_is_three_bytes_a_pixel() -> None:
    assert ImageCache((100, 50), 1).capacity == 2**20 // (100 * 50 * 3)
    assert ImageCache((100, 50), 0).capacity == 0


def test_a_full_cache_keeps_what_it_has_and_no_more(image_folder: Path) -> None:
    side = 300  # three images fit into 1 MiB
    data = load_datasets(image_folder, image_size=(side, side), cache_mib=1, batch_size=1)
    first = [collect(data.test)[0] for _ in range(2)]
    assert np.array_equal(first[0], first[1])
    collect(data.validation)
    assert len(data._session.caches[(side, side)]._kept) == 3


def test_the_global_seed_has_no_say(image_folder: Path) -> None:
    import keras

    orders = []
    for seed in (1, 2):
        keras.utils.set_random_seed(seed)
        orders.append(collect(load_datasets(image_folder, image_size=SIZE).train)[0])
    assert np.array_equal(orders[0], orders[1])


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
def test_two_processes_see_the_same(image_folder: Path) -> None:
    command = [sys.executable, "-c", PRINT_BATCHES, str(image_folder)]
    first, second = (
        subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(2)
    )
    assert first == second
    assert "image" in first


def test_other_seed_other_test_set(make_folder: MakeFolder) -> None:
    folder = make_folder(cats=40, dogs=40)
    first, second = (load_datasets(folder, seed=seed).paths("test") for seed in (0, 1))
    assert first != second


def test_fractions(image_folder: Path) -> None:
    data = load_datasets(image_folder, validation_fraction=0.1, test_fraction=0.4)
    assert [len(data.paths(split)) for split in SPLITS] == [10, 2, 8]


def test_validation_folder_is_divided(make_folder: MakeFolder) -> None:
    folder = make_folder({"train/a": 3, "train/b": 2, "validation/a": 10, "validation/b": 10})
    data = load_datasets(folder)
    assert [len(data.paths(split)) for split in SPLITS] == [5, 16, 4]
    assert {path.parts[-3] for path in data.paths("test")} == {"validation"}
    assert len(load_datasets(folder, test_fraction=0.5).paths("test")) == 10


def test_own_test_folder_is_kept(make_folder: MakeFolder) -> None:
    folder = make_folder({f"{split}/{name}": 2 for split in SPLITS for name in "abc"})
    data = load_datasets(folder)
    assert [{path.parts[-3] for path in data.paths(split)} for split in SPLITS] == [
        {"train"},
        {"validation"},
        {"test"},
    ]
    assert data.class_names == ("a", "b", "c")


def test_at_serves_the_same_split_at_another_size(image_folder: Path) -> None:
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


def test_record_is_frozen_and_unpacks(image_folder: Path) -> None:
    data = load_datasets(image_folder, image_size=SIZE)
    train, validation, test = data
    assert (train, validation, test) == (data.train, data.validation, data.test)
    with pytest.raises(AttributeError):
        data.class_names = ()  # type: ignore[misc]
    data.labels("train")[:] = 9  # a copy
    assert data.labels("train").max() == 1


def test_printing_says_what_is_there(image_folder: Path) -> None:
    text = str(load_datasets(image_folder, image_size=SIZE))
    assert "8 x 8 pixels" in text
    assert "train          12  (cats 6, dogs 6)" in text


def test_names_that_are_not_ascii(make_folder: MakeFolder) -> None:
    data = load_datasets(make_folder({"Kätzchen": 5, "犬": 5}), image_size=SIZE)
    assert data.class_names == ("Kätzchen", "犬")
    assert len(collect(data.train)[0]) == 6


def test_a_image_that_changed_is_named(image_folder: Path) -> None:
    data = load_datasets(image_folder, image_size=SIZE)
    path = data.paths("test")[1]
    Image.new("RGB", SIZE).save(path)  # still an image, but of what?
    with pytest.raises(Exception, match=f"{path.name} was changed after load_datasets looked"):
        collect(data.test)


def train_once(model: Any, data: Datasets) -> None:
    train(model, data, epochs=1, verbose=0)


def evaluate_once(model: Any, data: Datasets) -> None:
    evaluate(model, data, split="validation", verbose=0)


@pytest.mark.parametrize("use", [train_once, evaluate_once])
def test_a_image_that_vanished_is_named_without_tensorflows_words(
    image_folder: Path, use: Callable[[Any, Datasets], None]
) -> None:
    data = load_datasets(image_folder, image_size=SIZE)
    model = build_model("cnn", image_size=(32, 32))
    path = data.paths("validation")[1]
    path.unlink()
    with pytest.raises(ValueError, match=f"^Cannot read the image {path}") as raised:
        use(model, data)
    assert "Call load_datasets again" in str(raised.value)
    assert "tensorflow" not in str(raised.value).lower()


def test_other_errors_are_not_blamed_on_an_image(image_folder: Path) -> None:
    data = load_datasets(image_folder, image_size=SIZE)
    model = build_model("cnn", image_size=(32, 32))
    data.paths("test")[0].unlink()
    with pytest.raises(ValueError, match="Cannot read"):
        evaluate(model, data, verbose=0)
    with pytest.raises(KeyError), raise_read_errors():
        raise KeyError("mine")


BAD_ARGUMENTS = [
    ({"image_size": 160}, r"image_size must be \(height, width\).*such as \(160, 160\), not 160"),
    ({"image_size": (160, 160, 3)}, "image_size must be"),
    ({"image_size": (16.0, 16.0)}, "image_size must be"),
    ({"image_size": {8, 9}}, "image_size must be"),
    ({"image_size": (16, 10_000)}, r"image_size must be at most \(8192, 8192\), not \(16, 10000\)"),
    ({"image_size": (0, 16)}, r"image_size must be at least \(1, 1\), not \(0, 16\)"),
    ({"batch_size": 0}, "batch_size must be a whole number of at least 1, not 0"),
    ({"batch_size": "32"}, "batch_size must be a whole number of at least 1, not '32'"),
    ({"seed": -1}, r"seed must be a whole number from 0 to 2\*\*31 - 1, not -1"),
    ({"seed": 1.0}, "seed must be"),
    ({"on_bad_image": "ignore"}, "on_bad_image='ignore' is not known.*'raise', 'skip'"),
    ({"new_files": "test"}, "new_files='test' is not known.*'skip', 'train'"),
    ({"new_files": "train"}, "new_files would have no effect: there is no split_file"),
    ({"cache_mib": -1}, "cache_mib must be a whole number of at least 0"),
    ({"test_fraction": 0}, "test_fraction must be a number between 0 and 1, such as 0.2.*not 0"),
    ({"test_fraction": 1.5}, "test_fraction must be"),
    ({"validation_fraction": "0.2"}, "validation_fraction must be.*not '0.2'"),
    ({"validation_fraction": float("nan")}, "validation_fraction must be.*not nan"),
    ({"validation_fraction": 0.5, "test_fraction": 0.5}, "nothing to train on.*less than 1"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD_ARGUMENTS)
def test_bad_arguments(image_folder: Path, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_datasets(image_folder, **arguments)


def test_class_too_small_to_divide(make_folder: MakeFolder) -> None:
    with pytest.raises(
        ValueError,
        match=r"for each of train, validation, test, duplicates.*But dogs has 2\. Add images",
    ):
        load_datasets(make_folder(cats=5, dogs=2))


def test_an_empty_class(make_folder: MakeFolder) -> None:
    folder = make_folder(cats=5)
    (folder / "dogs").mkdir()
    with pytest.raises(ValueError, match=r"But dogs has 0\..*JPEG.*remove the class"):
        load_datasets(folder)


def test_a_class_that_is_missing_in_one_set(make_folder: MakeFolder) -> None:
    folder = make_folder({f"{split}/{name}": 2 for split in SPLITS for name in "ab"})
    for path in (folder / "test" / "b").iterdir():
        path.unlink()
    with pytest.raises(ValueError, match=r"for each of test, duplicates not counted\. But b has 0"):
        load_datasets(folder)


def test_copies_stay_in_one_set(make_folder: MakeFolder) -> None:
    folder = make_folder(cats=20, dogs=20)
    for number in range(8):
        content = (folder / "cats" / f"image.{number}.png").read_bytes()
        for name in "ab":
            (folder / "cats" / f"copy.{number}.{name}.png").write_bytes(content)
    for seed in range(5):
        data = load_datasets(folder, seed=seed)
        contents = [{path.read_bytes() for path in data.paths(split)} for split in SPLITS]
        assert len(set.union(*contents)) == sum(map(len, contents)) == 40
        counts = [data.label_counts(split)["cats"] for split in SPLITS]
        assert np.abs(np.array(counts) - 36 * np.array([0.6, 0.2, 0.2])).max() <= 1


def test_bad_images_are_left_out_of_each_set(make_folder: MakeFolder) -> None:
    folder = make_folder({f"{split}/{name}": 3 for split in SPLITS for name in "ab"})
    for split in SPLITS:
        (folder / split / "a" / "image.1.png").write_bytes(b"")
    with pytest.warns(UserWarning, match="3 files of 18 in .*, and left out") as caught:
        data = load_datasets(folder, on_bad_image="skip")
    assert caught[0].filename == __file__
    assert [data.label_counts(split) for split in SPLITS] == [{"a": 2, "b": 3}] * 3
    assert "3 files cannot be used: print(data.report)" in str(data)


def test_fractions_that_have_nothing_to_divide(make_folder: MakeFolder) -> None:
    folder = make_folder({f"{split}/{name}": 5 for split in SPLITS[:2] for name in "ab"})
    with pytest.raises(ValueError, match="validation_fraction would have no effect.*Leave it out"):
        load_datasets(folder, validation_fraction=0.2)
    for name in "ab":
        (folder / "test" / name).mkdir(parents=True)
        Image.new("RGB", SIZE).save(folder / "test" / name / "x.png")
    with pytest.raises(ValueError, match="test_fraction would have no effect.*Leave it out"):
        load_datasets(folder, test_fraction=0.2)


def test_unknown_source() -> None:
    with pytest.raises(FileNotFoundError, match="'synthetc' is neither a folder.*mean 'synthetic'"):
        load_datasets("synthetc")
    for source in (3, ""):
        with pytest.raises(TypeError, match="source must be a folder or the name of a data set"):
            load_datasets(source)  # type: ignore[arg-type]


def test_a_file_is_not_a_folder(image_folder: Path) -> None:
    path = image_folder / "cats" / "image.0.png"
    with pytest.raises(NotADirectoryError, match=r"source='.*0\.png' is a file\. Pass the folder"):
        load_datasets(path)
    with pytest.raises(NotADirectoryError, match=r"folder='.*0\.png' is a file"):
        scan_images(path)


def test_data_is_served_at_the_models_size(image_folder: Path) -> None:
    data = load_datasets(image_folder, image_size=SIZE)
    model = build_model("cnn", image_size=(32, 24))
    assert resize_to_model(model, data).image_size == (32, 24)


def test_model_of_any_size_takes_the_datas(image_folder: Path) -> None:
    import keras

    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((None, None, 3)), layers.GlobalAveragePooling2D(), layers.Dense(2)]
    )
    data = load_datasets(image_folder, image_size=SIZE)
    assert resize_to_model(model, data) is data


def test_models_that_do_not_fit_the_data(make_folder: MakeFolder) -> None:
    import keras

    data = load_datasets(make_folder(a=5, b=5, c=5), image_size=SIZE)
    with pytest.raises(ValueError, match=r"3 classes \(a, b, c\)\. Build it with num_classes=3"):
        resize_to_model(build_model("cnn", image_size=(32, 32)), data)
    grey = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(3)])
    with pytest.raises(ValueError, match="that takes one batch of RGB"):
        resize_to_model(grey, data)


def test_a_model_of_a_fixed_batch_is_served_too(image_folder: Path) -> None:
    import keras

    layers = [keras.layers.Flatten(), keras.layers.Dense(2)]
    model = keras.Sequential([keras.Input((*SIZE, 3), batch_size=4), *layers])
    data = load_datasets(image_folder, image_size=(16, 16), batch_size=4)
    assert resize_to_model(model, data).image_size == SIZE


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_models_that_return_probabilities(image_folder: Path, activation: str) -> None:
    import keras

    layers = [keras.layers.Flatten(), keras.layers.Dense(2, activation=activation)]
    model = keras.Sequential([keras.Input((*SIZE, 3)), *layers])
    data = load_datasets(image_folder, image_size=SIZE)
    with pytest.raises(ValueError, match=f"model ends in {activation}.*Take it off"):
        resize_to_model(model, data)


def test_things_that_are_no_model_or_no_data(image_folder: Path) -> None:
    import keras

    data = load_datasets(image_folder, image_size=SIZE)
    unbuilt = keras.Sequential([keras.layers.Flatten()])
    for model in (None, "cnn", unbuilt):
        with pytest.raises(ValueError, match="Build it with catdog.build_model, or begin it with"):
            resize_to_model(model, data)
    with pytest.raises(TypeError, match="data must be what load_datasets returns, not str"):
        resize_to_model(build_model("cnn", image_size=(32, 32)), "synthetic")  # type: ignore[arg-type]


def test_a_image_is_found_after_a_change_of_folder(
    image_folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(image_folder.parent)
    data = load_datasets(image_folder.name, image_size=SIZE)
    monkeypatch.chdir(image_folder)
    assert len(collect(data.test)[0]) == 4


def test_a_batch_larger_than_the_set_is_the_set(image_folder: Path) -> None:
    data = load_datasets(image_folder, image_size=SIZE, batch_size=2**62)
    assert next(iter(data.train))[0].shape == (12, *SIZE, 3)


def test_numbers_of_numpy_are_numbers(image_folder: Path) -> None:
    data = load_datasets(
        image_folder,
        image_size=np.array([8, 8]),  # type: ignore[arg-type]
        batch_size=np.int64(4),  # type: ignore[arg-type]
        test_fraction=np.float32(0.2),  # type: ignore[arg-type]
    )
    assert data.image_size == SIZE
    assert len(data.paths("test")) == 4


def test_every_class_that_is_too_small_is_named(make_folder: MakeFolder) -> None:
    with pytest.raises(ValueError, match=r"But b has 2, c has 1\."):
        load_datasets(make_folder(a=5, b=2, c=1))


def test_images_in_no_class_folder_are_told(make_folder: MakeFolder) -> None:
    folder = make_folder({"photos/cats": 5, "photos/dogs": 5})
    Image.new("RGB", SIZE).save(folder / "loose.png")  # on the way down to the class folders
    with pytest.warns(UserWarning, match=r"1 image in no class folder.*\n  \.\./loose\.png"):
        load_datasets(folder)


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


def test_a_image_that_became_a_pipe_is_not_waited_for(image_folder: Path) -> None:
    data = load_datasets(image_folder, image_size=SIZE)
    path = data.paths("test")[0]
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(Exception, match=f"{path.name} was changed"):
        collect(data.test)


def test_a_image_that_cannot_be_decoded_after_all_is_named(
    image_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = load_datasets(image_folder, image_size=SIZE)

    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Image, "open", fail)
    with pytest.raises(Exception, match=r"Cannot read the image /.*\.png: MemoryError\(\)"):
        collect(data.test)


LEAVE = """
import sys
from catdog import load_datasets
data = load_datasets(sys.argv[1], image_size=(300, 300), batch_size=4)
batches = iter(data.train)
next(batches)
print("left", flush=True)
"""


@pytest.mark.slow
def test_a_process_may_end_while_images_are_decoded(tmp_path: Path) -> None:
    for name in ("cats", "dogs"):
        write_images(tmp_path / name, 60, size=400)
    done = subprocess.run(
        [sys.executable, "-c", LEAVE, str(tmp_path)], capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "left\n"
    assert done.returncode == 0


def test_the_seed_divides_a_validation_folder_too(make_folder: MakeFolder) -> None:
    counts = {"train/a": 1, "train/b": 1, "validation/a": 40, "validation/b": 40}
    folder = make_folder(counts)
    first, second, other = (load_datasets(folder, seed=seed).paths("test") for seed in (0, 0, 1))
    assert first == second != other
