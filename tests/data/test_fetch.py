import errno
import io
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import NoReturn

import pytest

from catdog import load_datasets
from catdog.data import fetch, synthetic
from catdog.data.fetch import draw_synthetic, fetch_cats_and_dogs
from catdog.typing import SPLITS
from tests import local_server
from tests.conftest import write_images
from tests.local_server import Answer, LocalServer

COUNTS = {"train": 2, "validation": 5}
NOWHERE = "http://127.0.0.1:9/cats_and_dogs_filtered.zip"

Contents = dict[Path, bytes]


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tiny archive in the official layout, in the cache; nothing can be downloaded."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(fetch, "CATS_AND_DOGS_COUNTS", COUNTS)
    monkeypatch.setattr(fetch, "CATS_AND_DOGS_URL", NOWHERE)
    for part, count in COUNTS.items():
        for name in ("cats", "dogs"):
            write_images(tmp_path / "official" / part / name, count)
    path = tmp_path / "home" / "datasets" / "cats_and_dogs_filtered.zip"
    path.parent.mkdir(parents=True)
    with zipfile.ZipFile(path, "w") as content:
        content.writestr("cats_and_dogs_filtered/vectorize.py", "")
        for image in sorted(tmp_path.glob("official/*/*/*.png")):
            place = image.relative_to(tmp_path / "official")
            content.write(image, f"cats_and_dogs_filtered/{place}")
    return path


@pytest.fixture
def published(archive: Path, server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """The bytes of the archive, which is on the local server and no longer in the cache."""
    body = archive.read_bytes()
    archive.unlink()
    monkeypatch.setattr(fetch, "CATS_AND_DOGS_URL", server.url)
    server.answers = [local_server.good(body)]
    return body


def images(folder: Path) -> Contents:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.png")}


def assert_whole(folder: Path, tmp_path: Path) -> None:
    assert folder == tmp_path / "home" / "datasets" / "cats_and_dogs_filtered"
    assert images(folder / folder.name) == images(tmp_path / "official")


def cached_names(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "home" / "datasets").iterdir())


def test_archive_is_unpacked_once_into_keras_cache(archive: Path, tmp_path: Path) -> None:
    folder = fetch_cats_and_dogs()
    assert_whole(folder, tmp_path)
    assert cached_names(tmp_path) == [folder.name, archive.name]
    before = folder.stat().st_ino
    assert fetch_cats_and_dogs().stat().st_ino == before


def test_it_is_loaded_by_its_name(archive: Path) -> None:
    data = load_datasets()
    assert [len(data.paths(split)) for split in SPLITS] == [4, 8, 2]
    assert all(archive.with_suffix("") in path.parents for path in data.paths("train"))


def test_unpacked_images_need_neither_archive_nor_network(archive: Path) -> None:
    folder = fetch_cats_and_dogs()
    archive.unlink()
    assert fetch_cats_and_dogs() == folder


def test_no_network_says_where_to_put_the_file(archive: Path) -> None:
    archive.unlink()
    with pytest.raises(OSError, match=f"Cannot download {NOWHERE}: ") as raised:
        fetch_cats_and_dogs()
    assert f"Put the file at {archive} by hand. Or use the built-in" in str(raised.value)
    assert 'load_datasets("synthetic")' in str(raised.value)
    assert list(archive.parent.iterdir()) == []


@pytest.mark.local_server
@pytest.mark.usefixtures("published")
def test_it_is_downloaded_once(server: LocalServer, tmp_path: Path) -> None:
    assert_whole(fetch_cats_and_dogs(), tmp_path)
    assert_whole(fetch_cats_and_dogs(), tmp_path)
    assert server.requests == 1


@pytest.mark.local_server
@pytest.mark.parametrize(
    "trouble",
    [local_server.cut, lambda body: local_server.status(HTTPStatus.INTERNAL_SERVER_ERROR)],
)
def test_the_call_after_a_failed_download_succeeds(
    published: bytes, server: LocalServer, tmp_path: Path, trouble: Callable[[bytes], Answer]
) -> None:
    server.answers = [trouble(published), local_server.good(published)]
    with pytest.raises(OSError, match="Cannot download"):
        fetch_cats_and_dogs()
    assert cached_names(tmp_path) == []
    assert_whole(fetch_cats_and_dogs(), tmp_path)


def with_member(body: bytes, name: str, *, mode: int = 0o100644) -> bytes:
    """Return the archive with one more member."""
    file = io.BytesIO(body)
    member = zipfile.ZipInfo(name)
    member.external_attr = mode << 16
    with zipfile.ZipFile(file, "a") as content:
        content.writestr(member, "../outside")
    return file.getvalue()


Breaks = Callable[[bytes], bytes]
LEADS_OUT = "is broken (its member {} leads out of the folder)"
BROKEN: dict[str, tuple[Breaks, str]] = {
    "truncated": (lambda body: body[:500], "is broken (File is not a zip file)"),
    "empty": (lambda body: b"", "is broken (File is not a zip file)"),
    "a page": (lambda body: b"<html>Log in</html>", "is broken (File is not a zip file)"),
    "corrupt": (lambda body: body.replace(b"IHDR", b"JHDR", 1), "is broken (Bad CRC-32 for file"),
    "no images": (
        lambda body: b"PK\5\6" + bytes(18),
        "is not the right one: it holds 0 instead of 2 in train/cats, 0 instead of 2 in train/dogs",
    ),
    "above": (lambda body: with_member(body, "../outside"), LEADS_OUT.format("'../outside'")),
    "at the root": (lambda body: with_member(body, "/outside"), LEADS_OUT.format("'/outside'")),
    "on a drive": (lambda body: with_member(body, "C:outside"), LEADS_OUT.format("'C:outside'")),
    "above on Windows": (
        lambda body: with_member(body, r"cats\..\..\outside"),
        LEADS_OUT.format(repr(r"cats\..\..\outside")),
    ),
    "a link": (
        lambda body: with_member(body, "link", mode=stat.S_IFLNK | 0o777),
        "is broken (its member 'link' is a link)",
    ),
}


@pytest.mark.local_server
@pytest.mark.parametrize(("breaks", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_broken_archive_is_fetched_once_more(
    archive: Path,
    published: bytes,
    server: LocalServer,
    tmp_path: Path,
    breaks: Breaks,
    reason: str,
) -> None:
    broken = breaks(published)
    archive.write_bytes(broken)
    server.answers = [local_server.status(HTTPStatus.NOT_FOUND)]
    with pytest.raises(OSError, match="404 Not Found") as offline:
        fetch_cats_and_dogs()
    assert str(offline.value).startswith(f"{archive} {reason}")
    assert f". Cannot download {server.url}: " in str(offline.value)
    assert f"Put the file at {archive} by hand" in str(offline.value)
    assert archive.read_bytes() == broken

    server.answers = [local_server.good(broken)]
    with pytest.raises(OSError, match="also after a second download from") as again:
        fetch_cats_and_dogs()
    assert reason in str(again.value)
    assert 'load_datasets("synthetic")' in str(again.value)
    assert cached_names(tmp_path) == [archive.name]
    assert server.requests == 2

    server.answers = [local_server.good(published)]
    assert_whole(fetch_cats_and_dogs(), tmp_path)
    assert archive.read_bytes() == published
    assert list(tmp_path.rglob("*outside")) == []


def test_an_archive_that_unpacks_to_too_much_is_refused(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "MAX_UNPACKED_BYTES", 1000)
    with pytest.raises(OSError, match=r"it unpacks to \d+ bytes, more than 1000\)"):
        fetch_cats_and_dogs()
    assert list(archive.parent.iterdir()) == [archive]


def test_images_removed_by_hand_cause_an_error(archive: Path) -> None:
    folder = fetch_cats_and_dogs()
    next(folder.glob("*/train/cats/*")).unlink()
    (folder / folder.name / "train" / "cats" / ".DS_Store").touch()  # no image
    shutil.rmtree(folder / folder.name / "validation" / "dogs")
    with pytest.raises(OSError, match="is not complete: it holds") as raised:
        fetch_cats_and_dogs()
    message = str(raised.value)
    assert message.startswith(f"{folder} is not complete")
    assert ": it holds 1 instead of 2 in train/cats, 0 instead of 5 in validation/dogs. " in message
    assert "Move the folder away and try again" in message

    folder.rename(folder.with_name("away"))
    assert fetch_cats_and_dogs() == folder


def test_images_added_by_hand_do_not_matter(archive: Path) -> None:
    folder = fetch_cats_and_dogs()
    (folder / folder.name / "train" / "cats" / "mine.png").touch()
    assert fetch_cats_and_dogs() == folder


def test_images_unpacked_by_hand_are_taken(archive: Path, tmp_path: Path) -> None:
    shutil.copytree(tmp_path / "official", archive.with_suffix(""))
    archive.unlink()
    assert fetch_cats_and_dogs() == archive.with_suffix("")


@pytest.mark.parametrize(
    ("name", "get"),
    [
        ("cats_and_dogs_filtered", fetch_cats_and_dogs),
        (f"catdog_synthetic_{synthetic.VERSION}", draw_synthetic),
    ],
)
def test_a_file_in_place_of_the_folder_is_an_error(
    archive: Path, name: str, get: Callable[[], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(fetch, "download")
    monkeypatch.delattr(fetch, "write_to_cache")
    archive.unlink()
    (archive.parent / name).touch()
    with pytest.raises(NotADirectoryError, match=f"{name} is a file, where.*Move it away"):
        get()


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "is on a full disk. Free some space, or set"),
        (errno.EACCES, "is not writable. Set"),
    ],
)
def test_errors_of_the_disk_while_the_images_are_written(
    archive: Path, number: int, advice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object, **options: object) -> NoReturn:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(zipfile.ZipFile, "extractall", fail)
    monkeypatch.setattr(synthetic, "write_images", fail)
    for get in (fetch_cats_and_dogs, draw_synthetic):
        with pytest.raises(OSError, match="KERAS_HOME") as raised:
            get()
        assert str(raised.value).startswith(f"{archive.parent} {advice}")
    assert list(archive.parent.iterdir()) == [archive]


@pytest.mark.parametrize("unpacked", [True, False])
def test_a_read_only_cache_is_read(
    archive: Path, tmp_path: Path, unpacked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = archive.with_suffix("")
    if unpacked:
        fetch_cats_and_dogs()
        archive.unlink()
    else:
        folder = tmp_path / ".keras" / "datasets" / folder.name
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK and access(path, mode))
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    for _ in range(2):
        assert fetch_cats_and_dogs() == folder
    assert images(folder / folder.name) == images(tmp_path / "official")


@pytest.fixture
def small_synthetic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The built-in set with a few images only, not drawn yet."""
    counts: dict[str, int] = dict.fromkeys(SPLITS, 1)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(synthetic, "COUNTS", counts)
    drawn = partial(synthetic.write_images, counts=counts)
    monkeypatch.setattr(synthetic, "write_images", drawn)
    return tmp_path / "home" / "datasets" / f"catdog_synthetic_{synthetic.VERSION}"


def test_the_built_in_set_is_drawn_once_and_checked(small_synthetic: Path) -> None:
    assert draw_synthetic() == small_synthetic
    before = small_synthetic.stat().st_ino
    assert draw_synthetic().stat().st_ino == before
    (small_synthetic / "test" / "dogs" / "dog.0.jpg").unlink()
    with pytest.raises(
        OSError, match="is not complete: it holds 0 instead of 1 in test/dogs. Move"
    ):
        draw_synthetic()


# Fetches the images, or is killed when a function is called for the n-th time.
FETCH = """
import itertools, os, pkgutil, signal, sys
import catdog._utils.download as download_module
from catdog.data import fetch, synthetic

download_module.CHUNK_BYTES = 64
fetch.CATS_AND_DOGS_URL = sys.argv[1]
fetch.CATS_AND_DOGS_COUNTS = {"train": 2, "validation": 5}

def kill_at(owner, name, call):
    original, calls = getattr(owner, name), itertools.count(1)
    def counted(*arguments, **options):
        if next(calls) == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*arguments, **options)
    setattr(owner, name, counted)

if len(sys.argv) > 3:
    kill_at(pkgutil.resolve_name(sys.argv[3]), sys.argv[4], int(sys.argv[5]))
print(fetch.KNOWN[sys.argv[2]]())
"""


def start_fetch(url: str, name: str, *kill_at: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", FETCH, url, name, *kill_at]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finish(process: "subprocess.Popen[str]") -> tuple[str, int]:
    output, _ = process.communicate(timeout=60)
    return output.strip(), process.returncode


@pytest.mark.local_server
def test_two_processes_at_once_both_succeed(
    published: bytes, server: LocalServer, tmp_path: Path
) -> None:
    server.answers = [local_server.good_for_both(published)]
    both = [start_fetch(server.url, "cats_and_dogs_filtered") for _ in range(2)]
    folder = tmp_path / "home" / "datasets" / "cats_and_dogs_filtered"
    assert [finish(process) for process in both] == [(str(folder), 0)] * 2
    assert server.requests == 2
    assert_whole(folder, tmp_path)
    assert cached_names(tmp_path) == [folder.name, f"{folder.name}.zip"]


KILLS = {
    "before the download": ("catdog._utils.download", "write_to_cache", "1"),
    "during the download": ("http.client:HTTPResponse", "read1", "3"),
    "before the archive is renamed": ("pathlib:Path", "replace", "1"),
    "before the extraction": ("catdog.data.fetch", "_unpack", "1"),
    "during the extraction": ("zipfile:ZipFile", "_extract_member", "3"),
    "late in the extraction": ("zipfile:ZipFile", "_extract_member", "15"),
    "before the folder is renamed": ("pathlib:Path", "replace", "2"),
    "after the folder is renamed": ("shutil", "rmtree", "2"),
}


@pytest.mark.local_server
@pytest.mark.usefixtures("published")
@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is of POSIX")
@pytest.mark.parametrize("moment", KILLS.values(), ids=KILLS)
def test_a_killed_run_leaves_no_incomplete_data_set(
    server: LocalServer, tmp_path: Path, moment: tuple[str, str, str]
) -> None:
    killed = start_fetch(server.url, "cats_and_dogs_filtered", *moment)
    assert finish(killed) == ("", -signal.SIGKILL)
    assert_whole(fetch_cats_and_dogs(), tmp_path)
    assert server.requests <= 2


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is of POSIX")
def test_drawing_that_was_killed_starts_again(small_synthetic: Path) -> None:
    killed = start_fetch(NOWHERE, "synthetic", "catdog.data.synthetic", "draw_face", "3")
    assert finish(killed) == ("", -signal.SIGKILL)
    (leftover,) = small_synthetic.parent.iterdir()
    assert draw_synthetic() == small_synthetic
    assert len(list(small_synthetic.rglob("*.jpg"))) == 6
    for path in (leftover, *leftover.iterdir()):
        os.utime(path, (yesterday := time.time() - 25 * 3600, yesterday))
    draw_synthetic()
    assert list(small_synthetic.parent.iterdir()) == [small_synthetic]


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
def test_the_real_images() -> None:
    data = load_datasets()
    counts = [data.label_counts(split) for split in SPLITS]
    assert counts == [{"cats": n, "dogs": n} for n in (1000, 400, 100)]
    files = [{(path.parts[-3:]) for path in data.paths(split)} for split in SPLITS]
    assert len(set.union(*files)) == sum(len(names) for names in files) == 3000


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.real_data
def test_the_three_real_sets_share_no_image_over_several_passes() -> None:
    data = load_datasets(image_size=(48, 48))
    seen: list[set[bytes]] = [set(), set(), set()]
    for _ in range(3):
        for contents, dataset in zip(seen, data, strict=True):
            for images, _ in dataset:
                contents.update(image.tobytes() for image in images.numpy())
    assert set.union(*seen)
    assert not seen[0] & seen[1]
    assert not seen[0] & seen[2]
    assert not seen[1] & seen[2]
