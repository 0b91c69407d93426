"""Run the code of how-to/report.md, and write the screenshot of the report that it makes.

    python docs/make_report_screenshot.py

Needs Playwright and the system's Chromium. The images are drawn ones.
"""

import os
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from make_figures import ASSETS, DOCS, blocks
from make_screenshot import open_page

PAGE = DOCS / "how-to/report.md"
WIDTH, HEIGHT = 1000, 640  # pixels
BEGIN, IMAGES = "report.png", "report-images.png"


def save_screenshots(report: Path) -> None:
    """Save how the report begins, and its wrong images."""
    with open_page(WIDTH, HEIGHT) as page:
        page.goto(report.as_uri())
        page.screenshot(path=ASSETS / BEGIN)
        page.evaluate("document.querySelector('#wrong').scrollIntoView()")
        page.screenshot(path=ASSETS / IMAGES)


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
