"""Predictions by batches of rows, as Ray Data and Spark pass them."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from catdog import BatchPredictor, predict, save_model
from catdog.models.metadata import ModelMetadata, attach_metadata
from tests.conftest import make_colour_model


def test_predictions_are_those_of_predict(image_folder: Path, tmp_path: Path) -> None:
    model = make_colour_model([[0.1, -0.1], [0.0, 0.0], [-0.1, 0.1]])
    attach_metadata(model, ModelMetadata(class_names=("cats", "dogs")))
    save_model(model, tmp_path / "model.keras")
    paths = [*sorted(image_folder.rglob("*.png")), tmp_path / "missing.png"]
    with pytest.warns(UserWarning, match="1 image cannot be read"):
        expected = predict(model, paths, unsure_below=0.8, on_bad_image="skip")
    predictor = BatchPredictor(tmp_path / "model.keras", unsure_below=0.8)
    found = predictor({"path": [str(path) for path in paths]})
    assert list(found) == ["path", "label", "probability", "probabilities", "error"]
    assert found["label"].tolist() == [each.label or "" for each in expected]
    assert {each.label for each in expected[:-1]} > {None}
    assert found["error"].tolist() == [each.error or "" for each in expected]
    # Text columns have a type of their own, even if a batch has no error.
    assert {found["label"].dtype.kind, predictor({"path": []})["error"].dtype.kind} == {"U"}
    wanted = np.array([each.probabilities for each in expected])
    np.testing.assert_allclose(found["probabilities"], wanted, rtol=1e-3)
    np.testing.assert_array_equal(found["probability"], found["probabilities"].max(axis=1))
    by_bytes = predictor({"bytes": [path.read_bytes() for path in paths[:-1]]})
    np.testing.assert_array_equal(by_bytes["probabilities"], found["probabilities"][:-1])
    assert "bytes" not in by_bytes


def test_a_batch_needs_images() -> None:
    model = make_colour_model([[0.1, -0.1], [0.0, 0.0], [-0.1, 0.1]])
    attach_metadata(model, ModelMetadata(class_names=("cats", "dogs")))
    with pytest.raises(ValueError, match="batch needs a column 'path' of image files, or 'bytes'"):
        BatchPredictor(model)({"file": ["a.png"]})


@pytest.fixture
def known_model() -> keras.Model:
    model = make_colour_model([[0.1, -0.1], [0.0, 0.0], [-0.1, 0.1]])
    attach_metadata(model, ModelMetadata(class_names=("cats", "dogs")))
    return model


def test_a_column_of_the_batch_is_not_replaced(known_model: keras.Model) -> None:
    """The true labels must not become the predicted ones."""
    with pytest.raises(ValueError, match="columns that the result has, too: 'label'. Rename"):
        BatchPredictor(known_model)({"path": ["a.png"], "label": ["cats"]})


def test_an_empty_cell_in_place_of_bytes(known_model: keras.Model, image_folder: Path) -> None:
    good = next(image_folder.rglob("*.png")).read_bytes()
    array = np.frombuffer(good, np.uint8)
    found = BatchPredictor(known_model)({"bytes": [good, None, 5, memoryview(good), array]})
    assert [error == "" for error in found["error"]] == [True, False, False, True, True]


@pytest.mark.parametrize("batch_size", [0, -1, 1.5])
def test_wrong_batch_sizes(known_model: keras.Model, batch_size: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="batch_size must be"):
        BatchPredictor(known_model, batch_size=batch_size)
