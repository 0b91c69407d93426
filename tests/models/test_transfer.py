"""The backbones of `transfer`: pixels are scaled once, and as Keras scales them."""

import sys
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from catdog import build_model, model_spec
from catdog.models import backbones
from catdog.models.transfer import BACKBONES, IMAGENET_MEAN_RGB, IMAGENET_STD_RGB, Backbone, spec_of

# The values of black and white before the first convolution: lowest and highest of all channels.
TF, TORCH, CAFFE = (-1, 1), (-2.118, 2.640), (-123.68, 151.061)
RANGES = {
    "MobileNetV2": TF,
    "MobileNetV3Small": TF,
    "MobileNetV3Large": TF,
    "EfficientNetB0": (0, 1),  # with ImageNet weights as EfficientNetV2B0
    "EfficientNetV2B0": TORCH,
    "EfficientNetV2S": (-1, 0.992),
    "ResNet50": CAFFE,
    "ResNet50V2": TF,
    "DenseNet121": TORCH,
    "Xception": TF,
    "InceptionV3": TF,
    "ConvNeXtTiny": TORCH,
    "NASNetMobile": TF,
    "VGG16": CAFFE,
}
IMAGENET = (IMAGENET_MEAN_RGB, IMAGENET_STD_RGB)  # what EfficientNetB0 holds among its weights


@dataclass
class Built:
    """A model on one backbone, with the smallest images that it takes, and no weights loaded."""

    name: str
    backbone: Backbone
    model: keras.Model
    network: keras.Model

    @property
    def image_size(self) -> tuple[int, int]:
        return self.backbone.min_side, self.backbone.min_side


# Of module scope, so that all tests of one backbone run before the next is built.
@pytest.fixture(scope="module", params=BACKBONES)
def built(request: pytest.FixtureRequest) -> Built:
    backbone = BACKBONES[request.param]
    size = (backbone.min_side, backbone.min_side)
    model = build_model("transfer", backbone=request.param, image_size=size, weights=None, seed=1)
    return Built(request.param, backbone, model, model.get_layer(backbone.layer))


def images(built: Built) -> NDArray[np.float32]:
    """Return a black, a white and a noise image."""
    noise = np.random.default_rng(0).uniform(0, 255, (*built.image_size, 3))
    return np.stack([np.zeros_like(noise), np.full_like(noise, 255), noise]).astype(np.float32)


def scaled(built: Built) -> Any:
    """Return the images as they reach the backbone."""
    pixels = images(built)
    for layer in built.model.layers[1 : built.model.layers.index(built.network)]:
        pixels = layer(pixels)
    return pixels


def test_the_table_has_the_right_numbers(built: Built) -> None:
    spec = spec_of(built.name)
    assert built.model.count_params() == spec.num_params
    assert built.model.layers[-1].count_params() == spec.num_trainable_params
    assert len(built.model.trainable_weights) == 2
    assert spec.image_size == (built.backbone.side, built.backbone.side)
    with pytest.raises(ValueError, match=r"[Ii]nput size must be at least"):  # Keras' own error
        spec.build((built.backbone.min_side - 1, 80), 2)
    with pytest.raises(ValueError, match=f"at least .* for transfer with {built.name}, not"):
        build_model("transfer", backbone=built.name, image_size=(built.backbone.min_side - 1, 80))


def test_pixels_are_scaled_once(built: Built) -> None:
    weighted = [
        layer.weights != [] and not isinstance(layer, keras.layers.Normalization)
        for layer in built.network.layers
    ]
    last_of_the_scaling = built.network.layers[weighted.index(True) - 1]
    scaling = keras.Model(built.network.input, last_of_the_scaling.output)
    values = np.asarray(scaling(scaled(built)))
    assert (values.min(), values.max()) == pytest.approx(RANGES[built.name], abs=1e-3)


@dataclass
class Publisher:
    """Replaces Keras' server and cache: catdog gets the weights that Keras got first."""

    files: list[tuple[str, str, str | None]] = field(default_factory=list)
    weights: list[NDArray[np.float32]] = field(default_factory=list)

    def get_file(self, name: str, origin: str, *, file_hash: str | None = None, **_: Any) -> str:
        self.files.append((origin, name, file_hash))
        return name

    def download(self, url: str, target: Path, *, digest: str | None = None, **_: Any) -> None:
        self.files.append((url, target.name, digest))

    def load(self, model: keras.Model, _: object) -> None:
        norms = [layer for layer in model.layers if isinstance(layer, keras.layers.Normalization)]
        if not self.weights:
            for norm in norms:
                for weight, value in zip(norm.weights, IMAGENET, strict=False):
                    weight.assign(value)
            self.weights = model.get_weights()
        model.set_weights(self.weights)
        for norm in norms:
            norm.finalize_state()


@pytest.fixture
def publisher(monkeypatch: pytest.MonkeyPatch) -> Publisher:
    publisher = Publisher()
    keras_files = sys.modules[keras.utils.get_file.__module__]
    monkeypatch.setattr(keras_files, "get_file", publisher.get_file)
    monkeypatch.setattr(backbones, "download", publisher.download)
    monkeypatch.setattr(keras.Model, "load_weights", lambda *given: publisher.load(*given))
    return publisher


def test_features_are_those_of_keras_with_its_weights(built: Built, publisher: Publisher) -> None:
    application = getattr(keras.applications, built.name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MobileNetV2 has no weights for the size
        theirs = application(
            input_shape=(*built.image_size, 3), include_top=False, weights="imagenet"
        )
    load_default_weights = spec_of(built.name).load_default_weights
    assert load_default_weights is not None
    load_default_weights(built.model)
    assert publisher.files[0] == publisher.files[1]

    preprocess_input = sys.modules[application.__module__].preprocess_input
    expected = theirs(preprocess_input(images(built)), training=False)
    assert_same(built.network(scaled(built), training=True), expected)  # frozen in training too
    pool, dense = built.model.layers[-2:]
    assert_same(built.model(images(built), training=False), dense(pool(expected)))


def assert_same(found: Any, expected: Any) -> None:
    """Compare relative to the largest value: many random layers make all values small."""
    largest = np.abs(expected).max()
    assert 0 < largest < np.inf
    assert np.abs(np.subtract(found, expected)).max() <= 1e-4 * largest


def test_a_weights_file_includes_the_scaling(tmp_path: Path) -> None:
    """EfficientNetB0 has a part of it in its weights; Keras has one more layer for it."""

    def make(weights: Path | None) -> keras.Model:
        size = (32, 32)
        return build_model("transfer", backbone="EfficientNetB0", image_size=size, weights=weights)

    first = make(None)
    norm = first.get_layer("efficientnet_b0").layers[2]
    norm.set_weights([np.array(values) for values in (*IMAGENET, 0)])
    norm.finalize_state()
    first.save_weights(tmp_path / "first.weights.h5")
    noise = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype(np.float32)
    second = make(tmp_path / "first.weights.h5")
    assert_same(second(noise, training=False), first(noise, training=False))


def test_default_backbone() -> None:
    assert spec_of("MobileNetV2").summary == model_spec("transfer").summary
    assert model_spec("transfer").num_params == model_spec("mobilenet_v2.linear").num_params


@pytest.mark.real_data
def test_default_weights_are_those_of_mobilenet_v2() -> None:
    models = [build_model(name) for name in ("transfer", "mobilenet_v2.linear")]
    first, second = (model.get_layer("mobilenet_v2").get_weights() for model in models)
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_unknown_backbone_lists_the_known_ones_and_the_closest() -> None:
    message = r"backbone='EfficientNet_V2_B0' is not known.*mean 'EfficientNetV2B0'"
    with pytest.raises(ValueError, match=message) as raised:
        build_model("transfer", backbone="EfficientNet_V2_B0")
    assert all(repr(name) in str(raised.value) for name in BACKBONES)


@pytest.mark.parametrize("name", ["cnn", "mobilenet_v2.linear"])
def test_other_models_have_no_choice_of_backbones(name: str) -> None:
    with pytest.raises(ValueError, match=r"is for the model 'transfer' only, not for .*Leave it"):
        build_model(name, backbone="ResNet50")


def test_missing_weights_say_what_to_do(keras_home: Path) -> None:
    with pytest.raises(OSError, match=r"Cannot download https://.*/vgg16_weights_") as raised:
        build_model("transfer", backbone="VGG16", image_size=(32, 32))
    assert f"Put the file at {keras_home / 'models' / 'vgg16_weights_'}" in str(raised.value)
    assert "weights=None" in str(raised.value)


def test_a_file_put_into_the_cache_by_hand_is_used_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    model = build_model("transfer", backbone="VGG16", image_size=(32, 32), weights=None)
    (tmp_path / "models").mkdir()
    layer = model.get_layer("vgg16")
    file = tmp_path / "models/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
    layer.save_weights(tmp_path / "vgg16.weights.h5")
    (tmp_path / "vgg16.weights.h5").rename(file)
    monkeypatch.setattr(keras.Model, "load_weights", lambda *_: None)
    with pytest.warns(
        UserWarning, match=f"{file.name} has the hash .*, but Keras publishes 6d6bbae"
    ):
        build_model("transfer", backbone="VGG16", image_size=(32, 32))


def test_every_backbone_but_mobilenet_v2_has_a_published_hash() -> None:
    without = {
        name
        for name, backbone in BACKBONES.items()
        if not getattr(backbone.load_imagenet, "keywords", {}).get("digest")
    }
    # Keras publishes none for MobileNetV2; EfficientNetB0's is passed by its own function.
    assert without == {"MobileNetV2", "EfficientNetB0"}
