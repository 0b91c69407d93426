"""Names of classes and groups that people would take for the same."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from catdog import load_datasets
from catdog.data.same_names import unlike_names
from tests.conftest import MakeFolder
from tests.images.odd_files import noise


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (("Cat", "cat"), "capitals"),
        (("1", "01"), "number"),
        (("1.5", "1,50"), "number"),
        (("p7", "p007"), "number"),
        (("P07_left", "p7_left"), "number"),
        (("2021-01-02", "2021-1-2"), "number"),
        (("great dane", "great\u00a0dane"), "cannot be seen"),
        (("great  dane", "great dane"), "cannot be seen"),
        (("cat", "cat "), "cannot be seen"),
        (("cat", "cat\u200b"), "cannot be seen"),
        (("cat", "ca\u00adt"), "cannot be seen"),
        (("cat", "c\u0430t"), "cannot be seen"),
        (("Red Apple", "red_apple"), "cannot be seen"),
        (("t-shirt", "t shirt"), "cannot be seen"),
        (("P-7", "P7"), "cannot be seen"),
        (("patient 7", "patient7"), "cannot be seen"),
        (("P--7", "P-7"), "cannot be seen"),
        (("red apple", "redapple"), "cannot be seen"),
        (("a__b", "a_b"), "cannot be seen"),
        (("M1", "\u041c1"), "cannot be seen"),
    ],
)
def test_names_that_may_mean_the_same(names: tuple[str, str], reason: str) -> None:
    (doubt,) = unlike_names([*names, "dog"], kind="groups")
    assert reason in str(doubt)
    assert "of the groups" in str(doubt)
    assert "dog" not in str(doubt)


@pytest.mark.parametrize(
    "names",
    [
        (
            "cat",
            "as",
            "a",
            "gas",
            "ga",
            "p1",
            "p10",
            "p100",
            "1e3",
            "1000",
            "inf",
            "a b",
            "ab",
            "0",
            "00a",
        ),
        ("conc_0.1M", "conc_0.01M", "0.05mm", "0.5mm", "v1.05", "v1.5"),
        ("-1", "1", "lat_-10", "lat_10", "A", "A-", "A+"),
        ("lat-10", "lat10", "lat--10", "yaw30", "yaw-30"),
        ("Ma\u00dfe", "Masse", "\ufb01g", "fig"),
    ],
)
def test_other_names(names: tuple[str, ...]) -> None:
    assert list(unlike_names(names)) == []


@pytest.mark.parametrize("name", ["cat\u00a0", " cat", "c\u0430t"])
def test_class_folders(make_folder: MakeFolder, name: str) -> None:
    folder = make_folder({"cat": 4, name: 4, "dog": 4})
    with pytest.warns(UserWarning, match="of the classes .* cannot be seen"):
        load_datasets(folder)


def patients(folder: Path) -> dict[str, str]:
    """Write two images of each patient, whose names are written in two ways."""
    groups = {}
    for number in range(12):
        for name in (f"P{number}", f"p{number}"):
            path = folder / ("cat" if number % 2 else "dog") / f"{name}_{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(noise(36, 36 + number).astype(np.uint8)).save(path)
            groups[path.relative_to(folder).as_posix()] = name
    return groups


def test_groups(tmp_path: Path) -> None:
    groups = patients(tmp_path)
    for group_by in (groups, r"([Pp]\d+)_"):
        with pytest.warns(UserWarning, match="of the groups 'P0', 'p0'.* capitals"):
            load_datasets(tmp_path, group_by=group_by, near_duplicates="ignore")
    rows = [
        {"file": file, "label": file[:3], "group": group.replace("P", "p0")}
        for file, group in groups.items()
    ]
    with pytest.warns(UserWarning, match="of the groups 'p0', 'p00'.* number"):
        load_datasets(tmp_path, labels=rows, near_duplicates="ignore")


def test_a_file_is_no_name_of_a_group(make_folder: MakeFolder) -> None:
    folder = make_folder(cat=6, dog=6)
    for number in range(3):
        (folder / f"cat/image.{number}.png").rename(folder / f"cat/image.0{number + 3}.png")
    load_datasets(folder, group_by="folder")  # no warning
