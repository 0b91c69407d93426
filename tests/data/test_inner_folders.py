"""Folders inside class folders whose images may be none of the class."""

from collections.abc import Sequence

import pytest

from catdog import load_datasets, scan_images
from catdog.data.layout import find_layout
from catdog.typing import SPLITS
from tests.conftest import MakeFolder


def doubts_about(
    make_folder: MakeFolder, names: Sequence[str], *, grouped: bool = False
) -> list[str]:
    """Return the warnings about folders with two images each; others have names of their own."""
    folder = make_folder(dict.fromkeys(names, 2))
    for number, path in enumerate(sorted(folder.rglob("*.png"))):
        path.rename(path.with_name(f"x{number}.png"))
    return [
        str(doubt) for doubt in find_layout(folder, group_by="folder" if grouped else None).doubts
    ]


@pytest.mark.parametrize(
    ("names", "named"),
    [
        (["COVID", "COVID/masks", "Normal", "Normal/masks"], "'COVID/masks', 'Normal/masks'"),
        (["COVID/images", "COVID/masks", "Normal/images", "Normal/masks"], "'COVID/masks'"),
        (["COVID/images", "COVID/masks", "Normal/images"], "'COVID/masks'"),
        (["cat", "cat/mask", "dog"], "'cat/mask'"),
        (["cat/mask", "dog"], "'cat/mask'"),
        (["cat", "cat/Ground Truth", "dog"], "'cat/Ground Truth'"),
        (["cat/a", "cat/a_masks", "dog"], "'cat/a_masks'"),
        (["cat", "cat/x/y/labels", "dog"], "'cat/x/y/labels'"),
        (["cat", "cat/unlabelled", "dog"], "'cat/unlabelled'"),
        (["train/cat", "train/cat/masks", "train/dog", "val/cat", "val/dog"], "'cat/masks'"),
        (["train/cat", "train/dog", "val/cat", "val/cat/masks", "val/dog"], "'cat/masks'"),
    ],
)
@pytest.mark.parametrize("grouped", [False, True])
def test_masks_in_class_folders_are_refused(
    make_folder: MakeFolder, names: Sequence[str], named: str, grouped: bool
) -> None:
    """Masks are no groups either: an image and its mask would be in different sets."""
    with pytest.raises(ValueError, match=f"hold no images of a class, but masks, .*{named}"):
        doubts_about(make_folder, names, grouped=grouped)


@pytest.mark.parametrize(
    "names",
    [
        ["with_mask/mask", "without_mask/images"],
        ["mask/mask", "no_mask/no_mask"],
        ["labels/a", "no labels/b"],
        ["covered/mask", "covered/no_mask", "bare"],
        ["train station/images", "bus stop/images"],
        ["rejected/rejected_3", "accepted/x"],
    ],
)
def test_names_that_only_repeat_those_above_them(
    make_folder: MakeFolder, names: Sequence[str]
) -> None:
    assert doubts_about(make_folder, names, grouped=True) == []


@pytest.mark.parametrize(
    "inner",
    ["thumbnails", "rejected", "_trash", "to_delete", "aug", "lung_masks", "seg", "deep/preview"],
)
@pytest.mark.parametrize("grouped", [False, True])
def test_leftovers_in_class_folders(make_folder: MakeFolder, inner: str, grouped: bool) -> None:
    (doubt,) = doubts_about(make_folder, ["cat", f"cat/{inner}", "dog"], grouped=grouped)[:1]
    assert f"The images in 'cat/{inner}' are used as images of the class, although" in doubt


@pytest.mark.parametrize(
    ("names", "named"),
    [
        (["cat", "cat/test", "dog", "dog/test"], "'cat/test', 'dog/test'"),
        (["cat/a", "cat/test", "dog/b", "dog/test"], "'cat/test', 'dog/test'"),
        (["cat", "cat/cat_val", "dog"], "'cat/cat_val'"),
        (["cat", "cat/Test_Images", "dog"], "'cat/Test_Images'"),
        (["cat", "cat/2020/holdout", "dog"], "'cat/2020/holdout'"),
        (["train/cat", "train/cat/val", "train/dog", "val/cat", "val/dog"], "'cat/val'"),
        (["train/cat", "train/dog", "val/cat", "val/cat/test", "val/dog"], "'cat/test'"),
    ],
)
@pytest.mark.parametrize("grouped", [False, True])
def test_words_for_a_split_in_class_folders(
    make_folder: MakeFolder, names: Sequence[str], named: str, grouped: bool
) -> None:
    doubt = doubts_about(make_folder, names, grouped=grouped)[0]
    assert f"The images in {named} are used like the other images of the class" in doubt


@pytest.mark.parametrize(
    "inner",
    ["breed1", "video_003", "patient_12", "test tube", "2021", "video_test_3", "sample_1", "test2"],
)
def test_names_of_groups(make_folder: MakeFolder, inner: str) -> None:
    names = ["cat", f"cat/{inner}", "dog"]
    assert doubts_about(make_folder, names, grouped=True) == []


def test_a_folder_beside_images_of_its_class(make_folder: MakeFolder) -> None:
    """One is enough if the class holds images itself; those that are named already are not."""
    (doubt,) = doubts_about(make_folder, ["cat", "cat/lungs", "dog"])
    assert "The folders inside 'cat', such as 'cat/lungs', are not used as classes" in doubt


def test_a_link_to_a_folder_beside_images(make_folder: MakeFolder) -> None:
    """Another finding is about it: its images are not used."""
    folder = make_folder(cat=2, dog=2, more=2)
    more = (folder / "more").rename(folder.with_name("more"))
    (folder / "cat" / "link").symlink_to(more, target_is_directory=True)
    assert find_layout(folder).doubts == ()


def test_a_folder_is_named_once(make_folder: MakeFolder) -> None:
    (doubt,) = doubts_about(make_folder, ["cat", "cat/rejected", "dog"])
    assert "are used as images of the class" in doubt


@pytest.mark.parametrize("read", [load_datasets, scan_images])
def test_load_and_scan_say_so(make_folder: MakeFolder, read: object) -> None:
    folder = make_folder({"cat": 6, "cat/test": 1, "dog": 6})
    (folder / "cat" / "test" / "image.0.png").rename(folder / "cat" / "test" / "z.png")
    with pytest.warns(UserWarning, match="'cat/test' are used like the other images") as caught:
        read(folder)  # type: ignore[operator]
    assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.parametrize("inner", ["web", "masked/all"])
def test_images_with_the_names_of_those_above_them(make_folder: MakeFolder, inner: str) -> None:
    folder = make_folder({"cat": 12, f"cat/{inner}": 12, "dog": 12})
    with pytest.warns(UserWarning, match="12 of 36|The folders inside 'cat'") as caught:
        load_datasets(folder)
    (text,) = (str(each.message) for each in caught if "12 of 36" in str(each.message))
    assert f"one part more ('{inner}/'), such as" in text
    data = load_datasets(folder, group_by=text.split('group_by=r"')[1].removesuffix('".'))
    for split in SPLITS:
        cats = [path for path in data.paths(split) if path.relative_to(folder).parts[0] == "cat"]
        assert len(cats) == 2 * len({path.name for path in cats})


def test_few_images_with_the_names_of_those_above_them(make_folder: MakeFolder) -> None:
    """They may have these names by chance, unless the folder says more."""
    folder = make_folder({"cat": 12, "cat/web": 3, "cat/5": 12, "dog": 12})
    assert find_layout(folder, group_by="folder").copies is None
    folder = folder.rename(folder.with_name("more"))
    (folder / "cat" / "web").rename(folder / "cat" / "rotated web")
    assert find_layout(folder, group_by="folder").copies is not None


@pytest.mark.parametrize(
    ("names", "is_doubtful"),
    [
        (["s1/ill", "s2/well", "s3/ill"], True),
        (["s1/scans/ill", "s2/scans/well", "s3/scans/ill"], True),
        (["cat/images", "dog/images", "owl/images"], False),
        (["cat/cat", "dog/dog", "owl/owl"], False),
        (["cat/images", "dog/images", "owl"], False),
    ],
)
def test_the_only_folder_in_each_class(
    make_folder: MakeFolder, names: Sequence[str], is_doubtful: bool
) -> None:
    """Patients with a folder of their class each are no classes."""
    doubts = doubts_about(make_folder, names)
    assert len(doubts) == is_doubtful
    assert all(
        "such as 's1/" in doubt and "outer folders are the classes" in doubt for doubt in doubts
    )


@pytest.mark.parametrize(
    ("names", "named"),
    [
        (["cats", "dogs", "birds/dogs"], "'birds/dogs'"),
        (["cats/Dogs", "dogs/cats"], "'cats/Dogs', 'dogs/cats'"),
        (["cats", "dogs", "birds/new/dogs"], "'birds/new/dogs'"),
        (["train/cat", "train/dog", "test/cat", "test/dog", "test/dog/cat"], "'dog/cat'"),
    ],
)
@pytest.mark.parametrize("grouped", [False, True])
def test_folders_with_the_name_of_another_class(
    make_folder: MakeFolder, names: Sequence[str], named: str, grouped: bool
) -> None:
    (doubt,) = [
        doubt
        for doubt in doubts_about(make_folder, names, grouped=grouped)
        if "the names of other classes" in doubt
    ]
    assert f"The images in {named} are used" in doubt


def test_the_folder_that_is_named_exists(make_folder: MakeFolder) -> None:
    """Folders that hold one folder only are passed over, but are part of the path."""
    said = doubts_about(make_folder, ["a/data/x", "a/data/y", "b/data/z", "b/data/w"])
    assert "such as 'a/data/x', 'b/data/w', are not used as classes" in "".join(said)
