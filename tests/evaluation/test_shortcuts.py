"""`find_shortcuts`: what is found in drawn images, and false alarms."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from catdog import Shortcuts, find_shortcuts, load_datasets
from catdog.data.split import stratified_split
from catdog.evaluation.metrics import wilson_interval
from catdog.evaluation.shortcut_report import CUE_KINDS, CUES
from catdog.evaluation.shortcuts import compare_cues
from catdog.images.cues import ImageCues, border_pixels
from catdog.typing import Labels

MAKE, MODEL = 0x010F, 0x0110
PER_CLASS = 60
Save = Callable[[Image.Image, Path, bool, np.random.Generator], object]


def draw(rng: np.random.Generator, side: int = 32) -> Image.Image:
    """Return an image whose content says nothing about its class."""
    colours = rng.integers(60, 200, (4, 4, 3), dtype=np.uint8)
    return Image.fromarray(colours).resize((side, side), Image.Resampling.BILINEAR)


def write(folder: Path, save: Save, per_class: int = PER_CLASS) -> Path:
    """Write images of two classes; `save` receives whether the image is of the second one."""
    rng = np.random.default_rng(0)
    for is_second, name in enumerate(("one", "two")):
        (folder / name).mkdir(parents=True)
        for number in range(per_class):
            save(draw(rng), folder / name / str(number), bool(is_second), rng)
    return folder


def save_size(image: Image.Image, path: Path, is_second: bool, rng: np.random.Generator) -> None:
    """The second class has the middle sizes."""
    side = rng.choice([36, 38] if is_second else [32, 34, 40, 42])
    image.resize((side, side)).save(path.with_suffix(".png"))


def save_ratio(image: Image.Image, path: Path, is_second: bool, rng: np.random.Generator) -> None:
    long = int(rng.integers(40, 80))
    size = (long, round(long / 1.5))
    image.resize(size if is_second else size[::-1]).save(path.with_suffix(".png"))


def save_format(image: Image.Image, path: Path, is_second: bool, _: Any) -> None:
    if is_second:
        image.save(path.with_suffix(".bmp"))
    else:
        image.save(path.with_suffix(".gif"))


def save_quality(image: Image.Image, path: Path, is_second: bool, _: Any) -> None:
    image.save(path.with_suffix(".jpg"), quality=80 if is_second else 85)


def save_bytes(image: Image.Image, path: Path, is_second: bool, _: Any) -> None:
    """The second class has files with 5000 bytes of metadata."""
    exif = Image.Exif()
    exif[0x010E] = "x" * 5000 * is_second  # a description
    image.save(path.with_suffix(".jpg"), exif=exif)


def save_brightness(image: Image.Image, path: Path, is_second: bool, _: Any) -> None:
    image.point(lambda value: value + 40 * is_second).save(path.with_suffix(".png"))


def save_cast(image: Image.Image, path: Path, is_second: bool, _: Any) -> None:
    """Blue counts little in the luma, so the brightness is about the same."""
    red, green, blue = image.split()
    blue = blue.point(lambda value: value + 40 * is_second)
    Image.merge("RGB", (red, green, blue)).save(path.with_suffix(".png"))


def save_border(image: Image.Image, path: Path, is_second: bool, rng: Any) -> None:
    """A frame one pixel wide, of a random colour in both classes; bright ones in the second."""
    pixels = np.array(image)
    colour = rng.integers(140, 200, 3) if is_second else rng.integers(60, 120, 3)
    inside = pixels[1:-1, 1:-1].copy()
    pixels[:] = colour
    pixels[1:-1, 1:-1] = inside
    Image.fromarray(pixels).save(path.with_suffix(".png"))


def save_camera(image: Image.Image, path: Path, is_second: bool, rng: Any) -> None:
    """Two cameras for each class; the number of letters is the same."""
    exif = Image.Exif()
    exif[MAKE], exif[MODEL] = "Maker", rng.choice(["A1", "A2"] if is_second else ["B1", "B2"])
    image.save(path.with_suffix(".jpg"), exif=exif)


@pytest.mark.parametrize(
    ("save", "cue", "also"),
    [
        (save_size, "image_size", {"file_size"}),
        (save_ratio, "aspect_ratio", {"image_size"}),
        (save_format, "file_format", {"file_size", "border", "colour_cast"}),
        (save_quality, "jpeg_quality", {"file_size"}),
        (save_bytes, "file_size", set()),
        (save_brightness, "brightness", {"border", "file_size"}),
        (save_cast, "colour_cast", {"border", "file_size"}),
        (save_border, "border", {"file_size", "brightness", "colour_cast"}),
        (save_camera, "camera", set()),
    ],
)
def test_classes_that_differ_in_one_cue_alone(
    tmp_path: Path, save: Save, cue: str, also: set[str]
) -> None:
    report = find_shortcuts(load_datasets(write(tmp_path / "images", save)))
    flagged = {shortcut.cue for shortcut in report.flagged}
    assert cue in flagged
    assert flagged <= {cue, *also}
    best = next(shortcut for shortcut in report.cues if shortcut.cue == cue)
    assert best.accuracy > 0.85
    assert best.accuracy >= 0.9 * report.cues[0].accuracy
    name = next(kind.name for key, kind in CUE_KINDS.items() if key == cue)
    assert f"\nThe {name} alone predicts the class: {best.accuracy:.1%} (" in str(report)


def random_cues(n: int, rng: np.random.Generator) -> list[ImageCues]:
    """Return cues that say nothing about a class: some rare, some common, some unique values."""
    return [
        ImageCues(
            image_size=(int(rng.choice([320, 500, 640])), int(rng.choice([240, 375]))),
            aspect_ratio=(float(rng.lognormal()),),
            file_format=str(rng.choice(["JPEG", "PNG", "WEBP"], p=[0.9, 0.09, 0.01])),
            file_size=(float(rng.lognormal(10)),),
            jpeg_quality=f"mean step {rng.integers(0, 40)}",
            brightness=(float(rng.normal(100, 30)),),
            colour_cast=(float(rng.normal()), float(rng.normal())),
            border=tuple(rng.normal(100, 30, 6).tolist()),
            camera=str(rng.choice(["", *"abcdefghij"])),
        )
        for _ in range(n)
    ]


def folds_of(labels: Labels, seed: int) -> Any:
    return stratified_split(labels, [0.2] * 5, contents=range(len(labels)), seed=seed)


@pytest.mark.parametrize("share", [0.5, 0.2, 0.03])
def test_tossed_labels_cause_no_alarm(share: float) -> None:
    above = alarms = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        labels = (rng.random(400) < share).astype(np.int32)
        report = compare_cues(
            random_cues(400, rng), labels, ("one", "two"), range(400), folds_of(labels, seed)
        )
        assert len(report.cues) == len(CUES)
        alarms += bool(report.flagged)
        above += sum(shortcut.interval[0] > report.baseline for shortcut in report.cues)
    assert alarms == 0
    assert above <= 0.05 * 40 * len(CUES)  # intervals of 95 % lie above in 2.5 % of the cases


def test_intervals_count_groups() -> None:
    """40 videos of ten alike frames, labels tossed for each video: ten times less is known."""
    alarms = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        by_group = rng.permutation(np.repeat([0, 1], 20)).astype(np.int32)
        labels = np.repeat(by_group, 10)
        cues = [cue for cue in random_cues(40, rng) for _ in range(10)]
        groups = np.repeat(np.arange(40), 10).tolist()
        folds = [np.flatnonzero(np.isin(groups, fold)) for fold in folds_of(by_group, seed)]
        report = compare_cues(cues, labels, ("one", "two"), groups, folds)
        assert (report.n, report.n_units) == (400, 40)
        alarms += bool(report.flagged)
    assert alarms <= 1


def test_intervals_count_groups_of_uneven_size_as_fewer() -> None:
    """40 videos of 1 to 60 alike frames, labels tossed for each video."""
    alarms = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        sizes = np.maximum(1, rng.lognormal(1.5, 1, 40).astype(int)).clip(max=60)
        by_group = rng.permutation(np.repeat([0, 1], 20)).astype(np.int32)
        groups = np.repeat(np.arange(40), sizes)
        cues = random_cues(40, rng)
        folds = [np.flatnonzero(np.isin(groups, fold)) for fold in folds_of(by_group, seed)]
        report = compare_cues(
            [cues[group] for group in groups],
            by_group[groups],
            ("one", "two"),
            groups.tolist(),
            folds,
        )
        assert report.n_units == 40
        worth = sizes.sum() ** 2 / np.square(sizes).sum()
        best = report.cues[0]
        assert best.interval == pytest.approx(wilson_interval(best.accuracy * worth, worth))
        alarms += bool(report.flagged)
    assert alarms <= 2


def test_a_perfect_size_of_a_rare_class_is_flagged() -> None:
    for common, rare in ((1000, 20), (500, 10)):
        labels = np.repeat([0, 1], [common, rare]).astype(np.int32)
        cues = [
            cue._replace(image_size=((640, 480) if label else (300, 300)))
            for cue, label in zip(
                random_cues(len(labels), np.random.default_rng(0)), labels, strict=True
            )
        ]
        report = compare_cues(cues, labels, ("one", "two"), range(len(labels)), folds_of(labels, 0))
        assert [cue.cue for cue in report.flagged] == ["image_size"]
        assert report.flagged[0].accuracy == 1


def video_folder(folder: Path) -> Path:
    """Write 24 videos of eight frames, each of its own brightness and a tossed class."""
    rng = np.random.default_rng(3)
    classes = rng.permutation(["one", "two"] * 12)
    for video, name in enumerate(classes):
        (folder / name).mkdir(parents=True, exist_ok=True)
        brightness = 20 + 9 * video
        for frame in range(8):
            pixels = (brightness + rng.integers(-15, 16, (4, 4, 3))).astype(np.uint8)
            image = Image.fromarray(pixels).resize((16, 16), Image.Resampling.NEAREST)
            image.save(folder / name / f"video{video}_{frame}.png")
    return folder


def test_groups_are_in_one_fold(tmp_path: Path) -> None:
    """Split by frames, the brightness names the video, and so its class."""
    folder = video_folder(tmp_path / "videos")
    by_frame = find_shortcuts(load_datasets(folder))
    assert "brightness" in {shortcut.cue for shortcut in by_frame.flagged}
    assert by_frame.n_units == by_frame.n
    grouped = find_shortcuts(load_datasets(folder, group_by=r"(video\d+)_"))
    assert grouped.flagged == ()
    assert grouped.n_units == grouped.n / 8


@pytest.mark.filterwarnings("ignore:Neighbours by name")
def test_duplicates_are_in_one_fold_and_count_once(tmp_path: Path) -> None:
    folder = write(tmp_path / "images", save_none, 20)
    for path in [*folder.rglob("*.png")]:
        for copy in range(4):
            shutil.copy(path, path.with_name(f"{path.stem}_{copy}.png"))
    report = find_shortcuts(load_datasets(folder))
    assert report.n_units == report.n / 5
    assert report.flagged == ()
    assert report.cues[0].accuracy < 0.8  # 1 if the nearest neighbours were the duplicates


@pytest.mark.filterwarnings("ignore:Neighbours by name")
def test_near_duplicates_are_in_one_fold_and_count_once(tmp_path: Path) -> None:
    def save_copies(image: Image.Image, path: Path, *_: Any) -> None:
        for quality in (95, 94, 93, 92):
            image.save(path.with_name(f"{path.name}_{quality}.jpg"), quality=quality)

    folder = write(tmp_path / "images", save_copies, 20)
    report = find_shortcuts(load_datasets(folder))
    assert report.n_units == report.n / 4
    assert report.flagged == ()


def save_none(image: Image.Image, path: Path, *_: Any) -> None:
    image.save(path.with_suffix(".png"))


def test_the_test_images_are_not_read(tmp_path: Path) -> None:
    data = load_datasets(write(tmp_path / "images", save_camera, 20))
    for path in data.paths("test"):
        path.unlink()
    assert find_shortcuts(data).n == len(data.paths("train")) + len(data.paths("validation"))
    removed = data.paths("validation")[0]
    removed.unlink()
    with pytest.raises(ValueError, match=f"Cannot read the image .*{removed.name}"):
        find_shortcuts(data)


def test_small_classes_get_fewer_folds(tmp_path: Path) -> None:
    folder = write(tmp_path / "images", save_none, 5)
    assert find_shortcuts(load_datasets(folder)).folds == 4


def test_a_class_of_one_group_is_an_error(tmp_path: Path) -> None:
    """A split file may list a group in two sets."""
    folder, file = write(tmp_path / "images", save_none, 5), tmp_path / "split.json"
    load_datasets(folder, group_by="folder").save_split(file)
    file.write_text(re.sub(r'("group": )"two/[^"]*"', r'\1"all"', file.read_text()))
    with pytest.warns(UserWarning, match="By the split file, 1 group"):
        data = load_datasets(folder, split_file=file)
    with pytest.raises(ValueError, match="data needs 2 groups of each class"):
        find_shortcuts(data)


def report_of_sizes() -> Shortcuts:
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 50).astype(np.int32)
    cues = [
        random_cues(1, rng)[0]._replace(
            image_size=(500, 375) if label else (320, 240),
            aspect_ratio=(1.3,),
            file_format="JPEG",
            file_size=(20_000.0,),
            jpeg_quality="mean step 10.00",
            brightness=(100.0,),
            border=(1.0,),
            camera="",
            colour_cast=(float(rng.normal()), 0.0),
        )
        for label in labels
    ]
    return compare_cues(cues, labels, ("cats", "dogs"), range(100), folds_of(labels, 0))


def test_the_report() -> None:
    report = report_of_sizes()
    assert [shortcut.cue for shortcut in report.cues] == ["image_size", "colour_cast"]
    assert set(report.constant) == set(CUES) - {"image_size", "colour_cast"}
    lines = str(report).splitlines()
    assert lines[0] == "100 images (train, validation), classes predicted from one cue alone"
    assert lines[2].split() == ["image", "size", "100.0%", "96.3%", "to", "100.0%", "shortcut?"]
    assert lines[4].split() == ["baseline", "50.0%"]
    assert lines[5].startswith("the same in all images: aspect ratio, file format")
    assert lines[6] == (
        "The image size alone predicts the class: 100.0% (95 % confidence interval 96.3% to "
        "100.0%), baseline 50.0%. Median of cats: 320 x 240; dogs: 500 x 375."
    )
    assert json.loads(json.dumps(report.to_dict())) == report.to_dict()
    assert report.rows()[0]["typical"] == {"cats": "320 x 240", "dogs": "500 x 375"}
    assert "<td>image size</td><td>100.0%</td>" in report._repr_html_()
    assert repr(report).startswith("<Shortcuts: 100 images")


def test_many_classes_are_named_in_part() -> None:
    labels = np.repeat(np.arange(8), 20).astype(np.int32)
    rng = np.random.default_rng(0)
    cues = [random_cues(1, rng)[0]._replace(camera=f"camera {label}") for label in labels]
    names = [f"class {label}" for label in range(8)]
    report = compare_cues(cues, labels, names, range(160), folds_of(labels, 0))
    assert [shortcut.cue for shortcut in report.flagged] == ["camera"]
    assert "Most common in class 0: camera 0 (20 of 20); class 1" in str(report)
    assert "... and 3 more" in str(report)


def test_the_border_of_small_images() -> None:
    pixels = np.arange(6 * 8 * 3).reshape(6, 8, 3).astype(np.uint8)
    assert len(border_pixels(pixels)) == 2 * 8 + 2 * 4
    assert len(border_pixels(pixels[:1, :1])) == 1
    assert len(border_pixels(pixels[:2])) == 16
    assert len(border_pixels(np.zeros((96, 128, 3), np.uint8))) == 96 * 128 - 88 * 120


def test_arguments_are_checked() -> None:
    with pytest.raises(TypeError, match="data must be what load_datasets returns, not str"):
        find_shortcuts("images")  # type: ignore[arg-type]
