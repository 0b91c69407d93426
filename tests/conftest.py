"""What every test gets: a quiet screen, no network, a cache folder of its own, tiny images."""

import json
import os
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.local_server import LocalServer

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "Agg")

# As it was when the tests began; `no_user_cache` hides it from tests that are not marked.
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
    """A server for the tests that are marked for it."""
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
    """A cache folder that all tests share, so that the built-in set is drawn once."""
    return tmp_path_factory.mktemp("keras_home")


@pytest.fixture(autouse=True)
def keras_home(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, test_cache: Path
) -> Path:
    """Real data is found by the tests marked for it alone."""
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

    Each is different, and different from those of a folder of another name.
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
