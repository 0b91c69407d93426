import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from catdog.data._scan import index_folder
from tests.conftest import MakeFolder, write_pictures


def test_class_folders(make_folder: MakeFolder) -> None:
    index = index_folder(make_folder(dogs=2, cats=3))
    assert index.class_names == ("cats", "dogs")
    assert index.parts == {}
    assert index.undivided is not None
    assert index.undivided.labels.tolist() == [0, 0, 0, 1, 1]
    assert index.undivided.labels.dtype == np.int32
    assert [path.parent.name for path in index.undivided.paths] == ["cats"] * 3 + ["dogs"] * 2


@pytest.mark.parametrize(
    "names", [("train", "validation"), ("training", "val"), ("Train", "valid")]
)
def test_split_folders(make_folder: MakeFolder, names: Sequence[str]) -> None:
    folder = make_folder({f"{name}/{kind}": 2 for name in names for kind in ("cats", "dogs")})
    index = index_folder(folder)
    assert index.undivided is None
    assert list(index.parts) == ["train", "validation"]
    assert all(len(pictures) == 4 for pictures in index.parts.values())


def test_root_is_found_inside_an_unpacked_archive(make_folder: MakeFolder) -> None:
    folder = make_folder({"archive/photos/cats": 1, "archive/photos/dogs": 1})
    assert index_folder(folder).class_names == ("cats", "dogs")


def test_junk_is_passed_over(make_folder: MakeFolder) -> None:
    folder = make_folder({"cats": 1, "dogs": 1, ".ipynb_checkpoints": 1, "__MACOSX/cats": 1})
    for name in (".DS_Store", "._picture.0.png", "notes.txt"):
        (folder / "cats" / name).write_bytes(b"x")
    (folder / "readme.md").write_text("x")
    index = index_folder(folder)
    assert index.class_names == ("cats", "dogs")
    assert index.undivided is not None
    assert len(index.undivided) == 2


def test_pictures_below_class_folders_count(make_folder: MakeFolder) -> None:
    index = index_folder(make_folder({"cats": 1, "cats/indoors": 2, "dogs": 1}))
    assert index.undivided is not None
    assert np.bincount(index.undivided.labels).tolist() == [3, 1]


def test_many_classes(make_folder: MakeFolder) -> None:
    index = index_folder(make_folder(dict.fromkeys("edcba", 1)))
    assert index.class_names == tuple("abcde")


def test_a_file_is_not_a_folder(tmp_path: Path) -> None:
    path = tmp_path / "cats.zip"
    path.write_bytes(b"")
    with pytest.raises(NotADirectoryError, match=r"cats\.zip' is a file\. Pass a folder"):
        index_folder(path)


def test_no_class_folders(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no class folders.*one folder per class"):
        index_folder(tmp_path)


def test_a_class_folder_is_passed(make_folder: MakeFolder) -> None:
    folder = make_folder(cats=2, dogs=2)
    with pytest.raises(ValueError, match=r"no class folders\. It holds pictures itself: pass the"):
        index_folder(folder / "cats")


def test_one_class_only(make_folder: MakeFolder) -> None:
    with pytest.raises(ValueError, match="one class only, 'cats'.*a folder of their own"):
        index_folder(make_folder(cats=3))


def test_one_class_only_in_split_folders(make_folder: MakeFolder) -> None:
    folder = make_folder({"train/cats": 1, "validation/cats": 1})
    with pytest.raises(ValueError, match="one class only, 'cats'"):
        index_folder(folder)


def test_empty_class(make_folder: MakeFolder) -> None:
    folder = make_folder(cats=3)
    (folder / "dogs").mkdir()
    with pytest.raises(ValueError, match=r"dogs holds no pictures \(\.bmp.*Add some, or remove"):
        index_folder(folder)


def test_classes_differ_between_splits(make_folder: MakeFolder) -> None:
    folder = make_folder(
        {"train/cats": 1, "train/dogs": 1, "validation/cats": 1, "validation/birds": 1}
    )
    with pytest.raises(ValueError, match="the same class folders"):
        index_folder(folder)


@pytest.mark.parametrize(
    ("names", "missing"), [(("train", "test"), "validation"), (("val",), "train")]
)
def test_a_split_folder_is_missing(
    make_folder: MakeFolder, names: Sequence[str], missing: str
) -> None:
    folder = make_folder({f"{name}/{kind}": 1 for name in names for kind in ("cats", "dogs")})
    with pytest.raises(ValueError, match=f"no {missing}/. Add it, or pass the folder"):
        index_folder(folder)


def test_two_folders_for_one_split(make_folder: MakeFolder) -> None:
    folder = make_folder({f"{name}/cats": 1 for name in ("train", "val", "validation")})
    with pytest.raises(ValueError, match="both val/ and validation/, which mean the same"):
        index_folder(folder)


def test_order_does_not_depend_on_when_files_were_made(tmp_path: Path) -> None:
    write_pictures(tmp_path / "dogs", 3)
    write_pictures(tmp_path / "cats", 12)
    undivided = index_folder(tmp_path).undivided
    assert undivided is not None
    assert list(undivided.paths) == sorted(undivided.paths)


def test_a_file_reached_by_two_ways_is_refused(make_folder: MakeFolder) -> None:
    folder = make_folder(cats=2, dogs=2)
    (folder / "dogs" / "link.png").symlink_to(folder / "cats" / "picture.0.png")
    with pytest.raises(ValueError, match=r"one and the same file.*Remove one of the links"):
        index_folder(folder)


def test_links_to_pictures_elsewhere_are_followed(make_folder: MakeFolder, tmp_path: Path) -> None:
    folder = make_folder(cats=2, dogs=2)
    write_pictures(tmp_path / "elsewhere", 1)
    (folder / "dogs" / "link.png").symlink_to(tmp_path / "elsewhere" / "picture.0.png")
    undivided = index_folder(folder).undivided
    assert undivided is not None
    assert len(undivided) == 5


def test_loops_pipes_and_broken_links_are_passed_over(make_folder: MakeFolder) -> None:
    folder = make_folder(cats=1, dogs=1)
    (folder / "cats" / "loop").symlink_to(folder)
    (folder / "cats" / "gone.png").symlink_to(folder / "nothing.png")
    os.mkfifo(folder / "cats" / "pipe.png")
    undivided = index_folder(folder).undivided
    assert undivided is not None
    assert len(undivided) == 2


def test_pictures_beside_the_split_folders(make_folder: MakeFolder) -> None:
    names = ("train", "validation", "Testset")
    folder = make_folder({f"{name}/{kind}": 1 for name in names for kind in ("cats", "dogs")})
    with pytest.raises(ValueError, match=r"Testset holds pictures.*Rename it, or move it away"):
        index_folder(folder)


def test_hidden_pictures_do_not_hide_the_root(make_folder: MakeFolder) -> None:
    folder = make_folder({"archive/cats": 1, "archive/dogs": 1})
    (folder / "archive" / "._preview.jpg").touch()
    assert index_folder(folder).class_names == ("cats", "dogs")


def test_classes_are_ordered_by_their_letters_alone(make_folder: MakeFolder) -> None:
    assert index_folder(make_folder(ant=1, Zebra=1)).class_names == ("Zebra", "ant")
