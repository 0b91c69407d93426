"""Fixtures for all tests: no network, a cache folder of their own, tiny images and models.

TensorFlow prints no messages, and figures need no screen.
"""

import json
import os
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import settings
from numpy.typing import ArrayLike
from PIL import Image

import catdog  # before TensorFlow, as most programs import it: see `catdog._utils.onednn`  # noqa: F401
from tests.browser import missing_for_browser
from tests.local_server import LocalServer

if TYPE_CHECKING:
    import keras

    from catdog import Datasets

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "Agg")
# Other processes of the tests slow an example down. The rest is as hypothesis has chosen ("ci").
settings.register_profile("catdog", deadline=None)
settings.load_profile("catdog")

# As it was when the tests began; `keras_home` hides it from tests that are not marked `real_data`.
REAL_KERAS_HOME = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser()
REAL_FILES = (
    "datasets/cats_and_dogs_filtered.zip",
    "models/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_160_no_top.h5",
    "models/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
)

GOLDEN = Path(__file__).parent / "golden.json"

MakeFolder = Callable[..., Path]
Golden = Callable[[str, object], Any]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write tests/golden.json again (with -n 0)"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Refuse to write the golden values from several processes at once."""
    is_parallel = hasattr(config, "workerinput") or config.getoption("numprocesses", None)
    if is_parallel and config.getoption("--update-golden"):
        raise pytest.UsageError("--update-golden writes one file: pass -n 0 as well")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Return a function from a key and a found value to the recorded value in `golden.json`.

    With `--update-golden`, the found value is recorded first.
    """

    def recorded(key: str, found: object) -> Any:
        values = json.loads(GOLDEN.read_text("utf-8"))
        if request.config.getoption("--update-golden"):
            values[key] = found
            text = json.dumps(values, indent=2, sort_keys=True)
            GOLDEN.write_text(f"{text}\n", "utf-8")
        return values[key]

    return recorded


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    missing = [name for name in REAL_FILES if not (REAL_KERAS_HOME / name).is_file()]
    if missing:
        skip = pytest.mark.skip(reason=f"KERAS_HOME does not hold {missing[0]}")
        for item in items:
            if "real_data" in item.keywords:
                item.add_marker(skip)
    if reason := missing_for_browser():
        for item in items:
            if "browser" in item.keywords:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(autouse=True)
def no_network(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    connect = socket.socket.connect

    def refuse(self: socket.socket, address: tuple[str, int]) -> None:
        if "local_server" not in request.keywords or address[0] != "127.0.0.1":
            raise OSError(f"the tests do not use the network: {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalServer]:
    """Start a server on this machine, for tests marked `local_server`."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with LocalServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.ended.set()
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def test_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a cache folder that all tests share, so that the built-in images are drawn once."""
    return tmp_path_factory.mktemp("keras_home")


@pytest.fixture(autouse=True)
def keras_home(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, test_cache: Path
) -> Path:
    """Set the cache folder of Keras: the user's for tests marked `real_data` only."""
    home = REAL_KERAS_HOME if "real_data" in request.keywords else test_cache
    monkeypatch.setenv("KERAS_HOME", str(home))
    return home


@pytest.fixture(autouse=True)
def close_figures() -> Iterator[None]:
    yield
    from matplotlib import pyplot as plt

    plt.close("all")


def write_images(folder: Path, count: int, *, size: int = 8, tint: int = 0) -> None:
    """Write `count` PNG images of noise around the brightness `tint`.

    All images differ, and they differ from the images in folders of other names.
    """
    folder.mkdir(parents=True)
    rng = np.random.default_rng([tint, count, *"/".join(folder.parts[-2:]).encode()])
    for i in range(count):
        pixels = rng.integers(tint, tint + 100, (size, size, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"image.{i}.png")


@pytest.fixture
def make_folder(tmp_path: Path) -> MakeFolder:
    """Return a function that writes a folder of images: `make_folder(cats=6, dogs=6)`.

    Keys are sub-folders; `{"train/cats": 6}` makes nested ones.
    """

    def make(counts: dict[str, int] | None = None, /, **more: int) -> Path:
        root = tmp_path / "images"
        for tint, (name, count) in enumerate({**(counts or {}), **more}.items()):
            write_images(root / name, count, tint=(tint * 50) % 150)
        return root

    return make


@pytest.fixture
def image_folder(make_folder: MakeFolder) -> Path:
    return make_folder(cats=10, dogs=10)


@pytest.fixture
def small_data(image_folder: Path) -> "Datasets":
    """Load 10 cats and 10 dogs, 24 x 24 pixels, in batches of 4."""
    from catdog import load_datasets

    return load_datasets(image_folder, image_size=(24, 24), batch_size=4)


@pytest.fixture
def in_scratch_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run the test in an empty folder; a whole file uses it by `pytestmark`."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make_colour_model(
    weights: ArrayLike,
    bias: ArrayLike = (0.0, 0.0),
    *,
    image_size: tuple[int | None, int | None] = (24, 24),
) -> "keras.Model":
    """Return a model whose logits depend on the mean red, green and blue alone.

    Args:
        weights: Shape `(3, classes)`: what each unit of a mean colour adds to each logit.
        bias: Shape `(classes,)`.
        image_size: Height and width in pixels.
    """
    import keras

    kernel, offset = np.asarray(weights, np.float32), np.asarray(bias, np.float32)
    head = keras.layers.Dense(len(offset))
    model = keras.Sequential(
        [keras.Input((*image_size, 3)), keras.layers.GlobalAveragePooling2D(), head]
    )
    head.set_weights([kernel, offset])
    return model
