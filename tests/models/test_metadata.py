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
    resolve_class_names,
)
from catdog.typing import SPLITS

SIZE = (24, 24)
METADATA = ModelMetadata(("cats", "dogs"), temperature=2.0)
SPLIT = SplitRecord(0, {"train": 3, "validation": 2, "test": 1}, "a" * 64)


@pytest.fixture
def data(image_folder: Path) -> Datasets:
    return load_datasets(image_folder)


def small() -> keras.Model:
    layers = [keras.Input((*SIZE, 3)), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2)]
    return keras.Sequential(layers)


def test_a_new_model_has_no_metadata() -> None:
    model = small()
    assert get_metadata(model) is None
    assert get_temperature(model) == 1


def test_training_attaches_metadata(data: Datasets) -> None:
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


def test_a_custom_model_has_no_name_and_may_take_any_size(data: Datasets) -> None:
    model = keras.Sequential(
        [keras.Input((None, None, 3)), keras.layers.GlobalMaxPooling2D(), keras.layers.Dense(2)]
    )
    record_training(model, data)
    metadata = get_metadata(model)
    assert metadata is not None
    assert metadata.model_name is None
    assert metadata.image_size == data.image_size


def test_the_hash_differs_between_splits(image_folder: Path) -> None:
    def hash_of(seed: int) -> str:
        model = small()
        record_training(model, load_datasets(image_folder, seed=seed))
        metadata = get_metadata(model)
        assert metadata is not None
        assert metadata.split is not None
        return metadata.split.sha256

    assert hash_of(0) == hash_of(0) != hash_of(1)


def test_training_again_discards_the_calibration(data: Datasets) -> None:
    model = small()
    record_training(model, data)
    attach_metadata(model, METADATA)
    assert get_temperature(model) == 2
    record_training(model, data)
    assert get_temperature(model) == 1


def test_the_model_itself_is_unchanged(data: Datasets, tmp_path: Path) -> None:
    model = build_model("cnn", image_size=SIZE)
    attributes, config = dict(vars(model)), model.get_config()
    record_training(model, data)
    assert vars(model) == attributes
    assert model.get_config() == config
    model.save(tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        assert len(archive.namelist()) == 3


@pytest.mark.filterwarnings("ignore:Skipping variable loading for optimizer")  # not trained
def test_metadata_is_not_pickled(data: Datasets) -> None:
    model = build_model("cnn", image_size=SIZE)
    record_training(model, data)
    assert get_metadata(pickle.loads(pickle.dumps(model))) is None


def test_metadata_does_not_keep_its_model_alive() -> None:
    model = small()
    attach_metadata(model, METADATA)
    alive = weakref.ref(model)
    del model
    gc.collect()
    assert alive() is None


def test_metadata_of_other_classes_is_ignored() -> None:
    model = small()
    attach_metadata(model, METADATA)
    model.pop()
    model.add(keras.layers.Dense(3))
    assert get_metadata(model) is None
    with pytest.raises(ValueError, match=r"names 2 classes, but model returns shape \(None, 3\)"):
        attach_metadata(model, METADATA)


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


VERSION_1 = """{
 "format": "catdog model card",
 "version": 1,
 "class_names": ["cats", "dogs"],
 "image_size": [160, 160],
 "recipe": "transfer with MobileNetV3Small",
 "temperature": 1.25,
 "split": {"seed": 0, "counts": {"train": 3, "validation": 2, "test": 1}, "sha256": "0a1b"},
 "versions": {"catdog": "0.1.0", "keras": "3.15.0"}
}"""


def test_version_1_of_the_format() -> None:
    """Files keep the words of version 1: earlier and later catdogs read each other's files."""
    metadata = metadata_from_json(VERSION_1)
    assert metadata == ModelMetadata(
        class_names=("cats", "dogs"),
        image_size=(160, 160),
        model_name="transfer with MobileNetV3Small",
        temperature=1.25,
        split=SplitRecord(0, {"train": 3, "validation": 2, "test": 1}, "0a1b"),
        versions={"catdog": "0.1.0", "keras": "3.15.0"},
    )
    assert json.loads(metadata_to_json(metadata)) == json.loads(VERSION_1)


def test_metadata_of_a_later_version() -> None:
    raw = json.loads(metadata_to_json(METADATA))
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
        {"train_sha256": 1},
        {"versions": None},
    ],
)
def test_damaged_metadata(change: dict[str, Any]) -> None:
    raw = json.loads(metadata_to_json(METADATA))
    with pytest.raises(ValueError, match="^damaged "):
        metadata_from_json(json.dumps({**raw, **change}))


@pytest.mark.parametrize("text", ["", "{", "[]", "1", '"a"', "\0", b"\xff", "[" * 10**5])
def test_text_that_is_no_metadata(text: str | bytes) -> None:
    with pytest.raises(ValueError, match="^damaged "):
        metadata_from_json(text)


@pytest.mark.parametrize("key", json.loads(metadata_to_json(METADATA)))
def test_metadata_with_a_missing_key(key: str) -> None:
    raw = json.loads(metadata_to_json(METADATA))
    del raw[key]
    with pytest.raises(ValueError, match="^damaged "):
        metadata_from_json(json.dumps(raw))


@pytest.mark.parametrize("temperature", [0, -1, 5e-324, 101, float("nan"), True, None])
def test_invalid_temperatures(temperature: Any) -> None:
    with pytest.raises(ValueError, match="temperature must be a number from 0.01 to 100"):
        replace(METADATA, temperature=temperature)


def test_the_backbone_is_part_of_the_model_name(data: Datasets) -> None:
    options: dict[str, Any] = {"weights": None, "image_size": (32, 32)}
    model = build_model("transfer", backbone="MobileNetV3Small", **options)
    own = keras.models.clone_model(small())
    own.name = "compact"
    for each in (model, own):
        record_training(each, data)
    metadata, own_metadata = get_metadata(model), get_metadata(own)
    assert metadata is not None
    assert own_metadata is not None
    assert metadata.model_name == "transfer with MobileNetV3Small"
    assert own_metadata.model_name is None
    record_training(model, data)  # trained again
    assert get_metadata(model) == metadata


def test_class_names_are_compared_in_composed_form() -> None:
    metadata = ModelMetadata(class_names=("cafe\u0301", "bar"))
    assert metadata.class_names == ("caf\xe9", "bar")
    with pytest.raises(ValueError, match="must all be different.*how Unicode writes accents"):
        ModelMetadata(class_names=("cafe\u0301", "caf\xe9"))


def test_class_names_in_another_order_are_refused() -> None:
    metadata = ModelMetadata(class_names=("a", "b"))
    assert resolve_class_names(["x", "y"], metadata, 2) == ("x", "y")
    with pytest.raises(ValueError, match=r"names in another order than that of its logits \(a, b"):
        resolve_class_names(["b", "a"], metadata, 2)
