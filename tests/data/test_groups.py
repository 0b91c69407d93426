"""`group_by` of `load_datasets`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from catdog import Datasets, load_datasets
from catdog.typing import SPLITS
from tests.conftest import MakeFolder, write_images


@pytest.fixture
def bursts(make_folder: MakeFolder) -> Path:
    """Two classes of six folders of three images each."""
    return make_folder({f"{name}/clip{clip}{name}": 3 for name in "ab" for clip in range(6)})


def check_apart(data: Datasets, groups: int) -> None:
    """Check that no group is in two sets, and that the groups are as many as expected."""
    inside = [set(data.groups(split) or ()) for split in SPLITS]
    assert sum(map(len, inside)) == len(set.union(*inside)) == groups
    assert all(data.label_counts(split).values() for split in SPLITS)


@pytest.mark.parametrize(
    ("group_by", "groups"), [("folder", 12), (r"/clip(\d\w)/", 12), (r"/clip(\d)", 6)]
)
def test_groups_stay_together(bursts: Path, group_by: str, groups: int) -> None:
    data = load_datasets(bursts, group_by=group_by)
    check_apart(data, groups)
    for path, group in zip(data.paths("test"), data.groups("test") or (), strict=True):
        assert group in str(path)
    assert load_datasets(bursts, group_by=group_by).paths("test") == data.paths("test")


def test_groups_from_a_table(bursts: Path, tmp_path: Path) -> None:
    table = {
        path.relative_to(bursts).as_posix(): path.parent.name for path in bursts.rglob("*.png")
    }
    by_mapping = load_datasets(bursts, group_by=table)
    file = tmp_path / "groups.csv"
    rows = "\n".join(f"{name},{group}" for name, group in table.items())
    file.write_text(f"\ufefffile,group\n{rows}\n", "utf-8")
    for given in (file, str(file)):
        by_file = load_datasets(bursts, group_by=given)
        assert all(by_file.paths(split) == by_mapping.paths(split) for split in SPLITS)
    check_apart(by_mapping, 12)


def test_groups_as_excel_writes_them(bursts: Path, tmp_path: Path) -> None:
    """Semicolons, other names of the columns, backslashes; numbers of a mapping are names."""
    table = {path.relative_to(bursts): int(path.parent.name[4]) for path in bursts.rglob("*.png")}
    rows = [f"{str(name).replace('/', chr(92))};x;{group}" for name, group in table.items()]
    file = tmp_path / "groups.csv"
    file.write_text("\n".join(["FileName;Note;Group", *rows]), "utf-8-sig")
    by_file = load_datasets(bursts, group_by=file)
    by_mapping = load_datasets(bursts, group_by=table)  # type: ignore[arg-type]
    assert all(by_file.paths(split) == by_mapping.paths(split) for split in SPLITS)
    check_apart(by_file, 6)


def test_names_in_a_table_are_compared_in_composed_form(make_folder: MakeFolder) -> None:
    folder = make_folder({"a/cafe\u0301": 4, "b": 4})
    table = {path.relative_to(folder).as_posix(): path.stem for path in folder.rglob("*.png")}
    composed = {name.replace("e\u0301", "\xe9"): group for name, group in table.items()}
    assert load_datasets(folder, group_by=composed).groups("test") is not None


def test_a_group_may_span_classes(make_folder: MakeFolder) -> None:
    folder = make_folder({f"{name}/patient{number}": 2 for name in "ab" for number in range(6)})
    data = load_datasets(folder, group_by="folder")
    check_apart(data, 6)


def test_images_in_no_folder_are_groups_of_their_own(make_folder: MakeFolder) -> None:
    data = load_datasets(make_folder(a=6, b=6), group_by="folder")
    check_apart(data, 12)


def test_without_groups_there_are_none(image_folder: Path) -> None:
    assert load_datasets(image_folder).groups("train") is None


@pytest.mark.parametrize(
    ("group_by", "error", "message"),
    [
        (3, TypeError, 'group_by must be "folder", a regular expression.*not 3'),
        ("(", ValueError, r"group_by='\(' is no regular expression"),
        ("clip", ValueError, "has no parentheses around the part"),
        (r"(x\d)", ValueError, r"gives no group to 36 images: .*\.\.\. and 31 more\. Name"),
        ({}, ValueError, "gives no group to 36 images"),
        ("no.csv", FileNotFoundError, r"group_by='no\.csv' does not exist"),
        (
            r"/(clip)",
            ValueError,
            r"Each class needs a group .* a has 1 group, b has 1 group\. Groups",
        ),
    ],
)
def test_bad_groups(bursts: Path, group_by: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        load_datasets(bursts, group_by=group_by)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"name,group\na,1\n", "must have the columns 'file', 'group', not 'name', 'group'"),
        (b"", "must have the columns 'file', 'group', not no rows"),
        (b"file,group\n\xff,1\n", "is no CSV file in UTF-8"),
    ],
)
def test_bad_tables(bursts: Path, tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "groups.csv").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        load_datasets(bursts, group_by=tmp_path / "groups.csv")


def test_a_group_in_two_split_folders(make_folder: MakeFolder) -> None:
    folder = make_folder(
        {f"{split}/{name}/{split}{i}": 2 for split in SPLITS for name in "ab" for i in range(2)}
    )
    check_apart(load_datasets(folder, group_by="folder"), 6)
    write_images(folder / "test" / "a" / "train0", 1, tint=7)
    with pytest.raises(ValueError, match=r"1 group of .* two sets: train0 \(train, test\)\. Move"):
        load_datasets(folder, group_by="folder")


def test_split_files_record_groups(bursts: Path, tmp_path: Path) -> None:
    file = tmp_path / "split.json"
    data = load_datasets(bursts, group_by="folder")
    data.save_split(file)
    assert "group" in json.loads(file.read_text())["test"][0]
    again = load_datasets(bursts, split_file=file)
    for split in SPLITS:
        assert again.paths(split) == data.paths(split)
        assert again.groups(split) == data.groups(split)
    again.save_split(file)  # the same content
    with pytest.raises(ValueError, match="group_by would have no effect: the split file says"):
        load_datasets(bursts, split_file=file, group_by="folder")


@pytest.mark.filterwarnings("ignore:The folders inside")
def test_new_images_of_a_group_that_is_evaluated_on(bursts: Path, tmp_path: Path) -> None:
    file = tmp_path / "split.json"
    data = load_datasets(bursts, group_by="folder")
    data.save_split(file)
    held_out = data.paths("test")[0].parent
    write_images(held_out / "more", 2, tint=9)
    write_images(bursts / "a" / "another clip", 2, tint=11)
    with pytest.raises(ValueError, match='group_by is needed with new_files="train"'):
        load_datasets(bursts, split_file=file, new_files="train")
    with pytest.warns(UserWarning, match="does not list 2 images(.|\n)*of the group of a"):
        grown = load_datasets(bursts, split_file=file, new_files="train", group_by="folder")
    assert len(grown.paths("train")) == len(data.paths("train")) + 2
    check_apart(grown, 13)


def test_new_images_of_a_group_that_the_split_does_not_know(bursts: Path, tmp_path: Path) -> None:
    """The split was made without groups; a new frame of a clip that is evaluated on is left out."""
    file = tmp_path / "split.json"
    with pytest.warns(UserWarning, match="If each is a group.*pass group_by"):
        data = load_datasets(bursts)
    data.save_split(file)
    write_images(data.paths("test")[0].parent / "new", 1, tint=9)
    with (
        pytest.warns(UserWarning, match="does not list 1 image(.|\n)*of the group of a"),
        pytest.warns(UserWarning, match=r"By the split file, \d+ groups of .* in two sets"),
    ):
        grown = load_datasets(bursts, split_file=file, new_files="train", group_by="folder")
    assert grown.paths("train") == data.paths("train")


@pytest.mark.parametrize("missing", [None, float("nan"), "", "  "])
def test_an_empty_name_is_no_group(bursts: Path, missing: Any) -> None:
    table = {path.relative_to(bursts).as_posix(): missing for path in bursts.rglob("*.png")}
    with pytest.raises(ValueError, match="gives no group to 36 images"):
        load_datasets(bursts, group_by=table)


def test_a_file_with_two_groups(bursts: Path, tmp_path: Path) -> None:
    rows = [f"{path.relative_to(bursts)},1" for path in bursts.rglob("*.png")]
    (tmp_path / "g.csv").write_text("\n".join(["file,group", *rows, rows[0].replace(",1", ",2")]))
    with pytest.raises(ValueError, match="gives '.*png' two groups, '1' and '2'"):
        load_datasets(bursts, group_by=tmp_path / "g.csv")


def test_spaces_around_a_name_do_not_count(bursts: Path) -> None:
    paths = sorted(bursts.rglob("*.png"))
    table = {
        path.relative_to(bursts).as_posix(): path.parent.name + " " * (number % 2)
        for number, path in enumerate(paths)
    }
    check_apart(load_datasets(bursts, group_by=table), 12)


def test_a_class_with_the_name_of_its_split_folder(make_folder: MakeFolder) -> None:
    names = ("train", "x")
    folder = make_folder(
        {f"{split}/{name}/{split}{i}": 2 for split in SPLITS for name in names for i in "ab"}
    )
    check_apart(load_datasets(folder, group_by="folder"), 6)


def test_a_split_file_of_groups_with_the_same_names(
    make_folder: MakeFolder, tmp_path: Path
) -> None:
    folder = make_folder({f"{name}/patient{i}": 2 for name in ("ill", "well") for i in range(6)})
    with pytest.raises(ValueError, match="It is not clear whether the classes of"):
        load_datasets(folder)
    data = load_datasets(folder, group_by="folder")
    data.save_split(tmp_path / "split.json")
    again = load_datasets(folder, split_file=tmp_path / "split.json")
    assert again.groups("test") == data.groups("test")


def test_a_table_of_the_new_images_alone(bursts: Path, tmp_path: Path) -> None:
    data = load_datasets(bursts, group_by="folder")
    data.save_split(tmp_path / "split.json")
    write_images(bursts / "a" / "fresh", 2, tint=9)
    group = (data.groups("test") or ())[0]
    table = {"a/fresh/image.0.png": "fresh", "a/fresh/image.1.png": group}
    with pytest.warns(UserWarning, match="does not list 1 image"):
        grown = load_datasets(
            bursts, split_file=tmp_path / "split.json", new_files="train", group_by=table
        )
    assert len(grown.paths("train")) == len(data.paths("train")) + 1


def test_groups_that_are_too_large_for_the_sets(make_folder: MakeFolder) -> None:
    folder = make_folder({"a/large": 40, "a/1": 1, "a/2": 1, "b/3": 4, "b/4": 4, "b/5": 12})
    with pytest.warns(UserWarning, match=r"too many for .* train 52 \(asked for: 37\)") as caught:
        data = load_datasets(folder, group_by="folder")
    assert [warning.filename for warning in caught] == [__file__]
    assert data.label_counts("test") == {"a": 1, "b": 4}


def test_an_empty_key_is_no_group(make_folder: MakeFolder) -> None:
    folder = make_folder({f"{name}/clip{clip}": 1 for name in "ab" for clip in range(6)})
    write_images(folder / "a" / "clip", 2, tint=9)
    with pytest.raises(ValueError, match=r"gives no group to 2 images: 'a/clip/image\.0\.png'"):
        load_datasets(folder, group_by=r"/clip(\d*)")
    with pytest.raises(ValueError, match=r"gives no group to 2 images"):
        load_datasets(folder, group_by=r"/clip(\d+)?")


def test_a_split_file_with_empty_groups(bursts: Path, tmp_path: Path) -> None:
    file = tmp_path / "split.json"
    load_datasets(bursts, group_by="folder").save_split(file)
    content = json.loads(file.read_text())
    for number, entry in enumerate(content["train"]):
        entry["group"] = ("", None, "x")[number % 3]
    file.write_text(json.dumps(content))
    data = load_datasets(bursts, split_file=file)
    assert data.groups("train") is None
    assert len(data.groups("test") or ()) == len(data.paths("test"))


def grouped_rows(folder: Path, group: Callable[[Path], object]) -> list[dict[str, Any]]:
    return [
        {"file": path.relative_to(folder).as_posix(), "label": path.parts[-3], "group": group(path)}
        for path in sorted(folder.rglob("*.png"))
    ]


def test_a_table_whose_groups_span_the_sets_of_a_split_file(bursts: Path, tmp_path: Path) -> None:
    file = tmp_path / "split.json"
    by_clip = grouped_rows(bursts, lambda path: path.parent.name)
    data = load_datasets(bursts, labels=by_clip)
    data.save_split(file)
    by_image = grouped_rows(bursts, str)
    again = load_datasets(bursts, labels=by_image, split_file=file)
    assert {str(bursts / path) for path in again.groups("test") or ()} == {
        str(path) for path in data.paths("test")
    }
    spanning = grouped_rows(bursts, lambda path: path.name)
    with pytest.raises(
        ValueError, match=r"By the split file, 3 groups of .* in two sets: image\.0\.png \(train, "
    ):
        load_datasets(bursts, labels=spanning, split_file=file)
    write_images(bursts / "a" / "fresh", 1, tint=9)
    spanning.append({"file": "a/fresh/image.0.png", "label": "a", "group": "fresh"})
    with pytest.warns(UserWarning, match=r"By the split file, 3 groups .*\. Make a new split"):
        grown = load_datasets(bursts, labels=spanning, split_file=file, new_files="train")
    assert len(grown.paths("train")) == len(data.paths("train")) + 1


def test_a_table_names_the_groups_that_a_split_file_lacks(bursts: Path, tmp_path: Path) -> None:
    file = tmp_path / "split.json"
    rows = grouped_rows(bursts, lambda path: path.parent.name)
    grouped = load_datasets(bursts, labels=rows)
    grouped.save_split(file)
    content = json.loads(file.read_text())
    for split in SPLITS:
        for entry in content[split]:
            del entry["group"]
    file.write_text(json.dumps(content))
    assert load_datasets(bursts, split_file=file, group_by=None).groups("test") is None
    again = load_datasets(bursts, labels=rows, split_file=file)
    assert again.groups("test") == grouped.groups("test")


@pytest.mark.parametrize("name", ["g.TSV", "g.txt", "groups", "g.dat", "G.CSV"])
def test_names_of_tables(bursts: Path, in_scratch_folder: Path, name: str) -> None:
    rows = [f"{path.relative_to(bursts)}\t{path.parent.name}" for path in bursts.rglob("*.png")]
    Path(name).write_text("\n".join(["file\tgroup", *rows]))
    check_apart(load_datasets(bursts, group_by=name), 12)


@pytest.mark.parametrize("name", ["no.tsv", "no.TXT"])
def test_tables_that_do_not_exist(bursts: Path, name: str) -> None:
    with pytest.raises(FileNotFoundError, match="does not exist"):
        load_datasets(bursts, group_by=name)


def test_files_are_named_as_in_tables_of_labels(bursts: Path) -> None:
    """Absolute, without suffix, in capitals."""
    expected = load_datasets(bursts, group_by="folder")
    paths = [path for split in SPLITS for path in expected.paths(split)]
    for name in (
        lambda path: path,
        lambda path: path.relative_to(bursts).with_suffix(""),
        lambda path: str(path.relative_to(bursts)).upper(),
    ):
        table = {name(path): path.parent.name for path in paths}
        data = load_datasets(bursts, group_by=table)
        assert all(data.groups(split) == expected.groups(split) for split in SPLITS)
    with pytest.raises(ValueError, match=r"group_by has '/x/image\.0\.png', which is not in"):
        load_datasets(bursts, group_by={"/x/image.0.png": "1"})


def test_paths_inside_of_a_wrapper_folder(bursts: Path) -> None:
    table = {
        path.relative_to(bursts.parent).as_posix(): path.parent.name
        for path in bursts.rglob("*.png")
    }
    outer = bursts.parent / "outer"
    outer.mkdir()
    bursts.rename(outer / bursts.name)
    with pytest.raises(
        ValueError, match=rf"to 36 images: .* Paths are relative to .*outer/{bursts.name}\.$"
    ):
        load_datasets(outer, group_by=table)


def test_a_frame_is_no_group_by(bursts: Path) -> None:
    class Frame:
        def __eq__(self, other: object) -> Any:
            raise ValueError("The truth value of a DataFrame is ambiguous")

        __hash__ = None  # type: ignore[assignment]

    with pytest.raises(TypeError, match="group_by must be"):
        load_datasets(bursts, group_by=Frame())  # type: ignore[arg-type]
