import copy
import dataclasses
import random
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

import catdog.models
from catdog import ModelSpec, build_model, list_models, model_spec
from catdog.models import registry
from catdog.models.sources import FIRST_POST, SECOND_POST

SIZE = (32, 32)
README = Path(__file__).parents[2] / "README.md"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("cnn", "cnn.three_block"),
        ("cnn_augmented", "cnn_augmented.three_block"),
        ("cnn_preprocessed", "cnn_preprocessed.three_block"),
        ("mobilenet_v2", "mobilenet_v2.both_flips"),
        ("model1", "cnn.three_block"),
        ("model1.two_block", "cnn.two_block"),
        ("model2.two_block", "cnn_augmented.two_block"),
        ("model3", "cnn_preprocessed.three_block"),
        ("model4.horizontal_flip", "mobilenet_v2.horizontal_flip"),
        ("model4.linear", "mobilenet_v2.linear"),
    ],
)
def test_other_names(name: str, meant: str) -> None:
    assert model_spec(name).name == meant


@pytest.mark.parametrize("call", [model_spec, build_model])
def test_unknown_name_lists_the_valid_ones_and_the_closest(call: Callable[[str], object]) -> None:
    with pytest.raises(ValueError, match=r"name='cnn\.twoblock'.*mean 'cnn\.two_block'") as raised:
        call("cnn.twoblock")
    assert all(repr(name) in str(raised.value) for name in list_models())


def test_a_name_that_is_no_string() -> None:
    with pytest.raises(ValueError, match="name=1 is not known"):
        model_spec(1)  # type: ignore[arg-type]


def test_specs_are_frozen_and_have_the_reported_accuracies() -> None:
    spec = model_spec("cnn.two_block")
    assert isinstance(spec, ModelSpec)
    assert spec.reported is not None
    assert spec.reported.validation == (0.54, 0.57)
    assert spec.reported.final_validation == 0.5644
    assert spec.summary.startswith("conv 32, pool")
    with pytest.raises(dataclasses.FrozenInstanceError):
        spec.num_params = 0  # type: ignore[misc]


def test_variants_of_the_blog_posts_have_reported_accuracies() -> None:
    for name in list_models():
        spec = model_spec(name)
        assert (spec.reported is not None) == (spec.source in (FIRST_POST, SECOND_POST)), name


def test_duplicate_is_refused() -> None:
    spec = model_spec("cnn")
    with pytest.raises(ValueError, match="'cnn.three_block' is listed twice"):
        registry._by_name([spec, spec])


def test_every_architecture_file_is_in_the_registry() -> None:
    folder = Path(catdog.models.__file__).parent
    files = {path.stem for path in folder.glob("*.py") if defines_specs(path)} - {"registry"}
    missing = sorted(files - set(registry.ARCHITECTURES))
    assert missing == [], f"add {missing} to ARCHITECTURES in models/registry.py"
    assert set(registry.ARCHITECTURES) == files


def defines_specs(path: Path) -> bool:
    """Return whether a file assigns `SPECS`, with or without a type."""
    return re.search(r"^SPECS\b.*=", path.read_text("utf-8"), re.MULTILINE) is not None


@pytest.mark.parametrize("name", list_models())
def test_every_model_is_in_the_table_of_the_readme(name: str) -> None:
    """The table has one line for each architecture or group of variants."""
    architecture, _, variant = name.partition(".")
    lines = [line for line in README.read_text("utf-8").splitlines() if line.startswith("|")]
    own = [line for line in lines if f"`{architecture}" in line]
    found = [line for line in own if f"`{name}`" in line or (variant and f"`.{variant}`" in line)]
    assert found, f"add {name} to the table of models in README.md"
    count = f"{model_spec(name).num_params:,}"
    assert count in found[0] or "depends on" in found[0], f"the number of weights is {count}"


def test_models_are_listed_without_reading_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catdog.models.pretrained.FOLDER", tmp_path)
    (tmp_path / "compact.json").write_text("{")
    assert "compact" in list_models()
    spec = model_spec("compact")
    with pytest.raises(OSError, match=r"Cannot read .*compact\.json, a part of catdog"):
        _ = spec.pretrained
    with pytest.raises(OSError, match=r"Cannot read .*compact\.json, a part of catdog"):
        build_model("compact", weights="cats_vs_dogs")
    build_model("compact", image_size=SIZE, weights=None)


def test_names_appear_in_the_model() -> None:
    assert build_model("cnn.two_block", image_size=SIZE).name == "cnn_two_block"


def test_weights_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "cnn.weights.h5"
    first = build_model("cnn", image_size=SIZE, seed=1)
    first.save_weights(path)
    second = build_model("cnn", image_size=SIZE, seed=2, weights=path)
    for one, other in zip(first.get_weights(), second.get_weights(), strict=True):
        assert np.array_equal(one, other)


def test_weights_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.h5' is not a file.*\"cats_vs_dogs\", or"):
        build_model("cnn", image_size=SIZE, weights=tmp_path / "none.h5")


@pytest.mark.parametrize("options", [{"num_classes": 3}, {"image_size": (64, 64)}])
def test_weights_that_do_not_fit(tmp_path: Path, options: dict[str, Any]) -> None:
    path = tmp_path / "cnn.weights.h5"
    build_model("cnn", image_size=SIZE).save_weights(path)
    with pytest.raises(ValueError, match="does not fit cnn.three_block for images of .*Pass the"):
        build_model("cnn", **{"image_size": SIZE, "weights": path, **options})


def test_weights_file_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "cnn.weights.h5"
    path.write_text("no weights")
    with pytest.raises(ValueError, match="does not fit cnn.three_block"):
        build_model("cnn", image_size=SIZE, weights=path)


@pytest.mark.parametrize("classes", [1, 0, 2.0, True, "2"])
def test_bad_number_of_classes(classes: Any) -> None:
    with pytest.raises(ValueError, match="num_classes must be a whole number of at least 2, not"):
        build_model("cnn", num_classes=classes)


def test_bad_seed() -> None:
    with pytest.raises(ValueError, match="seed must be a whole number from 0"):
        build_model("cnn", seed=-1)


def test_the_random_state_of_the_caller_is_unchanged() -> None:
    random.seed(5)
    expected = random.random()
    random.seed(5)
    build_model("cnn", image_size=SIZE, seed=1)
    assert random.random() == expected


def test_weights_that_are_no_path() -> None:
    with pytest.raises(
        TypeError, match='weights must be a path, not 3. Pass the path .* "default"'
    ):
        build_model("cnn", image_size=SIZE, weights=3)  # type: ignore[arg-type]


def test_seeds_hold_in_threads_too() -> None:
    def weights(_: int) -> list[NDArray[np.float32]]:
        return list(build_model("cnn", image_size=(22, 22), seed=1).get_weights())

    expected = weights(0)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(weights, range(12)):
            assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))


def test_channels_first_is_refused() -> None:
    keras.config.set_image_data_format("channels_first")
    try:
        with pytest.raises(ValueError, match="channels last.*keras.json"):
            build_model("cnn")
    finally:
        keras.config.set_image_data_format("channels_last")


def test_a_path_of_an_unknown_user_is_no_file() -> None:
    with pytest.raises(FileNotFoundError, match="weights='~nobody-is-called-so/a.h5' is not"):
        build_model("cnn", weights="~nobody-is-called-so/a.h5")


def test_a_copied_spec_is_equal() -> None:
    for name in list_models():
        assert copy.deepcopy(model_spec(name)) == model_spec(name)
    assert model_spec("cnn") != model_spec("compact")


def test_numbers_of_numpy_are_seeds() -> None:
    first = build_model("cnn", image_size=(32, 32), seed=2)
    second = build_model("cnn", image_size=(32, 32), seed=np.int64(2))  # type: ignore[arg-type]
    for one, other in zip(first.get_weights(), second.get_weights(), strict=True):
        assert np.array_equal(one, other)
