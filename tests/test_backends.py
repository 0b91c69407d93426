"""Every model of the zoo on Keras' other backends: the same answers as on TensorFlow."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytestmark = [pytest.mark.slow, pytest.mark.backends]
PROBABILITY_TOLERANCE = 1e-4  # of probabilities; float32 sums in another order
HEAT_TOLERANCE = 1e-3  # of values from 0 to 1; a gradient sums over more


def run(backend: str, folder: Path) -> dict[str, np.ndarray]:
    """Use the zoo on a backend, in a process of its own, and return the results by name."""
    results = folder / f"{backend}.npz"
    script = Path(__file__).with_name("backend_user.py")
    subprocess.run(
        [sys.executable, script, folder / "images", folder / "models", results],
        env={**os.environ, "KERAS_BACKEND": backend},
        check=True,
    )
    with np.load(results) as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with images of two classes in `images/`."""
    folder = tmp_path_factory.mktemp("backends")
    rng = np.random.default_rng(0)
    for name in ("dark", "light"):
        (folder / "images" / name).mkdir(parents=True)
        for number in range(8):
            pixels = rng.integers(0, 128, (40, 48, 3)) + 127 * (name == "light")
            Image.fromarray(pixels.astype(np.uint8)).save(
                folder / "images" / name / f"{number}.png"
            )
    return folder


@pytest.fixture(scope="module", params=["jax", "torch"])
def backend(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    return name


@pytest.fixture(scope="module")
def expected(folder: Path) -> dict[str, np.ndarray]:
    return run("tensorflow", folder)


def test_the_zoo(backend: str, folder: Path, expected: dict[str, np.ndarray]) -> None:
    results = run(backend, folder)
    assert results.keys() == expected.keys()
    for name, values in results.items():
        tolerance = HEAT_TOLERANCE if name.endswith("heat") else PROBABILITY_TOLERANCE
        np.testing.assert_allclose(values, expected[name], atol=tolerance, rtol=0, err_msg=name)
