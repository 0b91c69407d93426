from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catdog._utils.errors import InvalidValueError
from catdog.data.split_folders import find_split_folders
from tests.conftest import MakeFolder


def find(make_folder: MakeFolder, names: Sequence[str]) -> dict[str, str]:
    """Return the split and the name of the split folders among folders of two classes each."""
    folder = make_folder({f"{name}/{kind}": 1 for name in names for kind in ("cats", "dogs")})
    found = find_split_folders(folder)
    named = [*found.by_split.items(), *(("unlabelled", path) for path in found.unlabelled)]
    return {role: path.name for role, path in named}


# As they are found in public data sets and courses.
@pytest.mark.parametrize(
    ("train", "validation", "test"),
    [
        ("train", "validation", "test"),
        ("TRAIN", "VAL", "TEST"),
        ("Training", None, "Testing"),
        ("train", "dev", "eval"),
        ("train", None, "eval"),
        ("train", None, "holdout"),
        ("trainval", None, "test"),
        ("train_val", None, "test"),
        ("training_set", None, "test_set"),
        ("trainset", "valset", "testset"),
        ("seg_train", None, "seg_test"),
        ("Train_Data", None, "Test_Data"),
        ("TrainData", "ValData", None),
        ("Training Data", "Validation Data", "Testing Data"),
        ("train_images", "val_images", None),
        ("imagenet-train", "imagenet-val", None),
        ("01_train", "02_val", "03_test"),
        ("train2017", "val2017", None),
        ("train", None, "Test_Images"),
        ("data.train", None, "data.test"),
        ("tiny_train_split", None, "tiny_test_split"),
        ("trn", "val", "tst"),
        ("a. Training Set", None, "b. Testing Set"),
        ("(i) train", "(ii) val", "(iii) test"),
        ("A_Train", None, "B_Test"),
        ("1a) train images", "1b) validation images", "1c) test images"),
    ],
)
def test_published_names(
    make_folder: MakeFolder, train: str, validation: str | None, test: str | None
) -> None:
    names = {"train": train, "validation": validation, "test": test}
    expected = {split: name for split, name in names.items() if name}
    assert find(make_folder, list(expected.values())) == expected


@pytest.mark.parametrize("name", ["seg_pred", "single_prediction", "unlabeled", "predict_set"])
def test_images_to_predict(make_folder: MakeFolder, name: str) -> None:
    found = find(make_folder, ["seg_train", "seg_test", name])
    assert found == {"train": "seg_train", "test": "seg_test", "unlabelled": name}


@pytest.mark.parametrize(
    "names",
    [
        ("vehicle", "animal"),
        ("train_station", "bus_station"),
        ("test_tube", "beaker"),
        ("express_train", "freight_train"),
        ("dev", "ops"),
        ("latest", "oldest"),
        ("trainers", "boots"),
        ("contest_train", "station"),
    ],
)
def test_classes_are_not_split_folders(make_folder: MakeFolder, names: Sequence[str]) -> None:
    assert find(make_folder, names) == {}


def test_classes_of_similar_names_with_images_inside(make_folder: MakeFolder) -> None:
    folder = make_folder({"train_station": 2, "test_tube": 2})
    assert find_split_folders(folder).by_split == {}


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("train", "training"), "both train/ and training/, which mean the same"),
        (("test", "test_set", "train"), "both test/ and test_set/, which mean the same"),
        (("fold1_train", "fold1_test", "fold2_train", "fold2_test"), "which mean the same"),
        (
            ("a_train", "a_test", "b_train", "b_test"),
            r"both a_(\w+)/ and b_\1/, which mean the same",
        ),
        (("ab_train", "ab_test", "cd_train", "cd_test"), "It is not clear which folders of"),
        (("train_cropped", "test_original"), "not clear.*test_original/, train_cropped/"),
    ],
)
def test_unclear_names(make_folder: MakeFolder, names: Sequence[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        find(make_folder, names)


@given(st.lists(st.text("tranvilde_ .0SE", min_size=1, max_size=12), min_size=1, max_size=4))
def test_any_names_are_understood_or_refused(names: list[str]) -> None:
    """A folder gets one split at most, and no error but that of unclear names is raised."""
    folders = [Path("root", name) for name in sorted(set(names))]
    inside = {Path("root"): folders}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("catdog.data.split_folders.subfolders", lambda path: inside.get(path, []))
        with suppress(InvalidValueError):
            found = find_split_folders(Path("root"))
            chosen = [*found.by_split.values(), *found.unlabelled]
            assert len(set(chosen)) == len(chosen)
            assert set(chosen) <= set(folders)
