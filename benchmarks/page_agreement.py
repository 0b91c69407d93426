"""Compare the web page of `export_model` with `predict` on photos, in Chromium.

    python benchmarks/page_agreement.py --out docs/results/page_agreement.json

The page is opened from the disk, and the photos are chosen as a person would. Needs Playwright and
the system's Chromium. The real images are not downloaded: if they are not in the cache of Keras,
nothing is measured. The models are `compact` with its bundled weights, and MobileNetV2 with a head
that is trained on the training photos first.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from harness import Record, new_record, summary, write_record

from catdog import build_model, export_model, load_datasets, predict, train_head
from catdog._utils.keras_cache import cached_path
from catdog.typing import Floats

if TYPE_CHECKING:
    from playwright.sync_api import Page

REAL_IMAGES = "cats_and_dogs_filtered"
CLASS_NAMES = ("cats", "dogs")
MODELS = ("compact", "mobilenet_v2.linear")
PHOTOS = 1000
AT_ONCE = 100  # photos that are chosen together
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BARS = {"same_label": 0.99, "median_difference": 0.02}
SIZE_BARS = {"compact": 4.5, "mobilenet_v2.linear": 9.0}  # megabytes
TIME_BAR = {"compact": 50}  # milliseconds a photo

READ_RESULTS = """() => [...document.querySelectorAll('#results > li')].map(item => ({
  milliseconds: Number(item.dataset.milliseconds),
  probabilities: Object.fromEntries([...item.querySelectorAll('tr')].map(
      row => [row.dataset.name, Number(row.dataset.probability)])),
}))"""


def find_photos(count: int) -> list[Path]:
    """Return `count` of the validation photos, evenly from both classes."""
    photos = sorted(cached_path(f"datasets/{REAL_IMAGES}").rglob("validation/*/*.jpg"))
    positions = np.linspace(0, len(photos) - 1, min(count, len(photos)), dtype=int)
    return [photos[position] for position in positions]


def make_model(name: str) -> keras.Model:
    """Return a model with trained weights."""
    if name == "compact":
        return build_model(name)
    data = load_datasets(REAL_IMAGES, seed=0)
    model = build_model(name, seed=0)
    train_head(model, data, verbose=0)
    return model


@contextmanager
def open_page(path: Path, facts: Record) -> "Iterator[Page]":
    """Open a page in Chromium; its version, loading time, requests and messages become facts."""
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, CHROMIUM)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page()
        requests: list[str] = []
        messages: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: messages.append(message.text))
        begin = time.perf_counter()
        page.goto(path.as_uri())
        page.get_by_text("Ready.").wait_for()
        facts["browser"] = f"Chromium {browser.version}"
        facts["load_seconds"] = round(time.perf_counter() - begin, 2)
        yield page
        facts["requests"] = len(requests) - 1  # the page itself
        facts["console_messages"] = len(messages)
        browser.close()


def classify(page: "Page", photos: Sequence[Path]) -> list[dict[str, Any]]:
    """Return milliseconds and probabilities of each photo, as the page shows them."""
    found: list[dict[str, Any]] = []
    for start in range(0, len(photos), AT_ONCE):
        group = photos[start : start + AT_ONCE]
        page.set_input_files("#files", list(map(str, group)))
        page.locator("#results tbody").nth(len(group) - 1).wait_for(timeout=300_000)
        done = f"{len(group)} of {len(group)} images are classified."
        page.get_by_text(done, exact=True).wait_for(timeout=5 * 60_000)
        found += page.evaluate(READ_RESULTS)
        page.locator("#clear").click()
    return found


def measure(name: str, photos: Sequence[Path], folder: Path) -> Record:
    """Compare page and `predict` for one model."""
    model, path = make_model(name), folder / f"{name}.html"
    export_model(model, path, class_names=CLASS_NAMES)
    row: Record = {"model": name, "megabytes": round(path.stat().st_size / 1e6, 2)}
    with open_page(path, row) as page:
        results = classify(page, photos)
    predictions = predict(model, photos, class_names=CLASS_NAMES, verbose=0)
    found = np.array([[each["probabilities"][name] for name in CLASS_NAMES] for each in results])
    expected = np.array([prediction.probabilities for prediction in predictions])
    row["milliseconds"] = summary([each["milliseconds"] for each in results], digits=1)
    row["agreement"] = [
        agreement(found[::step], expected[::step])
        for step in (5, 1)  # a fifth of the photos, and all
    ]
    whole = row["agreement"][-1]
    row["met"] = (
        whole["same_label"] >= BARS["same_label"] * whole["n"]
        and whole["difference"]["median"] <= BARS["median_difference"]
        and row["megabytes"] <= SIZE_BARS[name]
        and row["milliseconds"]["median"] <= TIME_BAR.get(name, np.inf)
    )
    print(row)
    return row


def agreement(found: Floats, expected: Floats) -> Record:
    """Return how many labels are the same, and by how much the probabilities differ."""
    same = int((found.argmax(axis=1) == expected.argmax(axis=1)).sum())
    differences = np.abs(found - expected).max(axis=1)
    spread = {
        "median": float(np.median(differences)),
        "percentile_99": float(np.percentile(differences, 99)),
        "max": float(differences.max()),
    }
    return {
        "n": len(found),
        "same_label": same,
        "difference": {name: round(value, 8) for name, value in spread.items()},
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--photos", type=int, default=PHOTOS, help="photos to classify")
    parser.add_argument("--out", type=Path, help="write the results here, as JSON")
    options = parser.parse_args(arguments)
    if not cached_path(f"datasets/{REAL_IMAGES}").is_dir():
        sys.exit(f"{REAL_IMAGES} is not in Keras' cache. load_datasets() downloads it.")

    record = new_record(images=REAL_IMAGES)
    photos = find_photos(options.photos)
    with tempfile.TemporaryDirectory() as folder:
        rows = [measure(name, photos, Path(folder)) for name in options.models]
    write_record({**record, "bars": BARS, "rows": rows}, options.out)


if __name__ == "__main__":
    main()
