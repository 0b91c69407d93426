from io import BytesIO
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from catdog import build_model, list_models
from catdog.inference.gradcam import gradcam
from catdog.models.metadata import ModelMetadata, attach_metadata
from tests.red_and_blue import (
    BLUE,
    CORNER,
    OTHER,
    RED,
    SIZE,
    colours,
    flat,
    reads_off,
    red_and_blue,
)

layers = keras.layers


@pytest.fixture
def image() -> NDArray[np.uint8]:
    return red_and_blue()


def nested_up_to_the_map() -> keras.Model:
    base = keras.Sequential([keras.Input((*SIZE, 3)), *colours()])
    base.trainable = False
    inputs = keras.Input((*SIZE, 3))
    x = layers.GlobalAveragePooling2D()(base(layers.RandomFlip()(inputs)))
    return keras.Model(inputs, reads_off()[0](x))


def nested_with_pooling() -> keras.Model:
    """The last feature map is inside a model that is inside another."""
    inputs = keras.Input((*SIZE, 3))
    pooled = layers.GlobalAveragePooling2D()(colours()[0](inputs * 1.0))
    base = keras.Model(inputs, pooled)
    scaled = keras.Sequential([keras.Input((*SIZE, 3)), layers.Rescaling(1 / 255), base])
    return keras.Sequential([keras.Input((*SIZE, 3)), layers.RandomFlip(), scaled, *reads_off()])


def nested_as_a_whole() -> keras.Model:
    return keras.Sequential([keras.Input((*SIZE, 3)), layers.RandomFlip(), flat()])


def keeps_dimensions() -> keras.Model:
    """Convolutions of one place behind the pooling, as in MobileNetV3."""
    pool = layers.GlobalAveragePooling2D(keepdims=True)
    one = layers.Conv2D(2, 1)
    one.build((None, 1, 1, 2))
    one.set_weights([np.eye(2, dtype=np.float32)[None, None], np.zeros(2, np.float32)])
    return keras.Sequential(
        [keras.Input((*SIZE, 3)), *colours(), pool, one, layers.Flatten(), *reads_off()]
    )


def image_beside_the_map() -> keras.Model:
    inputs = keras.Input((*SIZE, 3))
    beside = layers.Dense(2, kernel_initializer="zeros")(layers.Flatten()(inputs / 255))
    x = layers.GlobalAveragePooling2D()(colours()[0](inputs))
    return keras.Model(inputs, layers.Add()([reads_off()[0](x), beside]))


MODELS = [
    flat,
    nested_up_to_the_map,
    nested_with_pooling,
    nested_as_a_whole,
    keeps_dimensions,
    image_beside_the_map,
]


@pytest.mark.parametrize("make", MODELS)
@pytest.mark.parametrize(("label", "place"), [(RED, CORNER), (BLUE, OTHER)])
def test_models_whose_heat_map_is_known(
    make: Any, label: int, place: tuple[slice, slice], image: NDArray[np.uint8]
) -> None:
    heat = gradcam(make(), image, label=label)
    assert heat.shape == SIZE
    assert heat.dtype == np.float32
    assert heat.max() == 1
    assert heat.min() == 0
    inside = heat[place]
    assert inside.mean() > 0.9
    assert heat.sum() - inside.sum() < 0.2 * heat.sum()  # from the interpolation at its edge


def test_the_map_by_hand() -> None:
    """Channels that all classes read, against the formula of the paper."""
    keras.utils.set_random_seed(0)
    convolution, dense = layers.Conv2D(3, 2, strides=2, activation="relu"), layers.Dense(3)
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), convolution, layers.GlobalAveragePooling2D(), dense]
    )
    image = np.random.default_rng(0).uniform(0, 255, (8, 8, 3)).astype(np.float32)
    maps = np.asarray(convolution(image[np.newaxis]))[0]
    kernel = np.asarray(dense.kernel)
    label = int(model.predict(image[np.newaxis], verbose=0).argmax())
    expected = np.maximum(maps @ (kernel[:, label] - kernel.mean(axis=1)), 0)
    heat = gradcam(model, image)
    drawn = Image.fromarray(expected / expected.max()).resize((8, 8), Image.Resampling.BILINEAR)
    assert heat == pytest.approx(np.asarray(drawn), abs=1e-5)


def test_what_both_logits_share_does_not_count(image: NDArray[np.uint8]) -> None:
    model = flat()
    expected = gradcam(model, image, label=RED)
    model.layers[-1].set_weights([np.array([[8, 7], [0, 1]])])  # more of each class for blue
    assert gradcam(model, image, label=RED) == pytest.approx(expected, abs=1e-5)


def test_the_predicted_class_is_explained(image: NDArray[np.uint8]) -> None:
    model = flat()
    image[OTHER] = 100
    assert np.array_equal(gradcam(model, image), gradcam(model, image, label=RED))
    assert gradcam(model, image, label=RED)[CORNER].mean() > 0.9
    assert not np.array_equal(gradcam(model, image), gradcam(model, image, label=BLUE))


def test_nothing_increases_the_logit() -> None:
    heat = gradcam(flat(), np.full((*SIZE, 3), 100, np.uint8), label=RED)
    assert np.array_equal(heat, np.zeros(SIZE))


@pytest.mark.parametrize("name", list_models())
def test_every_model_of_the_zoo(name: str, image: NDArray[np.uint8]) -> None:
    model = build_model(name, image_size=SIZE, weights=None, seed=0)
    before = [np.array(one) for one in model.variables]
    heats = [gradcam(model, image, label=label) for label in (0, 1)]
    for heat in heats:
        assert heat.shape == SIZE
        assert 0 <= heat.min() <= heat.max() <= 1
    assert max(heat.max() for heat in heats) > 0.9  # 1 before it is resized
    assert np.array_equal(gradcam(model, image, label=0), heats[0])  # nothing is augmented
    for variable, value in zip(model.variables, before, strict=True):
        assert np.array_equal(np.array(variable), value)


@pytest.mark.parametrize(
    ("backbone", "size"), [("EfficientNetV2B0", 32), ("ResNet50V2", 64), ("ConvNeXtTiny", 32)]
)
def test_other_backbones(backbone: str, size: int, image: NDArray[np.uint8]) -> None:
    model = build_model(
        "transfer", backbone=backbone, image_size=(size, size), weights=None, seed=0
    )
    assert gradcam(model, image, label=0).shape == SIZE


@pytest.mark.parametrize(("last", "is_refused"), [(1, True), (2, False)])
def test_a_last_map_beside_a_shortcut(
    last: int, is_refused: bool, image: NDArray[np.uint8]
) -> None:
    """As in ResNet50V2 for images of 32 pixels: the layers behind it have one position."""
    images = keras.Input((*SIZE, 3))
    start = layers.Conv2D(4, 3, SIZE[0] // (2 * last), padding="same")(images)
    inside = layers.ZeroPadding2D(1)(layers.Conv2D(4, 1)(start))
    joined = layers.Add()([layers.MaxPooling2D(1, 2)(start), layers.Conv2D(4, 3, 2)(inside)])
    assert joined.shape[1] == last
    model = keras.Model(images, layers.Dense(2)(layers.GlobalAveragePooling2D()(joined)))
    if is_refused:
        with pytest.raises(ValueError, match="is in a branch, beside a shortcut"):
            gradcam(model, image)
    else:
        assert gradcam(model, image).shape == SIZE


def test_any_image_gets_a_map_of_its_own_size(image: NDArray[np.uint8], tmp_path: Path) -> None:
    model = flat()
    wide = Image.fromarray(image).resize((96, 64), Image.Resampling.NEAREST)
    sideways = wide.transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    path = tmp_path / "image.png"
    sideways.save(path, exif=exif)
    expected = gradcam(model, np.asarray(wide), label=RED)
    assert expected.shape == (64, 96)
    assert expected[:16, :24].mean() > 0.9
    content = path.read_bytes()
    forms: list[Any] = [path, str(path), content, BytesIO(content), wide]
    for same in forms:
        assert np.array_equal(gradcam(model, same, label=RED), expected)


def test_class_names(image: NDArray[np.uint8]) -> None:
    model = flat()
    with pytest.raises(ValueError, match=r"label='red' is a name, but model has no names.*label=0"):
        gradcam(model, image, label="red")
    attach_metadata(model, ModelMetadata(("blue", "red")))
    by_name, by_position = (gradcam(model, image, label=label) for label in ("red", RED))
    assert np.array_equal(by_name, by_position)
    with pytest.raises(ValueError, match="label='rad' is not known. Did you mean 'red'"):
        gradcam(model, image, label="rad")


@pytest.mark.parametrize("label", [2, -1, 0.5, True, ["red"]])
def test_bad_labels(label: Any, image: NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match="label"):
        gradcam(flat(), image, label=label)


def without_convolution() -> list[keras.Layer]:
    return [layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(8), layers.Dense(2)]


def test_models_without_a_feature_map(image: NDArray[np.uint8]) -> None:
    inner = keras.Sequential([keras.Input((*SIZE, 3)), *without_convolution()])
    for model in (inner, keras.Sequential([keras.Input((*SIZE, 3)), layers.RandomFlip(), inner])):
        with pytest.raises(ValueError, match="no feature map to explain it by.*list_models"):
            gradcam(model, image)


def test_bad_models(image: NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match="model must be a Sequential or functional Keras model"):
        gradcam("cnn", image)  # type: ignore[arg-type, unused-ignore]
    model = keras.Sequential([keras.Input((*SIZE, 3)), flat(), layers.Softmax()])
    with pytest.raises(ValueError, match="needs logits"):
        gradcam(model, image)
    hidden = keras.Sequential([keras.Input((*SIZE, 3)), flat(), layers.Lambda(keras.ops.softmax)])
    with pytest.raises(ValueError, match="returns probabilities"):
        gradcam(hidden, image)
    broken = flat()
    broken.layers[-1].set_weights([np.full((2, 2), np.nan)])
    with pytest.raises(ValueError, match="not finite"):
        gradcam(broken, image)


def test_bad_images(image: NDArray[np.uint8], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="image must be one image, not several.*plot_gradcam"):
        gradcam(flat(), np.stack([image, image]))
    with pytest.raises(FileNotFoundError, match="does not exist"):
        gradcam(flat(), tmp_path / "none.jpg")
    with pytest.raises(ValueError, match=r"pixels in \[0, 255\]"):
        gradcam(flat(), image / 127.5 - 1)


def test_another_backend(image: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras.backend, "backend", lambda: "openvino")
    with pytest.raises(RuntimeError, match="which Keras' backend 'openvino' does not compute"):
        gradcam(flat(), image)


def test_the_model_stays_as_it_was(image: NDArray[np.uint8], tmp_path: Path) -> None:
    model = nested_with_pooling()
    config = model.get_config()
    gradcam(model, image)
    gradcam(model, image)
    assert model.get_config() == config
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert gradcam(again, image) == pytest.approx(gradcam(model, image), abs=1e-6)


@pytest.mark.parametrize("levels", [(1, 2, 4), (4, 2, 1)])
def test_levels_of_pooling_beside_each_other(levels: tuple[int, ...]) -> None:
    """As in spatial pyramid pooling: each level is a part of what the model sees."""
    layers = keras.layers
    pixels = keras.Input((16, 16, 3))
    shared = layers.Conv2D(4, 3, padding="same", activation="relu")(pixels)
    pooled = [layers.Flatten()(layers.MaxPooling2D(16 // each)(shared)) for each in levels]
    model = keras.Model(pixels, layers.Dense(2)(layers.Concatenate()(pooled)))
    with pytest.raises(ValueError, match="in a branch, .*or other branches"):
        gradcam(model, np.zeros((16, 16, 3), np.uint8), label=0)
