import shutil
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
    with pytest.raises(ValueError, match=rf"If {name}/ and .*Test2/ are validation and test set"):
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
    assert find_layout(folder, grouped=True).doubts == ()
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


@pytest.mark.parametrize(
    "lists",
    [
        {"meta/train.txt": "cat/1.png", "meta/test.txt": "cat/2.png"},
        {"train_test_split.txt": "1 0"},
        {"labels/train1.txt": "", "labels/test1.txt": ""},
        {"split.json": "{}"},
        {"table.csv": "file;label;Split\na.png;cat;train\n"},
        {"lists/by class/train.txt": "cat/1.png", "lists/by class/test.txt": "cat/2.png"},
        {"classes.csv": "file,genre,subset\na.png,x,train\nb.png,x,test\n"},
        {"cards.csv": 'file,"data set"\na.png,"train"\nb.png,"valid"\n'},
        {"list_eval_partition.csv": "image_id,partition\na.png,0\n"},
        {"meta.tsv": "image\tsplit\na.png\ttrain\n"},
        {"meta.txt": "\ufeffimage\tsplit\na.png\ttrain\n"},
        {"train.jsonl": "{}", "test.jsonl": "{}"},
        {"train.lst": "", "test.lst": ""},
        {"train.xlsx": "", "test.xlsx": ""},
    ],
)
def test_a_split_that_comes_with_the_data(make_folder: MakeFolder, lists: dict[str, str]) -> None:
    folder = make_folder({"images/cat": 6, "images/dog": 6})
    for name, content in lists.items():
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).write_text(content)
    with pytest.warns(UserWarning, match=r"split of their own, which is not used") as caught:
        load_datasets(folder)
    assert [warning.filename for warning in caught] == [__file__]
    for name in lists:
        assert Path(name).name in str(caught[0].message)


LIST = "file,label\ncat/image.0.png,cat\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("test.txt", LIST),
        ("notes.txt", LIST),
        ("labels.csv", LIST),
        ("train.png.txt", LIST),
        ("empty.csv", ""),
        ("long.csv", LIST + 30_000 * "a.png,a\n"),
        ("long line.txt", "a,split " * 10_000),
        ("odd.csv", 'file,note\n"a\n'),
        ("zeros.csv", "\0,\0\n\0,\0\n"),
    ],
)
def test_other_lists(make_folder: MakeFolder, name: str, content: str) -> None:
    folder = make_folder(cat=6, dog=6)
    (folder / name).write_text(content)
    load_datasets(folder)  # no warning


def test_split_lists_beside_the_only_folder_of_images(make_folder: MakeFolder) -> None:
    """The folder that was passed has all: the inner one would hide the lists."""
    folder = make_folder({"JPEGImages/cat": 6, "JPEGImages/dog": 6})
    for name in ("cat_train.txt", "cat_test.txt"):
        (folder / "ImageSplits").mkdir(exist_ok=True)
        (folder / "ImageSplits" / name).write_text("cat/image.0.png")
    with pytest.warns(UserWarning, match=r"split of their own.*'cat_test.txt', 'cat_train.txt'"):
        assert load_datasets(folder).class_names == ("cat", "dog")


def test_a_class_that_has_texts_only(make_folder: MakeFolder) -> None:
    """It is not passed over: its images may be missing."""
    folder = make_folder({"cat": 6, "dog": 6})
    (folder / "owl").mkdir()
    (folder / "owl" / "notes.txt").touch()
    with pytest.raises(ValueError, match="owl has 0"):
        load_datasets(folder)


def test_own_splits_do_not_matter_beside_split_folders(make_folder: MakeFolder) -> None:
    folder = make_folder({"train/cat": 5, "train/dog": 5, "test/cat": 5, "test/dog": 5})
    (folder / "split.json").write_text("{}")
    load_datasets(folder)  # no warning


def test_a_scan_says_what_loading_refuses(make_folder: MakeFolder) -> None:
    folder = make_folder({f"{name}/plate{number}": 2 for name in "ab" for number in range(4)})
    with pytest.raises(ValueError, match="not clear whether the classes"):
        load_datasets(folder)
    with pytest.warns(UserWarning, match="needs group_by: It is not clear whether") as caught:
        scan_images(folder)
    assert [warning.filename for warning in caught] == [__file__]


LISTS_OF_DTD = ("labels/train1.txt", "labels/test1.txt")


@pytest.mark.parametrize(
    "lists",
    [
        LISTS_OF_DTD,
        ("meta/train.json", "meta/test.json"),
        ("ImageSets/Main/train.txt", "ImageSets/Main/test.txt"),
        ("train_test_split.txt",),
        ("setid.mat",),
        ("trainlist01.txt", "testlist01.txt"),
        ("places365_train.txt", "places365_val.txt"),
        ("train_ids.npy", "test_ids.npy"),
    ],
)
def test_split_lists_beside_the_folder_of_images(
    make_folder: MakeFolder, lists: tuple[str, ...]
) -> None:
    folder = make_folder(cat=6, dog=6)
    assert folder.name == "images"
    for name in lists:
        (folder.parent / name).parent.mkdir(exist_ok=True, parents=True)
        (folder.parent / name).write_text("cat/image.0.png" if "split" not in name else "1 0\n2 1")
    with pytest.warns(UserWarning, match="split of their own, which is not used"):
        load_datasets(folder)
    shutil.move(folder, folder.with_name("pets"))  # what is beside it may be anything
    load_datasets(folder.with_name("pets"))  # no warning


def test_other_folders_beside_the_folder_of_images(make_folder: MakeFolder) -> None:
    folder = make_folder(cat=6, dog=6)
    for name in ("other/train.txt", "other/test.txt", "training set/train.txt", "labels/test.txt"):
        (folder.parent / name).parent.mkdir(exist_ok=True)
        (folder.parent / name).write_text("cat/image.0.png")
    for name in ("train.csv", "test.csv", "train_log.txt", "test_log.txt", "train_config.yaml"):
        (folder.parent / name).write_text("name,sex,age\nAllen,f,29\n")
    load_datasets(folder).save_split(folder.parent / "split.json")
    load_datasets(folder)  # no warning


@pytest.mark.parametrize(
    "known", ["cat/image.0.png 1", "x/cat/image.0", '["image.0.png"]', "7 1\n8 0"]
)
def test_split_lists_beside_a_table(make_folder: MakeFolder, known: str) -> None:
    folder = make_folder(cat=6, dog=6)
    labels = {
        path.relative_to(folder).as_posix(): path.parent.name for path in folder.rglob("*.png")
    }
    (folder / "lists").mkdir()
    for name in ("train", "test"):
        (folder / f"lists/{name}.txt").write_text(known)
    with pytest.warns(UserWarning, match="split of their own, .* 'test.txt', 'train.txt'"):
        load_datasets(folder, labels=labels)
    (folder / "lists/test.txt").write_text("unknown.png")  # images to predict
    load_datasets(folder, labels=labels)  # no warning
    table = folder / "train_test.csv"
    table.write_text("file,label\n" + "".join(f"{file},{name}\n" for file, name in labels.items()))
    load_datasets(folder, labels=table)  # no warning


def test_split_lists_beside_masks(make_folder: MakeFolder) -> None:
    """As in Oxford-IIIT Pet: `annotations` holds lists, and a folder of masks."""
    folder = make_folder({"images/cat": 6, "images/dog": 6, "annotations/trimaps": 6})
    for name in ("trainval", "test"):
        (folder / f"annotations/{name}.txt").write_text("image.0 1 1 1")
    images = [path.relative_to(folder) for path in (folder / "images").rglob("*.png")]
    labels = {path.as_posix(): path.parent.name for path in images}
    with (
        pytest.warns(UserWarning, match="not in the table"),
        pytest.warns(UserWarning, match="split of their own"),
    ):
        load_datasets(folder, labels=labels)
