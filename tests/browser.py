"""Pages in a real browser: the system's Chromium, driven by Playwright."""

import importlib.util
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = (
    "--no-sandbox",  # Chromium's needs rights that containers do not give
    "--use-fake-device-for-media-stream",  # a camera
    "--use-fake-ui-for-media-stream",  # which may be used without a question
)
SERIOUS = ("serious", "critical")


def find_chromium() -> str | None:
    """Return the path of Chromium; `None` if there is none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def missing_for_browser() -> str | None:
    """Return what the tests in a browser lack; `None` if they can run."""
    for package in ("playwright", "axe_playwright_python"):
        if importlib.util.find_spec(package) is None:
            return f"the package {package} is not installed"
    if find_chromium() is None:
        return "Chromium is not installed (Debian: apt-get install chromium)"
    return None


@contextmanager
def chromium() -> "Iterator[Browser]":
    """Start Chromium, without a window."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        yield browser
        browser.close()


class Visit:
    """A page that was opened from a file, and what it asked for and complained about.

    Attributes:
        page: The page.
        complaints: Errors and messages in the console, and dialogs.
        requests: Addresses that were asked for, the page itself included.
    """

    def __init__(self, browser: "Browser", **options: Any) -> None:
        self.page: Page = browser.new_context(**options).new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        self.page.on("request", lambda request: self.requests.append(request.url))

    def open(self, path: Path) -> "Page":
        """Open a file, and return the page."""
        self.page.goto(path.resolve().as_uri())
        return self.page


def serious_faults(page: "Page") -> list[str]:
    """Return the serious faults of accessibility that axe-core finds."""
    from axe_playwright_python.sync_playwright import Axe

    violations = Axe().run(page).response["violations"]
    return [f"{each['id']}: {each['help']}" for each in violations if each["impact"] in SERIOUS]
