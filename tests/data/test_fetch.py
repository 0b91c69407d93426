import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from catdog import load_datasets
from catdog._keras_cache import cache_folder
from catdog._types import SPLITS
from catdog.data import _fetch
from tests.conftest import write_pictures


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tiny archive in the official layout, where `get_file` finds it."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    for part, count in (("train", 2), ("validation", 5)):
        for name in ("cats", "dogs"):
            write_pictures(tmp_path / part / name, count)
    path = tmp_path / "home" / "datasets" / "cats_and_dogs_filtered.zip"
    path.parent.mkdir(parents=True)
    with zipfile.ZipFile(path, "w") as content:
        content.writestr("cats_and_dogs_filtered/vectorize.py", "")
        for picture in tmp_path.glob("*/*/*.png"):
            content.write(picture, f"cats_and_dogs_filtered/{picture.relative_to(tmp_path)}")
    return path


def test_archive_is_unpacked_once_into_keras_cache(archive: Path) -> None:
    data = load_datasets()
    assert [len(data.paths(split)) for split in SPLITS] == [4, 8, 2]
    folder = archive.with_suffix("")
    assert all(folder in path.parents for path in data.paths("train"))
    before = data.paths("train")[0].stat().st_ino
    assert load_datasets().paths("train")[0].stat().st_ino == before
    assert sorted(path.name for path in archive.parent.iterdir()) == [folder.name, archive.name]


def test_broken_archive_says_what_to_do(archive: Path) -> None:
    archive.write_bytes(archive.read_bytes()[:500])
    with pytest.raises(OSError, match=r"cats_and_dogs_filtered\.zip is broken.*Delete it"):
        load_datasets()
    assert not archive.with_suffix("").exists()
    assert list(archive.parent.iterdir()) == [archive]


def test_no_network_says_where_to_put_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    place = tmp_path / "datasets" / "cats_and_dogs_filtered.zip"
    with pytest.raises(OSError, match=r"Cannot download https://.*filtered\.zip") as raised:
        load_datasets()
    assert f"Put the file at {place} by hand" in str(raised.value)
    assert 'load_datasets("synthetic")' in str(raised.value)
    assert not place.exists()


def test_keras_home_is_the_default_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".keras"


def test_failure_while_filling_leaves_nothing(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").write_text("written")
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        _fetch._land(tmp_path / "set", fail)
    assert list(tmp_path.iterdir()) == []


def test_whoever_lands_second_takes_what_is_there(tmp_path: Path) -> None:
    def fill(folder: Path) -> None:
        (folder / "mine").touch()
        (tmp_path / "set").mkdir()
        (tmp_path / "set" / "theirs").touch()

    landed = _fetch._land(tmp_path / "set", fill)
    assert [path.name for path in landed.iterdir()] == ["theirs"]
    assert list(tmp_path.iterdir()) == [landed]


DESCRIBE = """
import hashlib
from catdog import load_datasets
data = load_datasets(image_size=(32, 32), seed=3)
print([len(data.paths(split)) for split in ("train", "validation", "test")])
print([path.name for path in data.paths("test")])
batches = [images.numpy().tobytes() + labels.numpy().tobytes() for images, labels in data.train]
print(hashlib.sha256(b"".join(batches)).hexdigest())
"""


@pytest.mark.real_data
def test_the_real_pictures() -> None:
    data = load_datasets()
    counts = [data.label_counts(split) for split in SPLITS]
    assert counts == [{"cats": n, "dogs": n} for n in (1000, 400, 100)]
    files = [{(path.parts[-3:]) for path in data.paths(split)} for split in SPLITS]
    assert len(set.union(*files)) == sum(len(names) for names in files) == 3000


@pytest.mark.real_data
def test_two_processes_with_one_seed_get_the_same_real_files_and_batches() -> None:
    first, second = (
        subprocess.run(
            [sys.executable, "-c", DESCRIBE], capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    )
    assert first == second
    assert first.startswith("[2000, 800, 200]")


@pytest.mark.real_data
def test_the_three_real_sets_share_no_picture_over_several_passes() -> None:
    data = load_datasets(image_size=(48, 48))
    seen: list[set[bytes]] = [set(), set(), set()]
    for _ in range(3):
        for pictures, dataset in zip(seen, data, strict=True):
            for images, _ in dataset:
                pictures.update(image.tobytes() for image in images.numpy())
    assert set.union(*seen)
    assert not seen[0] & seen[1]
    assert not seen[0] & seen[2]
    assert not seen[1] & seen[2]


def test_unpacked_pictures_need_neither_archive_nor_network(archive: Path) -> None:
    expected = load_datasets().paths("train")
    archive.unlink()
    assert load_datasets().paths("train") == expected


@pytest.mark.parametrize("classes", [("apples", "pears"), ()])
def test_another_archive_is_not_taken_for_the_pictures(
    archive: Path, tmp_path: Path, classes: tuple[str, ...]
) -> None:
    with zipfile.ZipFile(archive, "w") as content:
        content.writestr("readme.txt", "x")
        for name in classes:
            content.write(tmp_path / "train" / "cats" / "picture.0.png", f"{name}/x.png")
    with pytest.raises(OSError, match=r"filtered\.zip .*Delete it and try again"):
        load_datasets()
    assert list(archive.parent.iterdir()) == [archive]


def test_a_cache_that_cannot_be_written_falls_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    assert cache_folder() == tmp_path / ".keras"
