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
