import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from catdog import Datasets, load_datasets, scan_images
from catdog.typing import SPLITS
from tests.conftest import MakeFolder, write_images
from tests.data.batches import collect

SIZE = (8, 8)


def test_own_folder_is_split(image_folder: Path) -> None:
    data = load_datasets(image_folder, image_size=SIZE)
    assert isinstance(data, Datasets)
    assert data.class_names == ("cats", "dogs")
    assert [data.label_counts(split) for split in SPLITS] == [
        {"cats": 6, "dogs": 6},
        {"cats": 2, "dogs": 2},
        {"cats": 2, "dogs": 2},
    ]


def test_other_seed_other_test_set(make_folder: MakeFolder) -> None:
    folder = make_folder(cats=40, dogs=40)
    first, second = (load_datasets(folder, seed=seed).paths("test") for seed in (0, 1))
    assert first != second


def test_fractions(image_folder: Path) -> None:
    data = load_datasets(image_folder, validation_fraction=0.1, test_fraction=0.4)
    assert [len(data.paths(split)) for split in SPLITS] == [10, 2, 8]


def test_validation_folder_is_split(make_folder: MakeFolder) -> None:
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


def test_names_that_are_not_ascii(make_folder: MakeFolder) -> None:
    data = load_datasets(make_folder({"Kätzchen": 5, "犬": 5}), image_size=SIZE)
    assert data.class_names == ("Kätzchen", "犬")
    assert len(collect(data.train)[0]) == 6


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


def test_class_too_small_to_split(make_folder: MakeFolder) -> None:
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


def test_duplicates_stay_in_one_set(make_folder: MakeFolder) -> None:
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
    with pytest.warns(UserWarning, match="3 files of 18 in .*, and were left out") as caught:
        data = load_datasets(folder, on_bad_image="skip")
    assert caught[0].filename == __file__
    assert [data.label_counts(split) for split in SPLITS] == [{"a": 2, "b": 3}] * 3
    assert "3 files cannot be used: print(data.report)" in str(data)


def test_fractions_without_effect(make_folder: MakeFolder) -> None:
    folder = make_folder({f"{split}/{name}": 5 for split in SPLITS[:2] for name in "ab"})
    with pytest.raises(ValueError, match="validation_fraction would have no effect.*Leave it out"):
        load_datasets(folder, validation_fraction=0.2)
    for name in "ab":
        (folder / "test" / name).mkdir(parents=True)
        Image.new("RGB", SIZE).save(folder / "test" / name / "x.png")
    with pytest.raises(ValueError, match="test_fraction would have no effect.*Leave it out"):
        load_datasets(folder, test_fraction=0.2)


@pytest.mark.parametrize("names", [("train", "test"), ("seg_train/seg_train", "seg_test/seg_test")])
def test_without_a_validation_folder_its_images_come_from_train(
    make_folder: MakeFolder, names: tuple[str, str]
) -> None:
    folder = make_folder({f"{name}/{kind}": 10 for name in names for kind in "ab"})
    data = load_datasets(folder, validation_fraction=0.3)
    counts = [data.label_counts(split) for split in SPLITS]
    assert counts == [{"a": 7, "b": 7}, {"a": 3, "b": 3}, {"a": 10, "b": 10}]
    tops = [{path.relative_to(folder).parts[0] for path in data.paths(split)} for split in SPLITS]
    train, test = (name.split("/")[0] for name in names)
    assert tops == [{train}, {train}, {test}]
    with pytest.raises(
        ValueError, match=r"test_fraction would have no effect.*there is a test set"
    ):
        load_datasets(folder, test_fraction=0.2)


@pytest.mark.parametrize(
    ("ignored", "message"),
    [
        (".22 rifle/image.0.png", "1 image ignored, because its name or that of its folder begins"),
        ("cats/.old/image.0.png", "1 image ignored, because its name or that of its folder begins"),
    ],
)
def test_hidden_images_cause_a_warning(make_folder: MakeFolder, ignored: str, message: str) -> None:
    folder = make_folder({"cats": 5, "dogs": 5, str(Path(ignored).parent): 1})
    with pytest.warns(UserWarning, match=message + rf".*\n  {re.escape(ignored)}"):
        load_datasets(folder)


def test_images_to_predict_cause_a_warning(make_folder: MakeFolder) -> None:
    folder = make_folder({f"{split}_set/{kind}": 5 for split in ("train", "test") for kind in "ab"})
    write_images(folder / "single_prediction", 1)
    with pytest.warns(UserWarning, match="1 image ignored, because it is to be predicted"):
        load_datasets(folder)


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


def test_images_are_found_after_a_change_of_folder(
    image_folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(image_folder.parent)
    data = load_datasets(image_folder.name, image_size=SIZE)
    monkeypatch.chdir(image_folder)
    assert len(collect(data.test)[0]) == 4


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


def test_images_in_no_class_folder_cause_a_warning(make_folder: MakeFolder) -> None:
    folder = make_folder({"photos/cats": 5, "photos/dogs": 5})
    Image.new("RGB", SIZE).save(folder / "loose.png")  # on the way down to the class folders
    with pytest.warns(UserWarning, match=r"1 image ignored, in no class.*\n  \.\./loose\.png"):
        load_datasets(folder)


def test_the_seed_splits_a_validation_folder_too(make_folder: MakeFolder) -> None:
    counts = {"train/a": 1, "train/b": 1, "validation/a": 40, "validation/b": 40}
    folder = make_folder(counts)
    first, second, other = (load_datasets(folder, seed=seed).paths("test") for seed in (0, 0, 1))
    assert first == second != other
