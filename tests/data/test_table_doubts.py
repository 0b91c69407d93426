"""Tables of labels that may mean something else than what is assumed."""

import csv
import re
import shutil
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from catdog import load_datasets, scan_images
from catdog.data.split_folders import splits_of_paths
from catdog.data.table_doubts import unused_folders
from catdog.data.table_layout import find_table_layout
from catdog.typing import SPLITS
from tests.conftest import MakeFolder
from tests.data.test_tables import labels_of, rows_of, sets_of, write_csv


class MissingOfPandas:
    """As `pandas.NA` and `pandas.NaT`, which are no floats."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text

    def __bool__(self) -> bool:
        raise TypeError("boolean value of NA is ambiguous")


def write_images(folder: Path, names: Iterable[str]) -> Path:
    """Write a small image of noise under each name."""
    random = np.random.default_rng(0)
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        pixels = random.integers(0, 256, (32, 32, 3), np.uint8)
        Image.fromarray(pixels).save(folder / name)
    return folder


def rows_of_folders(folder: Path) -> list[dict[str, str]]:
    return [
        {"file": path.relative_to(folder).as_posix(), "label": path.parent.name}
        for path in sorted(folder.rglob("*.png"))
    ]


@pytest.mark.parametrize(
    "places", [("train", "test"), ("x/Training", "x/testing"), ("seg_train", "seg_test")]
)
def test_split_folders_that_a_table_does_not_use(
    make_folder: MakeFolder, tmp_path: Path, places: tuple[str, str]
) -> None:
    folder = make_folder({f"{place}/{name}": 8 for place in places for name in "ab"})
    rows = rows_of_folders(folder)
    listed = rf"not used: '{places[1]}/', '{places[0]}/'|not used: '{places[0]}/', '{places[1]}/'"
    with pytest.warns(UserWarning, match=rf"({listed})\. catdog splits .* add a column split"):
        data = load_datasets(folder, labels=rows)
    with pytest.warns(UserWarning, match="add a column split"):
        scan_images(folder, labels=rows)
    data.save_split(tmp_path / "split.json")
    load_datasets(folder, labels=rows, split_file=tmp_path / "split.json")  # no warning
    roles = dict(zip(places, ("train", "test"), strict=True))
    for row in rows:
        row["split"] = next(roles[place] for place in places if place in row["file"])
    load_datasets(folder, labels=rows)  # no warning
    rows[0]["split"] = {"train": "test", "test": "train"}[rows[0]["split"]]
    with pytest.warns(
        UserWarning, match=rf"1 image belong.* The table decides:\n  {rows[0]['file']} is for"
    ):
        load_datasets(folder, labels=rows)


def found(folder: Path, names: Iterable[str], roles: dict[str, Any] | None = None) -> str:
    given = {folder / name: role for name, role in (roles or {}).items()}
    in_folders = splits_of_paths([folder / name for name in names], folder)
    return str(unused_folders(given, in_folders, folder) or "")


def test_folders_that_are_no_split(tmp_path: Path) -> None:
    for names in (
        ["train/1.png", "bus/1.png"],
        ["test/1.png", "validation/1.png"],
        ["a/train/1.png", "b/test/1.png"],
        ["left_train/1.png", "right_test/1.png"],
        ["train.png", "test.png"],
    ):
        assert not found(tmp_path, names)
    names = ["a/train/1.png", "a/val/1.png", "b/train/1.png"]
    assert "'a/train/', 'a/val/'." in found(tmp_path, names)
    names = ["a. Training Set/1.png", "b. Testing Set/1.png"]
    assert "'a. Training Set/', 'b. Testing Set/'." in found(tmp_path, names)


def test_a_table_may_split_a_folder_further(tmp_path: Path) -> None:
    roles = {"train/1.png": "validation", "train/2.png": "train", "test/1.png": "test"}
    assert not found(tmp_path, roles, roles)
    roles["validation/1.png"] = "validation"
    assert "train/1.png is for validation" in found(tmp_path, roles, roles)


def test_empty_cells_and_numbers_of_csv_files_are_those_of_rows(flat: Path, tmp_path: Path) -> None:
    labels = labels_of(flat)
    numbers = [float(label == "dog") for label in labels.values()]
    rows = [{"file": name, "label": n} for name, n in zip(labels, numbers, strict=True)]
    by_rows = load_datasets(flat, labels=rows)
    by_file = load_datasets(flat, labels=write_csv(tmp_path / "t.csv", rows))
    with (tmp_path / "t.csv").open(newline="") as file:
        by_text = load_datasets(flat, labels=list(csv.DictReader(file)))
    assert by_rows.class_names == by_file.class_names == by_text.class_names == ("0", "1")
    assert sets_of(by_file) == sets_of(by_text) == sets_of(by_rows)
    halves = [{"file": name, "label": n + 0.5} for name, n in zip(labels, numbers, strict=True)]
    assert load_datasets(flat, labels=halves).class_names == ("0.5", "1.5")


@pytest.mark.parametrize(
    "empty", ["NaN", "nan", " nan ", "", float("nan"), None, "None", "N/A", "NA", "null", "<NA>"]
)
@pytest.mark.parametrize("column", ["label", "group"])
def test_empty_cells(flat: Path, tmp_path: Path, empty: object, column: str) -> None:
    rows: list[dict[str, Any]] = [{**row, "group": "x"} for row in rows_of(labels_of(flat))]
    rows[3][column] = empty
    for table in (rows, write_csv(tmp_path / "t.csv", rows)):
        with pytest.raises(ValueError, match=f"gives no {column} to 1 file: '{rows[3]['file']}'"):
            load_datasets(flat, labels=table)


@pytest.mark.parametrize("text", ["<NA>", "NaT"])
def test_empty_cells_of_pandas(flat: Path, text: str) -> None:
    rows: list[dict[str, Any]] = [{**row, "group": "x"} for row in rows_of(labels_of(flat))]
    rows[3]["group"] = MissingOfPandas(text)
    with pytest.raises(ValueError, match=f"gives no group to 1 file: '{rows[3]['file']}'"):
        load_datasets(flat, labels=rows)


def test_names_that_are_the_same_number_or_differ_in_capitals(flat: Path) -> None:
    labels = labels_of(flat)
    rows = [
        {"file": name, "label": ("0", "00")[label == "dog"], "group": ("p", "P")[number % 2] + name}
        for number, (name, label) in enumerate(labels.items())
    ]
    with pytest.warns(
        UserWarning, match="of the classes '0', '00' differ only in how a number is written. They"
    ):
        load_datasets(flat, labels=rows)
    for number, row in enumerate(rows):
        row.update(label=labels[row["file"]], group=f"{'pP'[number % 4 > 1]}{number % 10 // 4}")
    with pytest.warns(UserWarning, match="of the groups 'P0', .* differ in capitals only. They"):
        load_datasets(flat, labels=rows)


def test_a_missing_file_is_not_replaced_by_another(flat: Path) -> None:
    labels = labels_of(flat)
    shutil.move(flat / "image.3.png", flat / "image.3.png.png")
    bad = scan_images(flat, labels=labels).bad
    assert [finding.path.name for finding in bad] == ["image.3.png"]
    labels["image.3.jpg"] = labels.pop("image.3.png")
    shutil.copy(flat / "image.3.png.png", flat / "image.3.jpg.png")
    bad = scan_images(flat, labels=labels).bad
    assert [finding.path.name for finding in bad] == ["image.3.jpg"]
    del labels["image.3.jpg"]
    labels["image.3.jpg.png"] = "cat"
    with pytest.warns(UserWarning, match="not in the table"):
        data = load_datasets(flat, labels=labels)
    assert sum(len(data.paths(split)) for split in SPLITS) == 20


def renamed(folder: Path, *names: str) -> dict[str, str]:
    """Write images with other names; label them."""
    labels = labels_of(folder)
    for old, new in zip(list(labels), names, strict=False):
        (folder / old).rename(folder / new)
        labels[new] = labels.pop(old)
    return labels


def test_blanks_around_names(flat: Path, tmp_path: Path) -> None:
    labels = renamed(flat, " a.png", "b.png ", "c d.png")
    table = tmp_path / "t.csv"
    lines = [f"{name.strip()} ,{label}" for name, label in labels.items()]
    for text in (lines, [f" {line}" for line in lines], [f'"{line.replace(",", chr(34) + ",")}'
                 for line in lines]):  # fmt: skip
        table.write_text("\n".join(["file,label", *text]))
        assert sets_of(load_datasets(flat, labels=table)) == sets_of(
            load_datasets(flat, labels=labels)
        )


NAMES = {
    "7.png": "007.png",
    "a.jpg": "a.jpeg",
    "b%20c.png": "b c.png",
    "img-3.png": "IMG-0003.PNG",
    "9.0": "9.png",
}


@pytest.mark.parametrize(("written", "on_disk"), NAMES.items())
def test_names_that_programs_changed(flat: Path, written: str, on_disk: str) -> None:
    labels = renamed(flat, on_disk)
    labels[written] = labels.pop(on_disk)
    with pytest.warns(
        UserWarning, match=rf"for 1 name of the .*names:\n  {written}: is it {on_disk}\?"
    ):
        report = scan_images(flat, labels=labels)
    assert [finding.path.name for finding in report.bad] == [written]
    del labels[written]
    with pytest.raises(
        FileNotFoundError, match=rf"none of which exists: .* Is it '{on_disk}'\? Write the names"
    ):
        load_datasets(flat, labels={written: "cat", "zzz.png": "dog"})


def test_a_similar_file_with_a_row_of_its_own_is_not_meant(flat: Path) -> None:
    labels = {**renamed(flat, "x.png"), "x.jpg": "cat"}
    assert [item.path.name for item in scan_images(flat, labels=labels).bad] == ["x.jpg"]


@pytest.mark.parametrize("name", ["C:\\data\\b\\1.png", "C:/data/b/1.png", "/data/b/1.png"])
def test_absolute_paths_of_another_machine(make_folder: MakeFolder, name: str) -> None:
    folder = make_folder({"a": 1, "b": 1})
    for label in "ab":
        (folder / label / "image.0.png").rename(folder / label / "1.png")
    with pytest.raises(ValueError, match=r"which is not in .*relative to .*, such as 'b/1\.png'\."):
        load_datasets(folder, labels={name: "a", "x": "b"})


@pytest.mark.parametrize("line", ["sep=;", '"sep=;"', "SEP=;\r"])
def test_the_first_line_of_excel(flat: Path, tmp_path: Path, line: str) -> None:
    labels = labels_of(flat)
    lines = [line, "a,b,c,d;file;label", *(f";{name};{label}" for name, label in labels.items())]
    (tmp_path / "t.csv").write_text("\n".join(lines), newline="")
    data = load_datasets(flat, labels=tmp_path / "t.csv")
    assert sets_of(data) == sets_of(load_datasets(flat, labels=labels))
    (tmp_path / "t.csv").write_text("\n".join([*lines[:3], "a;b;c;d"]))
    with pytest.raises(ValueError, match="has 4 cells in line 4, but 3 columns"):
        load_datasets(flat, labels=tmp_path / "t.csv")


def test_a_very_long_label_is_shortened(flat: Path) -> None:
    long = "x" * 5000
    labels = dict.fromkeys(labels_of(flat), long)
    with pytest.raises(ValueError, match=r"has the label 'x{300}\.\.\.' only"):
        load_datasets(flat, labels=labels)
    rows = [*rows_of(labels), {"file": "image.0.png", "label": long + "y"}]
    with pytest.raises(ValueError, match="two values for the label") as caught:
        load_datasets(flat, labels=rows)
    assert len(str(caught.value)) < 1000
    rows[0]["label"] = long
    with pytest.warns(UserWarning, match="in capitals only") as warned:
        load_datasets(
            flat, labels={name: (long, long.upper())[n % 2] for n, name in enumerate(labels)}
        )
    assert len(str(warned[0].message)) < 1000


def doubts_of(folder: Path, labels: Any, **given: Any) -> str:
    return "\n".join(map(str, find_table_layout(folder, labels, **given).layout.doubts))


@pytest.mark.parametrize(
    "form", ["subj{}/im{}.png", "train/patient {}/study1/{}.png", "cat/{}/{}.png"]
)
def test_folders_of_subjects(tmp_path: Path, form: str) -> None:
    folder = write_images(tmp_path / "flat", [form.format(n // 3, n % 3) for n in range(24)])
    rows = [
        {
            "file": form.format(n // 3, n % 3),
            "label": "ab"[n % 2],
            "split": "train" if n else "test",
        }
        for n in range(24)
    ]
    assert "lie in 8 folders" in doubts_of(folder, rows)
    assert "lie in" not in doubts_of(folder, rows, group_by="folder")
    assert "lie in" not in doubts_of(folder, rows, known=True)
    labels = {row["file"]: row["label"] for row in rows}
    group_by = doubts_of(folder, labels).partition('group_by=r"')[2].partition('"')[0]
    data = load_datasets(folder, labels=labels, group_by=group_by)  # no warning
    groups = [set(data.groups(split) or ()) for split in SPLITS]
    assert sum(map(len, groups)) == len(set.union(*groups)) == 8


def test_inner_folders_of_subjects(tmp_path: Path) -> None:
    """The groups are the patients, not their visits."""
    form = "CheXpert/train/patient{}/study{}/{}.png"
    names = [form.format(n // 4, n % 4 // 2, n % 2) for n in range(32)]
    folder = write_images(tmp_path / "flat", names)
    labels = {name: "ab"[n % 2] for n, name in enumerate(names)}
    said = doubts_of(folder, labels)
    assert "lie in 8 folders with names of their own, such as 'patient0/'" in said
    assert 'group_by=r"^[^/]*/[^/]*/([^/]*)/"' in said


def test_subjects_in_folders_of_classes(tmp_path: Path) -> None:
    """One subject may be in both."""
    names = [f"{label}/p{n}/{view}.png" for n in range(8) for label in "ab" for view in range(2)]
    folder = write_images(tmp_path / "flat", names)
    said = doubts_of(folder, {name: name[0] for name in names})
    assert 'group_by=r"^[^/]*/([^/]*)/"' in said


def test_subjects_and_a_split(tmp_path: Path) -> None:
    names = [f"p{n // 2}/{n % 2}.png" for n in range(24)]
    folder = write_images(tmp_path / "flat", names)
    rows = [
        {"file": name, "label": "ab"[n % 2], "split": SPLITS[n // 2 % 3]}
        for n, name in enumerate(names)
    ]
    assert "lie in" not in doubts_of(folder, rows)
    rows[0]["split"] = "test"
    assert "lie in 12 folders" in doubts_of(folder, rows)


def test_subjects_with_one_image_in_each_inner_folder(tmp_path: Path) -> None:
    names = [f"p{n // 3}/s{n % 3}/v.png" for n in range(24)]
    folder = write_images(tmp_path / "flat", names)
    said = doubts_of(folder, {name: "ab"[n % 2] for n, name in enumerate(names)})
    assert "lie in 8 folders" in said
    assert 'group_by=r"^([^/]*)/"' in said


def images_of_patients(count: int, parts: str, inside: str) -> list[str]:
    """Return two images of a part of the body of each patient; of every second, of two parts."""
    return [
        f"XR_{parts[(n + more) % len(parts)]}/patient{n:02}/{inside}{view}.png"
        for n in range(count)
        for more in range(1 + n % 2)
        for view in range(2)
    ]


@pytest.mark.parametrize("parts", [2, 7])
def test_subjects_in_several_outer_folders(tmp_path: Path, parts: int) -> None:
    """A patient may have images of several parts of the body; visits are numbered for each one."""
    names = images_of_patients(20, "ABCDEFG"[:parts], "study1/")
    folder = write_images(tmp_path / "flat", names)
    labels = {name: "ab"[n // 3 % 2] for n, name in enumerate(names)}
    said = doubts_of(folder, labels)
    assert "Inner folders of one name, such as 'patient01/', 'patient03/'" in said
    outer, inner = re.findall(r'group_by=r"(\S+)"', said)
    assert outer == ("^([^/]*)/" if parts == 7 else "^([^/]*/[^/]*)/")
    data = load_datasets(folder, labels=labels, group_by=inner)  # no warning
    groups = [set(data.groups(split) or ()) for split in SPLITS]
    assert sum(map(len, groups)) == len(set.union(*groups)) == 20


def test_subjects_in_outer_folders_of_different_sets(tmp_path: Path) -> None:
    names = images_of_patients(12, "ABC", "")
    folder = write_images(tmp_path / "flat", names)
    rows = [
        {"file": name, "label": "ab"[n % 2], "split": SPLITS["ABC".index(name[3])]}
        for n, name in enumerate(names)
    ]
    said = doubts_of(folder, rows)
    assert "lie in 12 folders with names of their own, such as 'patient01/'" in said
    assert 'or pass group_by=r"^[^/]*/([^/]*)/"' in said


@pytest.mark.parametrize(
    "form", ["{label}/{n}.png", "images_{k:03}/{n}.png", "train/{label}/{n}.png", "{n}/1.png"]
)
def test_folders_of_other_things(tmp_path: Path, form: str) -> None:
    labels = {form.format(label="ab"[n % 2], n=n, k=n // 4): "ab"[n % 2] for n in range(24)}
    folder = write_images(tmp_path / "flat", labels)
    assert "lie in" not in doubts_of(folder, labels)


@pytest.mark.parametrize(
    ("file", "other", "is_said"),
    [
        ("id", "img", True),
        ("image_id", "coco_url", True),
        ("image", "filepath", True),
        ("id", "image_name", True),
        ("file", "mask", False),
    ],
)
def test_another_column_names_files(tmp_path: Path, file: str, other: str, is_said: bool) -> None:
    """A number of the row may be the name of another image."""
    folder = write_images(tmp_path / "flat", [f"{n}.png" for n in range(20)])
    rows = [
        {file: n if is_said else f"{n}.png", other: names(other, 19 - n if is_said else n),
         "label": "ab"[n % 2]}
        for n in range(20)
    ]  # fmt: skip
    assert (
        "names other files of the folder in 20 of 20 rows" in doubts_of(folder, rows)
    ) == is_said


def test_another_column_names_the_same_files_in_another_way(tmp_path: Path) -> None:
    """In other capitals, and in another form of Unicode; then others count as well."""
    written = [unicodedata.normalize("NFD", f"café {n}.png") for n in range(20)]
    folder = write_images(tmp_path / "flat", written)
    for shift in (0, 1):
        rows = [
            {
                "file": unicodedata.normalize("NFC", name).upper(),
                "photo": unicodedata.normalize("NFC", f"café {(n + shift) % 20}.png"),
                "label": "ab"[n % 2],
            }
            for n, name in enumerate(written)
        ]
        said = "names other files of the folder in 20 of 20 rows" in doubts_of(folder, rows)
        assert said == bool(shift)


def names(column: str, number: int) -> str:
    return str(number) if column == "image_name" else f"x/{number}.png"


def test_names_of_classes_in_a_table(tmp_path: Path) -> None:
    names = [f"{n}.png" for n in range(24)]
    folder = write_images(tmp_path / "flat", names)
    for label, words in (("cat_aug", "another version"), ("rejected", "none"), ("cats", "plural")):
        labels = dict(zip(names, ["cat", "dog", label] * 8, strict=True))
        assert words in doubts_of(folder, labels)
        assert doubts_of(folder, labels, known=True) == ""


def test_names_of_images_in_a_table(tmp_path: Path) -> None:
    names = [f"{kind}_{n}{end}.png" for n in range(8) for kind in ("train", "test")
             for end in ("", "_flipLR")]  # fmt: skip
    folder = write_images(tmp_path / "flat", names)
    labels = {name: "ab"[n % 2] for n, name in enumerate(names)}
    assert "to which set of a split they belong" in doubts_of(folder, labels)
    layout = find_table_layout(folder, labels).layout
    assert layout.copies is not None
    assert "16 of 32 images have the name of another image" in str(layout.copies)
    with pytest.warns(UserWarning, match="16 of 32 images"):
        load_datasets(folder, labels=[{"file": name, "label": label, "split": name.split("_")[0]}
                                      for name, label in labels.items()])  # fmt: skip


def test_folders_of_classes_are_no_subjects_in_any_form_of_unicode(tmp_path: Path) -> None:
    labels = [unicodedata.normalize("NFC", name) for name in ("café", "thé")]
    names = [
        f"{unicodedata.normalize('NFD', label)}/p{n}/{view}.png"
        for label in labels
        for n in range(8)
        for view in range(2)
    ]
    folder = write_images(tmp_path / "flat", names)
    said = doubts_of(folder, {name: labels[n // 16] for n, name in enumerate(names)})
    assert 'group_by=r"^[^/]*/([^/]*)/"' in said


@pytest.mark.parametrize("form", ["volume-{}", "test{:02}", "Train{:03}"])
def test_numbered_folders_of_a_few_images_may_be_subjects(tmp_path: Path, form: str) -> None:
    names = [f"{form.format(n // 3)}/{n % 3}.png" for n in range(30)]
    folder = write_images(tmp_path / "flat", names)
    said = doubts_of(folder, {name: "ab"[n // 3 % 2] for n, name in enumerate(names)})
    assert "lie in 10 folders" in said


def test_rows_with_more_cells_than_columns(flat: Path, tmp_path: Path) -> None:
    """As `csv.DictReader` returns them, so that a part of a name is lost."""
    (tmp_path / "t.csv").write_text("file,label\na,b.jpg,cat\n")
    with (tmp_path / "t.csv").open(newline="") as file, pytest.raises(ValueError, match="more cel"):
        load_datasets(flat, labels=csv.DictReader(file))


def test_splits_with_numbers_are_no_subjects(tmp_path: Path) -> None:
    names = [f"{split}2017/{n}.png" for split in ("train", "val", "test") for n in range(10)]
    folder = write_images(tmp_path / "flat", names)
    said = doubts_of(folder, {name: "ab"[n % 2] for n, name in enumerate(names)})
    assert "there is a split already" in said
    assert "lie in" not in said
