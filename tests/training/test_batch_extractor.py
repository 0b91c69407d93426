"""Features by batches of rows, as Ray Data and Spark pass them."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from catdog import (
    BatchFeatureExtractor,
    Features,
    build_model,
    extract_features,
    load_features,
    save_model,
)
from catdog.inference.litert import RELATIVE_TOLERANCE
from catdog.training import batch_extractor, run_backbone
from tests.training.conftest import linear


@pytest.fixture
def paths(image_folder: Path) -> list[str]:
    return sorted(str(path) for path in image_folder.rglob("*.png"))


@pytest.fixture
def expected(image_folder: Path) -> Features:
    return extract_features(linear(), image_folder)


def assert_close(values: Any, expected: Any) -> None:
    assert values == pytest.approx(expected, abs=float(RELATIVE_TOLERANCE * np.abs(expected).max()))


def test_a_batch_of_paths_and_of_bytes(
    paths: list[str], expected: Features, tmp_path: Path
) -> None:
    save_model(linear(), tmp_path / "model.keras")
    extract = BatchFeatureExtractor(tmp_path / "model.keras")
    found = extract({"path": np.array(paths), "number": np.arange(20)})
    assert list(found) == ["path", "number", "sha256", "error", "features"]
    assert_close(found["features"], expected.values)
    assert tuple(found["sha256"]) == expected.sha256
    assert found["error"].tolist() == [""] * 20
    contents = [Path(path).read_bytes() for path in paths]
    by_bytes = extract({"bytes": contents, "path": paths})
    assert set(by_bytes) == {"path", "sha256", "error", "features"}
    np.testing.assert_array_equal(by_bytes["features"], found["features"])
    assert "path" not in extract({"bytes": contents[:2]})


def test_a_bad_image_is_a_row_with_the_reason(paths: list[str], tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"not an image")
    batch = [str(tmp_path / "bad.png"), paths[0], str(tmp_path / "missing.png")]
    found = BatchFeatureExtractor(linear())({"path": batch})
    assert np.isnan(found["features"]).all(axis=1).tolist() == [True, False, True]
    assert "bad.png" in found["error"][0]
    assert "does not exist" in found["error"][2]
    assert found["error"][1] == ""
    assert BatchFeatureExtractor(linear())({"path": batch[:1]})["features"].shape[0] == 1
    assert BatchFeatureExtractor(linear())({"path": []})["features"].shape[0] == 0


def test_files_hold_each_image_once(paths: list[str], expected: Features, tmp_path: Path) -> None:
    folder = tmp_path / "a" / "features"
    (tmp_path / "bad.png").write_bytes(b"not an image")
    extract = BatchFeatureExtractor(linear(), save_to=folder)
    for batch in (paths[:8], paths[8:], [*paths[5:10], str(tmp_path / "bad.png")]):
        labels = [Path(path).parent.name for path in batch]
        found = extract({"path": batch, "label": labels})
        assert set(found) == {"path", "label", "sha256", "error", "file"}
        assert set(found["file"]) < {file.name for file in folder.iterdir()} | {""}
    stored = load_features(folder)
    assert list(stored.paths) == paths
    assert set(stored.errors) == {str(tmp_path / "bad.png")}
    assert stored.labels is not None
    assert stored.labels.tolist() == [0] * 10 + [1] * 10
    assert_close(stored.values, expected.values)
    assert stored.backbone == expected.backbone


def test_a_batch_is_computed_once(
    paths: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[int] = []

    def count(*arguments: Any, **options: Any) -> Any:
        runs.append(1)
        return run_backbone.run_backbone(*arguments, **options)

    monkeypatch.setattr(batch_extractor, "run_backbone", count)
    batch = {"path": [*paths[:4], str(tmp_path / "missing.png")]}
    first = BatchFeatureExtractor(linear(), save_to=tmp_path / "features")
    found = first(batch)
    second = BatchFeatureExtractor(linear(), save_to=tmp_path / "features")
    again = second(batch)
    assert len(runs) == 1
    for name, column in found.items():
        assert again[name].tolist() == column.tolist()
    (file,) = (tmp_path / "features").iterdir()
    file.write_bytes(file.read_bytes()[:-100])  # as after a crash of the machine
    second(batch)
    assert len(runs) == 2
    assert len(load_features(file)) == 4
    Path(paths[4]).rename(tmp_path / "missing.png")  # the missing image is there now
    assert second(batch)["error"].tolist() == [""] * 5
    assert len(runs) == 3
    assert load_features(tmp_path / "features").errors == {}
    os.utime(paths[0], (1, 1))
    second(batch)
    assert len(runs) == 4
    build = build_model("mobilenet_v2.linear", image_size=(32, 32), weights=None, seed=0)
    BatchFeatureExtractor(build, save_to=tmp_path / "features")(batch)
    assert len(runs) == 5


def test_nothing_is_kept_of_a_batch_that_the_disk_did_not_deliver(
    paths: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Path.read_bytes

    def fail_once(path: Path) -> bytes:
        if str(path) == paths[2]:
            raise OSError(5, "Input/output error")
        return read(path)

    extract = BatchFeatureExtractor(linear(), save_to=tmp_path / "features")
    monkeypatch.setattr(Path, "read_bytes", fail_once)
    found = extract({"path": paths[:4]})
    assert [error == "" for error in found["error"]] == [True, True, False, True]
    assert found["file"].tolist() == [""] * 4
    assert list((tmp_path / "features").iterdir()) == []
    monkeypatch.undo()
    assert extract({"path": paths[:4]})["error"].tolist() == [""] * 4
    assert len(load_features(tmp_path / "features")) == 4


def test_a_batch_needs_images() -> None:
    with pytest.raises(ValueError, match="batch needs a column 'path' of image files, or 'bytes'"):
        BatchFeatureExtractor(linear())({"file": ["a.png"]})


def test_a_batch_may_be_a_data_frame(paths: list[str], expected: Features, tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    labels = [Path(path).parent.name for path in paths]
    frame = pandas.DataFrame({"path": paths, "label": labels}, index=range(5, 25))
    assert_close(BatchFeatureExtractor(linear())(frame)["features"], expected.values)
    BatchFeatureExtractor(linear(), save_to=tmp_path / "features")(frame)
    stored = load_features(tmp_path / "features")
    assert stored.labels is not None
    assert stored.labels.tolist() == [0] * 10 + [1] * 10


def test_labels_that_have_changed_are_written_again(paths: list[str], tmp_path: Path) -> None:
    extract = BatchFeatureExtractor(linear(), save_to=tmp_path / "features")
    batch = {"path": paths[:4]}
    extract(batch)
    for labels, expected in (
        (["a", "b", "a", "b"], [0, 1, 0, 1]),
        (["a", "b", "b", "b"], [0, 1, 1, 1]),
    ):
        extract({**batch, "label": labels})
        stored = load_features(tmp_path / "features")
        assert stored.labels is not None
        assert stored.labels.tolist() == expected
    extract(batch)  # without labels, those that are known stay
    assert load_features(tmp_path / "features").labels is not None


def test_batches_of_bytes_without_paths(paths: list[str], tmp_path: Path) -> None:
    contents: list[Any] = [Path(path).read_bytes() for path in paths[:4]]
    extract = BatchFeatureExtractor(linear(), save_to=tmp_path / "features")
    found = extract({"bytes": [*contents[:2], None]})
    assert [error == "" for error in found["error"]] == [True, True, False]
    extract({"bytes": contents[2:]})
    assert len(load_features(tmp_path / "features")) == 4


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([0, 1, 0, 1], [0, 1, 0, 1]),
        (["NA", "b", "b", "NA"], [0, 1, 1, 0]),
        ([1.0, 0.0, float("nan"), 0.0], None),
        ([None] * 4, None),
    ],
)
def test_labels_that_are_no_text(
    paths: list[str], tmp_path: Path, labels: list[Any], expected: list[int] | None
) -> None:
    extract = BatchFeatureExtractor(linear(), save_to=tmp_path)
    extract({"path": paths[:4], "label": labels})
    stored = load_features(tmp_path).labels
    assert (None if stored is None else stored.tolist()) == expected


def test_two_labels_of_one_image(paths: list[str], tmp_path: Path) -> None:
    content = Path(paths[0]).read_bytes()
    extract = BatchFeatureExtractor(linear(), save_to=tmp_path)
    with pytest.raises(ValueError, match="batch has two labels for the image"):
        extract({"bytes": [content, content], "label": ["a", "b"]})


def test_a_column_of_the_batch_is_not_replaced(paths: list[str]) -> None:
    with pytest.raises(ValueError, match="batch has columns that the result has, too: 'error'"):
        BatchFeatureExtractor(linear())({"path": paths[:1], "error": [""]})
