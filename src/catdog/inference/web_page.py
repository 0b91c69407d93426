"""The web page that classifies images: one HTML file with model, runtime and program inside."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from html.parser import HTMLParser
from importlib.metadata import version
from pathlib import Path
from string import Template
from typing import Any

from catdog._utils.text import printable
from catdog.inference.web_model import WebModel
from catdog.models.metadata import ModelMetadata
from catdog.typing import SPLITS, ImageSize

FOLDER = Path(__file__).parent / "web"
RUNTIME = json.loads((FOLDER / "runtime.json").read_text("utf-8"))
OPERATIONS = frozenset(RUNTIME["operations"])
_VERSIONS = {package["name"]: package["version"] for package in RUNTIME["packages"]}
MAX_NAMES = 12  # class names in a sentence
# The page may load nothing from anywhere. A browser runs a script only if its hash is listed.
_POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; "
    "script-src 'wasm-unsafe-eval' {scripts}; style-src {style}"
)


@dataclass(frozen=True)
class PageContent:
    """What a page shows and runs.

    Attributes:
        title: Title of the page.
        class_names: Names of the classes, in the order of the model's probabilities.
        image_size: Height and width in pixels of the images that the model takes.
        unsure_below: Probability below which the page abstains; 0 for never.
        metadata: The metadata of the model, if it has any.
        model: The model itself.
    """

    title: str
    class_names: tuple[str, ...]
    image_size: ImageSize
    unsure_below: float
    metadata: ModelMetadata | None
    model: WebModel


def make_page(content: PageContent) -> str:
    """Return the page as HTML."""
    scripts = {
        "runtime": _read("runtime.js"),
        "pixels": _read("pixels.js"),
        "script": _read("page.js"),
    }
    style = _read("page.css")
    hashes = " ".join(_hash(script) for script in scripts.values())
    topology = {"topology": content.model.topology, "weightSpecs": content.model.weight_specs}
    data = {
        "classNames": content.class_names,
        "imageSize": content.image_size,
        "unsureBelow": content.unsure_below,
    }
    return Template(_read("page.html")).substitute(
        scripts,
        style=style,
        policy=escape(_POLICY.format(scripts=hashes, style=_hash(style))),
        version=version("catdog"),
        title=escape(printable(content.title)),
        classes=escape(_in_words(content.class_names)),
        count=len(content.class_names),
        threshold=f"{100 * content.unsure_below:g}",
        card="".join(
            f"<dt>{escape(term)}</dt><dd>{escape(text)}</dd>\n" for term, text in _card(content)
        ),
        runtime_name=f"TensorFlow.js {_VERSIONS['@tensorflow/tfjs-core']}",
        licences=_read("NOTICE.txt"),
        data=script_json(data),
        model=script_json(topology),
        weights=base64.b64encode(content.model.weights).decode(),
        module=base64.b64encode((FOLDER / "runtime.wasm").read_bytes()).decode(),
    )


def _read(name: str) -> str:
    return (FOLDER / name).read_text("utf-8")


def _hash(text: str) -> str:
    """Return the hash of a script or style as a content security policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def script_json(value: Any) -> str:
    """Return JSON that can stand inside a script element: it holds no `<`, which could end it."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def _in_words(names: tuple[str, ...]) -> str:
    """Return class names as part of a sentence, such as `cats or dogs`."""
    if len(names) > MAX_NAMES:
        return f"one of {len(names)} classes"
    return f"{', '.join(names[:-1])} or {names[-1]}"


def _card(content: PageContent) -> Iterator[tuple[str, str]]:
    """Yield the facts that the metadata holds, as terms and texts."""
    height, width = content.image_size
    metadata = content.metadata
    yield "Classes", ", ".join(content.class_names)
    yield "Input", f"{width} x {height} pixels, to which each image is stretched"
    if metadata is None:
        yield "Training", "unknown: the model has no metadata of catdog"
        return
    yield "Model", printable(metadata.model_name or "a model of its author's own")
    yield "Training", _training(metadata)
    temperature = metadata.temperature
    yield "Calibration", "none" if temperature == 1 else f"temperature {temperature:.3g}"
    if metadata.corrections:
        counts = metadata.corrections.items()
        yield (
            "Corrections",
            ", ".join(f"{n} {printable(kind.replace('_', ' '))}" for kind, n in counts),
        )
    if metadata.versions:
        versions = metadata.versions.items()
        yield "Versions", ", ".join(printable(f"{name} {number}") for name, number in versions)


def _training(metadata: ModelMetadata) -> str:
    """Return on how many images a model was trained."""
    split = metadata.split
    if split is None:
        return "which images it was trained on is not recorded"
    train, validation, test = (split.counts[name] for name in SPLITS)
    return (
        f"{train} images for training, {validation} for validation, {test} for the test; "
        f"split with seed {split.seed}"
    )


def read_model(page: str) -> WebModel:
    """Return the model in a page that `make_page` made."""
    parser = _Scripts()
    parser.feed(page)
    parser.close()
    model = json.loads(parser.contents["model"])
    return WebModel(
        topology=model["topology"],
        weight_specs=model["weightSpecs"],
        weights=base64.b64decode(parser.contents["weights"]),
    )


class _Scripts(HTMLParser):
    """Collects the contents of the script elements that have an identifier."""

    def __init__(self) -> None:
        super().__init__()
        self.contents: dict[str, str] = {}
        self._open: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open = dict(attrs).get("id") if tag == "script" else None

    def handle_endtag(self, tag: str) -> None:
        self._open = None

    def handle_data(self, data: str) -> None:
        if self._open is not None:
            self.contents[self._open] = self.contents.get(self._open, "") + data
