from pathlib import Path
from typing import NoReturn

import keras
import numpy as np
import pytest

from catdog import build_model
from catdog.models import backbones, mobilenet_v2
from catdog.typing import ImageSize

SIZE = (32, 32)


def test_batch_normalization_is_frozen_in_training_too() -> None:
    model = build_model("mobilenet_v2", image_size=SIZE, weights=None)
    backbone = model.get_layer(mobilenet_v2.BACKBONE_NAME)
    norms = [
        layer for layer in backbone.layers if isinstance(layer, keras.layers.BatchNormalization)
    ]
    assert len(norms) == 52
    assert not any(layer.trainable for layer in norms)
    before = [weight.copy() for weight in backbone.get_weights()]
    pixels = np.random.default_rng(0).uniform(-1, 1, (4, *SIZE, 3))
    in_training, outside = (backbone(pixels, training=training) for training in (True, False))
    assert np.array_equal(in_training, outside)
    assert all(np.array_equal(a, b) for a, b in zip(before, backbone.get_weights(), strict=True))


def test_it_is_still_frozen_after_saving_and_loading(tmp_path: Path) -> None:
    build_model("mobilenet_v2", image_size=SIZE, weights=None).save(tmp_path / "model.keras")
    model = keras.models.load_model(tmp_path / "model.keras", compile=False)
    backbone = model.get_layer(mobilenet_v2.BACKBONE_NAME)
    assert not any(layer.trainable for layer in backbone.layers if layer.weights)
    assert len(model.trainable_weights) == 4


def test_missing_weights_say_what_to_do(keras_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mobilenet_v2, "WEIGHTS_URL", "http://127.0.0.1:9")
    with pytest.raises(OSError, match=r"Cannot download http://127.*160_no_top\.h5: ") as raised:
        build_model("mobilenet_v2")
    name = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_160_no_top.h5"
    assert f"Put the file at {keras_home / 'models' / name} by hand. Or" in str(raised.value)
    assert "weights=None" in str(raised.value)


@pytest.mark.real_data
def test_imagenet_weights_are_those_of_keras() -> None:
    model = build_model("mobilenet_v2")
    backbone = model.get_layer(mobilenet_v2.BACKBONE_NAME)
    expected = keras.applications.MobileNetV2(include_top=False, input_shape=(160, 160, 3))
    for one, other in zip(backbone.get_weights(), expected.get_weights(), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize(
    ("size", "side"),
    [((96, 96), 96), ((160, 160), 160), ((224, 224), 224), ((64, 64), 224), ((160, 128), 224)],
)
def test_weights_are_those_that_keras_takes_for_the_size(
    size: ImageSize, side: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def download(url: str, target: Path, **_: object) -> NoReturn:
        assert url == f"{backbones.WEIGHTS_URL}/mobilenet_v2/{target.name}"
        raise OSError(target.name)

    monkeypatch.setattr(backbones, "download", download)
    with pytest.raises(OSError, match=f"_1.0_{side}_no_top.h5$"):
        build_model("mobilenet_v2", image_size=size)


def test_broken_weights_say_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))

    def download(url: str, target: Path, **_: object) -> None:
        target.parent.mkdir()
        target.write_bytes(b"half a download")

    monkeypatch.setattr(backbones, "download", download)
    with pytest.raises(OSError, match=r"Cannot read the ImageNet weights .*_160_.*Delete"):
        build_model("mobilenet_v2")
