"""The programs of backbones, compiled with LiteRT, are cached beside the features."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from catdog import Datasets, clear_feature_cache, feature_cache_size, load_datasets
from catdog.inference import litert
from catdog.models.graph import split_model
from catdog.training import features
from catdog.training.feature_cache import PROGRAM_SUFFIX
from catdog.training.features import FeatureExtractor
from tests.training.conftest import SIZE


@pytest.fixture
def conversions(monkeypatch: pytest.MonkeyPatch) -> list[keras.Model]:
    """Compile however few the images are; return the list of the models that are converted."""
    converted = []

    def convert(
        model: keras.Model,
        image: Any,
        convert: Callable[[keras.Model, Any], bytes] = litert._convert,
    ) -> bytes:
        converted.append(model)
        return convert(model, image)

    monkeypatch.setattr(litert, "_convert", convert)
    monkeypatch.setattr(features, "MIN_IMAGES_TO_COMPILE", 0)
    monkeypatch.setattr(features, "MIN_BATCHES_TO_TRACE", 0)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: [])
    monkeypatch.setattr(keras.Model, "predict_on_batch", None)  # which runs what is not compiled
    return converted


class Dim(keras.Layer):  # type: ignore[misc]
    """A layer of the user's own, whose code changes."""

    factor = 1.0

    def call(self, images: Any) -> Any:
        return images * self.factor


def build(*, seed: int = 0, size: tuple[int, int] = SIZE) -> keras.Model:
    keras.utils.set_random_seed(seed)
    frozen = keras.layers.Conv2D(4, 5, strides=4, activation="relu", trainable=False)
    return keras.Sequential(
        [keras.Input((*size, 3)), Dim(), frozen, keras.layers.Flatten(), keras.layers.Dense(2)]
    )


def extract(model: keras.Model, data: Datasets, cache_dir: Path) -> NDArray[np.float32]:
    """Return the features of the training images, through the cache; check them."""
    parts = split_model(model)
    sized = data.at(model.input_shape[1:3])
    found: NDArray[np.float32] = FeatureExtractor(parts, sized, 12, cache_dir).features("train")[0]
    images = np.concatenate([images.numpy() for images, _ in sized._batches("train")])
    assert found == pytest.approx(np.asarray(parts.backbone(images)), rel=1e-4, abs=1e-3)
    return found


def programs(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.glob(f"*{PROGRAM_SUFFIX}")}


def other_data(folder: Path) -> Datasets:
    """Load the same images with another seed, so that other features are needed."""
    return load_datasets(folder, image_size=SIZE, batch_size=4, seed=1)


def test_a_backbone_is_converted_once(
    data: Datasets, image_folder: Path, tmp_path: Path, conversions: list[keras.Model]
) -> None:
    cache_dir = tmp_path / "cache"
    extract(build(), data, cache_dir)
    extract(build(), other_data(image_folder), cache_dir)
    assert len(conversions) == 1
    assert len(programs(cache_dir)) == 1
    assert feature_cache_size(cache_dir) == sum(each.stat().st_size for each in cache_dir.iterdir())
    clear_feature_cache(cache_dir)
    assert list(cache_dir.iterdir()) == []


def test_without_a_cache_it_is_converted_each_time(
    data: Datasets, conversions: list[keras.Model]
) -> None:
    for _ in range(2):
        FeatureExtractor(split_model(build()), data, 12).features("train")
    assert len(conversions) == 2


def test_what_changes_the_program(
    data: Datasets, tmp_path: Path, conversions: list[keras.Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    extract(build(), data, tmp_path / "cache")
    extract(build(seed=1), data, tmp_path / "cache")
    extract(build(size=(24, 28)), data, tmp_path / "cache")
    assert len(programs(tmp_path / "cache")) == len(conversions) == 3
    monkeypatch.setattr(tf, "__version__", "99")
    for path in (tmp_path / "cache").glob("*.features"):
        path.unlink()
    extract(build(), data, tmp_path / "cache")
    assert len(programs(tmp_path / "cache")) == len(conversions) == 4


def test_a_program_of_other_code_is_not_used(
    data: Datasets,
    image_folder: Path,
    tmp_path: Path,
    conversions: list[keras.Model],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    extract(build(), data, tmp_path / "cache")
    before = programs(tmp_path / "cache")
    monkeypatch.setattr(Dim, "factor", 0.9)
    extract(build(), other_data(image_folder), tmp_path / "cache")
    assert len(conversions) == 2
    after = programs(tmp_path / "cache")
    assert after.keys() == before.keys()
    assert after != before


@pytest.mark.parametrize("damage", ["flip", "cut", "empty"])
def test_a_damaged_program_is_converted_again(
    data: Datasets, image_folder: Path, tmp_path: Path, conversions: list[keras.Model], damage: str
) -> None:
    extract(build(), data, tmp_path / "cache")
    ((path, content),) = programs(tmp_path / "cache").items()
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 1
    path.write_bytes({"flip": bytes(flipped), "cut": content[:-9], "empty": b""}[damage])
    extract(build(), other_data(image_folder), tmp_path / "cache")
    assert len(conversions) == 2
    assert len(path.read_bytes()) == pytest.approx(len(content), rel=0.01)


def test_a_program_left_by_a_killed_process_is_cleared(
    data: Datasets, tmp_path: Path, conversions: list[keras.Model]
) -> None:
    cache_dir = tmp_path / "cache"
    extract(build(), data, cache_dir)
    ((path, content),) = programs(cache_dir).items()
    scratch = cache_dir / ".abc.catdog-partial"
    scratch.mkdir()
    path.rename(scratch / path.name)
    assert feature_cache_size(cache_dir) > len(content)
    clear_feature_cache(cache_dir)
    assert list(cache_dir.iterdir()) == []
