"""The cache of decoded images on disk: right pixels or none, whatever happens to its file."""

import errno
import hashlib
import io
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import PIL
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, features

from catdog import clear_feature_cache, feature_cache_size, load_datasets
from catdog._utils.file_lock import try_lock
from catdog.data import pipeline, pixel_cache
from catdog.data.pixel_cache import LOCK_SUFFIX, PIXEL_CONTRACT, SUFFIX, PixelCache
from catdog.images.decode import decode_image
from tests.data.batches import collect

SIZE = (2, 3)
IMAGES = 6
CONTRACTS = {1: "929f8c3c1f37116e2d0a5bf2531f8699407fa12e690da9a8ac9eedf18e249fb1"}
RECORD_BYTES = 32 + 4 + 2 * 3 * 3

Arrays = NDArray[np.uint8]


def key(number: int) -> str:
    return hashlib.sha256(bytes([number])).hexdigest()


def pixels(number: int, size: tuple[int, int] = SIZE) -> Arrays:
    return np.random.default_rng(number).integers(0, 256, (*size, 3), np.uint8)


def write(folder: Path, *numbers: int) -> Path:
    """Write images as a process of its own would, and return the file."""
    cache = PixelCache(folder, SIZE)
    for number in numbers:
        cache.write(key(number), pixels(number))
    return cache.path


def cached(folder: Path) -> set[int]:
    """Return which images a new process finds; their pixels are right."""
    cache = PixelCache(folder, SIZE)
    found = {number: cache.read(key(number)) for number in range(IMAGES)}
    right = {number for number, each in found.items() if each is not None}
    assert all(np.array_equal(found[number], pixels(number)) for number in right)  # type: ignore[arg-type]
    return right


def test_another_process_reads_what_one_wrote(tmp_path: Path) -> None:
    folder = tmp_path / "not/yet"
    assert cached(folder) == set()
    assert not folder.exists(), "reading makes no folder"
    write(folder, 0, 1)
    assert cached(folder) == {0, 1}
    path = write(folder, 1, 2, 0)
    assert cached(folder) == {0, 1, 2}
    header = path.stat().st_size - 3 * RECORD_BYTES
    content = path.read_bytes()[:header]
    assert content.startswith(b"catdog decoded images")
    assert b"2 x 3 x 3 bytes" in content


def test_a_process_sees_what_another_writes_meanwhile(tmp_path: Path) -> None:
    ours, theirs = PixelCache(tmp_path, SIZE), PixelCache(tmp_path, SIZE)
    theirs.write(key(0), pixels(0))
    assert ours.read(key(0)) is not None
    ours.write(key(1), pixels(1))
    ours.write(key(0), pixels(0))  # is there already
    theirs.write(key(1), pixels(1))
    assert theirs.read(key(1)) is not None
    assert ours.path.read_bytes().count(bytes.fromhex(key(1))) == 1


def test_a_process_that_runs_while_another_clears_the_cache(tmp_path: Path) -> None:
    write(tmp_path, 0, 1, 2)
    ours = PixelCache(tmp_path, SIZE)
    clear_feature_cache(tmp_path)
    assert ours.read(key(0)) is None
    ours.write(key(0), pixels(0))
    write(tmp_path, 3, 2, 1)
    for _ in range(2):
        for number in range(4):
            found = ours.read(key(number))
            assert found is None or np.array_equal(found, pixels(number))
            ours.write(key(number), pixels(number))
    assert cached(tmp_path) == {0, 1, 2, 3}
    assert ours.path.read_bytes().count(bytes.fromhex(key(3))) == 1


def test_sizes_share_a_folder(tmp_path: Path) -> None:
    wide, high = PixelCache(tmp_path, (2, 3)), PixelCache(tmp_path, (3, 2))
    wide.write(key(0), pixels(0, (2, 3)))
    high.write(key(0), pixels(1, (3, 2)))
    assert np.array_equal(wide.read(key(0)), pixels(0, (2, 3)))  # type: ignore[arg-type]
    assert np.array_equal(high.read(key(0)), pixels(1, (3, 2)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("owner", "name", "value"),
    [
        (pixel_cache, "PIXEL_CONTRACT", PIXEL_CONTRACT + 1),
        (pixel_cache, "version", lambda package: "99"),
        (PIL, "__version__", "99.0"),
        (features, "version", lambda codec: "99"),
        (platform, "machine", lambda: "another"),
    ],
)
def test_another_decoder_uses_another_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, value: object
) -> None:
    first = write(tmp_path, 0)
    monkeypatch.setattr(owner, name, value)
    assert cached(tmp_path) == set()
    assert write(tmp_path, 0) != first


def test_the_contract_changes_with_the_pixels() -> None:
    """If this fails, images are decoded to other pixels: raise `PIXEL_CONTRACT`, and add a hash."""
    # Odd sizes, so that no value is between two whole numbers, where rounding may differ.
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (15, 9, 4), np.uint8), "RGBA")
    file = io.BytesIO()
    image.save(file, "PNG")
    decoded = hashlib.sha256(decode_image(file.getvalue(), (11, 7)).tobytes()).hexdigest()
    assert decoded == CONTRACTS[PIXEL_CONTRACT]


# What may happen to a file between two processes: something is written, cut off, changed or lost.
EVENTS = st.one_of(
    st.tuples(st.just("write"), st.integers(0, IMAGES - 1)),
    st.tuples(st.just("cut"), st.integers(0, 600)),
    st.tuples(st.just("append"), st.integers(1, 100)),
    st.tuples(st.just("change"), st.integers(0, 600)),
    st.tuples(st.just("delete"), st.just(0)),
)


def happen(event: str, number: int, path: Path) -> None:
    """Let one event happen to the file of a cache, if it is there."""
    content = bytearray(path.read_bytes()) if path.exists() else bytearray()
    match event:
        case "cut":
            del content[number:]
        case "append":
            content += bytes(number)
        case "change" if content:
            content[number % len(content)] ^= 1
        case "delete":
            path.unlink(missing_ok=True)
            return
    path.write_bytes(content)


@given(events=st.lists(EVENTS, max_size=12), restarts=st.integers(1, 4))
def test_pixels_are_right_or_missing_whatever_happens(
    events: list[tuple[str, int]], restarts: int
) -> None:
    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        folder, caches = Path(name), [PixelCache(Path(name), SIZE)]
        for count, (event, number) in enumerate(events):
            if count % restarts == 0:
                caches.append(PixelCache(folder, SIZE))
            if event == "write":
                caches[-1].write(key(number), pixels(number))
            else:
                happen(event, number, caches[0].path)
            for cache in caches[-2:]:  # a process that just began, and one that runs on
                for image in range(IMAGES):
                    found = cache.read(key(image))
                    assert found is None or np.array_equal(found, pixels(image))


@given(length=st.integers(0, 3 * RECORD_BYTES), later=st.booleans())
def test_what_a_killed_process_leaves_is_written_over(length: int, later: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = write(folder, 0, 1, 2)
        content = path.read_bytes()
        header = len(content) - 3 * RECORD_BYTES
        path.write_bytes(content[: header * later + length])
        complete = set(range(length // RECORD_BYTES)) if later else set()
        if not later and length > header:
            complete = set(range((length - header) // RECORD_BYTES))
        assert cached(folder) == complete
        write(folder, 3, 4)
        assert cached(folder) == complete | {3, 4}


def test_a_damaged_image_is_decoded_again_with_one_warning(tmp_path: Path) -> None:
    path = write(tmp_path, 0, 1, 2)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    content[-1 - RECORD_BYTES] ^= 1
    path.write_bytes(content)
    cache = PixelCache(tmp_path, SIZE)
    with pytest.warns(UserWarning, match="holds damaged images, which are decoded") as caught:
        assert [cache.read(key(number)) is None for number in range(3)] == [False, True, True]
    assert len(caught) == 1
    for number in range(3):
        cache.write(key(number), pixels(number))
    assert cached(tmp_path) == {0, 1, 2}


@pytest.mark.parametrize("content", [b"mine", b"catdog decoded images, format 2\n", bytes(9000)])
def test_a_file_of_another_origin_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = PixelCache(tmp_path, SIZE).path
    path.write_bytes(content)
    with pytest.warns(UserWarning, match="is not used: it is damaged, or not written by"):
        cache = PixelCache(tmp_path, SIZE)
    cache.write(key(0), pixels(0))
    assert cache.read(key(0)) is None
    assert clear_feature_cache(tmp_path) == 0
    assert path.read_bytes() == content


def write_part(file: io.FileIO, content: bytes) -> None:
    """Write a part, as to a disk that becomes full."""
    file.write(content[: len(content) // 2])
    raise OSError(errno.ENOSPC, "No space left on device")


def fail_to_lock(path: Path) -> None:
    raise OSError(errno.ENOLCK, "No locks available")


def nearly_full(folder: Path) -> Any:
    return SimpleNamespace(free=2**29)


@pytest.mark.parametrize(
    ("owner", "name", "replacement", "reason"),
    [
        (pixel_cache, "_write_all", write_part, "No space left on device"),
        (pixel_cache, "try_lock", fail_to_lock, "No locks available"),
        (shutil, "disk_usage", nearly_full, "less than 1 GiB of the disk is free"),
    ],
)
@pytest.mark.parametrize("before", [(), (0, 1)], ids=["new", "known"])
def test_a_cache_that_cannot_be_written_is_still_read(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    before: tuple[int, ...],
    owner: Any,
    name: str,
    replacement: Callable[..., object],
    reason: str,
) -> None:
    write(tmp_path, *before)
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, replacement)
        cache = PixelCache(tmp_path, SIZE)
        with pytest.warns(UserWarning, match=f"takes no more images: {reason}"):
            cache.write(key(2), pixels(2))
        cache.write(key(3), pixels(3))
        assert cached(tmp_path) == set(before)
    write(tmp_path, 4)
    assert cached(tmp_path) == {*before, 4}


@pytest.mark.skipif(os.name == "nt", reason="Windows does not limit the size of files")
def test_a_file_that_may_not_grow(tmp_path: Path) -> None:
    import resource

    write(tmp_path, 0)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    cache = PixelCache(tmp_path, SIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (cache.path.stat().st_size + 20, hard))
    try:
        with pytest.warns(UserWarning, match="takes no more images: File too large"):
            cache.write(key(1), pixels(1))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    write(tmp_path, 1)
    assert cached(tmp_path) == {0, 1}


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.warns(UserWarning, match="is not used: Not a directory"):
        cache = PixelCache(tmp_path / "file/cache", SIZE)
    cache.write(key(0), pixels(0))
    assert cache.read(key(0)) is None


def test_a_process_does_not_wait_for_another_that_writes(tmp_path: Path) -> None:
    path = write(tmp_path, 0)
    with try_lock(path.with_suffix(LOCK_SUFFIX)):
        write(tmp_path, 1)
        assert cached(tmp_path) == {0}
    write(tmp_path, 1)
    assert cached(tmp_path) == {0, 1}


def test_threads_write_and_read_at_once(tmp_path: Path) -> None:
    caches = [PixelCache(tmp_path, SIZE) for _ in range(2)]

    def use(step: int) -> None:
        cache, number = caches[step % 2], step * 7 % IMAGES
        if (found := cache.read(key(number))) is not None:
            assert np.array_equal(found, pixels(number))
        cache.write(key(number), pixels(number))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(use, range(400)))
    assert cached(tmp_path) == set(range(IMAGES))
    header = caches[0].path.stat().st_size - IMAGES * RECORD_BYTES
    assert 0 < header < 1000, "each image is written once"


PROCESS = """
import sys
from pathlib import Path

import numpy as np

from catdog.data import pixel_cache

folder, part = Path(sys.argv[1]), float(sys.argv[2])
write_all = pixel_cache._write_all

def write_a_part(file, content):  # and wait to be killed
    write_all(file, content[: int(len(content) * part)])
    print("written", flush=True)
    sys.stdin.read()

cache = pixel_cache.PixelCache(folder, (2, 3))
pixel_cache._write_all = write_a_part
cache.write("ab" * 32, np.zeros((2, 3, 3), np.uint8))
"""


@pytest.mark.parametrize("part", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("before", [(), (0, 1)], ids=["header", "record"])
def test_a_process_that_is_killed_while_it_writes(
    tmp_path: Path, before: tuple[int, ...], part: float
) -> None:
    write(tmp_path, *before)
    command = [sys.executable, "-c", PROCESS, str(tmp_path), str(part)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline() == b"written\n"
    write(tmp_path, 2)  # the other process holds the lock
    assert cached(tmp_path) == set(before)
    process.kill()
    process.communicate()
    write(tmp_path, 2)
    assert cached(tmp_path) == {*before, 2}


def refuse_to_decode(*_: object, **__: object) -> None:
    raise ValueError("decoded again")


@pytest.mark.parametrize("cache_mib", [0, 1024])
def test_a_second_process_does_not_decode(
    image_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache_mib: int
) -> None:
    expected = [collect(part) for part in load_datasets(image_folder, image_size=(8, 9))]
    first = load_datasets(image_folder, image_size=(8, 9), cache_dir=tmp_path / "c", cache_mib=0)
    collect(first.validation)  # one of the sets, before the others
    for part, (images, labels) in zip(first, expected, strict=True):
        assert np.array_equal(collect(part)[0], images)
        assert np.array_equal(np.sort(collect(part)[1]), np.sort(labels))
    monkeypatch.setattr(pipeline, "decode_image", refuse_to_decode)
    second = load_datasets(
        image_folder, image_size=(8, 9), cache_dir=f"{tmp_path}/c", cache_mib=cache_mib
    )
    for part, (images, labels) in zip(second, expected, strict=True):
        found = collect(part)
        assert np.array_equal(found[0], images)
        assert np.array_equal(found[1], labels)
    with pytest.raises(Exception, match="decoded again"):
        collect(second.at((9, 9)).train)


def test_an_image_that_was_changed_is_decoded(image_folder: Path, tmp_path: Path) -> None:
    cache_dir = tmp_path / "c"
    first = load_datasets(image_folder, image_size=SIZE, cache_dir=cache_dir)
    for part in first:
        collect(part)
    before = first.paths("validation")
    Image.new("RGB", (8, 8), "red").save(before[0])
    before[1].write_bytes(first.paths("train")[0].read_bytes())  # another image of its class
    with_cache = load_datasets(image_folder, image_size=SIZE, cache_dir=cache_dir)
    without = load_datasets(image_folder, image_size=SIZE)
    for one, other in zip(with_cache, without, strict=True):
        assert np.array_equal(collect(one)[0], collect(other)[0])


def test_a_cache_that_fails_does_not_stop_the_batches(image_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    data = load_datasets(image_folder, image_size=SIZE, cache_dir=tmp_path / "file/c", cache_mib=0)
    with pytest.warns(UserWarning, match="is not used"):
        assert len(collect(data.train)[0]) == 12
    assert len(collect(data.train)[0]) == 12


def test_the_cache_is_measured_and_cleared_with_the_features(
    image_folder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "c"
    data = load_datasets(image_folder, image_size=SIZE, cache_dir=folder)
    collect(data.test)
    collect(data.at((4, 4)).test)
    mine = {"notes.txt": b"mine", f"x{SUFFIX}": b"mine", "notes.lock": b""}
    for name, content in mine.items():
        (folder / name).write_bytes(content)
    sizes = [file.stat().st_size for file in folder.iterdir() if file.name not in mine]
    assert len(sizes) == 4
    assert feature_cache_size(folder) == sum(sizes) > 2 * 4 * 20
    assert clear_feature_cache(folder) == sum(sizes)
    assert {file.name for file in folder.iterdir()} == set(mine)
    collect(data.at((4, 4)).train)  # goes on
    assert feature_cache_size(folder) > 0


def test_the_cache_folder_is_shown_and_stays_the_same(
    image_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    data = load_datasets(image_folder, cache_dir="~/.cache/catdog")
    folder = tmp_path / "home/.cache/catdog"
    assert f"  decoded images are cached in {folder}" in str(data).splitlines()
    data = load_datasets(image_folder, image_size=SIZE, cache_dir="here")
    assert data.cache_dir == data.at((4, 4)).cache_dir == tmp_path / "here"
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    collect(data.test)
    assert len(list((tmp_path / "here").iterdir())) == 2
    assert "cached in" not in str(load_datasets(image_folder))


@pytest.mark.parametrize("inside", [".", "cats", "new/er"])
def test_a_cache_within_the_images(image_folder: Path, inside: str) -> None:
    with pytest.raises(ValueError, match=r"cache_dir=.* must be outside of the folder of the ima"):
        load_datasets(image_folder, cache_dir=image_folder / inside)


def test_caches_that_are_no_folders(image_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError, match="cache_dir must be a folder, but"):
        load_datasets(image_folder, cache_dir=tmp_path / "file")
    with pytest.raises(TypeError, match="cache_dir must be a path, such as 'features', not 5"):
        load_datasets(image_folder, cache_dir=5)  # type: ignore[arg-type]
