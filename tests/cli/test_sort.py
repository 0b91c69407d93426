import csv
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catdog import load_datasets
from catdog._utils.files import SCRATCH_SUFFIX
from catdog.cli import sort
from catdog.cli.main import main
from catdog.cli.sort import MAX_NAME_BYTES, label_folders, sort_images
from catdog.cli.target import check_folder, numbered, put_new
from catdog.inference.prediction import Prediction
from tests.cli.conftest import Capture, python, strict_json
from tests.cli.test_predict import LITERT_FILE, RUN_WITHOUT_KERAS
from tests.cli.test_predict import saved as saved  # a fixture
from tests.conftest import write_images


def contents(folder: str | Path) -> dict[str, bytes]:
    """Return the files below a folder, with their contents; hidden files, too."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file()
    }


def predicted(*paths: Path, label: str | None = "cats") -> Iterator[Prediction]:
    for path in paths:
        yield Prediction(label, 0.9, np.array([0.9, 0.1]), path, ("cats", "dogs"))


def test_predictions_in_a_file_and_in_folders(
    saved: Path, image_folder: Path, capsys: Capture
) -> None:
    """The lines, the rows, the JSON and the copies say the same, for bad and unsure images too."""
    (image_folder / "dogs/image.5.png").write_bytes(b"broken")
    before = contents(image_folder)
    typed = ["predict", str(image_folder), "missing.png", "--model", str(saved / LITERT_FILE)]
    assert main([*typed, "--json"]) == 1
    probabilities = [
        entry["probability"] for entry in strict_json(capsys.readouterr().out) if not entry["error"]
    ]
    threshold = str(np.median(probabilities))
    typed += ["--unsure-below", threshold, "--csv", "found.csv", "--sort-into", "sorted/by class"]
    assert main([*typed, "--json"]) == 1
    captured = capsys.readouterr()
    entries = strict_json(captured.out)
    with Path("found.csv").open(newline="", encoding="utf-8") as opened:
        rows = list(csv.DictReader(opened))
    assert len(rows) == len(entries) == 21
    copies: dict[str, list[bytes]] = {}
    for row, entry in zip(rows, entries, strict=True):
        label = "" if entry["error"] else entry["label"] or "unsure"
        known = entry["probabilities"] or {"cats": "", "dogs": ""}
        assert row == {
            "path": entry["path"],
            "label": label,
            "probability": str(entry["probability"] or ""),
            "error": entry["error"] or "",
            **{f"probability of {name}": str(value) for name, value in known.items()},
        }
        if label:
            copies.setdefault(label, []).append(Path(entry["path"]).read_bytes())
    assert "unsure" in copies
    found = contents("sorted/by class")
    assert sorted({Path(name).parent.name for name in found}) == sorted(copies)
    for label, images in copies.items():
        inside = [content for name, content in found.items() if Path(name).parent.name == label]
        assert sorted(inside) == sorted(images)
    assert contents(image_folder) == before
    counts = ", ".join(f"{label} {len(images)}" for label, images in sorted(copies.items()))
    assert captured.err.splitlines()[-1].endswith(f"by class ({counts})")
    assert main([*typed, "--overwrite"]) == 1  # nothing is copied twice
    assert contents("sorted/by class") == found


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_unusual_names(saved: Path) -> None:
    """A row has the path as it is, byte by byte; of a link, the image is copied."""
    names = ["=1+1.png", 'a,"b".png', "new\nline.png", os.fsdecode(b"latin\xe9.png"), "\u00fc.png"]
    write_images(Path("some"), len(names))
    Path("photos").mkdir()
    for number, name in enumerate(names):
        Path(f"some/image.{number}.png").rename(f"photos/{name}")
    Path("photos/link.png").symlink_to(Path("photos/=1+1.png").absolute())
    typed = ["predict", "photos", "--model", str(saved / LITERT_FILE)]
    assert main([*typed, "--csv", "found.csv", "--sort-into", "sorted"]) == 0
    with Path("found.csv").open(newline="", encoding="utf-8", errors="surrogateescape") as opened:
        rows = list(csv.DictReader(opened))
    expected = sorted(f"photos/{name}" for name in [*names, "link.png"])
    assert sorted(row["path"] for row in rows) == expected
    assert [Path(row["path"]).is_file() for row in rows] == [True] * 6
    found = {Path(name).name: content for name, content in contents("sorted").items()}
    assert found == contents("photos")
    assert not any(path.is_symlink() for path in Path("sorted").rglob("*"))


def test_the_file_is_not_replaced_unasked(saved: Path, capsys: Capture) -> None:
    write_images(Path("photos"), 1)
    Path("found.csv").write_text("mine")
    typed = ["predict", "photos", "--model", str(saved / LITERT_FILE), "--csv", "found.csv"]
    assert main(typed) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "--csv='found.csv' exists. Choose another name, or pass --overwrite." in captured.err
    assert Path("found.csv").read_text() == "mine"


def test_a_file_that_may_not_be_written(
    saved: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said before anything is computed, and not when the result is there."""
    Path("found.csv").touch()
    monkeypatch.setattr("os.access", lambda *_: False)
    typed = ["predict", "photo.png", "--model", str(saved / LITERT_FILE), "--csv", "found.csv"]
    assert main([*typed, "--overwrite"]) == 2
    assert "--csv='found.csv' cannot be written: no permission" in capsys.readouterr().err


def test_no_tensorflow_is_needed(saved: Path) -> None:
    write_images(Path("photos"), 3)
    typed = ["predict", "photos", "--model", str(saved / LITERT_FILE)]
    typed += ["--csv", "found.csv", "--sort-into", "sorted"]
    done = python("-c", RUN_WITHOUT_KERAS.format(arguments=typed))
    assert done.returncode == 0, done.stderr
    assert Path("found.csv").read_text().count("\n") == 4
    assert len(contents("sorted")) == 3


def test_the_rest_is_done_where_nobody_reads_the_lines(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_images(Path("photos"), 40)
    monkeypatch.setattr("catdog.cli.predict.out", lambda _: False)
    typed = ["predict", "photos", "--model", str(saved / LITERT_FILE)]
    assert main([*typed, "--csv", "found.csv", "--sort-into", "sorted"]) == 0
    assert Path("found.csv").read_text().count("\n") == 41
    assert len(contents("sorted")) == 40


def test_images_of_one_name(image_folder: Path) -> None:
    """Both are kept, whichever folder they are from; a repeated command finds them."""
    names = ["cats/image.0.png", "dogs/image.0.png", "cats/image.0.png"]
    shutil.copy(image_folder / names[0], image_folder / "copy.png")
    Path("sorted/cats").mkdir(parents=True)
    Path("sorted/cats/image.0-2.png").write_bytes(b"mine")
    paths = [*(image_folder / name for name in names), image_folder / "copy.png"]
    cat, dog = (paths[place].read_bytes() for place in (0, 1))
    for _ in range(2):
        list(sort_images(predicted(*paths), Path("sorted")))
        assert contents("sorted/cats") == {
            "image.0.png": cat,
            "image.0-2.png": b"mine",
            "image.0-3.png": dog,
            "image.0-4.png": cat,
            "copy.png": cat,
        }


def test_many_images_of_one_name(image_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name of each is found at once, not by trying all those before it."""
    tried: list[Path] = []

    def put_and_count(complete: Path, target: Path) -> bool:
        tried.append(target)
        return put_new(complete, target)

    def number_and_count(target: Path) -> Iterator[Path]:
        for path in numbered(target):
            tried.append(path)
            yield path

    monkeypatch.setattr(sort, "put_new", put_and_count)
    monkeypatch.setattr(sort, "numbered", number_and_count)
    Path("sorted").mkdir()
    paths = []
    for number in range(50):
        path = Path(f"video{number}/frame.png")
        path.parent.mkdir()
        path.write_bytes(b"%d" % number)
        paths.append(path)
    list(sort_images(predicted(*paths), Path("sorted")))
    assert len(contents("sorted/cats")) == 50
    assert sum(path.suffix == ".png" for path in tried) == 100


@pytest.mark.filterwarnings("default:.* passed over")
def test_a_folder_within_the_images(saved: Path, capsys: Capture) -> None:
    """What an earlier command has copied there is not classified again."""
    write_images(Path("photos"), 3)
    typed = ["predict", "photos", "--model", str(saved / LITERT_FILE), "--sort-into"]
    assert main([*typed, "photos/sorted"]) == 0
    before = contents("photos")
    capsys.readouterr()
    assert main([*typed, "photos/sorted"]) == 0
    captured = capsys.readouterr()
    assert captured.out.count("\n") == 3
    assert "3 images in photos/sorted were passed over" in captured.err
    assert contents("photos") == before
    for folder in ("photos", "."):
        assert main([*typed, folder]) == 2
        assert f"--sort-into='{folder}' is the folder of photos" in capsys.readouterr().err
    assert contents("photos") == before
    for path in Path("photos").glob("*.png"):
        path.unlink()
    assert main([*typed, "photos/sorted", "--csv", "found.csv"]) == 0  # no image is left
    assert Path("found.csv").read_text() == "path,label,probability,error\n"


@pytest.mark.parametrize("step", ["copy2", "link", "rename"])
def test_a_crash_leaves_no_half_file(
    step: str, image_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = sorted((image_folder / "cats").iterdir())[:3]
    done: list[Path] = []

    def fail_at_third(source: Path, target: Path) -> None:
        done.append(target)
        if len(done) == 3:
            target.write_bytes(source.read_bytes()[:10])
            raise OSError("no space")
        shutil.copyfile(source, target)

    def refuse(*_: object) -> None:
        raise PermissionError("no links here")

    if step == "copy2":
        monkeypatch.setattr("shutil.copy2", fail_at_third)
        with pytest.raises(OSError, match="no space"):
            list(sort_images(predicted(*paths), check_folder("sorted", "--sort-into")))
    else:
        if step == "rename":
            monkeypatch.setattr(os, "link", refuse)
        list(sort_images(predicted(*paths[:2], paths[0]), check_folder("sorted", "--sort-into")))
    whole = {f"cats/{path.name}": path.read_bytes() for path in paths[:2]}
    again = {} if step == "copy2" else {"cats/image.0-2.png": paths[0].read_bytes()}
    assert contents("sorted") == whole | again


def test_a_killed_command_leaves_whole_images(saved: Path) -> None:
    """What it has left behind is hidden, and no image for `load_datasets` and `predict`."""
    write_images(Path("photos"), 4)
    code = (
        "import os, sys\nfrom catdog.cli import sort\nfrom catdog.cli.main import main\n"
        "sort.put_new = lambda copy, target, put=sort.put_new: "
        "os._exit(9) if target.name == 'image.2.png' else put(copy, target)\n"
        f"main(['predict', 'photos', '--model', {str(saved / LITERT_FILE)!r}, "
        "'--sort-into', 'sorted'])"
    )
    assert python("-c", code).returncode == 9
    left = [path for path in Path("sorted").rglob("*") if path.is_file()]
    shown = [path for path in left if SCRATCH_SUFFIX not in path.parent.name]
    assert sorted(path.name for path in shown) == ["image.0.png", "image.1.png"]
    assert all(path.parent.name.startswith(".") for path in left if path not in shown)


@pytest.mark.parametrize(
    ("path", "message"),
    [("file", "--sort-into='file' is a file"), ("file/below", "cannot be written to: Not a dir")],
)
def test_folders_that_cannot_be_used(
    path: str, message: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("file").touch()
    monkeypatch.delattr("catdog.cli.predict.open_scorer")  # not needed for the answer
    assert main(["predict", "photo.png", "--sort-into", path]) == 2
    assert message in capsys.readouterr().err


def test_a_file_with_the_name_of_a_label(image_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "cats").write_text("mine")
    images = predicted(image_folder / "cats/image.0.png")
    with pytest.raises(NotADirectoryError, match=r"--sort-into needs the folder .*cats, which is"):
        list(sort_images(images, tmp_path))
    assert (tmp_path / "cats").read_text() == "mine"


def test_labels_that_are_no_names_of_folders() -> None:
    labels = ["../etc", "a/b", "a_b", "A_B", "", "..", ".hidden", "CON", "nul.x", "x. ", "unsure"]
    assert label_folders(labels) == {
        "../etc": "_.._etc",
        "a/b": "a_b",
        "a_b": "a_b-2",
        "A_B": "A_B-3",
        "": "_",
        "..": "_-2",
        ".hidden": "_.hidden",
        "CON": "_CON",
        "nul.x": "_nul.x",
        "x. ": "x",
        "unsure": "unsure",
    }


@given(st.lists(st.text() | st.from_regex(r"[./\\:]{1,3}(con|aux)?[ .]{0,2}"), max_size=6))
def test_folders_of_any_labels(labels: list[str]) -> None:
    folders = label_folders(labels)
    assert set(folders) == {*labels, "unsure"}
    names = [name.casefold() for name in folders.values()]
    assert len(set(names)) == len(names)
    for name in folders.values():
        assert Path("x", name).parent == Path("x")
        assert name == Path(name).name
        assert not name.startswith(".")
        assert name[-1] not in " ."
        assert len(name.encode()) <= MAX_NAME_BYTES + 10


def test_sorted_images_can_be_trained_on(image_folder: Path) -> None:
    cats = sorted((image_folder / "cats").iterdir())
    list(sort_images(predicted(*cats), check_folder("sorted", "--sort-into")))
    dogs = predicted(*sorted((image_folder / "dogs").iterdir()), label="dogs")
    list(sort_images(dogs, check_folder("sorted", "--sort-into")))
    data = load_datasets("sorted")
    assert data.class_names == ("cats", "dogs")
    assert sum(len(data.paths(split)) for split in ("train", "validation", "test")) == 20
