"""Predictions: probabilities, labels and their printed lines."""

import json
import math
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image

from catdog import Datasets, build_model, evaluate, list_models, load_datasets
from catdog.images.decode import decode_image
from catdog.inference.predict import predict
from catdog.inference.prediction import Prediction
from catdog.matching import record_training
from catdog.models.metadata import ModelMetadata, attach_metadata
from catdog.models.saving import load_model, save_model
from tests.inference.conftest import NAMES, SIZE, by_brightness, expected, grey, write_image
from tests.networks import build_light_model

layers = keras.layers


@pytest.mark.slow
@pytest.mark.parametrize("name", list_models())
def test_probabilities_equal_those_of_evaluate(
    name: str, tmp_path: Path, image_folder: Path
) -> None:
    for number in range(4):
        write_image(image_folder / f"cats/photo.{number}.png", number)
    data = load_datasets(image_folder, image_size=SIZE)
    model = build_light_model(name, image_size=SIZE, weights=None, seed=1)
    record_training(model, data)
    paths = data.paths("test")
    evaluated = evaluate(model, data, split="test", verbose=0).probabilities
    save_model(model, tmp_path / "model.keras")
    for each in (model, load_model(tmp_path / "model.keras")):
        for ways in (
            paths,
            [str(path) for path in paths],
            [path.read_bytes() for path in paths],
            [Image.open(path) for path in paths],
            [np.asarray(Image.open(path)) for path in paths],
            [np.asarray(Image.open(path), np.float64) for path in paths],
            np.stack([decode_image(path, SIZE) for path in paths]),
        ):
            found = [prediction.probabilities for prediction in predict(each, ways)]
            np.testing.assert_allclose(found, evaluated, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["cnn_preprocessed", "mobilenet_v2.linear"])
def test_compiled_models_give_the_same_probabilities(
    name: str, data: Datasets, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = build_model(name, image_size=SIZE, weights=None, seed=1)
    paths = data.paths("train")
    alone = [predict(model, path, class_names=NAMES)[0].probabilities for path in paths]
    monkeypatch.setattr("catdog.inference.predict.MIN_IMAGES_TO_COMPILE", len(paths))
    monkeypatch.setattr(model, "predict_on_batch", None)  # not called any more
    found = [answer.probabilities for answer in predict(model, paths, class_names=NAMES)]
    np.testing.assert_allclose(found, alone, rtol=0, atol=1e-4)


def test_what_is_returned(model: keras.Model, image_folder: Path) -> None:
    path = image_folder / "cats/image.0.png"
    (answer,) = predict(model, path)
    brightness = float(decode_image(path, SIZE).mean())
    assert answer.label == "cats"
    assert answer.class_names == NAMES
    assert answer.path == path
    assert answer.error is None
    assert answer.probabilities == pytest.approx([1 - expected(brightness), expected(brightness)])
    assert answer.probability == answer.probabilities[0]


def test_predictions_as_json(model: keras.Model, image_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"")
    path = next(image_folder.rglob("*.png"))
    with pytest.warns(UserWarning, match="cannot be read"):
        good, bad = predict(model, [path, tmp_path / "broken.png"], on_bad_image="skip")
    record = json.loads(json.dumps([good.to_dict(), bad.to_dict()], allow_nan=False))
    assert record[0]["path"] == str(path)
    assert record[0]["label"] == good.label
    assert record[0]["probabilities"][good.label] == record[0]["probability"] == good.probability
    assert record[0]["error"] is None
    assert record[1]["label"] is record[1]["probability"] is record[1]["probabilities"] is None
    assert "Cannot read the image" in record[1]["error"]


def test_nothing_is_augmented(data: Datasets) -> None:
    model = keras.Sequential(
        [
            keras.Input((*SIZE, 3)),
            layers.RandomFlip(),
            layers.RandomRotation(0.5),
            layers.RandomBrightness(1.0),
            layers.Dropout(0.5),
            layers.Flatten(),
            layers.Dense(2),
        ]
    )
    first, second = (predict(model, data.paths("train"), class_names=NAMES) for _ in range(2))
    evaluated = evaluate(model, data, split="train", verbose=0).probabilities
    for answers in (first, second):
        found = [answer.probabilities for answer in answers]
        np.testing.assert_allclose(found, evaluated, atol=1e-5)


def test_models_of_a_fixed_batch(data: Datasets) -> None:
    inputs = keras.Input(batch_shape=(8, *SIZE, 3))
    model = keras.Model(inputs, layers.Dense(2)(layers.GlobalAveragePooling2D()(inputs)))
    assert len(predict(model, data.paths("train"), class_names=NAMES)) == 12


def test_calibration_moves_probabilities_but_no_label(model: keras.Model) -> None:
    batch = np.stack([grey(each) for each in range(0, 250, 10)])
    before = predict(model, batch)
    attach_metadata(model, ModelMetadata(NAMES, temperature=2.0))
    after = predict(model, batch)
    assert [each.label for each in after] == [each.label for each in before]
    logits = [0.06 * (each - 100) / 2 for each in range(0, 250, 10)]
    found = [each.probabilities[1] for each in after]
    assert found == pytest.approx([1 / (1 + math.exp(-each)) for each in logits], abs=1e-6)


def test_unsure(model: keras.Model) -> None:
    batch = np.stack([grey(each) for each in (20, 95, 105, 180)])
    answers = predict(model, batch, unsure_below=0.9)
    assert [answer.label for answer in answers] == ["cats", None, None, "dogs"]
    assert answers[1].probability == pytest.approx(1 - expected(95), abs=1e-6)


def test_model_of_any_size(tmp_path: Path) -> None:
    model = by_brightness((None, None))
    with pytest.raises(ValueError, match="has no record of the size it was trained on"):
        predict(model, write_image(tmp_path / "cat.png"))
    attach_metadata(model, ModelMetadata(NAMES, image_size=(10, 12)))
    (answer,) = predict(model, tmp_path / "cat.png")
    brightness = float(decode_image(tmp_path / "cat.png", (10, 12)).mean())
    assert answer.probabilities[1] == pytest.approx(expected(brightness), abs=1e-5)


def test_names_that_are_passed_come_first(model: keras.Model) -> None:
    assert predict(model, grey(0), class_names=["chats", "chiens"])[0].label == "chats"


def answer(label: str | None, probability: float, **more: Any) -> Prediction:
    row = np.array([probability, 1 - probability])
    return Prediction(label, probability, row, more.pop("path", None), NAMES, **more)


def test_printed_lines_are_aligned() -> None:
    nothing = Prediction(None, np.nan, np.full(2, np.nan), Path("c.jpg"), NAMES, "c.jpg is gone.")
    lines = [
        answer("cats", 0.973, path=Path("a.jpg")),
        answer("cats", 0.99996, path=Path("b\n.jpg")),
        answer(None, 0.55, path=Path("d.jpg")),
        nothing,
        answer("cats", 1.0),
    ]
    assert [str(line) for line in lines] == [
        "cats     97.3%  a.jpg",
        "cats    >99.9%  b\\n.jpg",
        "unsure   55.0%  d.jpg  (cats?)",
        "-               c.jpg is gone.",
        "cats    >99.9%",
    ]
    assert repr(lines[0]) == "<Prediction: cats 97.3% a.jpg>"


@pytest.mark.real_data
def test_real_images(tmp_path: Path) -> None:
    data = load_datasets()
    model = build_model("cnn", image_size=(64, 64), seed=0)
    record_training(model, data)
    evaluated = evaluate(model, data, split="validation", verbose=0)
    answers = predict(model, evaluated.paths)
    found = [answer.probabilities for answer in answers]
    np.testing.assert_allclose(found, evaluated.probabilities, rtol=0, atol=1e-5)
