import inspect
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import pytest

from catdog.data.layout import find_layout
from catdog.data.load import load_datasets
from catdog.typing import SPLITS
from tests.conftest import MakeFolder, write_images


def test_class_folders(make_folder: MakeFolder) -> None:
    layout = find_layout(make_folder(dogs=2, cats=3))
    assert layout.class_names == ("cats", "dogs")
    assert layout.splits == ()
    assert [file.label for file in layout.files] == [0, 0, 0, 1, 1]
    assert [file.path.parent.name for file in layout.files] == ["cats"] * 3 + ["dogs"] * 2
    assert {file.split for file in layout.files} == {None}


@pytest.mark.parametrize(
    "names", [("train", "validation"), ("training", "val"), ("Train", "valid")]
)
def test_split_folders(make_folder: MakeFolder, names: Sequence[str]) -> None:
    folder = make_folder({f"{name}/{kind}": 2 for name in names for kind in ("cats", "dogs")})
    layout = find_layout(folder)
    assert layout.splits == ("train", "validation")
    assert [file.split for file in layout.files] == ["train"] * 4 + ["validation"] * 4
    assert [file.label for file in layout.files] == [0, 0, 1, 1] * 2


def test_root_is_found_inside_an_unpacked_archive(make_folder: MakeFolder) -> None:
    folder = make_folder({"archive/photos/cats": 1, "archive/photos/dogs": 1})
    assert find_layout(folder).class_names == ("cats", "dogs")


def test_hidden_and_system_files_are_ignored(make_folder: MakeFolder) -> None:
    folder = make_folder({"cats": 1, "dogs": 1, ".ipynb_checkpoints": 1, "__MACOSX/cats": 1})
    for name in (".DS_Store", "._image.0.png", "Thumbs.db", "desktop.ini"):
        (folder / "cats" / name).write_bytes(b"x")
    (folder / "cats" / "@eaDir").mkdir()
    (folder / "cats" / "@eaDir" / "thumbnail.jpg").write_bytes(b"x")
    (folder / "readme.md").write_text("x")
    layout = find_layout(folder)
    assert layout.class_names == ("cats", "dogs")
    assert [file.path.name for file in layout.files] == ["image.0.png"] * 2
    assert layout.ignored == ()


def test_images_outside_the_class_folders_are_ignored(make_folder: MakeFolder) -> None:
    folder = make_folder({f"{split}/{name}": 1 for split in SPLITS for name in "ab"})
    for place in (folder, folder / "train"):
        write_images(place / "more", 1)
        (place / "more" / "image.0.png").rename(place / "loose.PNG")
        (place / "more").rmdir()
    assert find_layout(folder).ignored == (
        (folder / "loose.PNG", "outside_class_folder"),
        (folder / "train" / "loose.PNG", "outside_class_folder"),
    )


def test_images_below_class_folders_count(make_folder: MakeFolder) -> None:
    layout = find_layout(make_folder({"cats": 1, "cats/indoors": 2, "dogs": 1}))
    assert [file.label for file in layout.files] == [0, 0, 0, 1]


def test_very_deep_folders(tmp_path: Path) -> None:
    (tmp_path / "cats").mkdir()
    (tmp_path / "dogs" / "/".join(200 * "d")).mkdir(parents=True)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack()) + 100)
    try:
        assert find_layout(tmp_path).files == ()
    finally:
        sys.setrecursionlimit(limit)


def test_many_classes(make_folder: MakeFolder) -> None:
    layout = find_layout(make_folder(dict.fromkeys("edcba", 1)))
    assert layout.class_names == tuple("abcde")


def test_no_class_folders(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no class folders.*one folder per class"):
        find_layout(tmp_path)


def test_a_class_folder_is_passed(make_folder: MakeFolder) -> None:
    folder = make_folder(cats=2, dogs=2)
    with pytest.raises(ValueError, match=r"no class folders\. It holds images itself: pass the"):
        find_layout(folder / "cats")


def test_one_class_only(make_folder: MakeFolder) -> None:
    with pytest.raises(ValueError, match="one class only, 'cats'.*a folder of their own"):
        find_layout(make_folder(cats=3))


def test_one_class_only_in_split_folders(make_folder: MakeFolder) -> None:
    folder = make_folder({"train/cats": 1, "validation/cats": 1})
    with pytest.raises(ValueError, match="one class only, 'cats'"):
        find_layout(folder)


def test_classes_differ_between_splits(make_folder: MakeFolder) -> None:
    folder = make_folder(
        {"train/cats": 1, "train/dogs": 1, "validation/cats": 1, "validation/birds": 1}
    )
    with pytest.raises(ValueError, match="the same class folders"):
        find_layout(folder)


@pytest.mark.parametrize(
    ("names", "missing"),
    [(("train",), "validation/ and no test/"), (("val",), "train/"), (("val", "test"), "train/")],
)
def test_a_split_folder_is_missing(
    make_folder: MakeFolder, names: Sequence[str], missing: str
) -> None:
    folder = make_folder({f"{name}/{kind}": 1 for name in names for kind in ("cats", "dogs")})
    with pytest.raises(ValueError, match=f"no {missing}. Add it, or pass the folder"):
        find_layout(folder)


def test_two_folders_for_one_split(make_folder: MakeFolder) -> None:
    folder = make_folder({f"{name}/cats": 1 for name in ("train", "val", "validation")})
    with pytest.raises(ValueError, match="both val/ and validation/, which mean the same"):
        find_layout(folder)


def test_order_does_not_depend_on_when_files_were_made(tmp_path: Path) -> None:
    write_images(tmp_path / "dogs", 3)
    write_images(tmp_path / "cats", 12)
    paths = [file.path for file in find_layout(tmp_path).files]
    assert paths == sorted(paths)


def test_links_to_images_elsewhere_are_followed(make_folder: MakeFolder, tmp_path: Path) -> None:
    folder = make_folder(cats=2, dogs=2)
    write_images(tmp_path / "elsewhere", 1)
    (folder / "dogs" / "link.png").symlink_to(tmp_path / "elsewhere" / "image.0.png")
    assert len(find_layout(folder).files) == 5


def test_split_folders_without_class_folders(make_folder: MakeFolder) -> None:
    with pytest.raises(ValueError, match=r"train holds no class folders\. Put its images into"):
        find_layout(make_folder({"train": 2, "validation": 2}))


def test_a_test_folder_without_class_folders(make_folder: MakeFolder) -> None:
    counts = {f"{split}/{name}": 2 for split in SPLITS[:2] for name in "ab"}
    with pytest.raises(
        ValueError, match=r"test holds no class folders, as .*or pass .*train alone"
    ):
        find_layout(make_folder({**counts, "test": 3}))


def test_links_to_folders_are_not_followed(make_folder: MakeFolder) -> None:
    folder = make_folder(cats=1, dogs=1)
    (folder / "cats" / "loop").symlink_to(folder)
    assert [file.path.name for file in find_layout(folder).files] == [
        "image.0.png",
        "loop",
        "image.0.png",
    ]


def test_images_beside_the_split_folders(make_folder: MakeFolder) -> None:
    names = ("train", "validation", "Extra")
    folder = make_folder({f"{name}/{kind}": 1 for name in names for kind in ("cats", "dogs")})
    with pytest.raises(ValueError, match=r"Extra holds images.*Rename it, or move it away"):
        find_layout(folder)


def test_hidden_images_do_not_matter_for_the_root(make_folder: MakeFolder) -> None:
    folder = make_folder({"archive/cats": 1, "archive/dogs": 1})
    (folder / "archive" / "._preview.jpg").touch()
    assert find_layout(folder).class_names == ("cats", "dogs")


def test_classes_are_ordered_by_their_letters_alone(make_folder: MakeFolder) -> None:
    assert find_layout(make_folder(ant=1, Zebra=1)).class_names == ("Zebra", "ant")


def test_a_link_to_the_only_folder_is_followed(make_folder: MakeFolder, tmp_path: Path) -> None:
    folder = make_folder(cats=1, dogs=1)
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "link").symlink_to(folder, target_is_directory=True)
    assert find_layout(tmp_path / "root").class_names == ("cats", "dogs")


def test_a_link_that_leads_back_does_not_hang(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "link").symlink_to(tmp_path / "root", target_is_directory=True)
    with pytest.raises(ValueError, match="holds one class only, 'link'"):
        find_layout(tmp_path / "root")


def test_split_folders_in_folders_of_their_own_name(make_folder: MakeFolder) -> None:
    splits = ("seg_train/seg_train", "seg_test/seg_test")
    folder = make_folder({f"{split}/{name}": 2 for split in splits for name in ("sea", "street")})
    write_images(folder / "seg_pred" / "seg_pred", 2)
    layout = find_layout(folder)
    assert layout.class_names == ("sea", "street")
    assert layout.splits == ("train", "test")
    assert [reason for _, reason in layout.ignored] == ["unlabelled"] * 2


def test_images_beside_the_inner_split_folder_are_ignored(make_folder: MakeFolder) -> None:
    folder = make_folder({f"{split}/in/{name}": 1 for split in ("train", "test") for name in "ab"})
    (folder / "test" / "in" / "a" / "image.0.png").rename(folder / "test" / "loose.png")
    layout = find_layout(folder)
    assert layout.class_names == ("a", "b")
    assert layout.ignored == ((folder / "test" / "loose.png", "outside_class_folder"),)


@pytest.mark.parametrize("names", [("vehicle/bus", "animal/dog"), ("vehicle/train", "animal/dog")])
def test_folders_inside_class_folders_may_have_any_name(
    make_folder: MakeFolder, names: Sequence[str]
) -> None:
    layout = find_layout(make_folder(dict.fromkeys(names, 2)))
    assert layout.class_names == ("animal", "vehicle")


def test_split_folders_inside_class_folders(make_folder: MakeFolder) -> None:
    folder = make_folder({f"{name}/{split}": 1 for name in "ab" for split in ("train", "test")})
    with pytest.raises(
        ValueError, match=r"a is a class folder, or .* 'test', 'train'.*put train/ and"
    ):
        find_layout(folder)


def test_a_second_set_of_class_folders_inside_the_first(make_folder: MakeFolder) -> None:
    folder = make_folder({"sick": 1, "well": 1, "cells/sick": 1, "cells/well": 1})
    with pytest.raises(ValueError, match="cells is a class folder, or in one.* 'sick', 'well'"):
        find_layout(folder)


@pytest.mark.parametrize(
    "names",
    [
        ("kaggle/archive/train/a", "kaggle/archive/test/a", "figures"),
        ("data/data/train/a", "data/data/test/a", "data_512/data_512/a"),
        ("cats/x/train", "cats/x/test", "dogs"),
    ],
)
def test_split_folders_deep_inside(make_folder: MakeFolder, names: Sequence[str]) -> None:
    with pytest.raises(ValueError, match="holds split folders: 'test', 'train'"):
        find_layout(make_folder(dict.fromkeys(names, 2)))


@pytest.mark.parametrize(
    ("outer", "inner"),
    [
        (("Trainingsdaten", "Testdaten"), ("a", "b")),
        (("rps", "rps-exam"), ("x/rock", "x/paper")),
        (("fold1", "fold2", "fold3"), ("a", "b")),
        (("color", "grayscale"), ("apple", "tomato")),
        (("COVID", "Normal"), ("images", "lungs")),
    ],
)
def test_it_is_not_clear_which_folders_are_the_classes(
    make_folder: MakeFolder, outer: Sequence[str], inner: Sequence[str]
) -> None:
    if outer[0] == "rps":  # each in a folder of its own, as an archive unpacks
        names = [f"{top}/{name.replace('x', top)}" for top in outer for name in inner]
    else:
        names = [f"{top}/{name}" for top in outer for name in inner]
    folder = make_folder(dict.fromkeys(names, 2))
    with pytest.raises(ValueError, match="It is not clear whether the classes of"):
        find_layout(folder)
    if outer[0] != "fold1":  # such names are those of pieces, whatever is inside
        assert len(find_layout(folder, group_by="folder").class_names) == len(outer)


@pytest.mark.parametrize(
    ("group_by", "is_doubtful"),
    [("folder", False), (r"(clip\d)", False), (r"(\d+)\.png", True)],
)
def test_groups_show_that_inner_folders_are_no_classes(
    make_folder: MakeFolder, group_by: str, is_doubtful: bool
) -> None:
    """A folder whose images are in several groups is no group."""
    folder = make_folder({f"{name}/clip{clip}": 6 for name in "ab" for clip in range(6)})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert load_datasets(folder, group_by=group_by).class_names == ("a", "b")
    told = [str(each.message) for each in caught]
    assert any("Each holds the same folders" in each for each in told) == is_doubtful


@pytest.mark.parametrize(
    "names",
    [
        ("train/images/a", "train/images/b", "train/masks/a", "train/masks/b"),
        ("images/a", "annotations/trimaps"),
        ("yes", "no", "pred"),
        ("pos", "neg", "unlabeled"),
        ("images/pizza", "images/sushi", "meta"),
        ("cats", "cats_masks", "dogs", "dogs_masks"),
        ("Au", "Tp", "CASIA 2 Groundtruth"),
        ("ISIC_Task1-2_Training_Input", "ISIC_Task1_Training_GroundTruth"),
        ("JPEGImages", "SegmentationClass"),
    ],
)
def test_folders_that_hold_no_class(make_folder: MakeFolder, names: Sequence[str]) -> None:
    more = [name.replace("train", "test") for name in names if name.startswith("train")]
    with pytest.raises(ValueError, match="its name is not that of a class|It is not clear"):
        find_layout(make_folder(dict.fromkeys([*names, *more], 2)))


@pytest.mark.parametrize(
    "names",
    [
        ("mask", "no_mask"),
        ("Mask", "Non Mask"),
        ("with_mask", "without_mask", "mask_worn_wrong"),
        ("label", "no_label"),
    ],
)
def test_classes_with_the_names_of_annotations(
    make_folder: MakeFolder, names: Sequence[str]
) -> None:
    layout = find_layout(make_folder(dict.fromkeys(names, 2)))
    assert layout.class_names == tuple(sorted(names))


@pytest.mark.parametrize(
    ("images", "others"),
    [
        ("food/images", ("food/meta", "food/labels")),
        ("101_ObjectCategories", ("Annotations/cats",)),
        ("a/images/Images", ("a/annotations/Annotation/x",)),
        ("train/images", ("train/labels",)),
    ],
)
def test_folders_of_annotations_without_images_are_passed_over(
    make_folder: MakeFolder, images: str, others: Sequence[str]
) -> None:
    names = {f"{images}/cats": 2, f"{images}/dogs": 2, **dict.fromkeys(others, 0)}
    names |= {name.replace("train", "test"): n for name, n in names.items()}
    folder = make_folder(names)
    for other in others:
        (folder / other / "list.txt").write_text("cats 1")
    assert find_layout(folder).class_names == ("cats", "dogs")


@pytest.mark.parametrize(
    "names",
    [
        ("HAM10000_images_part_1", "HAM10000_images_part_2"),
        ("images_001/images", "images_002/images"),
        ("part1", "part2", "part3"),
        ("Batch 1", "batch 2", "cats"),
        ("fold1", "fold2"),
        ("train/data-1", "train/data-2", "test/data-1", "test/data-2"),
    ],
)
def test_the_pieces_of_one_data_set(make_folder: MakeFolder, names: Sequence[str]) -> None:
    with pytest.raises(ValueError, match="differ in a number only, as those of the pieces of one"):
        find_layout(make_folder(dict.fromkeys(names, 2)))


@pytest.mark.parametrize(
    "names",
    [
        ("0", "1"),
        ("c0", "c1"),
        ("Sample001", "Sample002"),
        ("n01", "n02"),
        ("boeing 737", "boeing 747"),
    ],
)
def test_numbered_classes(make_folder: MakeFolder, names: Sequence[str]) -> None:
    assert find_layout(make_folder(dict.fromkeys(names, 2))).class_names == tuple(sorted(names))


def test_names_of_splits_in_the_place_of_classes(make_folder: MakeFolder) -> None:
    folder = make_folder({f"{a}/{b}": 1 for a in ("train", "test") for b in ("train", "test")})
    with pytest.raises(ValueError, match="train holds 'test', 'train', which are names of splits"):
        find_layout(folder)


def test_one_name_of_a_split_among_the_classes(make_folder: MakeFolder) -> None:
    folder = make_folder({f"{a}/{b}": 1 for a in ("train", "test") for b in ("train", "bus")})
    assert find_layout(folder).class_names == ("bus", "train")


def test_split_folders_without_class_folders_name_the_way_out(make_folder: MakeFolder) -> None:
    with pytest.raises(ValueError, match="Put its images into a folder for each class"):
        find_layout(make_folder(train_images=1, test_images=1))


def test_hidden_images_are_ignored_and_listed(make_folder: MakeFolder) -> None:
    folder = make_folder({"cats": 1, "cats/.old": 1, "dogs": 1, ".22 rifle": 1})
    (folder / "dogs" / "image.0.png").rename(folder / "dogs" / ".dog.png")
    layout = find_layout(folder)
    assert [file.path.parent.name for file in layout.files] == ["cats"]
    assert dict(layout.ignored) == {
        folder / ".22 rifle" / "image.0.png": "hidden",
        folder / "cats" / ".old" / "image.0.png": "hidden",
        folder / "dogs" / ".dog.png": "hidden",
    }


def test_the_second_class_is_hidden(make_folder: MakeFolder) -> None:
    with pytest.raises(ValueError, match=r"one class only.*If '\.22 rifle' is a class, rename it"):
        find_layout(make_folder({"bats": 1, ".22 rifle": 1}))


def test_class_names_are_in_composed_form(make_folder: MakeFolder) -> None:
    folder = make_folder({"train/cafe\u0301": 1, "train/the": 1, "val/caf\xe9": 2, "val/the": 1})
    layout = find_layout(folder)
    assert layout.class_names == ("caf\xe9", "the")
    assert [file.label for file in layout.files] == [0, 1, 0, 0, 1]


def test_two_classes_that_look_the_same(make_folder: MakeFolder) -> None:
    folder = make_folder({"cafe\u0301": 1, "caf\xe9": 1, "the": 1})
    with pytest.raises(ValueError, match="two folders 'caf\xe9', whose names differ only in how"):
        find_layout(folder)
