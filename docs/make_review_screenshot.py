"""Write the screenshot of the review page in how-to/review-images.md.

    python docs/make_review_screenshot.py

Needs Playwright and the system's Chromium. The images are drawn ones, one of them under two labels.
"""

import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

from make_figures import ASSETS
from make_screenshot import open_page
from PIL import Image

TARGET = ASSETS / "review-page.png"


def make_folder(folder: Path) -> None:
    """Copy some drawn images, and one more at another size and in the wrong class."""
    from catdog import load_datasets

    paths = load_datasets("synthetic").paths("test")
    for path in (*paths[:12], *paths[-12:]):
        target = folder / path.parent.name / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    image = Image.open(paths[0])
    image.resize((3 * image.width, 3 * image.height)).save(folder / "dogs/large.png")


def save_screenshot(folder: Path, out: Path) -> None:
    """Start the page's server, open the page, and save what is seen."""
    from catdog import scan_images
    from catdog.reporting.review.corrections_file import CorrectionsFile
    from catdog.reporting.review.server import ReviewServer
    from catdog.reporting.review.subjects import collect_subjects

    report = scan_images(folder, quality=True)
    server = ReviewServer(collect_subjects(report, None), CorrectionsFile(out, report))
    Thread(target=server.serve_forever, daemon=True).start()
    with server, open_page(1000, 820) as page:
        page.goto(server.address)
        page.keyboard.press("k")
        page.get_by_text("saved.").wait_for()
        page.screenshot(path=TARGET)
        server.shutdown()
    quantized = Image.open(TARGET).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    quantized.save(TARGET, optimize=True)


def main() -> None:
    """Make a folder with a doubtful pair, and take the screenshot."""
    with TemporaryDirectory() as scratch:
        folder = Path(scratch) / "pets"
        make_folder(folder)
        save_screenshot(folder, Path(scratch) / "corrections.json")


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main()
