"""`scan_images(folder, quality=True)`: what is blurred, dark, overexposed, flat or tiny."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageFilter

from catdog import QualityReport, scan_images
from catdog.data.quality import FAULTS, Fault
from tests.data.files import add


def write_scenes(folder: Path, count: int, *, brightness: int = 0) -> None:
    """Write images of coloured squares at 120 x 90 pixels: some contrast, sharp edges."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(list(folder.name.encode()))
    for number in range(count):
        squares = rng.integers(40 + brightness, 140 + brightness, (9, 12, 3), dtype=np.uint8)
        image = Image.fromarray(squares).resize((120, 90), Image.Resampling.NEAREST)
        image.save(folder / f"{number}.png")


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    """The cats are dark, the dogs are bright."""
    write_scenes(tmp_path / "scenes/cats", 8)
    write_scenes(tmp_path / "scenes/dogs", 8, brightness=90)
    return tmp_path / "scenes"


def measured(folder: Path) -> QualityReport:
    quality = scan_images(folder, quality=True).quality
    assert quality is not None
    return quality


CHANGES: dict[Fault, Callable[[Image.Image], Image.Image]] = {
    "blurred": lambda image: image.filter(ImageFilter.GaussianBlur(2)),
    "dark": lambda image: ImageEnhance.Brightness(image).enhance(0.3),
    "overexposed": lambda image: ImageEnhance.Brightness(image).enhance(2.5),
    "flat": lambda image: ImageEnhance.Contrast(image).enhance(0.1),
    "tiny": lambda image: image.resize((40, 30), Image.Resampling.NEAREST),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", ["cats/3.png", "dogs/5.png"])
def test_each_fault_is_found_and_ranked_first(scenes: Path, fault: Fault, name: str) -> None:
    with Image.open(scenes / name) as image:
        changed = CHANGES[fault](image)
    changed.save(scenes / name)
    quality = measured(scenes)
    assert [image.path for image in quality.worst(fault, 1)] == [scenes / name]
    row = next(row for row in quality.rows() if row["path"] == name)
    assert row[f"{fault}_rank"] == 1
    assert row[f"{fault}_share"] == 1 / 8
    lines = str(quality).splitlines()
    head = next(number for number, line in enumerate(lines) if line.startswith(f"  {fault} "))
    assert name in lines[head + 1]


def test_images_are_compared_with_their_own_class(scenes: Path) -> None:
    """All cats are darker than the dog; but it is dark for a dog."""
    with Image.open(scenes / "dogs/2.png") as image:
        changed = ImageEnhance.Brightness(image).enhance(0.7)
    changed.save(scenes / "dogs/2.png")
    quality = measured(scenes)
    assert quality.worst("dark", 1)[0].path == scenes / "dogs/2.png"
    darkest = min(quality.images, key=lambda image: image.brightness)
    assert darkest.class_name == "cats"


def test_without_quality_nothing_changes(scenes: Path) -> None:
    add(scenes / "cats", "empty.jpg", b"")
    add(scenes / "dogs", "copy.png", (scenes / "dogs/1.png").read_bytes())
    without, report = scan_images(scenes), scan_images(scenes, quality=True)
    assert without.quality is None
    assert "quality" not in without.to_dict()
    assert without.findings == report.findings
    assert str(report) == f"{without}\n{report.quality}"
    assert report._repr_html_().startswith(without._repr_html_())
    assert report.to_dict() == without.to_dict() | {"quality": measured(scenes).to_dict()}


def test_only_usable_images_are_measured(scenes: Path) -> None:
    add(scenes / "cats", "empty.jpg", b"")
    add(scenes / "cats", "notes.txt", b"x")
    for name in ("cats", "dogs"):
        add(scenes / name, "both.png", (scenes / "dogs/1.png").read_bytes())
    paths = {image.path.name for image in measured(scenes).images}
    assert paths == {f"{number}.png" for number in range(8)}
    assert len(measured(scenes).images) == 15  # without dogs/1.png, which has two labels


def test_equal_values_have_one_rank(scenes: Path) -> None:
    quality = measured(scenes)
    assert quality.worst("tiny", 20) == ()
    assert {(row["tiny_rank"], row["tiny_share"]) for row in quality.rows()} == {(1, 1.0)}
    assert "none is worse than the class median" in str(quality)
    ranks = sorted(row["dark_rank"] for row in quality.rows() if row["class_name"] == "cats")
    assert ranks == list(range(1, 9))


def test_a_black_class_has_no_ratio(tmp_path: Path) -> None:
    for name in ("black", "noise"):
        folder = tmp_path / "images" / name
        folder.mkdir(parents=True)
        for number in range(3):
            pixels = np.zeros((20, 20 + number, 3), np.uint8)
            if name == "noise":
                pixels[:] = np.random.default_rng(number).integers(0, 256, pixels.shape)
            Image.fromarray(pixels).save(folder / f"{number}.png")
    quality = measured(tmp_path / "images")
    assert {image.class_name for image in quality.worst("dark", 9)} == {"noise"}
    assert all(np.isfinite(list(values.values())).all() for values in quality.medians().values())


def test_an_empty_folder_of_a_class(scenes: Path) -> None:
    for path in (scenes / "cats").iterdir():
        path.unlink()
    assert set(measured(scenes).medians()) == {"dogs"}
    for path in (scenes / "dogs").iterdir():
        path.unlink()
    assert str(measured(scenes)).startswith("quality of 0 images")
    assert measured(scenes).rows() == []


def test_the_report_is_plain_data(scenes: Path) -> None:
    quality = measured(scenes)
    assert repr(quality) == "<QualityReport: 16 images>"
    assert json.loads(json.dumps(quality.to_dict())) == quality.to_dict()
    assert quality.rows()[0]["path"] == "cats/0.png"
    html = quality._repr_html_()
    assert html.count("<table>") == len(FAULTS)
    with pytest.raises(ValueError, match="fault='blury' is not known. Did you mean 'blurred'"):
        quality.worst("blury")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="k must be a whole number of at least 1, not 0"):
        quality.worst("dark", 0)
