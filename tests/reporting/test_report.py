"""The report as a file: every figure is that of `to_dict`, names stay names, nothing is loaded."""

import json
import re
from collections.abc import Callable
from functools import reduce
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image

from catdog import Datasets, ModelReport, evaluate, load_datasets, write_report
from catdog._utils.text import percent
from catdog.matching import record_training
from catdog.typing import SPLITS
from tests.conftest import make_colour_model, write_images
from tests.data.test_near_duplicates import films

pytestmark = pytest.mark.usefixtures("in_scratch_folder")

HOSTILE = ("</script><script>alert(1)", "<!--<img src=x onerror=alert(2)>", "\u202e'\"$x$&amp;")
SIZE = (24, 24)
# The same formats as those of the page, written a second time.
FORMATS: dict[str, Callable[[Any], str]] = {
    "count": lambda value: f"{value:,}",
    "date": lambda value: value.partition("T")[0],
    "decimal": lambda value: f"{value:.3g}",
    "length": lambda value: f"{len(value)}",
    "loss": lambda value: f"{value:.4f}",
    "megabytes": lambda value: f"{value / 1e6:.1f} MB",
    "percent": lambda value: f"{100 * value:.1f}%",
    "pixels": lambda value: f"{value[1]} x {value[0]}",
    "plain": str,
    "probability": percent,
    "range": lambda value: f"{100 * value[0]:.1f}% to {100 * value[1]:.1f}%",
    "sentence": str,
    "short": lambda value: f"{value:.2f}",
    "text": lambda value: " ".join(value.split()),
    "whole": lambda value: f"{100 * value:.0f}%",
}


class Page(HTMLParser):
    """Collects elements, attributes, figures with their origin, and all other text of a page."""

    def __init__(self, path: str | Path) -> None:
        super().__init__()
        self.html = Path(path).read_text("utf-8")
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.figures: list[tuple[list[str | int], str, str]] = []
        self.names: list[str] = []
        self.text = ""
        self.data: Any = None
        self._open: list[tuple[str, dict[str, str | None]]] = []
        self.feed(self.html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in ("meta", "img", "input", "path", "use", "image", "rect"):
            self._open.append((tag, dict(attrs)))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        tag, attributes = self._open[-1] if self._open else ("", {})
        inside = {each for each, _ in self._open}
        if tag == "script":
            self.data = json.loads(data)
        elif "data-of" in attributes:
            keys = json.loads(attributes["data-of"] or "")
            self.figures.append((keys, attributes["data-as"] or "", data))
        elif (attributes.get("class") or "") in ("name", "class"):
            self.names.append(data)
        elif not inside & {"style", "svg"}:
            self.text += f"{data} "


def model_of(data: Datasets) -> keras.Model:
    """Return a model that answers by brightness, with the metadata of a training on the data."""
    classes = len(data.class_names)
    slopes = [[0.01 * number for number in range(classes)]] * 3
    model = make_colour_model(slopes, [-1.0 * number for number in range(classes)], image_size=SIZE)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    record_training(model, data)
    return model


def with_backbone(classes: int = 2) -> keras.Model:
    keras.utils.set_random_seed(0)
    layers = [
        keras.Input((*SIZE, 3)),
        keras.layers.Conv2D(4, 3, strides=2, trainable=False),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(classes),
    ]
    return keras.Sequential(layers)


def check_figures(page: Page) -> None:
    """Check that every figure shown is that of the embedded JSON, in the format it is said."""
    assert len(page.figures) > 20
    for keys, form, shown in page.figures:
        value = reduce(lambda inner, key: inner[key], keys, page.data)
        assert FORMATS[form](value) == shown, keys


@pytest.fixture
def data(make_folder: Callable[..., Path]) -> Datasets:
    folder = make_folder(cats=12, dogs=12)
    (folder / "cats/broken.jpg").write_bytes(b"no image")
    with pytest.warns(UserWarning, match="1 file"):
        return load_datasets(folder, image_size=SIZE, on_bad_image="skip")


@pytest.fixture
def history() -> Any:
    values = {"accuracy": [0.5, 0.75], "loss": [float("inf"), 0.5], "val_accuracy": [0.5, 0.625]}
    return SimpleNamespace(history=values)


def test_every_figure_is_that_of_to_dict(data: Datasets, history: Any) -> None:
    report = write_report(model_of(data), data, "pets.html", history=history, verbose=0)
    page = Page("pets.html")
    assert page.data == json.loads(json.dumps(report.to_dict(), allow_nan=False))
    check_figures(page)
    shown = {".".join(map(str, keys)) for keys, _, _ in page.figures}
    for key in (
        "evaluation.accuracy",
        "evaluation.interval",
        "evaluation.baseline",
        "evaluation.n",
        "evaluation.test_evaluations",
        "evaluation.calibration_error",
        "evaluation.per_class.cats.recall",
        "data.counts.test.dogs",
        "data.n_unusable",
        "model.n_parameters",
        "history.val_accuracy.-1",
        "coverage.thresholds.0.accuracy",
    ):
        assert key in shown


def test_no_figure_is_typed(data: Datasets, history: Any) -> None:
    """All digits outside of figures and names are those of explanations."""
    write_report(model_of(data), data, "pets.html", history=history, verbose=0)
    text = Page("pets.html").text
    for explained in ("95 %", "95 of 100", "90 %", "F1", "gives 0.5", "catdog 0.1.0"):
        text = text.replace(explained, "")
    text = re.sub(r"\S+\.(png|jpg)", "", text)
    assert re.findall(r"\d+", text.replace("1 is the same, 0 is", "")) == []


def test_the_figures_are_those_of_the_reports(data: Datasets) -> None:
    model = model_of(data)
    values = write_report(model, data, "pets.html", verbose=0).to_dict()
    expected = evaluate(model, data, verbose=0)
    again = expected.to_dict()
    assert again.pop("test_evaluations") == 2
    assert values["evaluation"].pop("test_evaluations") == 1
    assert values["evaluation"] == again
    assert values["n_right"] == expected.correct.sum()
    assert values["n_wrong"] == len(values["wrong"]) == expected.n - values["n_right"]
    assert values["data"]["sizes"] == {split: len(data.paths(split)) for split in SPLITS}


def test_with_a_backbone(data: Datasets) -> None:
    model = with_backbone()
    report = write_report(model, data, "pets.html", verbose=0)
    page = Page("pets.html")
    check_figures(page)
    assert report.left_out.keys() == {"learning curves"}
    assert report.leaks is not None
    assert page.data["leaks"] == json.loads(json.dumps(report.leaks.to_dict()))
    assert page.data["label_issues"]["n"] == 24
    assert page.data["near_duplicates"]["n"] == 24
    assert "Heat map of" in page.html or not page.data["n_wrong"]
    assert data.test_evaluations == 1  # leak check and evaluation are one look at the test set


def test_images_like_those_of_the_training_are_said_at_the_top(tmp_path: Path) -> None:
    data = load_datasets(films(tmp_path / "films"), near_duplicates="ignore", image_size=SIZE)
    report = write_report(model_of(data), data, "pets.html", verbose=0)
    assert report.evaluation.near_training.any()
    assert report.evaluation.unlike_training is not None
    page = Page("pets.html")
    check_figures(page)
    keys = [keys for keys, _, _ in page.figures]
    assert ["evaluation", "unlike_training", "accuracy"] in keys
    assert "New images may show a lower accuracy" in page.text


def test_what_is_left_out_is_said(make_folder: Callable[..., Path]) -> None:
    names = {f"{split}/{name}": 4 for split in ("train", "test") for name in ("cats", "dogs")}
    data = load_datasets(make_folder({**names, "validation/cats": 4, "validation/dogs": 4}))
    report = write_report(with_backbone(), data.at(SIZE), "with.html", verbose=0)
    assert report.leaks is not None  # 12 images a class are enough
    few = write_report(model_of(data.at(SIZE)), data.at(SIZE), "without.html", verbose=0)
    text = Page("without.html").text
    for part in ("leak check", "near duplicates by features", "label issues", "heat maps"):
        assert part in few.left_out
        assert f"Left out: {part}. {few.left_out[part]}" in text
    assert "Folders decide about the split" in text
    assert "set without a folder" not in text
    validated = evaluate(model_of(data.at(SIZE)), data.at(SIZE), split="validation", verbose=0)
    assert len(few.wrong_validation) == 8 - validated.correct.sum()
    assert report.wrong_validation == ()
    assert "Others made the split folders" in text


def test_too_few_images_for_the_leak_meter(make_folder: Callable[..., Path]) -> None:
    data = load_datasets(make_folder(cats=4, dogs=20), image_size=SIZE)
    report = write_report(with_backbone(), data, "pets.html", verbose=0)
    assert "5" in report.left_out["leak check"]
    assert "5 images of each class" in report.left_out["label issues"]


def test_hostile_names_stay_names(tmp_path: Path) -> None:
    reports: list[Page] = []
    for names in (HOSTILE, ("a", "b", "c")):
        folder = tmp_path / f"of {names[0][:1]}"
        for tint, name in enumerate(names):
            path = folder / name.replace("/", "\u2215")
            write_images(path, 8, tint=50 * tint)
            for number, image in enumerate(sorted(path.iterdir())):
                image.rename(
                    path
                    / (
                        f"'><script>{number}\u202e.png"
                        if folder.name != "of a"
                        else f"{number}.png"
                    )
                )
        data = load_datasets(folder, image_size=SIZE)
        write_report(model_of(data), data, f"{len(reports)}.html", title=names[0], verbose=0)
        reports.append(Page(f"{len(reports)}.html"))
    hostile, harmless = reports
    assert "\u202e" not in hostile.html
    count = [[each for each in page.tags if each not in SHAPES] for page in reports]
    assert sorted(count[0]) == sorted(count[1])
    assert {name for name, _ in hostile.attributes} == {name for name, _ in harmless.attributes}
    assert hostile.data["data"]["class_names"][0] == HOSTILE[1].replace("/", "\u2215")
    assert hostile.data["title"] == HOSTILE[0]


SHAPES = {"g", "path", "text", "use", "tspan", "clippath", "rect", "defs"}  # parts of figures


def test_nothing_is_loaded(data: Datasets, history: Any) -> None:
    write_report(with_backbone(), data, "pets.html", history=history, verbose=0)
    page = Page("pets.html")
    assert re.findall(r"(?:https?:)?//", re.sub(r"base64,[\w+/=\s]*", "", page.html)) == []
    addresses = [
        value for name, value in page.attributes if name in ("src", "href", "xlink:href", "srcset")
    ]
    assert addresses
    assert all(value.startswith(("data:image/", "#")) for value in addresses)
    assert page.tags.count("script") == 1  # the JSON
    (policy,) = (value for _, value in page.attributes if "default-src" in value)
    assert policy.startswith("default-src 'none'")
    identifiers = [value for name, value in page.attributes if name == "id"]
    assert len(identifiers) == len({*identifiers})
    referenced = re.findall(r"url\(#([^)]*)\)", page.html)
    referenced += [value[1:] for value in addresses if value.startswith("#")]
    assert {*referenced} <= {*identifiers}


def test_the_path_of_the_folder_is_not_inside(data: Datasets) -> None:
    write_report(model_of(data), data, "pets.html", verbose=0)
    assert str(data.report.folder.parent) not in Path("pets.html").read_text("utf-8")


def test_a_file_is_replaced_only_if_asked_for(data: Datasets) -> None:
    Path("pets.html").write_text("mine")
    with pytest.raises(FileExistsError, match="^path='pets.html' exists. .* overwrite=True"):
        write_report(model_of(data), data, "pets.html", verbose=0)
    assert Path("pets.html").read_text() == "mine"
    assert data.test_evaluations == 0  # refused before the test images were used
    write_report(model_of(data), data, "pets.html", overwrite=True, verbose=0)
    assert Path("pets.html").read_text("utf-8").startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("path", "error", "message"),
    [
        ("pets.keras", ValueError, r"must end in \.html. .*'pets\.html'"),
        ("missing/pets.html", FileNotFoundError, "needs the folder"),
        (3, TypeError, "path"),
    ],
)
def test_paths_that_cannot_be_written(
    data: Datasets, path: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        write_report(model_of(data), data, path)
    assert data.test_evaluations == 0


def test_a_history_without_epochs(data: Datasets) -> None:
    with pytest.raises(TypeError, match="history must be what train or model.fit returned"):
        write_report(model_of(data), data, "pets.html", history=keras.callbacks.History())
    assert not Path("pets.html").exists()


def test_an_image_that_was_removed_meanwhile(data: Datasets) -> None:
    """Examples are of the training set, which the evaluation does not read."""
    data.paths("train")[0].unlink()
    write_report(model_of(data), data, "pets.html", verbose=0)
    assert "This image can no longer be read." in Page("pets.html").text


def test_the_report_prints(data: Datasets) -> None:
    report = write_report(model_of(data), data, "pets.html", title="Pets & more", verbose=0)
    assert isinstance(report, ModelReport)
    assert str(report.evaluation) in str(report)
    assert "left out: leak check." in str(report)
    assert "<table>" in report._repr_html_()
    assert repr(report) == f"<ModelReport: {Path('pets.html').resolve()}>"
    assert "<title>Pets &amp; more</title>" in Path("pets.html").read_text("utf-8")


def test_the_size_of_a_full_report(tmp_path: Path) -> None:
    """With large images of noise, which compress worst, the page is below 5 MB."""
    rng = np.random.default_rng(0)
    for name in ("cats", "dogs"):
        (tmp_path / "large" / name).mkdir(parents=True)
        for number in range(45):
            pixels = rng.integers(0, 256, (320, 320, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "large" / name / f"{number}.png")
    data = load_datasets(tmp_path / "large", image_size=SIZE, test_fraction=0.6)
    report = write_report(with_backbone(), data, "pets.html", verbose=0)
    assert len(report.wrong) >= 24
    assert Path("pets.html").stat().st_size < 5e6
