import math
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import optimize, special

from catdog import Datasets, build_model, evaluate, load_datasets
from catdog.evaluation.calibration import Calibration, calibrate, fit_temperature
from catdog.inference.predict import predict
from catdog.matching import record_training
from catdog.models.metadata import MAX_TEMPERATURE, ModelMetadata, attach_metadata, get_metadata
from tests.conftest import MakeFolder, make_colour_model

SIZE = (8, 8)


@pytest.fixture
def data(make_folder: MakeFolder) -> Datasets:
    # Two kinds that can hardly be separated by their brightness: tints 0 and 50.
    return load_datasets(make_folder(cats=40, dogs=40), image_size=SIZE, validation_fraction=0.4)


def by_brightness(slope: float, middle: float = 75.0) -> keras.Model:
    """Logits of -slope and slope for each step of brightness above the middle."""
    weights = np.tile([-slope / 3, slope / 3], (3, 1))
    return make_colour_model(weights, middle * np.array([slope, -slope]), image_size=SIZE)


def loss(logits: NDArray[Any], labels: NDArray[Any], temperature: float) -> float:
    rows = special.log_softmax(logits / temperature, axis=1)
    return float(-rows[np.arange(len(labels)), labels].mean())


@given(
    st.integers(0, 2**32 - 1),
    st.integers(2, 5),
    st.integers(20, 200),
    st.floats(0.05, 20),
)
def test_temperature_agrees_with_scipy(seed: int, classes: int, n: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n, classes)) * scale
    true = special.softmax(logits / scale, axis=1)
    labels = np.array([rng.choice(classes, p=row) for row in true], np.int32)
    found = fit_temperature(logits, labels)
    assert 1 / MAX_TEMPERATURE <= found <= MAX_TEMPERATURE
    best = optimize.minimize_scalar(
        lambda log: loss(logits, labels, math.exp(log)),
        bounds=(-math.log(MAX_TEMPERATURE), math.log(MAX_TEMPERATURE)),
        method="bounded",
        options={"xatol": 1e-9},
    )
    assert loss(logits, labels, found) <= best.fun + 1e-9
    assert loss(logits, labels, found) <= loss(logits, labels, 1.0) + 1e-12


@given(st.floats(0.1, 10))
def test_temperature_grows_with_the_logits(scale: float) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(100, 3))
    labels = (logits + rng.normal(size=(100, 3))).argmax(axis=1).astype(np.int32)
    alone = fit_temperature(logits, labels)
    assert fit_temperature(logits * scale, labels) == pytest.approx(alone * scale, rel=1e-9)


@pytest.mark.parametrize(
    ("logits", "labels", "temperature"),
    [
        ([[5.0, 5.0], [1.0, 1.0]], [0, 1], 1.0),  # equal logits
        ([[3.0, 0.0], [0.0, 3.0]], [0, 1], 1 / MAX_TEMPERATURE),  # all right
        ([[3.0, 0.0], [0.0, 3.0]], [1, 0], MAX_TEMPERATURE),  # all wrong
        ([[1e300, 0.0], [0.0, 1e300]], [1, 0], MAX_TEMPERATURE),
    ],
)
def test_temperatures_are_limited(
    logits: list[list[float]], labels: list[int], temperature: float
) -> None:
    assert fit_temperature(np.array(logits), np.array(labels, np.int32)) == temperature


def test_an_overconfident_model(data: Datasets) -> None:
    model = by_brightness(5.0, middle=50)
    before = evaluate(model, data, split="validation", verbose=0)
    result = calibrate(model, data, verbose=0)
    assert isinstance(result, Calibration)
    assert result.temperature > 2
    assert result.n == len(data.paths("validation"))
    assert result.loss[0] == pytest.approx(before.loss)
    assert result.loss[1] < result.loss[0]
    assert result.calibration_error[0] == pytest.approx(before.calibration_error)
    metadata = get_metadata(model)
    assert metadata is not None
    assert metadata.temperature == result.temperature
    assert metadata.class_names == data.class_names
    answers = predict(model, before.paths)
    assert [answer.label for answer in answers] == [
        before.class_names[prediction] for prediction in before.predictions
    ]
    losses = -np.log(
        [answer.probabilities[label] for answer, label in zip(answers, before.labels, strict=True)]
    )
    assert losses.mean() == pytest.approx(result.loss[1], rel=1e-6)


def test_calibrating_again_changes_nothing(data: Datasets) -> None:
    model = by_brightness(5.0, middle=50)
    assert calibrate(model, data, verbose=0) == calibrate(model, data, verbose=0)


@pytest.mark.filterwarnings("ignore:On the validation images, the model")  # it is not trained
def test_other_metadata_is_kept(data: Datasets) -> None:
    model = build_model("cnn", image_size=(24, 24), seed=0)
    record_training(model, data)
    before = get_metadata(model)
    calibrate(model, data, verbose=0)
    after = get_metadata(model)
    assert before is not None
    assert after is not None
    assert after.split == before.split is not None
    assert after.model_name == before.model_name == "cnn.three_block"


def test_evaluate_uses_the_temperature(data: Datasets) -> None:
    model = by_brightness(5.0, middle=50)
    before = evaluate(model, data, split="validation", verbose=0)
    result = calibrate(model, data, verbose=0)
    after = evaluate(model, data, split="validation", verbose=0)
    assert after.loss == pytest.approx(result.loss[1])
    assert after.calibration_error == pytest.approx(result.calibration_error[1])
    assert np.array_equal(after.predictions, before.predictions)


def test_a_model_that_is_always_right(data: Datasets) -> None:
    model = by_brightness(0.1)
    with pytest.warns(UserWarning, match="classifies all 32 .* correctly.*on more images"):
        result = calibrate(model, data, verbose=0)
    assert result.temperature == 1
    assert result.loss[0] == result.loss[1]


def test_a_model_that_is_always_wrong(data: Datasets) -> None:
    with pytest.warns(UserWarning, match="not more often right where.*Train it first"):
        result = calibrate(by_brightness(-0.1), data, verbose=0)
    assert result.temperature == MAX_TEMPERATURE


def test_logits_that_hardly_differ(data: Datasets) -> None:
    with pytest.warns(UserWarning, match="right more often than.*, 0.01: .*Train it longer"):
        result = calibrate(by_brightness(1e-5, middle=50), data, verbose=0)
    assert result.temperature == 1 / MAX_TEMPERATURE


def test_other_classes(data: Datasets) -> None:
    model = by_brightness(1.0)
    attach_metadata(model, ModelMetadata(("chats", "chiens")))
    with pytest.raises(ValueError, match=r"on the classes chats, chiens, but the data has cats"):
        calibrate(model, data)


def test_printed_calibration() -> None:
    calibration = Calibration(1.8341, 400, (0.51234, 0.44101), (0.0812, 0.0234))
    assert str(calibration).splitlines() == [
        "temperature 1.834: less confident than before",
        "  fitted to    400 validation images",
        "  loss         0.5123 -> 0.4410",
        "  calibration  8.1% -> 2.3%  (expected calibration error)",
    ]
    sharper, same = (str(Calibration(each, 1, (1, 1), (1, 1))) for each in (0.5, 1.0))
    assert sharper.startswith("temperature 0.500: more confident than before")
    assert same.startswith("temperature 1.000: nothing changes")


@pytest.mark.filterwarnings("ignore:On the validation images, the model is not more")
def test_calibration_is_no_record_of_a_training(data: Datasets) -> None:
    """A model that Keras trained keeps its name, and its near duplicates are still counted."""
    model = build_model("cnn", image_size=(32, 32))
    before = evaluate(model, data, split="validation", verbose=0)
    calibrate(model, data, verbose=0)
    after = evaluate(model, data, split="validation", verbose=0)
    assert before.near_training_unknown == after.near_training_unknown == ""
    metadata = get_metadata(model)
    assert metadata
    assert metadata.model_name == "cnn.three_block"
