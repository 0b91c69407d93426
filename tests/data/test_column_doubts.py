"""Columns of a table that are not used, but may be groups or splits."""

from pathlib import Path
from typing import Any

import pytest

from catdog import load_datasets
from catdog.data.column_doubts import unused_columns
from tests.conftest import MakeFolder
from tests.data.test_tables import labels_of, rows_of, write_csv


def is_named(column: str, *cells: Any, used: str = "label") -> bool:
    doubt = unused_columns({column: cells}, ("file", used), grouped=False)
    return doubt is not None and f"not used: {column!r}. Rename" in str(doubt)


@pytest.mark.parametrize("empty", ["", None, float("nan"), "NaN", "NA", "N/A", "null"])
def test_empty_cells_do_not_count(empty: Any) -> None:
    assert is_named("purpose", "train", "test", empty)
    assert is_named("patient_code", "p1", "p1", empty)
    assert not is_named("patient_code", "p1", "p2", empty, empty)


@pytest.mark.parametrize(
    "name", ["patient", "Patient ID", "patientId", "subject_id", "video", "SESSION", "lesion_id"]
)
def test_a_column_that_may_be_groups(flat: Path, tmp_path: Path, name: str) -> None:
    rows: list[dict[str, Any]] = [
        {**row, name: number // 2, "Usage": "x", "note": ""}
        for number, row in enumerate(rows_of(labels_of(flat)))
    ]
    table = write_csv(tmp_path / "t.csv", rows)
    with pytest.warns(UserWarning, match=rf"not used: '{name}', 'Usage'\. Rename one to group"):
        data = load_datasets(flat, labels=table)
    data.save_split(tmp_path / "split.json")
    load_datasets(flat, labels=table, split_file=tmp_path / "split.json")  # no warning
    with pytest.warns(UserWarning, match=r"not used: 'Usage'\. Rename"):
        load_datasets(flat, labels=table, group_by=r"(.*)")
    for row in rows:
        row["group"] = row[name]
        row["split"] = "train"
    for row in rows[-4:]:
        row["split"] = "test"
    load_datasets(flat, labels=rows)  # no warning: the columns of catdog are there


def test_columns_that_are_neither() -> None:
    names = ["id", "width", "setting", "studio", "", "source", "_id", "name", "species",
             "patient_age", "liquid", "contest", "valuation"]  # fmt: skip
    others = dict.fromkeys(names, ("a", "a"))
    assert unused_columns(others, ("file", "label"), grouped=False) is None


@pytest.mark.parametrize(
    "name",
    ["is_train", "isTraining", "is_training_image", "train", "Data Split", "splits", "kfold",
     "cv_fold", "kFold", "is_valid", "test_set", "SPLIT_2", "used_for_training"],
)  # fmt: skip
def test_names_of_splits(name: str) -> None:
    for cells in ((True, False), ("1", "0"), (1.0, None), ("a", "b"), ()):
        assert is_named(name, *cells)
        assert not is_named(name, *cells, used="split")


@pytest.mark.parametrize("name", ["mode", "dataset", "data set", "x", ""])
def test_values_of_splits(name: str) -> None:
    assert is_named(name, "train", "test", "train", None)
    assert is_named(name, "Training", "PublicTest", "PrivateTest", "")
    assert not is_named(name, "train", "train")
    assert not is_named(name, "train", "test", "bus")
    assert not is_named(name, *(f"train{number}" for number in range(30)), "test")
    assert not is_named(name, None, "")


def test_a_word_for_a_split_beside_others() -> None:
    assert is_named("test_subset_of_paper", "yes", "no")
    assert not is_named("test_result", "negative", "positive")


@pytest.mark.parametrize("name", ["StudyInstanceUID", "series_uid", "studyinstanceuid"])
def test_identifiers_that_images_share(name: str) -> None:
    assert is_named(name, "1.2", "1.2", "1.3")
    assert not is_named(name, "1.2", "1.3")
    assert not is_named(name, "1.2", "1.2", used="group")


def test_identities() -> None:
    assert is_named("identity")


def test_booleans_of_rows(flat: Path) -> None:
    rows: list[dict[str, Any]] = [
        {**row, "is_train": number < 12} for number, row in enumerate(rows_of(labels_of(flat)))
    ]
    with pytest.warns(UserWarning, match="not used: 'is_train'"):
        load_datasets(flat, labels=rows)


@pytest.mark.parametrize("header", ["file,label,is_train", 'file;label;"Data Split"'])
def test_a_table_beside_class_folders(make_folder: MakeFolder, header: str) -> None:
    folder = make_folder(cat=6, dog=6)
    (folder / "list.csv").write_text(f"{header}\nimage.0.png\n")
    with pytest.warns(UserWarning, match=r"split of their own, which is not used: 'list\.csv'"):
        load_datasets(folder)


@pytest.mark.parametrize(
    "name",
    ["patient_code", "anon_patient", "isic_patient_id", "case_id_code", "subject_key", "seq_id",
     "patient_uuid", "observation_id", "plantId", "source_image", "Original Image", "whale key"],
)  # fmt: skip
def test_columns_whose_equal_cells_are_groups(name: str) -> None:
    assert is_named(name, "a", "a", "b", "")
    assert not is_named(name, "a", "b", "", "", None, float("nan"))


@pytest.mark.parametrize(
    "name", ["class_id", "species_id", "license_id", "image_id", "country_code", "patient_sex"]
)
def test_columns_whose_equal_cells_mean_something_else(name: str) -> None:
    assert not is_named(name, "a", "a", "b")


@pytest.mark.parametrize("name", ["MRN", "wsi"])
def test_short_names_of_groups(name: str) -> None:
    assert is_named(name, "a", "b")
