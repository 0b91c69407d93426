import hashlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from functools import cache
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from catdog import ScanReport, load_datasets, scan_images
from catdog.data import scan
from catdog.images import notes
from catdog.images.decode import decode_image
from catdog.images.identify import is_image_file
from catdog.typing import SPLITS
from tests.conftest import MakeFolder, write_images
from tests.data.files import add
from tests.images.tiff_files import tiff


def encoded(suffix: str = "jpeg", *, side: int = 64, seed: int = 0, **options: Any) -> bytes:
    """Return an image of noise as a file of the given format."""
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, suffix, **options)
    return buffer.getvalue()


SAMPLES = Path(__file__).parents[1] / "images" / "samples"
GREYS = np.arange(40 * 40).reshape(40, 40).astype(np.uint8)


def heic_bomb() -> bytes:
    """Return a HEIC file that says that it has 256 million pixels."""
    content = (SAMPLES / "grid.heic").read_bytes()
    at = content.index(b"ispe") + 8
    return content[:at] + (16_000).to_bytes(4, "big") * 2 + content[at + 8 :]


def frames(suffix: str = "gif") -> bytes:
    return encoded(suffix, save_all=True, append_images=[Image.new("RGB", (64, 64))])


def cut_in_the_second_frame() -> bytes:
    noise = np.random.default_rng(5).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    content = encoded("gif", save_all=True, append_images=[Image.fromarray(noise)])
    return content[: len(encoded("gif")) + 300]


@cache
def bomb() -> bytes:
    """Return a small PNG file of 200 million pixels."""
    buffer = BytesIO()
    Image.new("1", (20_000, 10_000)).save(buffer, "png")
    return buffer.getvalue()


# What lies in a messy folder: file name, content, and the reason the report must give.
BAD_FILES: list[tuple[str, Callable[[], bytes], str]] = [
    ("empty.jpg", lambda: b"", "empty_file"),
    ("page.png", lambda: b"<html>404 Not Found</html>", "not_an_image"),
    ("phone.heic", lambda: b"\0\0\0\x10ftypheic\0\0\0\0", "undecodable"),
    ("phone.jpg", lambda: b"\0\0\0\x18ftypheix\0\0\0\0", "truncated"),
    ("page.webp", lambda: b"\0\0\0\x1cftypavif\0\0\0\0", "truncated"),
    ("cut.heic", lambda: (SAMPLES / "grid.heic").read_bytes()[:-20], "truncated"),
    ("bomb.heic", heic_bomb, "too_many_pixels"),
    ("cut.tiff", lambda: encoded("tiff")[:-500], "truncated"),
    ("cut_lzw.tif", lambda: encoded("tiff", compression="tiff_lzw")[:-500], "truncated"),
    ("bomb.tif", lambda: tiff(GREYS, tags={256: [60_000], 257: [60_000]}), "too_many_pixels"),
    ("raw", lambda: tiff(GREYS, tags={254: [1]}), "unsupported_format"),
    ("floats.tif", lambda: tiff(GREYS.astype(np.float32) * 9), "out_of_range"),
    ("signed.tif", lambda: tiff(GREYS.astype(np.int16) - 9), "out_of_range"),
    ("doubles.tif", lambda: tiff(GREYS.astype(np.float64)), "unsupported_format"),
    ("new.jxl", lambda: b"\0\0\0\x0cJXL \r\n\x87\n", "unsupported_format"),
    ("raw.arw", lambda: b"\x01" * 100, "unsupported_format"),
    ("map.ppm", lambda: b"P6 8 8 255\n" + bytes(192), "unsupported_format"),
    ("empty.tif", lambda: b"", "empty_file"),
    ("old.jp2", lambda: b"\0\0\0\x0cjP  \r\n\x87\n", "unsupported_format"),
    ("cut.jpg", lambda: encoded()[:-500], "truncated"),
    ("cut.png", lambda: encoded("png")[:3000], "truncated"),
    ("cut.gif", lambda: encoded("gif")[:2000], "truncated"),
    ("cut.bmp", lambda: encoded("bmp")[:3000], "truncated"),
    ("cut.webp", lambda: encoded("webp")[:800], "truncated"),
    ("header.png", lambda: encoded("png")[:20], "truncated"),
    ("header.gif", lambda: encoded("gif")[:12], "undecodable"),
    ("damaged.png", lambda: encoded("png").replace(b"IHDR", b"IHDX"), "undecodable"),
    ("bomb.png", bomb, "too_many_pixels"),
]
IMAGEJ = "ImageJ=1.53t\nimages={}\nunit=micron\n"  # what it writes about a stack
ODD_FILES: list[tuple[str, Callable[[], bytes], str]] = [
    ("really_a.jpg", lambda: encoded("png", seed=1), "wrong_extension"),
    ("no_suffix", lambda: encoded(seed=2), "wrong_extension"),
    ("moving.gif", frames, "animated"),
    ("tiny.png", lambda: encoded("png", side=31, seed=3), "very_small"),
    ("notes.txt", lambda: b"BM, he said", "other_file"),
    ("labels.csv", lambda: b"", "other_file"),
    ("BMW.txt", lambda: b"BMW is the maker of the car in the image. " * 20, "other_file"),
    ("png.md", lambda: b"\x89PNG\r\n\x1a\n is how it begins" * 20, "other_file"),
    ("first_frame.gif", lambda: cut_in_the_second_frame(), "used"),
    ("scan.tiff", lambda: encoded("tiff", seed=6), "used"),
    ("scan", lambda: encoded("tiff", seed=7), "wrong_extension"),
    ("really_tiff.jpg", lambda: encoded("tiff", seed=8, compression="jpeg"), "wrong_extension"),
    ("pages.tif", lambda: frames("tiff"), "animated"),
    ("imagej.tif", lambda: encoded("tiff", seed=9, tiffinfo={270: IMAGEJ.format(3)}), "animated"),
    ("one.tif", lambda: encoded("tiff", seed=10, tiffinfo={270: IMAGEJ.format(1)}), "used"),
    ("phone.HEIC", lambda: (SAMPLES / "grid.heic").read_bytes(), "used"),
    ("a_phone.jpg", lambda: (SAMPLES / "grid.heic").read_bytes() + b"\n", "wrong_extension"),
    ("film.mp4", lambda: b"\0\0\0\x20ftypisom\0\0\2\0", "other_file"),
]


def names(files: list[tuple[str, Callable[[], bytes], str]]) -> list[str]:
    return [name for name, _, _ in files]


def reasons(report: ScanReport) -> dict[str, str]:
    """Return the reason for each file; without near duplicates, which the drawn images are."""
    return {finding.path.relative_to(report.folder).as_posix(): finding.reason
            for finding in report.findings if "near" not in finding.reason}  # fmt: skip


def test_a_tidy_folder(tidy: Path) -> None:
    report = scan_images(tidy)
    assert report.folder == tidy
    assert report.class_names == ("cats", "dogs")
    assert report.n_files == 10
    assert report.label_counts() == {"cats": 5, "dogs": 5}
    assert report.findings == report.bad == ()


@pytest.mark.parametrize(("name", "content", "reason"), BAD_FILES, ids=names(BAD_FILES))
def test_bad_files(tidy: Path, name: str, content: Callable[[], bytes], reason: str) -> None:
    path = add(tidy / "cats", name, content())
    report = scan_images(tidy)
    assert reasons(report) == {f"cats/{name}": reason}
    assert [finding.path for finding in report.bad] == [path]
    assert report.label_counts() == {"cats": 5, "dogs": 5}
    with pytest.raises(ValueError, match=rf"1 file of 11.* be used:\n.*{reason}: cats/{name}"):
        load_datasets(tidy)
    with pytest.warns(UserWarning, match=rf"1 file of 11.*left out:\n.*{reason}: cats/{name}"):
        data = load_datasets(tidy, on_bad_image="skip")
    assert data.report.bad == report.bad
    assert path.read_bytes() == content()


@pytest.mark.parametrize(("name", "content", "reason"), ODD_FILES, ids=names(ODD_FILES))
def test_odd_files(tidy: Path, name: str, content: Callable[[], bytes], reason: str) -> None:
    add(tidy / "cats", name, content())
    report = scan_images(tidy)
    assert reasons(report) == ({} if reason == "used" else {f"cats/{name}": reason})
    assert report.bad == ()
    used = reason != "other_file"
    assert report.label_counts() == {"cats": 5 + used, "dogs": 5}
    data = load_datasets(tidy)
    assert sum(data.label_counts(split)["cats"] for split in SPLITS) == 5 + used


@pytest.mark.parametrize("name", [name for name, _, _ in BAD_FILES + ODD_FILES])
def test_predictions_take_the_files_that_a_scan_takes(name: str, tmp_path: Path) -> None:
    content, reason = {name: (content, reason) for name, content, reason in BAD_FILES + ODD_FILES}[
        name
    ]
    path = add(tmp_path, name, content())
    assert is_image_file(path) == (reason != "other_file")


DARK = np.linspace(0, 4095, 40 * 40).reshape(40, 40).astype(np.uint16)


def test_tiff_values_that_do_not_fill_their_range(tidy: Path) -> None:
    add(tidy / "cats", "dark.tif", tiff(GREYS.astype(np.uint16)))
    assert reasons(scan_images(tidy)) == {"cats/dark.tif": "unfilled_range"}
    with pytest.warns(UserWarning, match=r"cats/dark\.tif: no value above 255 of 65535"):
        load_datasets(tidy)


@pytest.mark.parametrize("name", ["phone.heic", "phone.jpg", "phone"])
def test_heic_without_its_package(tidy: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    path = add(tidy / "cats", name, (SAMPLES / "plain.heic").read_bytes())
    assert is_image_file(path)
    (finding,) = scan_images(tidy).bad
    assert finding.reason == "unsupported_format"
    assert finding.detail == (
        "it is HEIC, which needs one more package; install it with the Python that you use, in a "
        'copy of the source of catdog: python -m pip install ".[heif]"'
    )
    with pytest.raises(ValueError, match=rf'cats/{name}: it is HEIC.*pip install "\.\[heif\]"'):
        load_datasets(tidy)


def test_values_that_do_not_fill_their_range(tidy: Path) -> None:
    buffer = BytesIO()
    Image.fromarray(DARK).save(buffer, "png")
    add(tidy / "cats", "x_ray.png", buffer.getvalue())
    add(tidy / "cats", "x_ray.txt", buffer.getvalue() + b"another file")
    report = scan_images(tidy)
    findings = [item for item in report.findings if item.reason != "near_duplicate"]
    assert [(finding.reason, finding.detail) for finding in findings] == [
        ("unfilled_range", "no value above 4095 of 65535"),
        ("wrong_extension", "PNG by its content"),
        ("unfilled_range", "no value above 4095 of 65535"),
    ]
    assert report.bad == ()
    with pytest.warns(UserWarning, match="2 images dark or flat") as caught:
        data = load_datasets(tidy)
    (warning,) = caught
    assert warning.filename == __file__
    assert str(warning.message) == (
        "2 images dark or flat, because the values do not fill their range:\n"
        "  cats/x_ray.png: no value above 4095 of 65535\n"
        "  cats/x_ray.txt: no value above 4095 of 65535\n"
        "If white has another value in them, such as 4095 for 12 bits or 1.0 for floats, multiply "
        "all images by the same factor, so that white is 65535 (or 255 for floats and 8 bits). If "
        "black is not zero in them, subtract it before, the same from all."
    )
    assert sum(data.label_counts(split)["cats"] for split in SPLITS) == 7


def test_images_of_many_pixels(tidy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A photo of 108 million pixels is read; a smaller limit stands for it here."""
    monkeypatch.setattr(notes, "LARGE_PIXELS", 63 * 64)
    for kind in ("jpeg", "png"):
        add(tidy / "cats", f"photo.{kind}", encoded(kind, side=64, seed=len(kind)))
    add(tidy / "cats", "less.jpg", encoded("jpeg", side=63))
    report = scan_images(tidy)
    assert [(finding.reason, finding.detail) for finding in report.findings] == [
        ("very_large", "64 x 64 pixels")
    ] * 2
    with pytest.warns(UserWarning, match=r"2 images of more than(.|\n)*photo\.jpeg: 64 x 64 pixels"
                      r"(.|\n)*Save smaller copies"):  # fmt: skip
        load_datasets(tidy)


def test_everything_at_once(tidy: Path) -> None:
    for name, content, _ in BAD_FILES + ODD_FILES:
        add(tidy / "dogs", name, content())
    found = reasons(scan_images(tidy))
    n_files = 10 + len(BAD_FILES) + len(ODD_FILES)
    expected = {f"dogs/{name}": reason for name, _, reason in BAD_FILES + ODD_FILES}
    assert found == {name: reason for name, reason in expected.items() if reason != "used"}
    left = f"{len(BAD_FILES)} files of {n_files}(.|\\n)*and {len(BAD_FILES) - 10} more"
    with pytest.warns(UserWarning, match=left):
        data = load_datasets(tidy, on_bad_image="skip", image_size=(8, 8))
    for dataset in data:
        for images, _ in dataset:
            assert images.shape[1:] == (8, 8, 3)


def test_long_files_that_are_no_images_are_not_read(
    tidy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(tidy / "cats", "film.mp4", b"\0\0\0\x20ftypisom\0\0\2\0")
    digest = hashlib.file_digest

    def not_films(file: Any, name: str) -> Any:
        assert not file.name.endswith(".mp4")
        return digest(file, name)

    monkeypatch.setattr(hashlib, "file_digest", not_films)
    assert set(reasons(scan_images(tidy)).values()) == {"other_file"}


@pytest.mark.filterwarnings("error")
def test_broken_metadata_do_not_matter(tidy: Path) -> None:
    one_tag = b"\0\1" + b"\x01\x0f\0\2" + b"\0\0\xff\xff" + b"\0\0\xff\xf0"  # longer than all
    exif = b"Exif\0\0MM\0*\0\0\0\x08" + one_tag + b"\0\0\0\0"
    add(tidy / "cats", "exif.jpg", encoded(exif=exif))
    assert reasons(scan_images(tidy)) == {}


def test_files_that_cannot_be_opened(tidy: Path) -> None:
    (tidy / "cats" / "gone.png").symlink_to(tidy / "nothing.png")
    report = scan_images(tidy)
    assert reasons(report) == {"cats/gone.png": "unreadable"}
    assert report.bad[0].detail == "No such file or directory"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_files_that_may_not_be_read(tidy: Path) -> None:
    (tidy / "cats" / "image.0.png").chmod(0)
    assert reasons(scan_images(tidy)) == {"cats/image.0.png": "unreadable"}


@pytest.mark.filterwarnings("ignore:The folders inside")
def test_a_folder_that_may_not_be_listed(tidy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tidy / "cats" / "secret").mkdir()
    close(tidy / "cats" / "secret", monkeypatch)
    report = scan_images(tidy)
    assert reasons(report) == {"cats/secret": "unreadable"}
    assert report.label_counts() == {"cats": 5, "dogs": 5}
    with pytest.raises(ValueError, match="unreadable: cats/secret"):
        load_datasets(tidy)


def close(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the listing of a folder fail, as without permission: tests may run as root."""

    def refusing(real: Any) -> Any:
        def listing(path: Any) -> Any:
            if Path(path) == folder:
                raise PermissionError(13, "Permission denied")
            return real(path)

        return listing

    for name in ("listdir", "scandir"):
        monkeypatch.setattr(os, name, refusing(getattr(os, name)))


def test_a_class_that_may_not_be_listed(tidy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    close(tidy / "cats", monkeypatch)
    assert reasons(scan_images(tidy)) == {"cats": "unreadable"}


def test_a_class_that_may_not_be_listed_with_groups(
    tidy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    close(tidy / "cats", monkeypatch)
    with pytest.raises(ValueError, match="unreadable: cats"):
        load_datasets(tidy, group_by="folder")


def test_a_split_folder_that_may_not_be_listed(
    make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_folder({f"{split}/{name}": 3 for split in ("train", "test") for name in "ab"})
    close(folder / "test", monkeypatch)
    with pytest.raises(OSError, match="test cannot be listed. Ask for the permission"):
        load_datasets(folder)


@pytest.mark.parametrize("read", [load_datasets, scan_images])
def test_the_whole_folder_may_not_be_listed(
    tidy: Path, read: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    close(tidy, monkeypatch)
    with pytest.raises(OSError, match="(folder|source)=.*cannot be listed. Ask for the permission"):
        read(tidy)


def test_too_little_memory_is_no_damage(tidy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Image, "open", fail)
    with pytest.raises(MemoryError):
        scan_images(tidy)


def test_an_error_of_the_disk_is_not_one_of_the_image(
    tidy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Image, "open", fail)
    report = scan_images(tidy)
    assert set(reasons(report).values()) == {"unreadable"}
    assert report.bad[0].detail == "Input/output error"


def test_pipes_and_links_to_folders_are_ignored(tidy: Path) -> None:
    os.mkfifo(tidy / "cats" / "pipe.png")
    (tidy / "cats" / "loop").symlink_to(tidy)
    assert reasons(scan_images(tidy)) == {
        "cats/pipe.png": "other_file",
        "cats/loop": "linked_folder",
    }


def test_a_phone_image_with_a_second_one_behind_it_is_a_jpeg(tidy: Path) -> None:
    more = Image.new("RGB", (64, 64))
    content = encoded("mpo", save_all=True, append_images=[more])
    add(tidy / "cats", "phone.jpg", content)
    assert reasons(scan_images(tidy)) == {}


def test_the_size_of_a_jpeg_is_its_own(tidy: Path) -> None:
    add(tidy / "cats", "just.jpg", encoded(side=32))
    add(tidy / "cats", "under.jpg", encoded(side=31))
    report = scan_images(tidy)
    assert reasons(report) == {"cats/under.jpg": "very_small"}
    assert report.findings[0].detail == "31 x 31 pixels"


@pytest.mark.filterwarnings("ignore:The folders inside")
def test_duplicates_in_one_class_are_used_and_named(tidy: Path) -> None:
    content = (tidy / "cats" / "image.3.png").read_bytes()
    add(tidy / "cats", "zzz/copy.png", content)
    report = scan_images(tidy)
    assert reasons(report) == {"cats/zzz/copy.png": "duplicate"}
    assert report.findings[0].same_as == tidy / "cats" / "image.3.png"
    assert report.rows()[0]["same_as"] == "cats/image.3.png"
    assert "cats/zzz/copy.png: the same image as cats/image.3.png" in str(report)
    assert report.label_counts()["cats"] == 6


def test_one_image_in_two_classes_is_not_used(tidy: Path) -> None:
    content = (tidy / "cats" / "image.3.png").read_bytes()
    add(tidy / "dogs", "cat.jpg", content)  # of a wrong suffix too: that no longer matters
    report = scan_images(tidy)
    assert reasons(report) == {
        "cats/image.3.png": "conflicting_labels",
        "dogs/cat.jpg": "conflicting_labels",
    }
    assert report.label_counts() == {"cats": 4, "dogs": 5}


def test_a_hard_link_is_a_duplicate(tidy: Path) -> None:
    os.link(tidy / "cats" / "image.0.png", tidy / "dogs" / "link.png")
    assert set(reasons(scan_images(tidy)).values()) == {"conflicting_labels"}


@pytest.mark.parametrize(
    ("places", "left_out"),
    [
        (("train", "validation"), ("train",)),
        (("train", "test"), ("train",)),
        (("validation", "test"), ("validation",)),
        (("train", "validation", "test"), ("train", "validation")),
    ],
)
def test_duplicates_in_two_splits_stay_in_the_held_out_one(
    make_folder: MakeFolder, places: tuple[str, ...], left_out: tuple[str, ...]
) -> None:
    splits = ("train", "validation", "test")
    folder = make_folder({f"{split}/{name}": 2 for split in splits for name in "ab"})
    for place in places:
        add(folder / place / "a", "copy.png", encoded("png"))
    report = scan_images(folder)
    assert {finding.path for finding in report.bad} == {
        folder / place / "a" / "copy.png" for place in left_out
    }
    assert {finding.reason for finding in report.bad} == {"split_overlap"}
    assert report.bad[0].same_as == folder / places[-1] / "a" / "copy.png"
    assert report.label_counts(places[-1])["a"] == 3  # type: ignore[arg-type]
    assert report.label_counts(places[0])["a"] == 2  # type: ignore[arg-type]


def test_images_in_no_class_folder(tidy: Path) -> None:
    add(tidy, "loose.jpg", encoded())
    report = scan_images(tidy)
    assert reasons(report) == {"loose.jpg": "outside_class_folder"}
    assert report.findings[0].class_name is None
    assert report.n_files == 10


def test_a_scan_that_is_stopped_stops(tidy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scanned: list[Path] = []
    stopped = Event()

    def stop(file: Any, early: None) -> Any:
        scanned.append(file.path)
        if len(scanned) == 1:
            raise KeyboardInterrupt
        stopped.wait(1)  # until the main thread has seen it

    monkeypatch.setattr(scan, "scan_file", stop)
    monkeypatch.setattr("catdog._utils.threads.thread_count", lambda: 1)
    with pytest.raises(KeyboardInterrupt):
        scan_images(tidy)
    assert len(scanned) < 10


@pytest.fixture(scope="module")
def scratch() -> Iterator[Path]:
    with TemporaryDirectory() as folder:
        for name in ("cats", "dogs"):
            write_images(Path(folder) / "images" / name, 3)
        yield Path(folder) / "images"


SUFFIXES = [".jpg", ".png", ".gif", ".bmp", ".webp", ".tif", ".avif", ".heic"]
SPOILED = [encoded(kind, side=12) for kind in ("jpeg", "png", "gif", "bmp", "webp", "tiff")]
SPOILED += [encoded("tiff", side=12, compression="tiff_lzw")]
SPOILED += [(SAMPLES / name).read_bytes() for name in ("grid.heic", "ten_bits.avif")]


@st.composite
def spoiled(draw: st.DrawFn) -> bytes:
    """Return any bytes, or a good image with some bytes changed or removed."""
    sample = bytearray(draw(st.sampled_from([*SPOILED, b""])))
    for _ in range(draw(st.integers(0, 4))):
        if sample:
            sample[draw(st.integers(0, len(sample) - 1))] = draw(st.integers(0, 255))
    return bytes(sample[: draw(st.integers(0, len(sample)))]) + draw(st.binary(max_size=40))


@given(spoiled(), st.sampled_from([*SUFFIXES, ".txt", ""]))
@settings(deadline=None, max_examples=300)
@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # of broken metadata, by any thread
def test_any_bytes_are_used_or_named(scratch: Path, content: bytes, suffix: str) -> None:
    path = add(scratch / "cats", f"any{suffix}", content)
    try:
        report = scan_images(scratch)
        named = {finding.path for finding in report.findings if finding.reason != "very_small"}
        used = report.label_counts()["cats"] == 4
        assert used or path in named
        if used:
            assert decode_image(path, (5, 7)).shape == (5, 7, 3)
        elif path in {finding.path for finding in report.bad}:
            with pytest.raises(ValueError, match="Cannot read the image"):
                decode_image(path, (5, 7))
    finally:
        path.unlink()


def test_file_names_that_look_the_same(tidy: Path) -> None:
    shutil.copy(tidy / "cats" / "image.0.png", tidy / "cats" / "e\u0301.png")
    (tidy / "cats" / "image.0.png").rename(tidy / "cats" / "other.png")
    (tidy / "cats" / "image.1.png").rename(tidy / "cats" / "\xe9.png")
    report = scan_images(tidy)
    found = [each for each in report.findings if each.reason == "confusable_name"]
    assert [each.detail for each in found] == [r"looks the same as the name of 'e\u0301.png'"]
