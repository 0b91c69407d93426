"""Features and predictions by two processes of Ray, some of which are killed."""

import json
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from catdog import extract_features, predict, save_model
from catdog.inference.litert import RELATIVE_TOLERANCE
from catdog.models.metadata import ModelMetadata, attach_metadata
from catdog.typing import OnBadImage
from tests.conftest import MakeFolder
from tests.training.conftest import linear

pytestmark = [
    pytest.mark.ray,
    pytest.mark.slow,
    pytest.mark.skipif(not find_spec("ray"), reason="ray is not installed"),
]
SKIP: OnBadImage = "skip"
LIMIT = 400  # seconds for a run of Ray; half a minute is usual on two quiet cores


def run(*arguments: object) -> None:
    subprocess.run([sys.executable, *map(str, arguments)], check=True, timeout=LIMIT)


@pytest.fixture
def folder(make_folder: MakeFolder) -> Path:
    """Return a folder of 60 images, and one that cannot be read."""
    folder = make_folder(cats=30, dogs=30)
    (folder / "cats" / "bad.png").write_bytes(b"not an image")
    return folder


@pytest.fixture
def warned() -> Callable[[], Any]:
    return lambda: pytest.warns(UserWarning, match="1 image cannot be read")


def test_processes_that_are_killed_lose_and_double_nothing(
    folder: Path, tmp_path: Path, warned: Callable[[], Any]
) -> None:
    model = linear()
    attach_metadata(model, ModelMetadata(class_names=("cats", "dogs")))
    save_model(model, tmp_path / "model.keras")
    out = tmp_path / "out"
    out.mkdir()
    run(Path(__file__).with_name("ray_user.py"), folder, tmp_path / "model.keras", out)
    found = json.loads((out / "found.json").read_text())
    paths = sorted(str(path) for path in folder.glob("*/*"))
    assert found["died"] == ["extractor.after", "extractor.before", "predictor.after"]
    assert found["runs"] == [paths, paths]
    first, second = found["files"]
    assert len(first) == 8
    assert second == first  # nothing was written again
    with warned():
        expected = extract_features(model, folder, on_bad_image=SKIP)
    assert found["paths"] == sorted(expected.paths)
    assert found["errors"] == [str(folder / "cats" / "bad.png")]
    assert expected.labels is not None
    assert found["labels"] == expected.labels.tolist()
    with np.load(out / "features.npz") as arrays:
        tolerance = float(RELATIVE_TOLERANCE * np.abs(expected.values).max())
        np.testing.assert_allclose(arrays["values"], expected.values, rtol=0, atol=tolerance)
    with warned():
        predictions = predict(model, paths, on_bad_image=SKIP, verbose=0)
    assert [row[:2] for row in found["predictions"]] == [
        [str(each.path), each.label or ""] for each in predictions
    ]
    probabilities = [row[2] for row in found["predictions"]]
    wanted = [each.probability for each in predictions]
    np.testing.assert_allclose(
        np.array(probabilities, float), np.array(wanted, float), atol=RELATIVE_TOLERANCE
    )


def test_the_example_runs(folder: Path, tmp_path: Path) -> None:
    script = Path(__file__).parents[1] / "examples" / "ray_features.py"
    options = ["--image-size", 32, "--weights", "none", "--epochs", 1, "--images-per-file", 16]
    run(script, "--data", folder, "--out", tmp_path / "out", *options)
    features = sorted((tmp_path / "out" / "features").iterdir())
    assert len(features) == 4
    assert (tmp_path / "out" / "model.keras").is_file()
    rows = [
        line
        for file in (tmp_path / "out" / "predictions").glob("*.csv")
        for line in file.read_text().splitlines()[1:]
    ]
    assert len(rows) == 61
