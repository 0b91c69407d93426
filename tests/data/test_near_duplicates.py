"""Near duplicates: which images count as such, and how splits treat them."""

import hashlib
import json
from collections.abc import Callable, Sequence
from functools import partial
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from catdog import Datasets, load_datasets, scan_images
from catdog.data.near_duplicates import directions, find_near
from catdog.images.thumbnails import tiny_thumbnail
from catdog.typing import SPLITS
from tests.conftest import MakeFolder

Change = Callable[[Image.Image], Image.Image]


def scene(seed: int, side: int = 64) -> Image.Image:
    """Draw a scene of coloured patches."""
    patches = np.random.default_rng(seed).integers(0, 256, (7, 7, 3), dtype=np.uint8)
    return Image.fromarray(patches).resize((side, side))


def frame(seed: int, number: int) -> Image.Image:
    """Draw a frame of a film of a scene: the camera noise differs."""
    still = np.asarray(scene(seed), np.float32)
    noise = np.random.default_rng((seed, number)).normal(0, 10, still.shape)
    return Image.fromarray((still + noise).clip(0, 255).astype(np.uint8))


def resized(image: Image.Image, factor: float) -> Image.Image:
    return image.resize((round(factor * image.width), round(factor * image.height)))


def brighter(image: Image.Image) -> Image.Image:
    return Image.fromarray((np.asarray(image) * 1.1).clip(0, 255).astype(np.uint8))


def cropped(image: Image.Image, left: float, top: float) -> Image.Image:
    """Crop an image by 3 % in each direction."""
    x, y = round(0.03 * image.width), round(0.03 * image.height)
    return image.crop(
        (
            round(left * x),
            round(top * y),
            image.width - round((1 - left) * x),
            image.height - round((1 - top) * y),
        )
    )


CHANGES: dict[str, Change] = {
    "saved again": lambda image: image,
    **{f"resized by {factor}": partial(resized, factor=factor) for factor in (0.5, 0.8, 1.3, 2)},
    "brighter": brighter,
    "cropped": lambda image: cropped(image, 0.5, 0.5),
    "cropped at two sides": lambda image: cropped(image, 1, 0),
}


def thumbnail(image: Image.Image) -> bytes:
    """Save an image as JPEG, and return its tiny thumbnail."""
    buffer = BytesIO()
    image.save(buffer, "jpeg", quality=80)
    return tiny_thumbnail(Image.open(buffer))


@pytest.fixture(scope="module")
def faces() -> list[Image.Image]:
    """200 drawn faces."""
    paths = load_datasets("synthetic").paths("train")[::5]
    return [Image.open(path).convert("RGB") for path in paths]


@pytest.mark.parametrize("change", CHANGES)
def test_changed_copies_are_found(faces: list[Image.Image], change: str) -> None:
    """At least 95 % of the copies, and fewer than 1 % of the other pairs."""
    thumbnails = [thumbnail(image) for image in faces]
    thumbnails += [thumbnail(CHANGES[change](image)) for image in faces]
    count = len(faces)
    pairs = {(row, int(other)) for row, near in neighbours(thumbnails) for other in near}
    paired = sum((row, row + count) in pairs for row in range(count))
    others = [pair for pair in pairs if pair[1] != pair[0] + count]
    assert paired >= 0.95 * count
    assert len(others) < 0.01 * (2 * count) ** 2 / 2


def test_near_duplicates_are_those_of_all_pairs() -> None:
    """The search leaves out most pairs; no pair that it leaves out is near."""
    rng = np.random.default_rng(0)
    images = [frame(int(rng.integers(40)), number) for number in range(150)]
    images += [image.filter(ImageFilter.GaussianBlur(4)) for image in images[:50]]
    thumbnails = [tiny_thumbnail(image) for image in images]
    found = {(row, int(other)) for row, near in neighbours(thumbnails) for other in near}
    correlations = np.min([part @ part.T for part in directions(thumbnails)], axis=0)
    expected = np.argwhere(np.triu(correlations >= 0.9, 1))
    assert len(expected) > 100
    assert found == {(a, b) for a, b in expected.tolist()}


def plain_images() -> list[Image.Image]:
    """Draw images with hardly any contrast: plain, black with noise, a little brighter below."""
    rng = np.random.default_rng(1)
    images = [Image.new("RGB", (64, 64), (level, 100, 200)) for level in range(0, 250, 10)]
    for _ in range(25):
        noise = rng.normal(3, 2, (64, 64, 3)).clip(0, 255).astype(np.uint8)
        images.append(Image.fromarray(noise))
        slope = np.linspace(100, 108, 64)[:, np.newaxis, np.newaxis] + np.zeros((64, 64, 3))
        images.append(Image.fromarray(slope.astype(np.uint8)))
    return images


def test_images_without_contrast_are_no_near_duplicates() -> None:
    images = plain_images() + [scene(seed) for seed in range(20)]
    assert neighbours([tiny_thumbnail(image) for image in images]) == []


def test_what_all_images_share_does_not_count() -> None:
    """As in X-rays or photos of products: the same bright shape in all, other details in each."""
    y, x = np.mgrid[-1:1:64j, -1:1:64j]
    shape = 180.0 * (x**2 + y**2 < 0.8)[:, :, np.newaxis]
    images = [shape + 0.15 * np.asarray(scene(seed), np.float32) for seed in range(60)]
    thumbnails = [tiny_thumbnail(Image.fromarray(image.astype(np.uint8))) for image in images]
    whole = directions(thumbnails)[0]
    assert np.median(whole @ whole.T) > 0.95
    assert neighbours(thumbnails) == []
    copy = Image.fromarray((0.9 * images[7]).astype(np.uint8))
    assert neighbours([*thumbnails, tiny_thumbnail(copy)]) == [(7, [60])]


def test_copies_that_are_most_of_a_folder_are_near_duplicates() -> None:
    """What all images share is then this image, and hardly anything is left of its copies."""
    images = [frame(0, number) for number in range(80)] + [scene(seed) for seed in range(1, 20)]
    found = neighbours([tiny_thumbnail(image) for image in images])
    assert {row for row, _ in found} == set(range(79))
    assert found[0][1] == list(range(1, 80))


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA", "LA", "CMYK", "I;16", "F", "1"])
def test_thumbnails_of_every_mode(mode: str) -> None:
    grey = scene(3).convert("L")
    values = np.asarray(grey)
    image = {
        "I;16": lambda: Image.fromarray(values.astype(np.uint16) * 257),
        "F": lambda: Image.fromarray(values.astype(np.float32)),
    }.get(mode, lambda: grey.convert(mode))()
    assert image.mode == mode
    whole, _ = directions([tiny_thumbnail(image), tiny_thumbnail(grey), tiny_thumbnail(scene(4))])
    assert whole[0] @ whole[1] > 0.9 > abs(whole[0] @ whole[2])


def neighbours(thumbnails: Sequence[bytes]) -> list[tuple[int, list[int]]]:
    found = [
        (int(row), others[near].tolist())
        for rows, others, is_near in find_near(*directions(thumbnails))
        for row, near in zip(rows, is_near, strict=True)
    ]
    return [(row, near) for row, near in found if near]


def write(folder: Path, images: dict[str, Image.Image]) -> Path:
    for name, image in images.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path)
    return folder


def films(folder: Path, frames: int = 4) -> Path:
    """Two classes of six films."""
    names = [
        (label, film, number) for label in "ab" for film in range(6) for number in range(frames)
    ]
    # No order of names: frames of a film do not follow each other.
    return write(
        folder,
        {
            f"{label}/{number}x{film}.png": frame(film + 10 * (label == "b"), number)
            for label, film, number in names
        },
    )


def films_in_two_sets(data: Datasets) -> int:
    """Count the films of which images are in several sets."""
    inside = [
        {(path.parent.name, path.stem.split("x")[1]) for path in data.paths(split)}
        for split in SPLITS
    ]
    return sum(map(len, inside)) - len(set.union(*inside))


def test_near_duplicates_stay_in_one_set(tmp_path: Path) -> None:
    folder = films(tmp_path)
    assert films_in_two_sets(load_datasets(folder, near_duplicates="ignore")) > 0
    for seed in range(5):
        data = load_datasets(folder, seed=seed)
        assert films_in_two_sets(data) == 0
        assert data.paths("test") == load_datasets(folder, seed=seed).paths("test")


def test_duplicates_of_near_duplicates_stay_with_them(tmp_path: Path) -> None:
    folder = films(tmp_path)
    for label in "ab":
        for number in range(3):
            original = folder / label / f"{number}x0.png"
            original.with_name(f"copy{number}x0.png").write_bytes(original.read_bytes())
    assert films_in_two_sets(load_datasets(folder)) == 0


def test_near_duplicates_join_groups(tmp_path: Path) -> None:
    """A film in two groups: the groups stay together, as the film does."""
    folder = films(tmp_path)
    groups = {
        path.relative_to(folder).as_posix(): path.parent.name
        + ("0" if path.name in ("0x0.png", "1x1.png") else path.stem.split("x")[1])
        for path in folder.rglob("*.png")
    }
    data = load_datasets(folder, group_by=groups)
    assert films_in_two_sets(data) == 0
    inside = [set(data.groups(split) or ()) for split in SPLITS]
    assert sum(map(len, inside)) == len(set.union(*inside))


def test_too_many_near_duplicates_are_not_kept_together(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        {
            f"{label}/{number}.png": frame(ord(label), number)
            for label in "ab"
            for number in range(9)
        },
    )
    with pytest.warns(
        UserWarning, match=r"18 of 18 images are nearly the same(.|\n)*group_by"
    ) as caught:
        data = load_datasets(folder)
    assert [warning.filename for warning in caught] == [__file__]
    plain = load_datasets(folder, near_duplicates="ignore")
    assert all(data.paths(split) == plain.paths(split) for split in SPLITS)


def test_one_cluster_that_is_most_of_a_class_is_not_kept_together(tmp_path: Path) -> None:
    """Whole, it would leave one image of the class for the other sets each."""
    singles = {f"a/{seed}.png": scene(seed) for seed in range(1, 4)}
    film = {f"a/film{number}.png": frame(0, number) for number in range(40)}
    others = {f"b/{seed}.png": scene(100 + seed) for seed in range(40)}
    folder = write(tmp_path, {**singles, **film, **others})
    with pytest.warns(UserWarning, match="40 of 83 images are nearly the same as others, too many"):
        data = load_datasets(folder)
    plain = load_datasets(folder, near_duplicates="ignore")
    assert all(data.paths(split) == plain.paths(split) for split in SPLITS)


def test_what_a_scan_reports(make_folder: MakeFolder) -> None:
    folder = write(
        make_folder({"train/a": 3, "train/b": 3, "test/a": 3, "test/b": 3}),
        {
            "train/a/film0.png": frame(0, 0),
            "train/a/film1.png": frame(0, 1),
            "train/a/film2.png": frame(0, 2),
            "train/a/mixed.png": frame(1, 0),
            "train/b/mixed.png": frame(1, 1),
            "train/b/leak.png": frame(2, 0),
            "test/b/leak.png": frame(2, 1),
        },
    )
    report = scan_images(folder)
    rows = [
        (row["path"], row["reason"], row["same_as"])
        for row in report.rows()
        if row["reason"] != "very_small"
    ]
    assert rows == [
        ("test/b/leak.png", "near_duplicate_splits", "train/b/leak.png"),
        ("train/a/film1.png", "near_duplicate", "train/a/film0.png"),
        ("train/a/film2.png", "near_duplicate", "train/a/film0.png"),
        ("train/a/mixed.png", "near_duplicate_labels", "train/b/mixed.png"),
        ("train/b/leak.png", "near_duplicate_splits", "test/b/leak.png"),
        ("train/b/mixed.png", "near_duplicate_labels", "train/a/mixed.png"),
    ]
    assert report.bad == ()
    assert "test/b/leak.png: nearly the same image as train/b/leak.png" in str(report)


def test_near_duplicates_of_the_copy_that_is_used(make_folder: MakeFolder) -> None:
    """The copy in the test folder is used, the one in train/ is not."""
    folder = write(
        make_folder({"train/a": 3, "train/b": 3, "test/a": 3, "test/b": 3}),
        {"train/a/0.png": frame(0, 0), "train/a/1.png": frame(0, 1), "test/a/1.png": frame(0, 1)},
    )
    found = {row["path"]: (row["reason"], row["same_as"]) for row in scan_images(folder).rows()
             if row["reason"] != "very_small"}  # fmt: skip
    assert found == {
        "train/a/1.png": ("split_overlap", "test/a/1.png"),
        "train/a/0.png": ("near_duplicate_splits", "test/a/1.png"),
        "test/a/1.png": ("near_duplicate_splits", "train/a/0.png"),
    }


def test_near_duplicates_beside_one_that_is_left_out(
    make_folder: MakeFolder, tmp_path: Path
) -> None:
    folder = write(
        make_folder(a=3, b=3),
        {f"a/film{number}.png": frame(0, number) for number in range(3)},
    )
    left_out = hashlib.sha256((folder / "a/film0.png").read_bytes()).hexdigest()
    corrections = {
        "format": "catdog corrections",
        "version": 1,
        "corrections": [{"sha256": left_out, "leave_out": True}],
    }
    (tmp_path / "c.json").write_text(json.dumps(corrections))
    report = scan_images(folder, corrections=tmp_path / "c.json")
    assert [(row["path"], row["same_as"]) for row in report.rows()
            if row["reason"] == "near_duplicate"] == [("a/film2.png", "a/film1.png")]  # fmt: skip


def test_new_near_duplicates_of_test_images_are_not_trained_on(tmp_path: Path) -> None:
    folder = films(tmp_path / "films")
    data = load_datasets(folder)
    data.save_split(tmp_path / "split.json")
    tested, trained = data.paths("test")[0], data.paths("train")[0]
    for path in (tested, trained):
        film = int(path.stem.split("x")[1]) + 10 * (path.parent.name == "b")
        frame(film, 99).save(path.with_name(f"new_{path.name}"))
    with pytest.warns(UserWarning, match="does not list 1 image(.|\n)*nearly the same"):
        grown = load_datasets(folder, split_file=tmp_path / "split.json", new_files="train")
    assert set(grown.paths("train")) - set(data.paths("train")) == {
        trained.with_name(f"new_{trained.name}")
    }
    everything = load_datasets(
        folder, split_file=tmp_path / "split.json", new_files="train", near_duplicates="ignore"
    )
    assert len(everything.paths("train")) == len(data.paths("train")) + 2


@pytest.mark.real_data
def test_real_photos() -> None:
    """One pair of 3000 photos is the same image, saved twice; at most ten are found wrongly."""
    report = scan_images("cats_and_dogs_filtered")
    pairs = {(row["path"], row["same_as"]) for row in report.rows() if "near" in str(row["reason"])}
    assert ("train/dogs/dog.74.jpg", "train/dogs/dog.180.jpg") in pairs
    assert len(pairs) <= 11


@settings(max_examples=20, deadline=None)
@given(
    films_of=st.lists(st.lists(st.integers(1, 4), min_size=4, max_size=7), min_size=2, max_size=3),
    seed=st.integers(0, 3),
)
def test_no_cluster_is_in_two_sets(
    films_of: list[list[int]], seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = write(
        tmp_path_factory.mktemp("films"),
        {
            f"class{label}/{number}x{film}.png": frame(100 * label + film, number)
            for label, sizes in enumerate(films_of)
            for film, size in enumerate(sizes)
            for number in range(size)
        },
    )
    data = load_datasets(folder, seed=seed)
    assert films_in_two_sets(data) == 0
    assert all(count for split in SPLITS for count in data.label_counts(split).values())
    total = sum(map(sum, films_of))
    assert sum(len(data.paths(split)) for split in SPLITS) == total
