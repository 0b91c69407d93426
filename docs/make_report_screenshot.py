"""Run the code of how-to/report.md, and write the screenshot of the report that it makes.

    python docs/make_report_screenshot.py

Needs Playwright and the system's Chromium. The images are drawn ones.
"""

import os
import shutil
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from make_figures import ASSETS, DOCS, blocks
from make_screenshot import CHROMIUM

PAGE = DOCS / "how-to/report.md"
SIZE = {"width": 1000, "height": 640}
BEGIN, IMAGES = "report.png", "report-images.png"


def save_screenshots(report: Path) -> None:
    """Save how the report begins, and its wrong images."""
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, CHROMIUM)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE)
        page.goto(report.as_uri())
        page.screenshot(path=ASSETS / BEGIN)
        page.evaluate("document.querySelector('#wrong').scrollIntoView()")
        page.screenshot(path=ASSETS / IMAGES)
        browser.close()


def main() -> None:
    """Run the page's code in a scratch folder, and take the screenshots."""
    namespace: dict[str, Any] = {"__name__": PAGE.stem}
    with TemporaryDirectory() as scratch, chdir(scratch):
        code, _ = next(iter(blocks(PAGE.read_text("utf-8"))))
        exec(compile(code, PAGE, "exec"), namespace)
        save_screenshots(Path("pets.report.html").resolve())


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main()
