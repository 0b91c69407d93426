"""Paths that are too long for the file system, in each function that takes a path."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import pytest

import catdog
from catdog import Datasets
from catdog.cli.main import main
from tests.conftest import make_colour_model

LONG = {"name": "x" * 300, "path": "/".join(["y" * 200] * 25)}
CALLS: dict[str, Callable[[keras.Model, Datasets, str], Any]] = {
    "load_datasets": lambda _, data, path: catdog.load_datasets(path),
    "split_file": lambda _, data, path: catdog.load_datasets(data.report.folder, split_file=path),
    "cache_dir": lambda _, data, path: catdog.load_datasets(data.report.folder, cache_dir=path),
    "group_by": lambda _, data, path: catdog.load_datasets(
        data.report.folder, group_by=f"{path}.csv"
    ),
    "scan_images": lambda _, data, path: catdog.scan_images(path),
    "save_split": lambda _, data, path: data.save_split(path),
    "predict": lambda model, _, path: catdog.predict(model, path, class_names=["a", "b"]),
    "gradcam": lambda model, _, path: catdog.gradcam(model, path),
    "save_model": lambda model, _, path: catdog.save_model(model, f"{path}.keras"),
    "load_model": lambda _, data, path: catdog.load_model(f"{path}.keras"),
    "build_model": lambda _, data, path: catdog.build_model("cnn", weights=path),
    "export_model": lambda model, _, path: catdog.export_model(
        model, path, format="saved_model", class_names=["a", "b"]
    ),
    "feature_cache_size": lambda _, data, path: catdog.feature_cache_size(path),
    "clear_feature_cache": lambda _, data, path: catdog.clear_feature_cache(path),
}


@pytest.mark.parametrize("kind", LONG)
@pytest.mark.parametrize("call", CALLS)
def test_a_path_that_is_too_long(
    small_data: Datasets, tmp_path: Path, call: str, kind: str
) -> None:
    model = make_colour_model([[0, 0], [1, 0], [0, 1]])
    with pytest.raises(OSError, match=r"\.\.\.'? is too long for the file system: .*255") as caught:
        CALLS[call](model, small_data, str(tmp_path / LONG[kind]))
    assert "Errno" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_predict_skips_a_path_that_is_too_long(small_data: Datasets) -> None:
    model = make_colour_model([[0, 0], [1, 0], [0, 1]])
    images = [LONG["name"], small_data.paths("test")[0]]
    with pytest.warns(UserWarning, match="1 image cannot be read.*\n.* is too long for the"):
        first, second = catdog.predict(
            model, images, class_names=["a", "b"], on_bad_image="skip", verbose=0
        )
    assert first.label is None
    assert second.error is None


@pytest.mark.parametrize("kind", LONG)
@pytest.mark.parametrize("command", ["scan", "predict"])
def test_the_command_line(capsys: pytest.CaptureFixture[str], command: str, kind: str) -> None:
    assert main([command, LONG[kind]]) > 0
    error = capsys.readouterr().err
    assert "is too long for the file system" in error
    assert "Errno" not in error
