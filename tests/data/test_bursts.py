"""Bursts: images that follow each other by name and look alike."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from catdog import load_datasets, scan_images
from tests.conftest import write_images
from tests.data.test_near_duplicates import frame, scene, write


def names(layout: str) -> Iterator[tuple[str, int, int]]:
    """Yield path, film and frame of two classes of eight films of five frames."""
    for film in range(16):
        label = "ab"[film % 2]
        for number in range(5):
            yield layout.format(label=label, film=film, number=number), film, number


@pytest.mark.filterwarnings("ignore:The folders inside")
@pytest.mark.parametrize(
    ("layout", "group_by", "groups"),
    [
        ("{label}/{film:05}_{number:05}.png", r"([^/\d]*\d+)[^/]*$", 16),
        ("{label}/clip{film}-frame{number:04}.png", r"([^/\d]*\d+)[^/]*$", 16),
        ("{label}/2019_clip{film}_{number}.png", r"([^/]*\D)\d+\.[^./]+$", 16),
        ("{label}/clip{film}/{number}.png", "folder", 16),
        ("{label}/{film}{number}0.png", None, None),
    ],
)
def test_the_names_of_bursts(
    tmp_path: Path, layout: str, group_by: str | None, groups: int | None
) -> None:
    folder = write(tmp_path, {name: frame(film, number) for name, film, number in names(layout)})
    bursts = scan_images(folder).bursts
    assert bursts is not None
    assert bursts.share > 0.85
    assert (bursts.group_by, bursts.n_groups) == (group_by, groups)
    with pytest.warns(UserWarning, match=r"50% by chance(.|\n)*group_by") as caught:
        load_datasets(folder)
    assert {warning.filename for warning in caught} == {__file__}
    if group_by:
        data = load_datasets(folder, group_by=group_by)  # no warning
        assert not {*(data.groups("train") or ())} & {*(data.groups("test") or ())}


def test_frames_that_are_not_near_duplicates(tmp_path: Path) -> None:
    """Frames that only resemble each other are a burst as well."""
    images = {}
    for name, film, number in names("{label}/{film:05}_{number:05}.png"):
        still, other = np.asarray(scene(film), float), np.asarray(scene(1000 + 10 * film + number))
        mixed = (0.55 * still + 0.45 * other).astype(np.uint8)
        images[name] = Image.fromarray(mixed)
    report = scan_images(write(tmp_path, images))
    assert not report.findings
    assert report.bursts is not None


def test_images_in_any_order_are_no_bursts(tmp_path: Path) -> None:
    for label in "ab":
        write_images(tmp_path / label, 40)
    assert scan_images(tmp_path).bursts is None
    rng = np.random.default_rng(0)
    order = rng.permutation(80)
    folder = write(
        tmp_path / "films",
        {
            f"{'ab'[number % 2]}/{number}.png": frame(int(order[number]) % 10, number)
            for number in range(80)
        },
    )
    assert scan_images(folder).bursts is None


@pytest.mark.parametrize("size", [2, 3])
def test_many_small_classes_are_no_bursts(tmp_path: Path, size: int) -> None:
    images = {
        f"class{label}/{number}.png": scene(10 * label + number)
        for label in range(40)
        for number in range(size)
    }
    assert scan_images(write(tmp_path, images)).bursts is None


def test_the_built_in_images_are_no_bursts() -> None:
    assert scan_images("synthetic").bursts is None


@pytest.mark.real_data
def test_real_photos_are_no_bursts() -> None:
    assert scan_images("cats_and_dogs_filtered").bursts is None


def test_how_a_report_shows_bursts(tmp_path: Path) -> None:
    layout = "{label}/clip{film}-frame{number:04}.png"
    folder = write(tmp_path, {name: frame(film, number) for name, film, number in names(layout)})
    report = scan_images(folder)
    assert report.to_dict()["bursts"]["n_groups"] == 16
    assert report.to_dict()["bursts"]["share"] == report.bursts.share  # type: ignore[union-attr]
    for shown in (str(report), report._repr_html_()):
        assert "bursts" in shown
        assert "16 groups" in shown


@pytest.mark.parametrize("others", [40, 160])
def test_bursts_of_one_class_beside_single_images(tmp_path: Path, others: int) -> None:
    films = {
        f"films/clip{film}_{number}.png": frame(film, number)
        for film in range(8)
        for number in range(5)
    }
    singles = {f"more/photo_{number}.png": scene(1000 + number) for number in range(others)}
    folder = write(tmp_path, films | singles)
    bursts = scan_images(folder).bursts
    assert bursts is not None
    assert bursts.class_names == ("films",)
    assert bursts.share > 0.85
    assert bursts.n_groups == 8 + others
    assert str(bursts).startswith("Neighbours by name look alike in films: in ")
    data = load_datasets(folder, group_by=bursts.group_by)  # no warning
    assert data.groups("test")
    with pytest.warns(UserWarning, match="look alike in films: "):
        load_datasets(folder)


def test_bursts_of_many_small_classes(tmp_path: Path) -> None:
    """No class has enough neighbours alone."""
    images = {
        f"{label}/{film}_{number}.png": frame(10 * label + film, number)
        for label in range(5)
        for film in range(6)
        for number in range(3)
    }
    bursts = scan_images(write(tmp_path, images)).bursts
    assert bursts is not None
    assert bursts.class_names == ()
    assert bursts.group_by is not None


def test_copies_are_no_bursts(tmp_path: Path) -> None:
    """Files of the same content say nothing about neighbours."""
    images = {
        f"{label}/{number}.png": scene(100 * index + number // 2)
        for index, label in enumerate("ab")
        for number in range(80)
    }
    assert scan_images(write(tmp_path, images)).bursts is None


@pytest.mark.parametrize(("films", "group_by"), [(8, None), (10, r"([^/\d]*\d+)[^/]*$")])
def test_groups_that_fill_the_sets(tmp_path: Path, films: int, group_by: str | None) -> None:
    """With four films in a class, no set can have a fifth of it: they are not suggested."""
    images = {
        f"{'ab'[film % 2]}/clip{film}_{number}.png": frame(film, number)
        for film in range(films)
        for number in range(10)
    }
    bursts = scan_images(write(tmp_path, images)).bursts
    assert bursts is not None
    assert bursts.group_by == group_by


@pytest.mark.parametrize(
    "form",
    [
        "{split}/{label}/clip{film}_{number}.png",
        "{split}/{label}/clip{film}/{number}.png",
        "{split}/{label}/2019_clip{film}_{number}.png",
    ],
)
@pytest.mark.parametrize("by_table", [False, True])
@pytest.mark.filterwarnings("ignore:The folders inside", "ignore:The images of the table lie")
def test_numbers_that_begin_again_in_split_folders(
    tmp_path: Path, form: str, by_table: bool
) -> None:
    images, rows = {}, []
    for split in ("train", "test"):
        for film in range(14):
            for number in range(5):
                label = "ab"[film % 2]
                name = form.format(split=split, label=label, film=film, number=number)
                images[name] = frame(film + 100 * (split == "test"), number)
                rows.append({"file": name, "label": label, "split": split})
    folder = write(tmp_path, images)
    labels = rows if by_table else None
    bursts = scan_images(folder, labels=labels).bursts
    assert bursts is not None
    assert bursts.n_groups == 28
    data = load_datasets(folder, labels=labels, group_by=bursts.group_by)  # no warning
    assert data.groups("test")
