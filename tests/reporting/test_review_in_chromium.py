"""The review page in Chromium, as people use it: by keys, by mouse, on a phone."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from catdog.reporting.review.server import ReviewServer
from tests.browser import Visit, chromium, serious_faults
from tests.reporting.conftest import running, smooth

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.local_server]


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    with chromium() as browser:
        yield browser


@pytest.fixture
def visit(browser: "Browser", review: ReviewServer) -> Iterator[Visit]:
    visit = Visit(browser)
    open_page(visit, review.address)
    yield visit
    assert visit.complaints == []
    assert all(url.startswith(review.address) for url in visit.requests)
    visit.page.context.close()


def open_page(visit: Visit, address: str) -> "Page":
    visit.page.goto(address)
    visit.page.locator("#heading").wait_for()
    return visit.page


def said(page: "Page", text: str) -> None:
    """Wait until the page says something about the last action."""
    page.locator("#status").get_by_text(text).wait_for()


def current(page: "Page") -> str:
    """Return the name of the image that is decided about."""
    return page.locator("figure[aria-current=true] figcaption p").first.inner_text()


def entries(out: Path) -> dict[str, Any]:
    """Return the decisions of the file by the names of the images."""
    raw = json.loads(out.read_text())["corrections"]
    return {entry["file"]: entry.get("label", "leave out") for entry in raw}


def test_by_keys(visit: Visit, out: Path) -> None:
    page = visit.page
    assert page.locator("figure img").count() == 2  # side by side
    assert current(page) == "cats/0.png"
    page.keyboard.press("k")
    said(page, "cats/0.png: Kept, saved.")
    assert page.locator("#progress").inner_text().startswith("2 of ")  # and its duplicate
    assert current(page) == "cats/near.tiff"
    page.keyboard.press("2")
    said(page, "cats/near.tiff: Label: dogs, saved.")
    assert current(page) == "dogs/1.png"
    page.keyboard.press("x")
    said(page, "dogs/1.png: Left out, saved.")
    expected = {"cats/0.png": "cats", "cats/near.tiff": "dogs", "dogs/1.png": "leave out"}
    assert entries(out) == expected
    page.keyboard.press("u")
    said(page, "dogs/1.png: undone, saved.")
    assert current(page) == "dogs/1.png"
    assert entries(out) == {"cats/0.png": "cats", "cats/near.tiff": "dogs"}
    page.keyboard.press("ArrowLeft")
    assert current(page) == "cats/near.tiff"
    page.keyboard.press("n")
    page.keyboard.press("ArrowRight")
    assert current(page) == "cats/broken.png"
    assert "Truncated: the end is missing." in page.locator("#reason").inner_text()
    page.keyboard.press("x")
    said(page, "there is nothing to decide")
    page.keyboard.press("Control+k")
    page.locator("#shortcuts").uncheck()
    page.keyboard.press("p")
    assert current(page) == "cats/broken.png"


def test_by_mouse(visit: Visit, out: Path) -> None:
    page = visit.page
    page.get_by_role("button", name="Near duplicates").click()
    page.get_by_role("button", name="Decide about this one").click()
    assert current(page) == "dogs/same.png"
    page.get_by_role("button", name="cats 1").click()
    said(page, "dogs/same.png: Label: cats, saved.")
    page.get_by_role("button", name="Leave out").click()
    said(page, "cats/near.tiff: Left out, saved.")
    page.get_by_role("button", name="Undo").click()
    said(page, "cats/near.tiff: undone, saved.")
    page.get_by_role("button", name="Previous").click()
    assert page.get_by_role("button", name="cats 1").get_attribute("aria-pressed") == "true"
    assert entries(out) == {"dogs/same.png": "cats"}


def test_both_images_of_a_pair(visit: Visit, out: Path) -> None:
    """The other image of a pair comes next, whichever is decided first."""
    page = visit.page
    page.get_by_role("button", name="Near duplicates").click()
    while "Nearly the same" not in page.locator("#reason").inner_text():
        page.keyboard.press("n")
    first, second = page.locator("figcaption p:first-child").all_inner_texts()
    page.get_by_text(second, exact=True).click()
    assert current(page) == second
    page.keyboard.press("x")
    said(page, f"{second}: Left out, saved.")
    assert current(page) == first
    page.keyboard.press("x")
    said(page, f"{first}: Left out, saved. Now both images are left out.")
    assert entries(out) == {first: "leave out", second: "leave out"}


def test_all_are_decided_and_shown_so_again(
    browser: "Browser", visit: Visit, review: ReviewServer
) -> None:
    page = visit.page
    while "All images are decided." not in page.locator("#status").inner_text():
        name = current(page)
        page.keyboard.press("k")
        said(page, f"{name}: Kept, saved.")
    total = len([image for image in review.subjects.images if image.sha256])
    assert page.locator("#progress").inner_text().startswith(f"{total} of {total} images decided")
    page.reload()
    page.locator("#heading").wait_for()
    assert page.locator("figure .decision").first.inner_text() == "Kept"


def test_two_tabs(browser: "Browser", review: ReviewServer, out: Path) -> None:
    """The second tab shows what the first has decided, in place of replacing it."""
    tabs = [Visit(browser) for _ in range(2)]
    first, second = (open_page(tab, review.address) for tab in tabs)
    first.keyboard.press("x")
    said(first, "cats/0.png: Left out, saved.")
    second.keyboard.press("k")
    second.get_by_text("Not saved: It was decided about elsewhere meanwhile").wait_for()
    second.locator("figure[aria-current=true]").get_by_text("Left out").wait_for()
    assert entries(out) == {"cats/0.png": "leave out"}
    for tab in tabs:
        tab.page.context.close()


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_screens(browser: "Browser", review: ReviewServer, width: int, scheme: Any) -> None:
    visit = Visit(browser, viewport={"width": width, "height": 844}, color_scheme=scheme)
    page = open_page(visit, review.address)
    for _ in range(2):
        page.keyboard.press("k")
        said(page, "saved.")
        assert serious_faults(page) == []
        page.get_by_role("button", name="Broken files").click()
        assert page.locator("figure p").last.inner_text().startswith("It cannot be shown.")
        page.get_by_role("button", name="Quality").click()
    assert page.evaluate("document.documentElement.scrollWidth") == width
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, ground[4:-1].split(","))) > 3 * 128) == (scheme == "light")
    assert visit.complaints == []
    page.context.close()


def test_more_classes_than_digits(browser: "Browser", folder: Path, out: Path) -> None:
    for number in range(3, 13):
        (folder / f"class {number:02}").mkdir()
        smooth(200 + number).save(folder / f"class {number:02}/0.png")
    with running(folder, out) as command:
        visit = Visit(browser)
        page = open_page(visit, command.address)
        for keys, label in (("1 2", "dogs"), ("1 Enter", "cats"), ("3", "class 04")):
            image = current(page)
            for key in keys.split():
                page.keyboard.press(key)
            said(page, f"{image}: ")
            assert entries(out)[image] == label
        visit.page.context.close()


def test_a_killed_process_and_the_next_one(browser: "Browser", folder: Path, out: Path) -> None:
    """What the page showed as saved is decided when it is opened again; the rest is not."""
    visit = Visit(browser)
    with running(folder, out) as command:
        page = open_page(visit, command.address)
        page.keyboard.press("2")
        said(page, "cats/0.png: Label: dogs, saved.")
        command.end(signal.SIGKILL)
        name = current(page)
        page.keyboard.press("x")
        page.get_by_text("Not saved: catdog review has ended").wait_for()
        assert current(page) == name
    with running(folder, out) as command:
        page = open_page(visit, command.address)
        assert current(page) == name
        page.keyboard.press("ArrowLeft")
        assert page.locator("figure .decision").all_inner_texts() == ["Label: dogs", "Kept"]
        assert command.end(signal.SIGINT).splitlines()[-2].endswith("corrections.json: 1 decision")
    page.context.close()
