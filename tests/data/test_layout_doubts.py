from collections.abc import Sequence
from pathlib import Path

import pytest

from catdog import load_datasets, scan_images
from catdog.data.layout import Layout, find_layout
from tests.conftest import MakeFolder


def find(make_folder: MakeFolder, names: Sequence[str]) -> Layout:
    """Return the layout of folders with two images each; a name that ends in "/" is empty."""
    folder = make_folder({name: 0 if name.endswith("/") else 2 for name in names})
    return find_layout(folder)


@pytest.mark.parametrize(
    "names",
    [
        ("train", "bus", "plane"),
        ("valid", "invalid"),
        ("control", "test"),
        ("val", "sol", "luz"),
        ("Training", "pause"),
        ("train", "bus", "labels/"),
    ],
)
def test_a_class_with_the_name_of_a_split(make_folder: MakeFolder, names: Sequence[str]) -> None:
    layout = find(make_folder, names)
    assert layout.class_names == tuple(sorted(name for name in names if name != "labels/"))
    assert layout.splits == ()
    (doubt,) = layout.doubts
    assert "is used as a class, although its name is that of a split" in str(doubt)


@pytest.mark.parametrize(
    "names",
    [
        ("train", "test"),
        ("train", "val", "bus"),
        ("train", "samples"),
        ("train", "train_masks"),
        ("train", "test_data"),
        ("valid", "invalid", "unlabelled"),
        ("train/a", "train/b", "bus"),
        ("train", "bus/a", "bus/b"),
        ("test", "images"),
    ],
)
def test_split_folders_are_not_classes(make_folder: MakeFolder, names: Sequence[str]) -> None:
    with pytest.raises(ValueError, match="holds no class folders|but no |beside it"):
        find(make_folder, names)


def test_classes_beside_a_pair_of_split_folders(make_folder: MakeFolder) -> None:
    with pytest.raises(ValueError, match=r"If all of these are classes, rename train/ and test/\."):
        find(make_folder, ("train", "test", "bus"))


SPLITS = ("train/a", "train/b", "test/a", "test/b", "val/a", "val/b")


@pytest.mark.parametrize("missing", ["val", "test"])
@pytest.mark.parametrize("inside", ["", "/a/", "/x/y/"])
def test_a_split_folder_without_images(make_folder: MakeFolder, missing: str, inside: str) -> None:
    names = [name for name in SPLITS if not name.startswith(missing)]
    layout = find(make_folder, [*names, f"{missing}{inside or '/'}"])
    assert set(layout.splits) == {"train", "test", "validation"} - {
        "validation" if missing == "val" else missing
    }
    (doubt,) = layout.doubts
    assert f"{missing} holds no image, and is ignored: the " in str(doubt)


def test_all_other_split_folders_are_empty(make_folder: MakeFolder) -> None:
    with pytest.raises(ValueError, match=r"holds train/ but no validation/ and no test/\. Add it"):
        find(make_folder, ("train/a", "train/b", "val/", "test/"))


@pytest.mark.parametrize("name", ["PublicTest", "Private_Test"])
def test_other_folders_whose_names_mean_a_split(make_folder: MakeFolder, name: str) -> None:
    with pytest.raises(
        ValueError, match=rf"If {name}/ and .*Test2/ hold other sets, rename them to train/"
    ):
        find(make_folder, ("Training/a", "Training/b", f"{name}/a", f"{name}/b", "XTest2/a"))


@pytest.mark.parametrize(
    "names",
    [
        ("vehicle/bus", "vehicle/car", "animal/dog", "animal/cat"),
        ("D/CD", "D/UD", "P/CP", "P/UP"),
        ("SUN397/a/abbey", "SUN397/a/airport", "SUN397/b/bakery", "SUN397/b/bar"),
        ("train/cats/clip1", "train/cats/clip2", "train/dogs", "test/cats", "test/dogs"),
        ("cats", "dogs/beagle", "dogs/poodle"),
    ],
)
def test_folders_inside_class_folders_cause_a_warning(
    make_folder: MakeFolder, names: Sequence[str]
) -> None:
    (doubt,) = find(make_folder, names).doubts
    assert "are not used as classes: the outer folders are the classes" in str(doubt)
    assert 'pass group_by="folder"' in str(doubt)


def test_without_a_warning_if_the_level_is_known(make_folder: MakeFolder) -> None:
    folder = make_folder({f"{name}/{n}{name}": 2 for name in "ab" for n in range(2)})
    assert find_layout(folder, group_by="folder").doubts == ()
    assert find_layout(folder, known=True).doubts == ()
    assert len(find_layout(folder).doubts) == 1


def test_one_folder_inside_each_class_is_no_level(make_folder: MakeFolder) -> None:
    assert find(make_folder, ("cats/images", "dogs/images")).doubts == ()


@pytest.mark.parametrize(
    "names",
    [
        ("simpsons_dataset/homer", "simpsons_dataset/bart", "kaggle_simpson_testset"),
        ("set/set/homer", "set/set/bart", "kaggle_simpson_testset/kaggle_simpson_testset"),
        ("dataset/cats", "dataset/dogs", "figures"),
        ("dtd/images/dotted", "dtd/images/banded", "dtd/imdb/"),
        ("animals/cats", "animals/dogs", "my_test_photos"),
    ],
)
def test_folders_of_different_levels(make_folder: MakeFolder, names: Sequence[str]) -> None:
    with pytest.raises(ValueError, match="not clear which folders of .*Pass .* if the classes are"):
        find(make_folder, names)


def test_load_and_scan_warn(make_folder: MakeFolder) -> None:
    folder = make_folder(train=6, bus=6)
    with pytest.warns(UserWarning, match="train is used as a class") as caught:
        data = load_datasets(folder, image_size=(8, 8))
    assert data.class_names == ("bus", "train")
    assert [Path(warning.filename).name for warning in caught] == [Path(__file__).name]
    with pytest.warns(UserWarning, match="train is used as a class") as caught:
        assert scan_images(folder).class_names == ("bus", "train")
    assert [Path(warning.filename).name for warning in caught] == [Path(__file__).name]


def test_a_split_file_of_classes_in_doubt_keeps_opening(
    make_folder: MakeFolder, tmp_path: Path
) -> None:
    """Folders of such names were classes in earlier versions."""
    folder = make_folder({"part_a": 6, "part_b": 6})
    data = load_datasets(folder, image_size=(8, 8))
    data.save_split(tmp_path / "split.json")
    text = (tmp_path / "split.json").read_text()
    for old, new in (("part_a", "part_1"), ("part_b", "part_2")):
        (folder / old).rename(folder / new)
        text = text.replace(old, new)
    (tmp_path / "split.json").write_text(text)
    with pytest.raises(ValueError, match="differ in a number only"):
        load_datasets(folder)
    again = load_datasets(folder, split_file=tmp_path / "split.json")
    assert again.class_names == ("part_1", "part_2")


def test_a_class_that_has_texts_only(make_folder: MakeFolder) -> None:
    """It is not passed over: its images may be missing."""
    folder = make_folder({"cat": 6, "dog": 6})
    (folder / "owl").mkdir()
    (folder / "owl" / "notes.txt").touch()
    with pytest.raises(ValueError, match="owl has 0"):
        load_datasets(folder)


def test_a_scan_says_what_loading_refuses(make_folder: MakeFolder) -> None:
    folder = make_folder({f"{name}/plate{number}": 2 for name in "ab" for number in range(4)})
    with pytest.raises(ValueError, match="not clear whether the classes"):
        load_datasets(folder)
    with pytest.warns(UserWarning, match="needs group_by: It is not clear whether") as caught:
        scan_images(folder)
    assert [warning.filename for warning in caught] == [__file__]


def test_a_scan_refuses_what_groups_do_not_make_clear(make_folder: MakeFolder) -> None:
    folder = make_folder({"dataset/cats": 5, "dataset/dogs": 5, "figures": 2})
    for read in (load_datasets, scan_images):
        with pytest.raises(ValueError, match="not clear which folders of .* are the classes"):
            read(folder)


def test_a_class_without_letters_is_passed_over(make_folder: MakeFolder) -> None:
    folder = make_folder({"+/a": 6, "+/b": 6})
    (folder / "-").mkdir()
    (folder / "-" / "urls.txt").touch()
    with pytest.warns(UserWarning, match="'-' in .* holds no image, and is passed over"):
        load_datasets(folder)


def test_a_scan_warns_of_the_level(make_folder: MakeFolder) -> None:
    folder = make_folder({f"{name}/{name}{number}": 2 for name in "ab" for number in range(4)})
    with pytest.warns(UserWarning, match="are not used as classes: the outer folders"):
        scan_images(folder)


def test_a_class_that_is_passed_over(make_folder: MakeFolder) -> None:
    folder = make_folder({"cats/persian": 6, "cats/siamese": 6})
    (folder / "dogs").mkdir()
    (folder / "dogs" / "urls.txt").write_text("https://x.org/1.jpg")
    with pytest.warns(UserWarning, match="'dogs' in .* holds no image, and is passed over: .*cats"):
        assert load_datasets(folder).class_names == ("persian", "siamese")
    (folder / "dogs").rename(folder / "annotations")
    load_datasets(folder)  # no warning


@pytest.mark.parametrize(
    ("one", "other"), [("a.png", "a_flip.png"), ("b.rf.1a.png", "b.rf.2b.png")]
)
def test_changed_copies_in_another_split(make_folder: MakeFolder, one: str, other: str) -> None:
    folder = make_folder({f"{split}/{name}": 6 for split in ("train", "test") for name in "ab"})
    layout = find_layout(folder)
    assert layout.copies is None  # the same names in both
    for split, name in (("train", other), ("test", one)):
        (folder / split / "a/image.0.png").rename(folder / split / "a" / name)
    with pytest.warns(UserWarning, match="1 of 24 images have the name of another image"):
        load_datasets(folder)
