"""Run the code of how-to/model-page.md, and write the screenshot of the page that it exports.

    python docs/make_screenshot.py

Needs Playwright and the system's Chromium. The images are drawn ones.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from make_figures import ASSETS, DOCS, blocks

PAGE = DOCS / "how-to/model-page.md"
TARGET = ASSETS / "model-page.png"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def choose_images(model: Any, data: Any) -> list[Path]:
    """Return test images, ordered by how certain the model is."""
    from catdog import predict

    found = sorted(predict(model, data.paths("test"), verbose=0), key=lambda each: each.probability)
    return [each.path for each in (found[-1], found[len(found) // 2], found[0]) if each.path]


@contextmanager
def open_page(width: int, height: int) -> Iterator[Any]:
    """Start Chromium with an empty page of this size in pixels."""
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, CHROMIUM)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser.new_page(viewport={"width": width, "height": height})
        browser.close()


def save_screenshot(page_file: Path, images: list[Path]) -> None:
    """Open the page, choose images, and save what is seen."""
    with open_page(900, 700) as page:
        page.goto(page_file.as_uri())
        page.get_by_text("Ready.").wait_for()
        page.set_input_files("#files", list(map(str, images)))
        done = f"{len(images)} of {len(images)} images are classified."
        page.get_by_text(done, exact=True).wait_for()
        page.screenshot(path=TARGET, full_page=True)


def main() -> None:
    """Run the page's code in a scratch folder, and take the screenshot."""
    namespace: dict[str, Any] = {"__name__": PAGE.stem}
    with TemporaryDirectory() as scratch, chdir(scratch):
        for code, _ in blocks(PAGE.read_text("utf-8")):
            exec(compile(code, PAGE, "exec"), namespace)
        images = choose_images(namespace["model"], namespace["data"])
        save_screenshot(Path("cats_and_dogs.html").resolve(), images)


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main()
