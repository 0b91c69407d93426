"""`labels` of `load_datasets` and `scan_images`: tables of files and labels."""

import csv
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from catdog import Datasets, load_datasets, scan_images
from catdog.data.datasets import content_hashes
from catdog.typing import SPLITS
from tests.conftest import MakeFolder, write_images
from tests.data.test_near_duplicates import frame, write


def labels_of(folder: Path) -> dict[str, str]:
    """Label the images of a flat folder with two classes in turn."""
    names = sorted(path.name for path in folder.glob("*.png"))
    return {name: ("cat", "dog")[number % 2] for number, name in enumerate(names)}


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]], **form: Any) -> Path:
    encoding = form.pop("encoding", "utf-8")
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys(), **form)
        writer.writeheader()
        writer.writerows(rows)
    return path


def rows_of(labels: Mapping[str, str], *names: str) -> list[dict[str, str]]:
    file, label = names or ("file", "label")
    return [{file: name, label: value} for name, value in labels.items()]


def sets_of(data: Datasets) -> list[list[tuple[str, str]]]:
    """Return content and class of the images of each set."""
    return [
        [
            (sha256, data.class_names[label])
            for sha256, label in zip(content_hashes(data, split), data.labels(split), strict=True)
        ]
        for split in SPLITS
    ]


# The same sets as those of folders.


@st.composite
def labelled(draw: st.DrawFn) -> list[tuple[str, int, str, str]]:
    """Draw for each image its class, content, folder and group."""
    count = draw(st.integers(24, 30))
    classes = draw(st.sampled_from([("a", "b"), ("10", "9", "x y")]))
    return [
        (
            classes[number % len(classes)],
            draw(st.integers(0, 3)) if number > 23 else 100 + number,
            draw(st.sampled_from(["", "in/", "in/side/"])),
            f"g{number // 2}",
        )
        for number in range(count)
    ]


@pytest.mark.filterwarnings("ignore:The folders inside")
@settings(max_examples=15, deadline=None)
@given(labelled(), st.integers(0, 3), st.booleans(), st.booleans(), st.randoms())
def test_tables_and_folders_give_the_same_sets(
    images: list[tuple[str, int, str, str]], seed: int, keep: bool, grouped: bool, random: Any
) -> None:
    """Wherever the images are; duplicates (of one class) and groups too."""
    with TemporaryDirectory() as scratch:
        root = Path(scratch)
        rows, groups = [], {}
        for number, (label, content, below, group) in enumerate(images):
            file = f"{below}{number:02}.png"
            drawn = np.random.default_rng([content, ord(label[-1])])  # none is in two classes
            pixels = drawn.integers(0, 256, (8, 8, 3), np.uint8)
            for place in (root / "folders" / label / file, root / "flat" / file):
                place.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(place)
            listed = f"{label}/{file}" if keep else file
            groups[f"{label}/{file}"] = group
            rows.append({"file": listed, "label": label, **({"group": group} if grouped else {})})
        random.shuffle(rows)
        by_folders = load_datasets(
            root / "folders", seed=seed, group_by=groups if grouped else None
        )
        by_table = load_datasets(root / ("folders" if keep else "flat"), labels=rows, seed=seed)
        assert sets_of(by_table) == sets_of(by_folders)
        assert by_table.class_names == by_folders.class_names
        for split in SPLITS:
            assert by_table.groups(split) == by_folders.groups(split)
            if keep:
                assert by_table.paths(split) == by_folders.paths(split)
        assert by_table.report.rows() == by_folders.report.rows() or not keep


def test_a_split_column_means_what_split_folders_mean(make_folder: MakeFolder) -> None:
    names = {"train": "Training", "validation": "val", "test": "test_set"}
    folder = make_folder({f"{split}/{name}": 4 for split in SPLITS for name in "ab"})
    rows = [
        {"file": path.relative_to(folder).as_posix(), "label": path.parent.name,
         "split": names[path.parts[-3]]}
        for path in folder.rglob("*.png")
    ]  # fmt: skip
    for kept in (SPLITS, SPLITS[:2], SPLITS[::2]):
        for split in SPLITS:
            if split not in kept and (folder / split).exists():
                shutil.move(folder / split, folder.parent / split)
            if split in kept and not (folder / split).exists():
                shutil.move(folder.parent / split, folder / split)
        by_folders = load_datasets(folder)
        listed = [row for row in rows if row["file"].split("/")[0] in kept]
        by_table = load_datasets(folder, labels=listed)
        assert by_table.report.splits == by_folders.report.splits
        assert all(by_table.paths(split) == by_folders.paths(split) for split in SPLITS)
    with pytest.raises(ValueError, match="test_fraction would have no effect"):
        load_datasets(folder, labels=listed, test_fraction=0.2)


def test_images_to_predict_need_no_label(flat: Path) -> None:
    rows = rows_of(labels_of(flat))
    for number, row in enumerate(rows):
        row["split"] = "train" if number < 10 else "test"
    rows[-1].update(split="predict", label="")
    with pytest.warns(UserWarning, match="1 image ignored, because it is to be predicted"):
        data = load_datasets(flat, labels=rows)
    assert sum(len(data.paths(split)) for split in SPLITS) == 19


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        (["train", "other"], r"has a column split with 'other'\. Write train, validation or test"),
        (["train", "train"], r"has a column split, but no validation and no test in it"),
        (["test", "val"], r"has a column split, but no train in it"),
        (["train", ""], r"gives no split to 10 files: .*\. Fill it in, or remove these rows"),
    ],
)
def test_bad_splits(flat: Path, splits: Sequence[str], message: str) -> None:
    rows = rows_of(labels_of(flat))
    for number, row in enumerate(rows):
        row["split"] = splits[number % 2]
    with pytest.raises(ValueError, match=message):
        load_datasets(flat, labels=rows)


def test_a_class_that_a_split_lacks(flat: Path) -> None:
    rows = rows_of(labels_of(flat))
    for row in rows:
        row["split"] = "train" if row["label"] == "cat" else "test"
    with pytest.raises(ValueError, match=r"Each class needs an image for each of"):
        load_datasets(flat, labels=rows)


# Groups.


def test_groups_of_a_table_are_those_of_group_by(flat: Path) -> None:
    labels = labels_of(flat)
    groups = {name: f" {number // 3}" for number, name in enumerate(labels)}
    rows = [{**row, "group": groups[row["file"]]} for row in rows_of(labels)]
    by_column = load_datasets(flat, labels=rows)
    by_mapping = load_datasets(flat, labels=labels, group_by=groups)
    for split in SPLITS:
        assert by_column.paths(split) == by_mapping.paths(split)
        assert by_column.groups(split) == by_mapping.groups(split)
    with pytest.raises(ValueError, match="group_by and the column group of labels both say"):
        load_datasets(flat, labels=rows, group_by=groups)
    rows[3]["group"] = " "
    with pytest.raises(ValueError, match="labels gives no group to 1 file"):
        load_datasets(flat, labels=rows)


def test_group_by_folder_takes_the_first_folder(make_folder: MakeFolder) -> None:
    folder = make_folder({f"patient{number}/day{day}": 2 for number in range(6) for day in "12"})
    labels = {
        path.relative_to(folder).as_posix(): ("ill", "well")[int(path.parts[-3][-1]) % 2]
        for path in folder.rglob("*.png")
    }
    data = load_datasets(folder, labels=labels, group_by="folder")
    inside = [set(data.groups(split) or ()) for split in SPLITS]
    assert sum(map(len, inside)) == len(set.union(*inside)) == 6
    assert "patient0" in set.union(*inside)


# What tables look like.

SEMICOLONS = {"delimiter": ";", "encoding": "utf-8-sig"}  # as a German Excel writes


@pytest.mark.parametrize(
    "form",
    [{}, SEMICOLONS, {"delimiter": "\t"}, {"quoting": csv.QUOTE_ALL}, {"lineterminator": "\n\n"}],
)
@pytest.mark.parametrize(
    "names", [("file", "label"), ("File Name", "Class"), ("ID", "label"), ("path", " LABEL")]
)
def test_forms_of_tables(
    flat: Path, tmp_path: Path, form: dict[str, Any], names: tuple[str, str]
) -> None:
    labels = labels_of(flat)
    expected = sets_of(load_datasets(flat, labels=labels))
    table = write_csv(tmp_path / "t.csv", rows_of(labels, *names), **form)
    for given_table in (table, str(table), rows_of(labels, *names)):
        assert sets_of(load_datasets(flat, labels=given_table)) == expected


class Frame:
    """What catdog uses of a frame of pandas."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows = rows

    def to_dict(self, orient: str) -> list[dict[str, Any]]:
        assert orient == "records"
        return self.rows


class Column:
    """What catdog asks of a column of pandas, which it cannot use."""

    def to_dict(self) -> dict[int, str]:
        return {0: "cat"}


def test_frames_iterators_and_numbers(flat: Path) -> None:
    labels = labels_of(flat)
    numbers = {name: ("cat", "dog").index(label) for name, label in labels.items()}
    text = load_datasets(flat, labels={name: str(label) for name, label in numbers.items()})
    assert text.class_names == ("0", "1")
    for cast in (int, float, np.int64, np.float32, lambda number: f" {number} "):
        rows = [{"image": name, "class": cast(label)} for name, label in numbers.items()]
        for table in (rows, iter(rows), Frame(rows)):
            assert sets_of(load_datasets(flat, labels=table)) == sets_of(text)  # type: ignore[arg-type]


def test_an_id_beside_the_files_is_no_file(flat: Path) -> None:
    labels = labels_of(flat)
    rows = [{"id": n, **row, "note": ""} for n, row in enumerate(rows_of(labels))]
    assert sets_of(load_datasets(flat, labels=rows)) == sets_of(load_datasets(flat, labels=labels))


COLUMNS = r"must have the columns 'file', 'label', not "


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", COLUMNS + "no rows"),
        (
            b"name,kind\na,b\n",
            COLUMNS
            + r"'name', 'kind'\. The names may be file, .* image_id for the file; label, class for",
        ),
        (b"file|label\na|b\n", COLUMNS + r"'file\|label'"),
        (b"file,label\n", "has no rows"),
        (b"file,image,label\na,b,c\n", "has several columns for the file: 'file', 'image'. Keep"),
        (b"file,label,Label\na,b,c\n", "has several columns for the label: 'label', 'Label'"),
        (b"file,label\na,b.png,cat\n", r"has 3 cells in line 2, but 2 columns\. Put"),
        (b'file,label\n"a.png,cat\nb,c\n', "is no CSV file in UTF-8: "),
        (b"file,label\n\xe4.png,cat\n", 'is no CSV file in UTF-8: .*save it as "CSV UTF-8"'),
        (b"\xff\xfef\0i\0l\0e\0", "is no CSV file in UTF-8"),
        (b"file,label\n,cat\n", "names no file in row 1"),
        (b"file,label\na\0.png,cat\n", "holds a null character"),
    ],
)
def test_bad_csv_files(flat: Path, tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "labels.csv").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        load_datasets(flat, labels=tmp_path / "labels.csv")


@pytest.mark.parametrize(
    ("labels", "kind", "message"),
    [
        (3, TypeError, "labels must be a CSV file, a mapping of file and label, or rows.* not int"),
        (
            [("a", "b")],
            TypeError,
            r"or rows that are mappings, not list\. Pass a mapping, such as dict",
        ),
        (Column(), TypeError, r"or rows that are mappings, not Column\. Pass"),
        ({"file": ["a"], "label": ["b"]}, TypeError, r"holds \['a'\], but cells are text or"),
        ([{"file": "a"}], ValueError, "must have the columns 'file', 'label', not 'file'"),
        ([], ValueError, "must have the columns 'file', 'label', not no rows"),
        ({}, ValueError, "labels has no rows"),
        ("no.csv", FileNotFoundError, "labels='no.csv' does not exist"),
        (".", FileNotFoundError, r"labels='\.' is a folder, not a CSV file"),
        ({"image.0.png": "cat"}, ValueError, "has the label 'cat' only, but a classifier"),
        ({"image.0.png": "cat", "image.1.png": None}, ValueError, "gives no label to 1 file: 'im"),
        ({"image.0.png": "cat", "image.1.png": float("nan")}, ValueError, "gives no label to 1"),
        ({"image.0.png": "cat", "../x.png": "dog"}, ValueError, r"has '\.\./x\.png', which is not"),
        ({"image.0.png": "cat", "/x.png": "dog"}, ValueError, r"has '/x\.png', which is not in"),
        ({"image.0.png": "cat", ".": "dog"}, ValueError, r"lists 1 folder: '\.'. List each"),
        ({"image.0.png": "a", "image.0": "b"}, ValueError, "gives 'image.0' two values for the la"),
    ],
)
def test_bad_tables(flat: Path, labels: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        load_datasets(flat, labels=labels)


# How files are named.


def check_names(folder: Path, labels: Mapping[str, str], expected: Datasets) -> None:
    data = load_datasets(folder, labels=labels)
    assert sets_of(data) == sets_of(expected)
    assert [data.paths(split) for split in SPLITS] == [expected.paths(split) for split in SPLITS]


def test_names_of_files(make_folder: MakeFolder) -> None:
    """Backslashes, no suffix, other capitals, absolute, a detour: all mean the same."""
    folder = make_folder({"in/a": 6, "in/b": 6})
    labels = {
        path.relative_to(folder).as_posix(): path.parent.name for path in folder.rglob("*.png")
    }
    expected = load_datasets(folder, labels=labels)
    for other in (
        lambda name: name.replace("/", "\\"),
        lambda name: name.removesuffix(".png"),
        lambda name: name.replace("/", "\\").removesuffix(".png"),
        str.upper,
        lambda name: str(folder / name),
        lambda name: f"./in/../{name}",
    ):
        check_names(folder, {other(name): label for name, label in labels.items()}, expected)
    linked = folder.parent / "link"
    linked.symlink_to(folder)
    absolute = {str(folder / name): label for name, label in labels.items()}
    assert sets_of(load_datasets(linked, labels=absolute)) == sets_of(expected)


@pytest.mark.parametrize("on_disk", ["\xe9", "e\u0301"])
@pytest.mark.parametrize("in_table", ["\xe9", "e\u0301"])
def test_unicode_forms(flat: Path, on_disk: str, in_table: str) -> None:
    labels = labels_of(flat)
    (flat / "image.0.png").rename(flat / f"caf{on_disk}.png")
    labels[f"caf{in_table}.png"] = labels.pop("image.0.png")
    labels = {name: label.replace("cat", f"caf{in_table}") for name, label in labels.items()}
    data = load_datasets(flat, labels=labels)
    assert data.class_names == ("caf\xe9", "dog")
    assert any(flat / f"caf{on_disk}.png" in data.paths(split) for split in SPLITS)


def test_a_name_that_may_mean_two_files(flat: Path) -> None:
    labels = labels_of(flat)
    shutil.copy(flat / "image.0.png", flat / "image.0.jpg")
    with pytest.warns(UserWarning, match=r"1 image ignored, not in the table .*\n  image\.0\.jpg"):
        load_datasets(flat, labels=labels)
    labels["image.0"] = labels.pop("image.0.png")
    with pytest.raises(
        ValueError, match=r"has 'image\.0', which may mean each of 'image\.0\.jpg', 'image\.0\.png'"
    ):
        load_datasets(flat, labels=labels)
    shutil.copy(flat / "image.0.png", flat / "IMAGE.0.png")
    del labels["image.0"]
    with pytest.raises(ValueError, match=r"has 'Image\.0\.PNG', which may mean"):
        load_datasets(flat, labels={**labels, "Image.0.PNG": "cat"})


def test_the_same_row_twice(flat: Path) -> None:
    rows = rows_of(labels_of(flat))
    data = load_datasets(flat, labels=[*rows, *rows])
    assert data.report.n_files == 20


# Findings.


def test_images_that_do_not_exist_are_reported(flat: Path) -> None:
    labels = {**labels_of(flat), "lost.png": "cat", "x" * 300: "dog"}
    report = scan_images(flat, labels=labels)
    lost, long = report.bad
    assert (lost.path, lost.reason, lost.class_name) == (flat / "lost.png", "unreadable", "cat")
    assert long.reason == "unreadable"
    with pytest.raises(ValueError, match=r"2 files of 22 .*\n  unreadable: lost.png: No such file"):
        load_datasets(flat, labels=labels)
    with pytest.warns(UserWarning, match="2 files of 22 in .*flat cannot be used"):
        data = load_datasets(flat, labels=labels, on_bad_image="skip")
    assert sum(len(data.paths(split)) for split in SPLITS) == 20


@pytest.mark.parametrize(
    ("source", "hint"),
    [(".", r"Is it 'flat/image\.0\.png'\? Pass the folder that"), ("empty", r"'image\.0\.png'")],
)
def test_a_table_of_another_folder(flat: Path, source: str, hint: str) -> None:
    (flat.parent / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=rf"lists 20 files, none of which exists: .*{hint}"):
        load_datasets(flat.parent / source, labels=labels_of(flat))


def test_a_table_whose_files_are_in_one_of_two_folders(flat: Path) -> None:
    """The names alone do not say which one: `test/` may have the labels of `train/` otherwise."""
    for name in ("test", "train"):
        shutil.copytree(flat, flat.parent / "both" / name)
    with pytest.raises(FileNotFoundError, match=r"Is it 'test/image\.0\.png' or 'train/image\.0"):
        load_datasets(flat.parent / "both", labels=labels_of(flat))


def test_images_that_the_table_does_not_list(flat: Path) -> None:
    labels = labels_of(flat)
    kept = dict(list(labels.items())[2:])
    (flat / "notes.txt").write_text("x")
    outside = flat.parent / "outside"
    write_images(outside, 1)
    (flat / "linked").symlink_to(outside)
    report = scan_images(flat, labels=kept)
    ignored = {finding.path.name: finding.reason for finding in report.findings}
    missing = dict.fromkeys(labels.keys() - kept.keys(), "unlisted")
    assert ignored == {**missing, "linked": "linked_folder"}
    assert report.n_files == 18
    with pytest.warns(UserWarning, match="ignored") as warned:
        data = load_datasets(flat, labels=kept)
    assert [str(each.message).split(":")[0] for each in warned] == [
        "1 link ignored, because links to folders are not followed",
        "2 images ignored, not in the table of labels",
    ]
    assert sum(len(data.paths(split)) for split in SPLITS) == 18


def test_files_that_folders_ignore_can_be_listed(flat: Path) -> None:
    """Hidden files, and files behind a link: the user names them."""
    labels = labels_of(flat)
    (flat / "image.0.png").rename(flat / ".hidden.png")
    labels[".hidden.png"] = labels.pop("image.0.png")
    (flat.parent / "outside").mkdir()
    (flat / "image.1.png").rename(flat.parent / "outside" / "image.1.png")
    (flat / "linked").symlink_to(flat.parent / "outside")
    labels["linked/image.1.png"] = labels.pop("image.1.png")
    data = load_datasets(flat, labels=labels)
    assert data.report.findings == ()
    assert sum(len(data.paths(split)) for split in SPLITS) == 20


def test_the_checks_are_those_of_folders(flat: Path) -> None:
    labels = labels_of(flat)
    shutil.copy(flat / "image.0.png", flat / "copy.png")
    shutil.copy(flat / "image.1.png", flat / "conflict.png")
    (flat / "empty.png").write_bytes(b"")
    same, other = labels["image.0.png"], {"cat": "dog", "dog": "cat"}[labels["image.1.png"]]
    labels |= {"copy.png": same, "conflict.png": other, "empty.png": "cat"}
    found = {
        finding.path.name: finding.reason for finding in scan_images(flat, labels=labels).findings
    }
    assert found == {
        "image.0.png": "duplicate",
        "conflict.png": "conflicting_labels",
        "image.1.png": "conflicting_labels",
        "empty.png": "empty_file",
    }  # fmt: skip
    rows = [
        {"file": name, "label": label, "split": split}
        for name, label, split in (
            ("image.0.png", "cat", "train"),
            ("image.1.png", "dog", "train"),
            ("copy.png", "cat", "test"),
        )
    ]
    bad = scan_images(flat, labels=rows).bad
    assert [(item.path.name, item.reason) for item in bad] == [("image.0.png", "split_overlap")]


# Split files.


def test_split_files_of_tables(flat: Path, tmp_path: Path) -> None:
    rows = [{**row, "group": str(n // 2)} for n, row in enumerate(rows_of(labels_of(flat)))]
    data = load_datasets(flat, labels=rows, seed=5)
    data.save_split(tmp_path / "split.json")
    again = load_datasets(flat, labels=rows, split_file=tmp_path / "split.json")
    assert sets_of(again) == sets_of(data)
    assert again.groups("test") == data.groups("test")
    held_out = (data.groups("test") or ())[0]
    write_images(flat / "new", 2, tint=99)
    more = [{"file": "new/image.0.png", "label": "cat", "group": held_out},
            {"file": "new/image.1.png", "label": "cat", "group": "new"}]  # fmt: skip
    with pytest.warns(UserWarning, match="does not list 1 image"):
        grown = load_datasets(
            flat, labels=rows + more, split_file=tmp_path / "split.json", new_files="train"
        )
    assert len(grown.paths("train")) == len(data.paths("train")) + 1
    shutil.rmtree(flat / "new")
    changed = [dict(row) for row in rows]
    moved = next(row for row in changed if row["file"] == data.paths("test")[0].name)
    moved["label"] = {"cat": "dog", "dog": "cat"}[moved["label"]]
    with pytest.warns(UserWarning, match=r"1 image of the split file changed the class\. The sets"):
        load_datasets(flat, labels=changed, split_file=tmp_path / "split.json")


def test_a_folder_without_classes_names_the_table(flat: Path) -> None:
    with pytest.raises(ValueError, match=r"or a table of files and labels, passed as labels\."):
        load_datasets(flat)


def test_no_file_is_opened_for_writing(flat: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in flat.iterdir()}
    load_datasets(flat, labels=labels_of(flat))
    assert before == {path: path.stat().st_mtime_ns for path in flat.iterdir()}


@pytest.mark.parametrize(
    ("form", "group_by"), [("part{film}/{number}.png", "folder"), ("{film:05}_{number}.png", None)]
)
def test_bursts_of_tables(tmp_path: Path, form: str, group_by: str | None) -> None:
    """The suggested groups are those that `group_by` makes with the table."""
    labels = {
        form.format(film=film, number=number): "ab"[film % 2]
        for film in range(16)
        for number in range(5)
    }
    images = {
        form.format(film=film, number=number): frame(film, number)
        for film in range(16)
        for number in range(5)
    }
    folder = write(tmp_path / "films", images)
    bursts = scan_images(folder, labels=labels).bursts
    assert bursts
    assert bursts.group_by == group_by or (group_by is None and bursts.group_by)
    with pytest.warns(UserWarning, match="50% by chance"):
        load_datasets(folder, labels=labels)
    data = load_datasets(folder, labels=labels, group_by=bursts.group_by)  # no warning
    groups = [set(data.groups(split) or ()) for split in SPLITS]
    assert sum(map(len, groups)) == len(set.union(*groups)) == bursts.n_groups == 16
    rows = [{"file": name, "label": label, "group": name[:6]} for name, label in labels.items()]
    load_datasets(folder, labels=rows)  # no warning


@pytest.mark.parametrize("column", ["split", "group"])
@pytest.mark.parametrize("empty", ["", "NA", None, float("nan")])
def test_a_column_that_is_empty(flat: Path, column: str, empty: object) -> None:
    rows = [{**row, column: empty} for row in rows_of(labels_of(flat))]
    with pytest.raises(ValueError, match=f"gives no {column} to .*Fill the column {column} in, or"):
        load_datasets(flat, labels=rows)
