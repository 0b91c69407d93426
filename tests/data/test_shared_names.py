"""Images with the names of those of another split or class, which may be versions of these."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from catdog import load_datasets
from catdog._utils.text import list_names
from catdog.data.shared_names import shared_names
from catdog.typing import Split
from tests.images.odd_files import noise

DATA = Path("data")


def said_of_splits(sets: Mapping[Split | None, Sequence[str]]) -> str:
    """Return what is said about images of these names, in the folders of splits."""
    holders = {split: DATA / str(split) for split in sets}
    paths = [holders[split] / name for split, names in sets.items() for name in names]
    return " ".join(map(str, shared_names(paths, holders, {})))


def said_of_classes(names: Sequence[str]) -> str:
    """Return what is said about images of these names, which begin with the class."""
    classes = {name.partition("/")[0] for name in names}
    folders = {name: DATA / name for name in sorted(classes)}
    found = shared_names([DATA / name for name in names], {None: DATA}, folders)
    return " ".join(map(str, found))


def numbered(form: str, numbers: Iterable[int]) -> list[str]:
    return [form.format(number) for number in numbers]


def hashed(form: str, numbers: Iterable[int]) -> list[str]:
    return [form.format(hashlib.sha256(bytes([number])).hexdigest()[:10]) for number in numbers]


def squares(begin: int, end: int) -> list[int]:
    return [number**2 for number in range(begin, end)]


@pytest.mark.parametrize(
    ("train", "test", "n_shared"),
    [
        (numbered("a/c-{:03}.png", range(100)), numbered("a/c-{:03}.png", range(100)), 100),
        (numbered("a/{}.jpg", squares(0, 99)), numbered("a/{}.png", squares(0, 20)), 20),
        (hashed("a/{}.png", range(20)), hashed("a/{}.png", range(8, 24)), 12),
        (numbered("a/{}_0.png", squares(0, 99)), numbered("a/{}_0.png", squares(30, 41)), 11),
        (
            [*numbered("a/{}.png", squares(0, 33)), *numbered("b/{}.png", range(40))],
            [*numbered("a/{}.png", squares(0, 33)), *numbered("b/{}.png", range(20))],
            33,
        ),
    ],
    ids=["the same numbers", "numbers with gaps", "hashes", "fewer", "a class without gaps"],
)
def test_versions_of_the_images_of_another_split(
    train: list[str], test: list[str], n_shared: int
) -> None:
    said = said_of_splits({"train": train, "test": test})
    assert said.startswith(f"{n_shared} images of test/ have the names of images of the same class")
    assert "in train/" in said


@pytest.mark.parametrize(
    "sets",
    [
        {"train": numbered("a/{}.png", range(90)), "test": numbered("a/{}.png", range(30))},
        {
            "train": numbered("a/{}.png", range(90)),
            "validation": numbered("a/{}.png", range(15)),
            "test": numbered("a/{}.png", range(15)),
        },
        {
            "train": numbered("a/{}.png", squares(9, 99)),
            "test": numbered("b/{}.png", squares(9, 99)),
        },
        {
            "train": numbered("a/IMG_{}.png", squares(0, 99)),
            "test": numbered("a/IMG_{}.png", [*squares(10, 24), *range(1000, 2000, 41)]),
        },
        {"train": numbered("a/{}.png", range(99)), "test": numbered("a/{}.png", range(99))},
        {
            "train": numbered("a/{}.png", squares(0, 9)),
            "test": numbered("a/{}.png", squares(0, 9)),
        },
        {"train": ["a/one.png", "a/two.png"], "test": []},
        {
            "train": numbered("a/frame{}.png", range(0, 900, 30)),
            "test": numbered("a/frame{}.png", range(0, 600, 30)),
        },
    ],
    ids=[
        "restart",
        "restart in both",
        "classes",
        "few of many",
        "balanced",
        "few",
        "none",
        "every 30th",
    ],
)
def test_equal_names_in_other_splits_that_may_be_chance(
    sets: Mapping[Split | None, Sequence[str]],
) -> None:
    assert said_of_splits(sets) == ""


def test_masks_and_versions_that_are_classes() -> None:
    images = numbered("CXR_png/{:04}_1.png", squares(1, 20))
    masks = [name.replace("CXR_png", "ManualMask") for name in images]
    said = said_of_classes([*images, *masks])
    assert said.startswith("Most images of the classes 'CXR_png', 'ManualMask' have the names of")
    assert "such as '0001_1'" in said
    real, fakes = hashed("real/{}.jpg", range(20)), hashed("fake/{}.jpg", range(60))
    assert "the classes 'real' have" in said_of_classes([*real, *fakes])


@pytest.mark.parametrize("masks", ["leftMask", "Masks_png", "lung masks", "gt", "mask2"])
def test_masks_by_the_name_of_their_class(masks: str) -> None:
    """Their numbers count. If all classes have such a word, it is what the images show."""
    names = [f"{name}/{number}.png" for name in ("img", masks) for number in range(30)]
    assert f"{list_names(sorted(['img', masks]))} have the names" in said_of_classes(names)
    faces = [name.replace("img/", "without_mask/") for name in names]
    assert said_of_classes(faces) == ""
    others = [f"{masks}/{number}.png" for number in range(30, 60)]
    assert said_of_classes([*names[:30], *others]) == ""


@pytest.mark.parametrize(
    "form",
    [
        "{}/{}.jpg",
        "{}/{:05}.jpg",
        "{}/p1/scan {}.jpg",
        "{0}/{0}.{1}.jpg",
        "{}/f{}0.jpg",
        "{0}/c{1}_{0}.jpg",
    ],
)
def test_numbers_that_begin_again_in_each_class(form: str) -> None:
    names = [form.format(name, number) for name in ("cat", "dog") for number in range(40)]
    assert said_of_classes([*names, "cat/x.png", "dog/x.png"]) == ""
    turned = [name.replace(".jpg", "_turned_90.jpg") for name in names]
    assert said_of_classes([*names, *turned]) == ""
    fewer = [name for number, name in enumerate(names) if number % 7 != 3]
    assert said_of_classes(fewer) == ""


def test_clips_that_begin_again_in_each_class() -> None:
    names = [f"{c}/clip{n}_{i:03}.jpg" for c in "ab" for n in range(9) for i in range(20 + n)]
    assert said_of_classes(names) == ""
    fewer = [name for name in names if "clip8" not in name]
    assert said_of_splits({"train": names, "test": fewer}) == ""


def test_few_equal_names_in_classes() -> None:
    cats = numbered("cat/IMG_{}.jpg", squares(0, 40))
    dogs = numbered("dog/IMG_{}.jpg", [*squares(0, 12), *(each + 2 for each in squares(12, 40))])
    assert said_of_classes([*cats, *dogs]) == ""


def write_noise(path: Path, number: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(noise(24, 36 + number).astype(np.uint8)).save(path)


def test_versions_named_train_and_test(tmp_path: Path) -> None:
    """Their pixels have nothing in common, but their names are the same."""
    for number, name in enumerate(hashed("{}.png", range(24))):
        for place, split in enumerate(("train", "test")):
            label = "benign" if number % 2 else "malignant"
            write_noise(tmp_path / split / label / name, 2 * number + place)
    with pytest.warns(UserWarning, match="24 images of test/ have the names") as caught:
        load_datasets(tmp_path, near_duplicates="ignore")
    assert len(caught) == 1


def test_the_groups_of_the_warning_keep_versions_together(tmp_path: Path) -> None:
    for number, name in enumerate(hashed("{}.png", range(24))):
        for place, label in enumerate(("clear", "foggy")):
            write_noise(tmp_path / label / name, 2 * number + place)
    with pytest.warns(UserWarning, match="'clear', 'foggy' have the names|bursts") as caught:
        load_datasets(tmp_path)
    (said,) = (text for text in map(str, (each.message for each in caught)) if "foggy" in text)
    pattern = said.partition('group_by=r"')[2].partition('"')[0]
    data = load_datasets(tmp_path, group_by=pattern)  # no warning
    assert len(data.paths("train")) > 20
    sets = [{path.stem for path in data.paths(split)} for split in ("train", "test")]
    assert sets[0].isdisjoint(sets[1])
