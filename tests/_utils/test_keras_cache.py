import errno
import os
from pathlib import Path
from typing import NoReturn

import pytest

from catdog._utils.files import SCRATCH_SUFFIX
from catdog._utils.keras_cache import cache_folder, cached_path, write_to_cache


def test_keras_home_is_the_default_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".keras"


@pytest.fixture
def read_only_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `KERAS_HOME` in which nothing can be written; the fallback is `tmp_path / ".keras"`."""
    home = tmp_path / "home"
    home.mkdir()
    access = os.access
    monkeypatch.setenv("KERAS_HOME", str(home))
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK and access(path, mode))
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    return home


def test_a_cache_that_cannot_be_written_falls_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    assert cache_folder() == tmp_path / ".keras"
    assert cached_path("models/weights") == tmp_path / ".keras" / "models" / "weights"


def test_a_file_in_a_read_only_cache_is_found(read_only_home: Path, tmp_path: Path) -> None:
    assert cached_path("file") == tmp_path / ".keras" / "file"
    (tmp_path / ".keras" / "file").touch()
    assert cached_path("file") == tmp_path / ".keras" / "file"
    (read_only_home / "file").touch()
    assert cached_path("file") == read_only_home / "file"


def test_scratch_folders_of_killed_processes_are_removed_after_a_day(keras_home: Path) -> None:
    folder = keras_home / "leftovers"
    for name, hours in (("old", 25), ("young", 23), ("running", 25)):
        content = folder / f".{name}-x{SCRATCH_SUFFIX}" / "content"
        content.mkdir(parents=True)
        for path in (content, content.parent):
            os.utime(path, (moment := path.stat().st_mtime - hours * 3600, moment))
    os.utime(folder / f".running-x{SCRATCH_SUFFIX}" / "content")  # is still written to
    (folder / ".hidden").mkdir()
    os.utime(folder / ".hidden", (0, 0))
    cached_path("leftovers/file")
    assert sorted(path.name.partition("-")[0] for path in folder.iterdir()) == [
        ".hidden",
        ".running",
        ".young",
    ]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_failure_while_making_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    def fail(folder: Path) -> None:
        folder.mkdir()
        (folder / "half").write_text("written")
        raise error("stop")

    with pytest.raises(error, match="stop"):
        write_to_cache(tmp_path / "set", fail)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_another_process_has_written_is_used(tmp_path: Path) -> None:
    def make(folder: Path) -> None:
        for place, name in ((folder, "mine"), (tmp_path / "set", "theirs")):
            place.mkdir()
            (place / name).touch()

    write_to_cache(tmp_path / "set", make)
    assert [path.name for path in (tmp_path / "set").iterdir()] == ["theirs"]
    assert list(tmp_path.iterdir()) == [tmp_path / "set"]


def test_a_file_in_use_that_another_process_has_written_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, target: Path) -> NoReturn:
        raise PermissionError(errno.EACCES, "in use")  # as Windows does

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="is not writable"):
        write_to_cache(tmp_path / "file", lambda scratch: scratch.write_text("mine"))
    (tmp_path / "file").write_text("old")
    with pytest.raises(OSError, match="is not writable"):
        write_to_cache(tmp_path / "file", lambda scratch: scratch.write_text("mine"))

    def make(scratch: Path) -> None:
        scratch.write_text("mine")
        (tmp_path / "file").unlink()
        (tmp_path / "file").write_text("theirs")

    write_to_cache(tmp_path / "file", make)
    assert (tmp_path / "file").read_text() == "theirs"


def test_new_files_have_the_permissions_that_the_user_has_set(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    write_to_cache(tmp_path / "new", Path.touch)
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "plain").stat().st_mode
