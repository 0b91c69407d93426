"""The page as a file: nothing is loaded from elsewhere, and names cannot become code."""

import base64
import hashlib
import json
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import keras
import pytest

from catdog import build_model, export_model
from catdog.inference.web_page import FOLDER, RUNTIME
from catdog.models.metadata import ModelMetadata, SplitRecord, attach_metadata
from tests.conftest import make_colour_model

HOSTILE = ("</script><img src=x onerror=alert(1)>", "<!--<script>", "a&amp;b", "\u202edogs")
SOURCES = ("page.css", "page.html", "page.js", "pixels.js", "runtime.js")
pytestmark = pytest.mark.usefixtures("in_scratch_folder")


class Tags(HTMLParser):
    """Counts the elements of a page, and collects their attributes and visible texts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.count: Counter[str] = Counter()
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.count[tag] += 1
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        if self.cdata_elem is None:
            self.texts.append(" ".join(data.split()))


def export(names: tuple[str, ...] = ("cats", "dogs"), path: str = "pets.html") -> str:
    slopes = [[0.01 * number for number in range(len(names))]] * 3
    model = make_colour_model(slopes, [0.0] * len(names), image_size=(8, 8))
    export_model(model, path, class_names=names)
    return Path(path).read_text("utf-8")


@pytest.mark.parametrize("name", ["runtime.js", "runtime.wasm"])
def test_checksums(name: str) -> None:
    content = (FOLDER / name).read_bytes()
    assert hashlib.sha256(content).hexdigest() == RUNTIME["sha256"][name]


def test_versions_and_licences() -> None:
    wanted = json.loads(
        Path(__file__).parents[2].joinpath("tools/web_runtime/package.json").read_text()
    )["devDependencies"]
    found = {package["name"]: package["version"] for package in RUNTIME["packages"]}
    assert {name: version for name, version in wanted.items() if name != "esbuild"}.items() <= (
        found.items()
    )
    notice = (FOLDER / "NOTICE.txt").read_text()
    for package in RUNTIME["packages"]:
        name = package["name"].partition("/")[0].lstrip("@").replace("tensorflow", "TensorFlow.js")
        assert name in notice
        assert package["license"] in ("Apache-2.0", "MIT")
    assert "--" not in notice  # it stands in a comment


@pytest.mark.parametrize("name", SOURCES)
def test_sources_can_stand_in_a_page(name: str) -> None:
    text = (FOLDER / name).read_text("utf-8")
    assert "\r" not in text
    if name.endswith(".js"):
        assert not re.search(r"</script|<!--", text, re.IGNORECASE)
        assert not re.search(r"\beval\(|new Function\b", text)


def test_the_page_is_one_file() -> None:
    """The security policy lets a browser load nothing, and run the scripts of the page alone."""
    page = export()
    tags = Tags(page)
    assert {"src", "href", "style", "action", "srcset"} & {name for name, _ in tags.attributes} == (
        set()
    )
    (policy,) = (text for name, text in tags.attributes if text and "default-src" in text)
    assert policy.startswith("default-src 'none'")
    assert "unsafe-inline" not in policy
    assert "http" not in policy
    assert "data:" not in policy
    code = re.findall(r"<(?:script|style)>(.*?)</(?:script|style)>", page, re.DOTALL)
    assert len(code) == 4
    for each in code:
        digest = base64.b64encode(hashlib.sha256(each.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy


def test_hostile_names_stay_names() -> None:
    page, harmless = export(HOSTILE, "<b>&.html"), export(("a", "b", "c", "d"))
    assert Tags(page).count == Tags(harmless).count
    (data,) = re.findall('id="page-data">(.*?)</script>', page)
    assert json.loads(data)["classNames"] == [*HOSTILE[:3], "\\u202edogs"]
    assert "\u202e" not in page
    assert "<b>&" in Tags(page).texts


def test_many_classes_in_the_headline() -> None:
    texts = Tags(export(tuple(f"class {number}" for number in range(30)))).texts
    (line,) = (text for text in texts if text.startswith("Classifies images"))
    assert "one of 30 classes." in line
    assert any("class 29" in text for text in texts)


def test_what_is_known_about_the_model() -> None:
    model = make_colour_model([[0.01, 0.02]] * 3, [0.0, 0.0], image_size=(8, 6))
    split = SplitRecord(3, {"train": 70, "validation": 20, "test": 10}, "0" * 64)
    metadata = ModelMetadata(
        ("cats", "dogs"),
        model_name="cnn.three_block",
        temperature=1.5,
        split=split,
        corrections={"corrected": 2},
        versions={"catdog": "0.1.0"},
    )
    attach_metadata(model, metadata)
    export_model(model, "pets.html", unsure_below=0.85)
    page = Path("pets.html").read_text("utf-8")
    texts = " ".join(Tags(page).texts)
    for fact in (
        "Classes cats, dogs",
        "6 x 8 pixels",
        "cnn.three_block",
        "70 images for training, 20 for validation, 10 for the test; split with seed 3",
        "temperature 1.5",
        "2 corrected",
        "catdog 0.1.0",
    ):
        assert fact in texts
    assert 'value="85"' in page
    assert '"unsureBelow":0.85' in page


def test_without_metadata() -> None:
    assert "unknown: the model has no metadata of catdog" in Tags(export()).texts
    assert 'value="0"' in export()


@pytest.mark.parametrize(
    ("name", "limit"),
    [("compact", 4.5), pytest.param("mobilenet_v2", 9, marks=pytest.mark.slow)],
)
def test_size(name: str, limit: float) -> None:
    model: keras.Model = build_model(name, weights=None, seed=0)
    export_model(model, "pets.html", class_names=["cats", "dogs"])
    assert Path("pets.html").stat().st_size < limit * 1e6
