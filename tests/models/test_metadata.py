import gc
import json
import pickle
import weakref
import zipfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import keras
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catdog import Datasets, build_model, load_datasets
from catdog.matching import record_training
from catdog.models.metadata import (
    ModelMetadata,
    SplitRecord,
    attach_metadata,
    get_metadata,
    get_temperature,
    metadata_from_json,
    metadata_to_json,
)
from catdog.typing import SPLITS

SIZE = (24, 24)
CARD = ModelMetadata(("cats", "dogs"), temperature=2.0)
SPLIT = SplitRecord(0, {"train": 3, "validation": 2, "test": 1}, "a" * 64)


@pytest.fixture
def data(image_folder: Path) -> Datasets:
    return load_datasets(image_folder)


def small() -> keras.Model:
    layers = [keras.Input((*SIZE, 3)), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2)]
    return keras.Sequential(layers)


def test_a_new_model_knows_nothing() -> None:
    model = small()
    assert get_metadata(model) is None
    assert get_temperature(model) == 1


def test_what_is_remembered(data: Datasets) -> None:
    model = build_model("cnn", image_size=SIZE)
    record_training(model, data)
    metadata = get_metadata(model)
    assert metadata is not None
    assert metadata.class_names == ("cats", "dogs")
    assert metadata.image_size == SIZE
    assert metadata.model_name == "cnn.three_block"
    assert metadata.temperature == 1
    assert metadata.split is not None
    assert metadata.split.seed == data.seed
    assert metadata.split.counts == {split: len(data.paths(split)) for split in SPLITS}
    assert metadata.versions["keras"] == keras.__version__


def test_a_model_of_ones_own_has_no_recipe_and_may_take_any_size(data: Datasets) -> None:
    model = keras.Sequential(
        [keras.Input((None, None, 3)), keras.layers.GlobalMaxPooling2D(), keras.layers.Dense(2)]
    )
    record_training(model, data)
    metadata = get_metadata(model)
    assert metadata is not None
    assert metadata.model_name is None
    assert metadata.image_size == data.image_size


def test_the_hash_tells_splits_apart(image_folder: Path) -> None:
    def hash_of(seed: int) -> str:
        model = small()
        record_training(model, load_datasets(image_folder, seed=seed))
        metadata = get_metadata(model)
        assert metadata is not None
        assert metadata.split is not None
        return metadata.split.sha256

    assert hash_of(0) == hash_of(0) != hash_of(1)


def test_training_anew_forgets_the_calibration(data: Datasets) -> None:
    model = small()
    record_training(model, data)
    attach_metadata(model, CARD)
    assert get_temperature(model) == 2
    record_training(model, data)
    assert get_temperature(model) == 1


def test_the_model_itself_is_not_touched(data: Datasets, tmp_path: Path) -> None:
    model = build_model("cnn", image_size=SIZE)
    attributes, config = dict(vars(model)), model.get_config()
    record_training(model, data)
    assert vars(model) == attributes
    assert model.get_config() == config
    model.save(tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        assert len(archive.namelist()) == 3


@pytest.mark.filterwarnings("ignore:Skipping variable loading for optimizer")  # not trained
def test_a_card_is_not_pickled(data: Datasets) -> None:
    model = build_model("cnn", image_size=SIZE)
    record_training(model, data)
    assert get_metadata(pickle.loads(pickle.dumps(model))) is None


def test_a_card_goes_with_its_model() -> None:
    model = small()
    attach_metadata(model, CARD)
    alive = weakref.ref(model)
    del model
    gc.collect()
    assert alive() is None


def test_a_model_that_was_given_other_classes_knows_nothing() -> None:
    model = small()
    attach_metadata(model, CARD)
    model.pop()
    model.add(keras.layers.Dense(3))
    assert get_metadata(model) is None
    with pytest.raises(ValueError, match=r"names 2 classes, but model returns shape \(None, 3\)"):
        attach_metadata(model, CARD)


names = st.lists(st.text(min_size=1), min_size=2, max_size=9, unique=True).map(tuple)
sides = st.integers(1, 8192)
splits = st.builds(
    SplitRecord,
    st.integers(0, 9),
    st.fixed_dictionaries({split: st.integers(0) for split in SPLITS}),
    st.text("0123456789abcdef", min_size=64, max_size=64),
)


@given(
    st.builds(
        ModelMetadata,
        class_names=names,
        image_size=st.none() | st.tuples(sides, sides),
        model_name=st.none() | st.text(),
        temperature=st.floats(0.01, 100),
        split=st.none() | splits,
        versions=st.dictionaries(st.text(), st.text(), max_size=3),
    )
)
def test_json_and_back(metadata: ModelMetadata) -> None:
    assert metadata_from_json(metadata_to_json(metadata)) == metadata


def test_a_card_of_a_later_version() -> None:
    raw = json.loads(metadata_to_json(CARD))
    with pytest.raises(ValueError, match=r"of version 2, .* up to 1: update catdog$"):
        metadata_from_json(json.dumps({**raw, "version": 2, "class_names": "somewhere else"}))


@pytest.mark.parametrize(
    "change",
    [
        {"format": "something else"},
        {"version": "1"},
        {"class_names": ["cats", "cats"]},
        {"class_names": "ab"},
        {"class_names": None},
        {"image_size": [0, 3]},
        {"temperature": 0},
        {"temperature": float("nan")},
        {"temperature": "1"},
        {"split": {"seed": 0}},
        {"split": []},
        {"split": {**asdict(SPLIT), "seed": "0"}},
        {"split": {**asdict(SPLIT), "counts": None}},
        {"split": {**asdict(SPLIT), "counts": {"train": 1}}},
        {"split": {**asdict(SPLIT), "sha256": 1}},
        {"versions": None},
    ],
)
def test_a_damaged_card(change: dict[str, Any]) -> None:
    raw = json.loads(metadata_to_json(CARD))
    with pytest.raises(ValueError, match="^damaged "):
        metadata_from_json(json.dumps({**raw, **change}))


@pytest.mark.parametrize("text", ["", "{", "[]", "1", '"a"', "\0", b"\xff", "[" * 10**5])
def test_no_card_at_all(text: str | bytes) -> None:
    with pytest.raises(ValueError, match="^damaged "):
        metadata_from_json(text)


@pytest.mark.parametrize("key", json.loads(metadata_to_json(CARD)))
def test_a_card_that_lacks_something(key: str) -> None:
    raw = json.loads(metadata_to_json(CARD))
    del raw[key]
    with pytest.raises(ValueError, match="^damaged "):
        metadata_from_json(json.dumps(raw))


@pytest.mark.parametrize("temperature", [0, -1, 5e-324, 101, float("nan"), True, None])
def test_temperatures_that_are_none(temperature: Any) -> None:
    with pytest.raises(ValueError, match="temperature must be a number from 0.01 to 100"):
        replace(CARD, temperature=temperature)


def test_the_backbone_is_part_of_the_recipe(data: Datasets) -> None:
    options: dict[str, Any] = {"weights": None, "image_size": (32, 32)}
    model = build_model("transfer", backbone="MobileNetV3Small", **options)
    own = keras.models.clone_model(small())
    own.name = "compact"
    for each in (model, own):
        record_training(each, data)
    metadata, own_card = get_metadata(model), get_metadata(own)
    assert metadata is not None
    assert own_card is not None
    assert metadata.model_name == "transfer with MobileNetV3Small"
    assert own_card.model_name is None
    record_training(model, data)  # trained again
    assert get_metadata(model) == metadata
