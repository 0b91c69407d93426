"""The report in Chromium: nothing is asked for, it fits, and it can be read by everybody."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import keras
import numpy as np
import pytest
from PIL import Image

from catdog import load_datasets, write_report
from tests.browser import Visit, chromium, serious_faults

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

NAMES = ("cats", "<img src=x onerror=alert(1)>", "a name that is longer than a phone is wide " * 3)
SIZE = (24, 24)
IN_BOTH = pytest.mark.parametrize("width", [390, 1440])
IN_BOTH_SCHEMES = pytest.mark.parametrize("scheme", ["light", "dark"])


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a report with all its parts, long and hostile names, wide and tall images."""
    folder = tmp_path_factory.mktemp("report")
    rng = np.random.default_rng(0)
    for name in NAMES:
        (folder / "images" / name.strip()).mkdir(parents=True)
        for number in range(14):
            shape = (30, 300, 3) if number % 2 else (300, 30, 3)
            pixels = rng.integers(0, 256, shape, dtype=np.uint8)
            file = f"{'long_' * 12}{number}'\"><script>.png"
            Image.fromarray(pixels).save(folder / "images" / name.strip() / file)
    data = load_datasets(folder / "images", image_size=SIZE)
    keras.utils.set_random_seed(0)
    layers = [
        keras.Input((*SIZE, 3)),
        keras.layers.Conv2D(4, 3, strides=2, trainable=False),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(len(NAMES)),
    ]
    history = SimpleNamespace(history={"accuracy": [0.3, 0.5], "loss": [1.0, 0.7]})
    path = folder / "pets.html"
    report = write_report(keras.Sequential(layers), data, path, history=history, verbose=0)
    assert report.left_out == {}
    return path


@IN_BOTH
@IN_BOTH_SCHEMES
def test_the_page(browser: "Browser", path: Path, width: int, scheme: str) -> None:
    visit = Visit(browser, viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = visit.open(path)
    page.get_by_role("heading", name="Limits").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert serious_faults(page) == []
    loaded = "[...document.images].every(image => image.complete && image.naturalWidth > 0)"
    assert page.evaluate(loaded)
    assert visit.complaints == []
    assert visit.requests == [path.resolve().as_uri()]
    page.context.close()


def test_text_of_figures_has_the_colour_of_the_page(browser: "Browser", path: Path) -> None:
    colours = {}
    for scheme in ("light", "dark"):
        visit = Visit(browser, color_scheme=scheme)
        text = visit.open(path).locator("figure svg text").first
        colours[scheme] = text.evaluate("each => getComputedStyle(each).fill")
        assert colours[scheme] == text.evaluate("each => getComputedStyle(document.body).color")
        visit.page.context.close()
    assert colours["light"] != colours["dark"]


def test_in_print(browser: "Browser", path: Path) -> None:
    """On paper the page is light, as wide as the paper, and without what is for the screen."""
    visit = Visit(browser, viewport={"width": 720, "height": 1000}, color_scheme="dark")
    page = visit.open(path)
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.get_by_role("navigation").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 720
    page.context.close()
