from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from catdog import load_datasets
from catdog.data.datasets import Datasets
from catdog.inference.litert import MIN_IMAGES_TO_COMPILE
from catdog.models.graph import split_model
from catdog.training.features import FeatureExtractor
from tests.networks import SIZE, sequential


@pytest.fixture
def images() -> NDArray[np.float32]:
    return np.random.default_rng(0).integers(0, 256, (4, *SIZE, 3)).astype(np.float32)


@pytest.fixture
def data(image_folder: Path) -> Datasets:
    return load_datasets(image_folder, image_size=SIZE, batch_size=5)


def test_features_are_in_the_order_of_the_paths(data: Datasets) -> None:
    model = sequential()
    parts = split_model(model)
    (features,) = FeatureExtractor(parts, data, 12).features("train")
    assert features.shape == (12, 4)
    images = np.concatenate([images.numpy() for images, _ in data.at(SIZE)._batches("train")])
    expected = parts.backbone.predict(images, verbose=0)
    assert features == pytest.approx(expected, abs=1e-5)


def test_augmented_features_differ_from_pass_to_pass(data: Datasets) -> None:
    extractor = FeatureExtractor(split_model(sequential()), data, 12)
    (plain,) = extractor.features("train")
    first, second = extractor.features("train", augmented_copies=2)
    assert not np.allclose(first, second)
    assert not np.allclose(first, plain)


@pytest.mark.parametrize("augmented_copies", [0, 1])
def test_features_of_a_compiled_backbone_are_the_same(
    data: Datasets, augmented_copies: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def features(images: int) -> NDArray[np.float32]:
        keras.utils.set_random_seed(0)
        extractor = FeatureExtractor(split_model(sequential()), data, images)
        return extractor.features("train", augmented_copies=augmented_copies)

    few = features(MIN_IMAGES_TO_COMPILE - 1)
    monkeypatch.setattr(keras.Model, "predict_on_batch", None)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: [])
    assert features(MIN_IMAGES_TO_COMPILE) == pytest.approx(few, abs=1e-4)
