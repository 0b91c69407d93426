"""Test the warnings about lists of images that are not used."""

import gzip
import os
import pickle
import shutil
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

from catdog import load_datasets, scan_images
from catdog.data.layout import find_layout
from tests.conftest import MakeFolder


@pytest.mark.parametrize(
    "lists",
    [
        {"meta/train.txt": "cat/image.0.png", "meta/test.txt": "cat/image.1.png"},
        {"train_test_split.txt": "1 0"},
        {"labels/train1.txt": "image.0.png", "labels/test1.txt": "image.1.png"},
        {"split.json": '{"image.0.png": 1}'},
        {"table.csv": "file;label;Split\nimage.0.png;cat;train\n"},
        {
            "lists/by class/train.txt": "cat/image.0.png",
            "lists/by class/test.txt": "cat/image.1.png",
        },
        {"classes.csv": "file,genre,subset\nimage.0.png,x,train\nb.png,x,test\n"},
        {"cards.csv": 'file,"data set"\nimage.0.png,"train"\nb.png,"valid"\n'},
        {"list_eval_partition.csv": "image_id,partition\nimage.0.png,0\n"},
        {"meta.tsv": "image\tsplit\nimage.0.png\ttrain\n"},
        {"meta.txt": "\ufeffimage\tsplit\nimage.0.png\ttrain\n"},
        {"train.jsonl": '{"image.0": 0}', "test.jsonl": '{"image.1": 0}'},
        {"train.lst": "image.0.png", "test.lst": "image.1.png"},
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


def test_own_splits_do_not_matter_beside_split_folders(make_folder: MakeFolder) -> None:
    folder = make_folder({"train/cat": 5, "train/dog": 5, "test/cat": 5, "test/dog": 5})
    (folder / "split.json").write_text("{}")
    load_datasets(folder)  # no warning


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


@pytest.mark.parametrize("name", ["jpg", "JPEGImages", "train_png"])
def test_names_of_the_folder_of_images(make_folder: MakeFolder, name: str) -> None:
    folder = make_folder(cat=6, dog=6)
    folder = folder.rename(folder.with_name(name))
    (folder.parent / "setid.mat").write_text("")
    with pytest.warns(UserWarning, match="split of their own"):
        load_datasets(folder)


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


NAMED = "image.0.png image.1.png"


@pytest.mark.parametrize(
    "files",
    [
        {"metadata.jsonl": '{"file_name": "image.0.png"}\n{"file_name": "image.1.png"}\n'},
        {"dsfold1.txt": "image.0.png|100|1\nimage.1.png|100|1\n"},
        {"list_bbox.txt": "image.0.png 0\nimage.1.png 1\n"},
        {"data.yaml": "images: [image.0.png, image.1.png]"},
        {"fold": NAMED},
        {"patients.csv": "patient_id,image\np1,image.0.png\np1,image.1.png\n"},
        {"meta/patients.tsv": "image\tpatient\nimage.0\tp1\nimage.1\tp1\n"},
        {"cat/urls.txt": "https://x.org/image.0.png\nhttps://x.org/image.1.png\n"},
    ],
)
def test_files_that_name_images(make_folder: MakeFolder, files: dict[str, str]) -> None:
    folder = make_folder(cat=6, dog=6)
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content)
    (name,) = (Path(name).name for name in files)
    with pytest.warns(UserWarning, match=rf"name its images, and are not used: '{name}'"):
        load_datasets(folder)
    with pytest.warns(UserWarning, match="name its images"):
        scan_images(folder)


def test_packed_files_that_name_images(make_folder: MakeFolder) -> None:
    folder = make_folder(cat=6, dog=6)
    (folder / "a.csv.gz").write_bytes(gzip.compress(NAMED.encode()))
    (folder / "b.bin").write_bytes(pickle.dumps(NAMED.split()))
    (folder / "c.gz").write_bytes(b"no archive")
    with pytest.warns(UserWarning, match=r"are not used: 'a.csv.gz', 'b.bin'\."):
        load_datasets(folder)


@pytest.mark.parametrize(
    "files",
    [
        {"train": NAMED, "test": "image.2.png"},
        {"train.list": NAMED, "test.list": "image.2.png"},
        {"validation_list.txt": NAMED, "testing_list.txt": "image.2.png"},
        {"split_zhou_OxfordPets.json": f'{{"train": ["{NAMED}"]}}'},
        {"cat/train.txt": NAMED, "cat/test.txt": "image.2.png"},
        {"cat/meta.csv": "file,split\nimage.0.png,train\nimage.1.png,test\n"},
    ],
)
def test_more_lists_of_a_split(make_folder: MakeFolder, files: dict[str, str]) -> None:
    folder = make_folder(cat=6, dog=6)
    for name, content in files.items():
        (folder / name).write_text(content)
    with pytest.warns(UserWarning, match="split of their own") as caught:
        load_datasets(folder)
    assert len(caught) == 1
    assert all(Path(name).name in str(caught[0].message) for name in files)


def test_the_images_are_at_the_end_of_a_long_list(make_folder: MakeFolder) -> None:
    folder = make_folder(cat=6, dog=6)
    for name in ("train.txt", "test.txt"):
        (folder / name).write_text("".join(f"other{n}.png\n" for n in range(20_000)) + NAMED)
    with pytest.warns(UserWarning, match="split of their own"):
        load_datasets(folder)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("README.md", NAMED),
        ("LICENSE.txt", NAMED),
        (".hidden.csv", NAMED),
        ("cat/image.0.txt", NAMED),  # a caption
        ("words.txt", "cat dog image png 0 1 2 other"),
        ("test_predictions.csv", "cat/image.0.png"),
        ("a.gz", "no archive"),
        ("train_log.txt", "epoch 1"),
        ("film.mp4", "\0\1\2"),
    ],
)
def test_files_that_name_no_images(make_folder: MakeFolder, name: str, content: str) -> None:
    folder = make_folder(cat=6, dog=6)
    for number, word in enumerate(("cat", "other", "7")):
        (folder / f"cat/image.{number + 1}.png").rename(folder / f"cat/{word}.png")
    (folder / name).write_text(content)
    (folder / "val_log.txt").write_text("epoch 1")
    load_datasets(folder)  # no warning


def test_many_files_of_one_kind(make_folder: MakeFolder) -> None:
    """They are of one image each, and are not all read."""
    folder = make_folder(cat=6, dog=6)
    for number in range(150):
        (folder / f"cat/x{number:03}.json").write_text(NAMED if number > 120 else "")
    load_datasets(folder)  # no warning
    (folder / "cat/x099.json").write_text(NAMED)
    with pytest.warns(UserWarning, match=r"are not used: 'x099.json'\."):
        load_datasets(folder)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such pipes")
def test_a_pipe_is_not_read(make_folder: MakeFolder) -> None:
    folder = make_folder(cat=6, dog=6)
    os.mkfifo(folder / "cat/list.csv")
    os.mkfifo(folder / "list.csv")
    assert find_layout(folder).class_names == ("cat", "dog")


def test_a_closed_folder_of_lists(make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_folder(cat=6, dog=6)
    (folder / "meta/lists").mkdir(parents=True)
    listed = Path.iterdir

    def refuse(path: Path) -> Iterator[Path]:
        if path.name == "lists":
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(Path, "iterdir", refuse)
    load_datasets(folder)  # no warning


def test_tables_that_are_used(make_folder: MakeFolder) -> None:
    folder = make_folder(cat=6, dog=6)
    images = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*.png"))]
    groups, labels = folder / "groups.csv", folder / "labels.csv"
    groups.write_text("file,group\n" + "".join(f"{file},g{n}\n" for n, file in enumerate(images)))
    load_datasets(folder, group_by=groups)  # no warning
    with pytest.raises(ValueError, match="has no parentheses"):
        load_datasets(folder, group_by="\0")
    labels.write_text("file,label\n" + "".join(f"{file},{file[:3]}\n" for file in images))
    load_datasets(folder, labels=labels, group_by=groups)  # no warning
    with pytest.warns(UserWarning, match="are not used: 'groups.csv'"):
        load_datasets(folder, labels=labels)


def test_other_files_beside_split_folders(make_folder: MakeFolder) -> None:
    folder = make_folder({"train/cat": 6, "train/dog": 6, "test/cat": 6, "test/dog": 6})
    (folder / "train.txt").write_text(NAMED)
    load_datasets(folder)  # no warning
    (folder / "patients.txt").write_text(NAMED)
    with pytest.warns(UserWarning, match=r"name its images, and are not used: 'patients.txt'\."):
        load_datasets(folder)


def test_a_list_of_a_set_without_a_folder(make_folder: MakeFolder) -> None:
    folder = make_folder({"train/cat": 6, "train/dog": 6, "test/cat": 6, "test/dog": 6})
    (folder / "val.txt").write_text("cat/image.0.png")
    with pytest.warns(UserWarning, match=r"split of their own, which is not used: 'val.txt'\."):
        load_datasets(folder)


def test_lists_of_the_folders_of_videos(make_folder: MakeFolder) -> None:
    """As those of UCF101, whose frames are in a folder for each video."""
    videos = [f"{name}/v_{name}_g{number}" for name in ("dive", "jump") for number in range(8)]
    folder = make_folder(dict.fromkeys(videos, 1))
    for name in ("trainlist01", "testlist01"):
        (folder / f"{name}.txt").write_text("dive/v_dive_g1.avi 1\n")
    with pytest.warns(UserWarning, match="split of their own"):
        load_datasets(folder, group_by="folder")


def test_lists_of_patients(make_folder: MakeFolder) -> None:
    folder = make_folder(cat=6, dog=6)
    for name in ("train", "test"):
        (folder / f"{name}_patients.txt").write_text("p1\np2\n")
    with pytest.warns(UserWarning, match="split of their own"):
        load_datasets(folder, group_by=r"(\d)")
    images = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png"))
    rows = [{"file": file, "label": file[:3], "group": f"p{n}"} for n, file in enumerate(images)]
    with pytest.warns(UserWarning, match="split of their own"):
        load_datasets(folder, labels=rows)
    labels = {file: file[:3] for file in images}
    load_datasets(folder, labels=labels)  # no warning: they may be of other images


def test_lists_of_classes(make_folder: MakeFolder) -> None:
    folder = make_folder({"class_1": 6, "class_2": 6})
    (folder / "classes.txt").write_text("class_1\nclass_2\n")
    load_datasets(folder)  # no warning


def test_labels_from_memory(make_folder: MakeFolder) -> None:
    """They may have been read from the file that names the images."""
    folder = make_folder({"photos/cat": 6, "photos/dog": 6})
    files = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*.png"))]
    labels = {file: file.split("/")[1] for file in files}
    table, other = folder / "labels.csv", folder / "photos/patients.csv"
    table.write_text("file,label\n" + "".join(f"{file},{labels[file]}\n" for file in files))
    load_datasets(folder, labels=labels)  # no warning
    other.write_text(NAMED)
    with pytest.warns(UserWarning, match=r"are not used: 'patients.csv'\."):
        load_datasets(folder, labels=table)
    for name in ("train", "test"):
        (folder / f"photos/{name}.txt").write_text(NAMED)
    with pytest.warns(UserWarning, match="split of their own"):
        load_datasets(folder, labels=labels)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("a 1", "cat/a 1.png 0"),
        ("a (1)", "cat/a (1).png"),
        ("a (1)", "cat/a (1)"),
        ("a,b", '"cat/a,b.png",cat'),
        ("it's", "it's.png"),
        ("caf\u00e9", '["caf\\u00e9.png"]'),
        ("caf\u00e9", "cafe\u0301.png"),
        ("a 1", "https://x.org/A%201.JPG?width=7"),
        ("a1", "<filename>a1.jpeg</filename>"),
        ("a1", "a1.png#0"),
        ("17", "17.png"),
        ("scan_1", "cat/scan_1.nii.gz 0"),
        ("\u732b", "\u732b.png"),
    ],
)
def test_how_lists_write_names(make_folder: MakeFolder, name: str, line: str) -> None:
    folder = make_folder(cat=6, dog=6)
    (folder / "cat/image.0.png").rename(folder / f"cat/{name}.png")
    (folder / "train.txt").write_text(line)
    (folder / "test.txt").write_text(line)
    files = [path.relative_to(folder).as_posix() for path in folder.rglob("*.png")]
    labels = {file: file[:3] for file in files}
    with pytest.warns(UserWarning, match="split of their own"):
        load_datasets(folder, labels=labels)
    for list_of in ("train.txt", "test.txt"):
        (folder / list_of).write_text(line.replace("a", "xa").replace("7.png", "70.png"))
    if "a" in line and not line.startswith(("caf", "http", "[")):
        load_datasets(folder, labels=labels)  # no warning


def test_a_list_of_classes_in_another_form_of_unicode(make_folder: MakeFolder) -> None:
    """Folders of classes are no groups, so a list of the classes names no images."""
    names = ["café_noir", "thé_vert"]
    folder = make_folder({unicodedata.normalize("NFD", name): 6 for name in names})
    (folder / "classes.txt").write_text("\n".join(names), "utf-8")
    load_datasets(folder)  # no warning


def test_a_table_that_is_cut_off_in_a_cell(make_folder: MakeFolder) -> None:
    folder = make_folder(cat=6, dog=6)
    rows = [f"{name}/image.{n}.png" for name in ("cat", "dog") for n in range(6)]
    line = "file,purpose\n" + "".join(
        f"{row},{('train', 'test')[n % 2]}\n" for n, row in enumerate(rows)
    )
    more = "x.png,train\n"
    text = line + more * (2**17 // len(more))
    while text[2**16 - 1] != "i":  # within "train"
        text = text.replace("purpose\n", "purpose\n\n", 1)
    (folder / "images.csv").write_text(text)
    with pytest.warns(UserWarning, match="split of their own, which is not used: 'images.csv'"):
        load_datasets(folder)


def warnings_of(folder: Path) -> str:
    return "\n".join(map(str, find_layout(folder).doubts))


@pytest.mark.parametrize(
    ("name", "content", "is_said"),
    [
        ("train.csv", "file,patient\n{0}.png,p1\n{1}.png,p1\n", True),
        ("train_metadata.csv", "file,age\n{0}.png,40\n{1}.png,50\n", True),
        ("test_exclude.txt", "{0}.png\n{1}.png\n", True),
        ("train.csv", "file,label\n{0}.png,cat\n{1}.png,dog\n", False),
        ("train_list.txt", "{0}.png\n{1}.png\n", False),
    ],
)
def test_files_about_a_set_that_is_known(
    make_folder: MakeFolder, name: str, content: str, is_said: bool
) -> None:
    folder = make_folder({f"{split}/{label}": 6 for split in ("train", "test") for label in "ab"})
    (folder / name).write_text(content.format("image.0", "image.1"))
    assert ("name its images, and are not used" in warnings_of(folder)) == is_said


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("split.json", '{"train": ["a00"], "test": ["a01"]}'),
        ("splits.csv", "patient,set\na00,train\na01,test\n"),
        ("cohort.csv", "patient,purpose\na00,train\na01,test\n"),
        ("train.list", "a00\n"),
    ],
)
def test_lists_of_patients_that_are_a_split(
    make_folder: MakeFolder, name: str, content: str
) -> None:
    folder = make_folder(cat=6, dog=6)
    (folder / name).write_text(content)
    (folder / "test.list").write_text("a01\n")
    assert "split of their own, which is not used" in (said := warnings_of(folder))
    assert f"'{name}'" in said


def test_the_split_file_of_catdog_is_no_other_split(make_folder: MakeFolder) -> None:
    folder = make_folder(cat=6, dog=6)
    (folder / "split.json").write_text('{\n "format": "catdog split",\n "train": []}')
    assert warnings_of(folder) == ""


def with_umlauts(make_folder: MakeFolder) -> tuple[Path, str]:
    """Return a folder, and a list of some of its images, whose names have an umlaut."""
    folder = make_folder(cat=6, dog=6)
    for number in range(6):
        (folder / f"cat/image.{number}.png").rename(folder / f"cat/Kätzchen{number}.png")
    return folder, "".join(f"Kätzchen{number}.png;x\n" for number in range(6))


def test_a_list_in_the_encoding_of_older_programs(make_folder: MakeFolder) -> None:
    folder, names = with_umlauts(make_folder)
    (folder / "notes.txt").write_text(names, "cp1252")
    assert "'notes.txt'" in warnings_of(folder)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("class_counts.csv", "class,train,val,test\ncat,10,2,3\ndog,9,2,2\n"),
        ("experiments.csv", "model,fold,acc\na,0,0.8\na,1,0.7\n"),
        ("hyper.csv", "name,split,lr\na,train,0.1\n"),
    ],
)
def test_tables_that_are_about_no_image(make_folder: MakeFolder, name: str, content: str) -> None:
    folder = make_folder(cat=6, dog=6)
    (folder / name).write_text(content)
    assert warnings_of(folder) == ""


@pytest.mark.parametrize("name", ["train_labels", "train_annotations", "test_gt", "train_v2"])
def test_names_of_files_that_only_list_a_set(make_folder: MakeFolder, name: str) -> None:
    folder = make_folder({f"{split}/{label}": 6 for split in ("train", "test") for label in "ab"})
    (folder / f"{name}.csv").write_text("file,label\nimage.0.png,a\nimage.1.png,a\n")
    assert warnings_of(folder) == ""


def test_a_list_with_one_damaged_line(make_folder: MakeFolder) -> None:
    folder, names = with_umlauts(make_folder)
    (folder / "notes.txt").write_bytes(b"\xff\n" + names.encode())
    assert "'notes.txt'" in warnings_of(folder)


def test_the_split_file_that_is_used_is_not_named(make_folder: MakeFolder) -> None:
    folder = make_folder(cat=6, dog=6)
    load_datasets(folder).save_split(folder / "split.json")
    load_datasets(folder, split_file=folder / "split.json", new_files="train")  # no warning


@pytest.mark.parametrize("name", ["list_eval_partition.txt", "train.txt", "splits.csv"])
@pytest.mark.parametrize("inside", ["images", "faces"])
def test_a_split_beside_the_folder(make_folder: MakeFolder, inside: str, name: str) -> None:
    """As in CelebA; the name of the folder does not matter, if the list names several images."""
    folder = make_folder({f"{inside}/cat": 6, f"{inside}/dog": 6})
    lines = "".join(f"image.{number}.png {number // 4}\n" for number in range(6))
    for each in (name, "test.txt"):
        (folder / each).write_text(lines)
    assert f"'{name}'" in warnings_of(folder / inside)
    for each in (name, "test.txt"):
        (folder / each).write_text("another.jpg 0\nothers.jpg 1\n")
    assert warnings_of(folder / inside) == ""
