"""Names of classes and of images that may mean something else than what is assumed."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from catdog import load_datasets, scan_images
from catdog.data.copy_names import copies_by_name
from catdog.data.name_doubts import doubts_about_class_names, splits_in_names
from catdog.data.split_folders import _ROLES
from catdog.typing import SPLITS
from tests.conftest import MakeFolder


def test_classes_that_differ_in_capitals_only(make_folder: MakeFolder) -> None:
    folder = make_folder(Cat=5, cat=5, dog=5)
    with pytest.warns(UserWarning, match="'Cat', 'cat' differ in capitals only"):
        assert load_datasets(folder).class_names == ("Cat", "cat", "dog")
    names = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*.png"))]
    labels = {name: ("bird", "Bird", "dog")[i % 3] for i, name in enumerate(names)}
    with pytest.warns(UserWarning, match="'Bird', 'bird' differ in capitals only"):
        load_datasets(folder, labels=labels)


@pytest.mark.parametrize(
    ("names", "named"),
    [
        (["cat", "cat (1)", "dog"], "'cat (1)' of 'cat'"),
        (["dog", "dog - Copy", "cat"], "'dog - Copy' of 'dog'"),
        (["dog", "dog copy 2", "cat"], "'dog copy 2' of 'dog'"),
        (["cat", "cat_aug", "dog"], "'cat_aug' of 'cat'"),
        (["Cat", "AugmentedCat", "dog"], "'AugmentedCat' of 'Cat'"),
        (["stop 30", "Stop-30_flipped"], "'Stop-30_flipped' of 'stop 30'"),
        (["кот", "кот (2)"], "'кот (2)' of 'кот'"),
        (["cats", "Copy of cats"], "'Copy of cats' of 'cats'"),
        (["cats", "Kopie von cats"], "'Kopie von cats' of 'cats'"),
        (["cats", "cats_backup_2021-03-04"], "'cats_backup_2021-03-04' of 'cats'"),
    ],
)
def test_versions_of_a_class(names: Sequence[str], named: str) -> None:
    (doubt,) = doubts_about_class_names(names, grouped=False)
    assert f"copy or another version: {named}. If" in str(doubt)


def test_classes_of_augmented_images() -> None:
    names = ["Monkeypox_augmented", "Others_augmented"]
    (doubt,) = doubts_about_class_names(names, grouped=False)
    assert "'Monkeypox_augmented', 'Others_augmented', the images are augmented" in str(doubt)
    assert not doubts_about_class_names(names, grouped=True)
    assert not doubts_about_class_names(["rotated", "upright"], grouped=False)


@pytest.mark.parametrize(
    "name",
    ["rejected", "to_delete", "Sample", "unsorted", "tmp", "sample_images", "inference", "Treino",
     "Testbilder", "测试集"],
)  # fmt: skip
def test_leftover_folders(name: str) -> None:
    (doubt,) = doubts_about_class_names(["cat", "dog", name], grouped=False)
    assert f"The classes {name!r} are used, although" in str(doubt)


@pytest.mark.parametrize(
    "names",
    [
        ["accepted", "rejected"],
        ["class 1", "class 2", "class 3"],
        ["new coin", "old coin"],
        ["T1", "T1 (2) b"],
        ["original", "copy"],
        ["猫", "狗"],
        ["1", "2", "10"],
    ],
)
def test_names_of_classes(names: Sequence[str]) -> None:
    assert doubts_about_class_names(names, grouped=False) == []


@pytest.mark.parametrize(
    ("names", "named"),
    [
        (["cats", "dogs", "test_images"], ["test_images"]),
        (
            ["cats", "dogs", "to_predict", "predict_me", "Test2"],
            ["to_predict", "predict_me", "Test2"],
        ),
        (["Real", "Fake", "Real_test"], ["Real_test"]),
        (["train station", "bus", "test tube"], []),
        (["Benign cases", "Normal cases", "Test cases"], ["Test cases"]),
        (["benign", "malignant", "test_lesions"], ["test_lesions"]),
        (["cats", "dogs", "test_cats_dogs"], ["test_cats_dogs"]),
        (["class_a", "class_b", "validation_class"], ["validation_class"]),
        (["glioma", "no tumour", "Testing MRI"], ["Testing MRI"]),
        (["cats", "dogs", "for testing"], ["for testing"]),
        (["control", "test"], []),
        (["trainers", "boots", "test"], []),
        (["test_tube", "test strip", "flask"], []),
        (["test_tube", "beaker", "flask"], []),
        (["positive test", "negative test", "no test"], []),
        (["train station", "bus station", "airport"], []),
        (["valid ticket", "used ticket", "invalid ticket"], []),
    ],
)
def test_folders_of_splits_beside_classes(names: Sequence[str], named: Sequence[str]) -> None:
    doubts = doubts_about_class_names(names, grouped=False)
    assert len(doubts) == bool(named)
    for doubt in doubts:
        assert f"The classes {', '.join(map(repr, named))} are used" in str(doubt)
        assert "contain a word for a split" in str(doubt)


@pytest.mark.parametrize(
    ("names", "copies", "keys"),
    [
        (["leaf.jpg", "leaf_flipLR.jpg", "leaf_90deg.jpg", "tree.jpg"], 2, 2),
        (["b (1).png", "b (1)-rotated1.png", "b (1)_mask.png", "b (1)_mask_1.png"], 3, 1),
        (["aug_a.jpg", "a.jpg", "b.jpg"], 1, 2),
        ([f"{i}.{suffix}" for i in range(12) for suffix in ("jpg", "png")], 12, 12),
        ([f"{i}-001{part}.bmp" for i in range(12) for part in ("", "-d")], 12, 12),
        ([f"{i}_jpg.rf.{copy}a{i}.jpg" for i in range(12) for copy in range(3)], 24, 12),
        ([f"leaf{i}{part}.png" for i in range(12) for part in ("", "_90", "_180")], 24, 12),
    ],
)
def test_copies_and_masks_by_their_names(names: Sequence[str], copies: int, keys: int) -> None:
    doubt = copies_by_name([Path("benign", name) for name in names])
    assert doubt is not None
    assert str(doubt).startswith(f"{copies} of {len(names)} images have the name of another image")
    pattern = str(doubt).split('group_by=r"')[1].removesuffix('".')
    found = [re.search(pattern, f"benign/{name}") for name in names]
    assert len({match[1] for match in found if match}) == keys
    assert all(found)


@pytest.mark.parametrize(
    "names",
    [
        [f"cat.{number}.jpg" for number in range(50)],
        [f"{number}{part}.jpg" for number in range(30) for part in ("", "_1")],
        ["leaf.png", *(f"leaf_{number}.png" for number in range(100))],
        ["photo.jpg", "photo_parrot.jpg", "surf.jpg"],
        [".jpg", "_.jpg", "a.b.c_d e.jpg"],
    ],
)
def test_names_of_different_images(names: Sequence[str]) -> None:
    assert copies_by_name([Path("cat", name) for name in names]) is None


def test_copies_are_kept_together_by_the_groups_that_are_named(make_folder: MakeFolder) -> None:
    folder = make_folder(cat=12, dog=12)
    for path in sorted(folder.rglob("*.png")):
        turned = Image.open(path).transpose(Image.Transpose.ROTATE_90)
        turned.save(path.with_name(f"{path.stem}_90deg.png"))
    with pytest.warns(UserWarning, match="24 of 48 images have the name of") as caught:
        load_datasets(folder)
    pattern = str(caught[0].message).split('group_by=r"')[1].removesuffix('".')
    data = load_datasets(folder, group_by=pattern)  # no warning
    for split in SPLITS:
        stems = {str(path.with_suffix("")).removesuffix("_90deg") for path in data.paths(split)}
        assert len(data.paths(split)) == 2 * len({*stems})


@pytest.mark.parametrize(
    ("names", "is_said"),
    [
        (["train_1.png", "train_2.png", "test_1.png"], True),
        (["img-1-val.png", "img-2-training.png"], True),
        (["train_1.png", "train_2.png"], False),
        (["test_1.png", "val_2.png"], True),
        (["tr_1.png", "te_2.png"], True),
        (["fold0_1.png", "fold1_1.png"], True),
        (["tr_1.png", "b_2.png"], False),
        (["table_1.png", "letter_2.png"], False),
        (["train_1.png", "test_2.png", "3.png"], False),
        (["trainer_1.png", "contest_2.png"], False),
    ],
)
def test_splits_in_the_names_of_images(names: Sequence[str], is_said: bool) -> None:
    paths = [Path("cat", name) for name in names]
    assert (splits_in_names(paths) is not None) == is_said


@pytest.mark.parametrize("word", [word for word, role in _ROLES.items() if role != "unlabelled"])
def test_each_word_for_a_set_counts_in_the_names_of_images(word: str) -> None:
    other = "test" if _ROLES[word] != "test" else "train"
    doubt = splits_in_names([Path(f"{word}_1.png"), Path(f"{other}_2.png")])
    assert "to which set of a split they belong" in str(doubt)


def test_an_image_that_says_to_which_set_it_belongs_is_the_example() -> None:
    doubt = splits_in_names(
        [Path("0.png"), *(Path(f"{s}_{i}.png") for s in SPLITS for i in "abcde")]
    )
    assert "such as 'train_a.png'" in str(doubt)


def test_parts_that_are_not_in_the_expression() -> None:
    """Each copy has a part of its own."""
    paths = [Path(f"{n}{part}.png") for n in range(30) for part in ("", f"_aug_{n:x}f")]
    doubt = copies_by_name(paths)
    assert "30 of 60 images" in str(doubt)
    assert str(doubt).endswith('" (for the 20 most frequent parts).')


@pytest.mark.parametrize("read", [load_datasets, scan_images])
def test_what_is_in_doubt_is_said(make_folder: MakeFolder, read: object) -> None:
    folder = make_folder({"cat": 6, "dog": 6, "cat_aug": 6})
    image = sorted((folder / "dog").iterdir())[0]
    image.rename(image.with_name("1.png"))
    sorted((folder / "dog").iterdir())[1].rename(image.with_name("1_mask.png"))
    with pytest.warns(UserWarning, match="cat_aug|1_mask") as caught:
        read(folder)  # type: ignore[operator]
    assert [warning.filename for warning in caught] == [__file__] * 2


def test_split_files_settle_what_is_in_doubt(make_folder: MakeFolder, tmp_path: Path) -> None:
    folder = make_folder({"cat": 6, "dog": 6, "cat_aug": 6})
    with pytest.warns(UserWarning, match="'cat_aug' of 'cat'"):
        load_datasets(folder).save_split(tmp_path / "split.json")
    load_datasets(folder, split_file=tmp_path / "split.json")  # no warning


def test_masks_by_their_folder(make_folder: MakeFolder) -> None:
    folder = make_folder({"forged": 6, "real": 6, "forged_gt": 6})
    with pytest.raises(ValueError, match="forged_gt"):
        load_datasets(folder)


def test_files_beside_the_images_are_no_copies(make_folder: MakeFolder) -> None:
    folder = make_folder(cat=10, dog=10)
    for image in [*folder.rglob("*.png")]:
        image.with_name(f"{image.name}.aux.xml").write_text("<x/>")
        image.with_name(f"{image.stem}_mask.txt").write_text("x")
    load_datasets(folder)  # no warning


def test_copies_in_the_group_of_the_original() -> None:
    """They are wanted, but masks are not, and neither are copies in another group."""
    paths = [Path("cat", f"p{n // 3}_{n % 3}{end}.png") for n in range(12)
             for end in ("", "_flip")]  # fmt: skip
    copies = copies_by_name(paths)
    assert copies
    assert copies.unwanted(lambda path: path.name[:2]) is None
    assert "12 of 24" in str(copies.unwanted(lambda path: path.name))
    masks = copies_by_name([path.with_name(path.name.replace("flip", "mask")) for path in paths])
    assert masks
    assert "12 of 24" in str(masks.unwanted(lambda path: path.name[:2]))


@pytest.mark.parametrize("form", ["c{:02}mask", "c{:02}Mask", "c{:02}flip", "leaf{:02}Aug"])
def test_copies_without_a_separator(form: str) -> None:
    base = form[: form.index("}") + 1]
    paths = [Path("cat", f"{each.format(n)}.png") for n in range(9) for each in (base, form)]
    doubt = str(copies_by_name(paths))
    assert "9 of 18 images" in doubt
    group_by = doubt.partition('group_by=r"')[2].partition('"')[0]
    keys = [re.search(group_by, path.as_posix()) for path in paths]
    assert len({key[1] for key in keys if key}) == 9


def test_words_that_end_as_copies_do() -> None:
    paths = [Path("cat", f"{name}.png") for name in ("a", "alabel", "un", "unmask", "7", "7x")]
    assert copies_by_name(paths) is None
