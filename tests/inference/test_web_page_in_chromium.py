"""The page in Chromium, as people use it: the same answers as `predict`, and nothing else asked."""

from collections.abc import Callable, Iterator
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from catdog import export_model, predict
from catdog.models.metadata import ModelMetadata, attach_metadata
from tests.browser import Visit, chromium, serious_faults

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

pytestmark = pytest.mark.browser

NAMES = ("cats", "dogs", "</script><img src=x onerror=alert(1)>", "4", "5", "6", "žlutý kůň")
SIZE = (7, 5)  # so that height and width cannot be mistaken for each other
IN_BOTH = pytest.mark.parametrize("width", [390, 1440])
IN_BOTH_SCHEMES = pytest.mark.parametrize("scheme", ["light", "dark"])


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def model() -> keras.Model:
    """A model in whose logits each pixel has a weight of its own."""
    keras.utils.set_random_seed(0)
    layers = [
        keras.Input((*SIZE, 3)),
        keras.layers.Rescaling(1 / 127.5, offset=-1),
        keras.layers.Conv2D(8, 3, padding="same", activation="relu"),
        keras.layers.DepthwiseConv2D(3),
        keras.layers.BatchNormalization(),
        keras.layers.ReLU(6),
        keras.layers.Flatten(),
        keras.layers.Dense(len(NAMES)),
    ]
    model = keras.Sequential(layers)
    kernel, _ = model.layers[-1].weights
    kernel.assign(4 * kernel)
    attach_metadata(model, ModelMetadata(NAMES, temperature=1.2))
    return model


@pytest.fixture(scope="module")
def path(model: keras.Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "pets & friends.html"
    export_model(model, path)
    return path


@pytest.fixture
def visit(browser: "Browser", path: Path) -> Iterator[Visit]:
    visit = Visit(browser)
    visit.open(path).get_by_text("Ready.").wait_for()
    yield visit
    assert visit.complaints == []
    assert visit.requests == [path.resolve().as_uri()]
    visit.page.context.close()


def noise(width: int = 20, height: int = 28, channels: int = 3) -> Image.Image:
    """Return an image in which every pixel matters.

    Resized by a whole number, no value lies at the border between two whole numbers.
    """
    draw = np.random.default_rng(width)
    return Image.fromarray(draw.integers(0, 256, (height, width, channels), np.uint8))


def smooth(width: int = 18, height: int = 13) -> Image.Image:
    """Return an image that compression does not change much, too small to be reduced."""
    return noise(6, 4).resize((width, height), Image.Resampling.BICUBIC)


def saved(image: Image.Image, format: str, **options: Any) -> bytes:
    file = BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def turned(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(smooth(), "JPEG", exif=exif, quality=95)


def with_gamma() -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add(b"gAMA", (100000).to_bytes(4, "big"))
    return saved(noise(), "PNG", pnginfo=info)


EXACT: dict[str, Callable[[], bytes]] = {
    "photo.png": lambda: saved(noise(), "PNG"),
    "gamma.png": with_gamma,
    "grey.png": lambda: saved(noise().convert("L"), "PNG"),
    "palette.png": lambda: saved(noise().quantize(16), "PNG"),
    "black_and_white.png": lambda: saved(noise().convert("1"), "PNG"),
    "one_pixel.png": lambda: saved(noise(1, 1), "PNG"),
    "one_row.png": lambda: saved(noise(300, 1), "PNG"),
    "of_its_size.png": lambda: saved(noise(5, 7), "PNG"),
    "large.png": lambda: saved(noise(700, 560), "PNG"),
    "photo.bmp": lambda: saved(noise(), "BMP"),
    "photo.webp": lambda: saved(noise(), "WEBP", lossless=True),
    "two_frames.gif": lambda: saved(
        noise().quantize(16), "GIF", save_all=True, append_images=[smooth(20, 28)]
    ),
    "transparent.png": lambda: saved(noise(channels=4), "PNG"),
}
NEARLY: dict[str, Callable[[], bytes]] = {
    "photo.jpg": lambda: saved(smooth(), "JPEG", quality=95),
    "grey.jpg": lambda: saved(smooth().convert("L"), "JPEG"),
    "progressive.jpg": lambda: saved(smooth(), "JPEG", progressive=True, quality=90),
    "wrongly_named.png": lambda: saved(smooth(), "JPEG", quality=95),
    "photo.avif": lambda: saved(smooth(), "AVIF", quality=90),
    **{f"turned_{number}.jpg": partial(turned, number) for number in range(1, 9)},
}


def answers(page: "Page") -> "Locator":
    return page.locator("#results > li:has(tbody)")


def choose(page: "Page", *paths: Path) -> None:
    """Choose files, and wait for their results."""
    page.set_input_files("#files", list(map(str, paths)))
    answers(page).nth(len(paths) - 1).wait_for()


def probabilities(item: "Locator") -> list[float]:
    """Return the probabilities of a result, in the order of the classes."""
    rows = item.locator("tr").evaluate_all("rows => rows.map(row => ({...row.dataset}))")
    by_name = {row["name"]: float(row["probability"]) for row in rows}
    return [by_name[name] for name in NAMES]


def check_against_predict(
    visit: Visit,
    model: keras.Model,
    folder: Path,
    files: dict[str, Callable[[], bytes]],
    off: float,
) -> None:
    paths = [folder / name for name in files]
    for path in paths:
        path.write_bytes(files[path.name]())
    choose(visit.page, *paths)
    for prediction, item in zip(
        predict(model, paths, verbose=0), answers(visit.page).all(), strict=True
    ):
        assert prediction.path is not None
        wanted = pytest.approx(prediction.probabilities, abs=off)
        assert probabilities(item) == wanted, prediction.path.name
        assert item.locator(".label").inner_text() == prediction.label


def test_answers_are_those_of_predict(visit: Visit, model: keras.Model, tmp_path: Path) -> None:
    """Where decoding is exact, every pixel is the same: a difference of 1 would be seen."""
    image = np.asarray(noise(5, 7))
    one_more = np.where(np.arange(image.size).reshape(image.shape) == 52, image + 1, image)
    first, second = predict(model, [image, one_more], verbose=0)
    assert np.abs(first.probabilities - second.probabilities).max() > 2e-5
    exact = {name: make for name, make in EXACT.items() if name != "transparent.png"}
    check_against_predict(visit, model, tmp_path, exact, off=1e-5)


def test_transparent_images_lie_over_white(
    visit: Visit, model: keras.Model, tmp_path: Path
) -> None:
    """The browser rounds the mixed colours once more."""
    files = {"transparent.png": EXACT["transparent.png"]}
    check_against_predict(visit, model, tmp_path, files, off=5e-3)


def test_compressed_and_turned_images(visit: Visit, model: keras.Model, tmp_path: Path) -> None:
    """Decoders of JPEG may differ by small steps."""
    check_against_predict(visit, model, tmp_path, NEARLY, off=5e-3)


@pytest.mark.parametrize(
    ("size", "factor"),
    [((4000, 3000), 8), ((1024, 4000), 4), ((512, 512), 2), ((511, 900), 1), ((100, 80), 1)],
)
def test_reduction_of_large_photos(visit: Visit, size: tuple[int, int], factor: int) -> None:
    assert visit.page.evaluate(f"jpegReduction({size[0]}, {size[1]}, 128, 128)") == factor


def test_large_photos_are_reduced_as_decoders_do(
    visit: Visit, model: keras.Model, tmp_path: Path
) -> None:
    """Without it, single pixels of a large photo would decide."""
    photo = noise(1203, 1101)
    path = tmp_path / "large.jpg"
    photo.save(path, quality=95)
    choose(visit.page, path)
    with Image.open(path) as reduced:
        reduced.draft("RGB", (1203 // 8, 1101 // 8))
        reduced.load()
        assert reduced.size == (151, 138)
        (expected,) = predict(model, reduced, verbose=0)
    (whole,) = predict(model, np.asarray(photo), verbose=0)
    found = np.array(probabilities(answers(visit.page).first))
    off = np.abs(found - expected.probabilities).max()
    assert off < 0.25 * np.abs(found - whole.probabilities).max()


@IN_BOTH
@IN_BOTH_SCHEMES
def test_on_screens(
    browser: "Browser", path: Path, tmp_path: Path, width: int, scheme: Any
) -> None:
    visit = Visit(browser, viewport={"width": width, "height": 844}, color_scheme=scheme)
    page = visit.open(path)
    noise().save(tmp_path / "photo.png")
    (tmp_path / "damaged.jpg").write_bytes(b"no image")
    page.set_input_files("#files", [str(tmp_path / "photo.png"), str(tmp_path / "damaged.jpg")])
    page.get_by_text("1 of 2 images are classified. 1 cannot be read.", exact=True).wait_for()
    assert "damaged.jpg: it is damaged, or not an image" in page.locator("#results").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert serious_faults(page) == []
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, ground[4:-1].split(","))) > 3 * 128) == (scheme == "light")
    assert visit.complaints == []
    assert visit.requests == [path.resolve().as_uri()]
    page.context.close()


TRANSFER = """([encoded, event]) => {
  const bytes = Uint8Array.from(atob(encoded), each => each.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], 'photo.png', {type: 'image/png'}));
  const options = {bubbles: true, cancelable: true};
  document.body.dispatchEvent(event === 'drop' ?
    new DragEvent('drop', {dataTransfer: transfer, ...options}) :
    new ClipboardEvent('paste', {clipboardData: transfer, ...options}));
}"""


@pytest.mark.parametrize("event", ["drop", "paste"])
def test_dropped_and_pasted_images(visit: Visit, model: keras.Model, event: str) -> None:
    content = EXACT["photo.png"]()
    encoded = visit.page.evaluate("bytes => btoa(String.fromCharCode(...bytes))", list(content))
    visit.page.evaluate(TRANSFER, [encoded, event])
    answers(visit.page).first.wait_for()
    (prediction,) = predict(model, content, verbose=0)
    wanted = pytest.approx(prediction.probabilities, abs=1e-5)
    assert probabilities(answers(visit.page).first) == wanted
    said = visit.page.locator("#status").inner_text()
    assert said == f"photo.png: {prediction.label}, {prediction.probability:.1%}"


def test_by_keyboard(visit: Visit, tmp_path: Path) -> None:
    page = visit.page
    noise().save(tmp_path / "photo.png")
    page.on("filechooser", lambda _: None)  # Playwright needs a moment to take over the dialog
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "files"
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(str(tmp_path / "photo.png"))
    answers(page).first.wait_for()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "camera"
    page.keyboard.press("Tab")
    page.keyboard.press("End")
    assert page.locator("#threshold-text").inner_text() == "100%"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # opens the other classes
    assert page.locator("details tbody tr").first.is_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.get_by_text("None yet.").is_visible()
    assert page.evaluate("document.activeElement.id") == "files"


def test_unsure(visit: Visit, model: keras.Model, tmp_path: Path) -> None:
    noise().save(tmp_path / "photo.png")
    choose(visit.page, tmp_path / "photo.png")
    (prediction,) = predict(model, tmp_path / "photo.png", verbose=0)
    label = visit.page.locator(".label")
    for threshold in (int(100 * prediction.probability), 0):
        visit.page.locator("#threshold").fill(str(threshold))
        assert label.inner_text() == prediction.label
    visit.page.locator("#threshold").fill(str(int(100 * prediction.probability) + 1))
    assert label.inner_text() == f"unsure ({prediction.label}?)"


def test_a_threshold_between_whole_percents(
    browser: "Browser", model: keras.Model, tmp_path: Path
) -> None:
    noise().save(tmp_path / "photo.png")
    (prediction,) = predict(model, tmp_path / "photo.png", verbose=0)
    for shift, label in ((-0.001, prediction.label), (0.001, f"unsure ({prediction.label}?)")):
        export_model(model, tmp_path / f"{shift}.html", unsure_below=prediction.probability + shift)
        page = browser.new_page()
        page.goto((tmp_path / f"{shift}.html").as_uri())
        choose(page, tmp_path / "photo.png")
        assert page.locator(".label").inner_text() == label


def test_camera(visit: Visit) -> None:
    page = visit.page
    page.get_by_role("button", name="Use the camera").click()
    page.locator("#live-result .label").wait_for()
    assert page.locator("#live-result .label").inner_text() in NAMES
    page.get_by_role("button", name="Stop the camera").click()
    assert not page.locator("#live").is_visible()
    assert page.evaluate("stream") is None


def test_a_browser_without_webassembly(browser: "Browser", path: Path) -> None:
    visit = Visit(browser)
    visit.page.add_init_script("WebAssembly.validate = () => false")
    page = visit.open(path)
    problem = "The model cannot run: this browser is too old: it has no WebAssembly with SIMD."
    page.get_by_text(problem).wait_for()
    page.context.close()
