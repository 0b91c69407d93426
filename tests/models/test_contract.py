"""Every model of the registry keeps the contract of its `ModelSpec`.

`LAYERS` has one row for each model. All else that the tests need, they take from the spec.
"""

import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from catdog import build_model, list_models, model_spec
from catdog._utils.keras_internals import inner_layers
from catdog.models.activation import final_activation
from catdog.typing import ImageSize

SIZE = (36, 32)
NAMES = list_models()


def make(name: str, **options: Any) -> keras.Model:
    return build_model(name, **{"image_size": SIZE, "weights": None, "seed": 1, **options})


def images(count: int = 2, size: ImageSize = SIZE) -> NDArray[np.float32]:
    return np.random.default_rng(0).uniform(0, 255, (count, *size, 3)).astype(np.float32)


def count(weights: Iterable[keras.Variable]) -> int:
    return sum(int(np.prod(weight.shape)) for weight in weights)


def test_every_model_has_a_row_of_layers() -> None:
    missing = [name for name in NAMES if name not in LAYERS]
    assert missing == [], f"add {missing} to LAYERS in tests/models/test_contract.py"
    assert tuple(LAYERS) == NAMES, "LAYERS is in the order of list_models()"


@pytest.mark.parametrize("name", NAMES)
def test_parameter_counts(name: str) -> None:
    spec = model_spec(name)
    model = build_model(name, weights=None)
    assert model.input_shape == (None, *spec.image_size, 3)
    assert model.count_params() == spec.num_params
    assert count(model.trainable_weights) == spec.num_trainable_params


PREPROCESSOR = "Rescaling scale=0.00784 offset=-1"
HORIZONTAL = ["RandomFlip mode=horizontal", "RandomRotation factor=(-0.2, 0.2) fill_mode=reflect"]
MODEST = [HORIZONTAL[0], "RandomRotation factor=(-0.1, 0.1) fill_mode=reflect"]
BOTH_WAYS = ["RandomFlip mode=horizontal", "RandomFlip mode=vertical", HORIZONTAL[1]]
C32 = [
    "Conv2D filters=32 kernel_size=(3, 3) padding=valid activation=relu",
    "MaxPooling2D (2, 2) padding=valid",
]
C64 = [
    "Conv2D filters=64 kernel_size=(3, 3) padding=valid activation=relu",
    "MaxPooling2D (2, 2) padding=valid",
]
DROPOUT, FLATTEN = "Dropout rate=0.2", "Flatten"
HIDDEN, OUTPUT = "Dense units=64 activation=relu", "Dense units=2 activation=linear"
TWO_BLOCK = [*C32, *C32, DROPOUT, FLATTEN, HIDDEN, OUTPUT]
THREE_BLOCK = [*C32, DROPOUT, *C32, *C64, FLATTEN, HIDDEN, OUTPUT]
LINEAR = ["Functional", "GlobalAveragePooling2D", OUTPUT]
NORM, RELU, SAME_POOL = (
    "BatchNormalization scale=True",
    "ReLU",
    "AveragePooling2D (2, 2) padding=same",
)


def same(filters: int, size: int = 3) -> str:
    return f"Conv2D filters={filters} kernel_size=({size}, {size}) padding=same activation=linear"


def halved(filters: int) -> str:
    return f"{same(filters)} strides=(2, 2)"


def residual(filters: int, blocks: int) -> list[str]:
    """Return blocks of two convolutions; with several, the first halves the size."""
    keeping = [same(filters), NORM, RELU, same(filters), NORM, "Add", RELU]
    if blocks == 1:
        return keeping
    halving = [halved(filters), NORM, SAME_POOL, RELU, same(filters, 1), same(filters), NORM, NORM]
    return [*halving, "Add", RELU, *keeping * (blocks - 1)]


COMPACT = [
    "InputLayer", PREPROCESSOR, halved(16), NORM, RELU, halved(32), NORM, RELU, *residual(32, 1),
    *residual(64, 2), *residual(128, 3), same(256, 1), NORM, RELU, "GlobalAveragePooling2D", OUTPUT,
]  # fmt: skip
TRANSFER = ["Functional", "GlobalMaxPooling2D", DROPOUT, FLATTEN, HIDDEN, OUTPUT]

# The layers as in the two blog posts, and those of our own variants.
LAYERS = {
    "cnn.three_block": [*C32, *C32, *C64, DROPOUT, FLATTEN, OUTPUT],
    "cnn.two_block": [*C32, *C32, FLATTEN, DROPOUT, OUTPUT],
    "cnn_augmented.three_block": [*BOTH_WAYS, *THREE_BLOCK],
    "cnn_augmented.two_block": [*HORIZONTAL, *TWO_BLOCK],
    "cnn_preprocessed.three_block": [PREPROCESSOR, *BOTH_WAYS, *THREE_BLOCK],
    "cnn_preprocessed.two_block": [PREPROCESSOR, *HORIZONTAL, *TWO_BLOCK],
    "compact": COMPACT,
    "mobilenet_v2.both_flips": [PREPROCESSOR, *BOTH_WAYS, *TRANSFER],
    "mobilenet_v2.horizontal_flip": [PREPROCESSOR, *HORIZONTAL, *TRANSFER],
    "mobilenet_v2.linear": [PREPROCESSOR, *MODEST, *LINEAR],
    "transfer": [*MODEST, PREPROCESSOR, *LINEAR],
}
SHOWN_SETTINGS = (
    "filters", "kernel_size", "padding", "units", "rate", "mode", "factor", "fill_mode",
    "activation", "scale", "offset",
)  # fmt: skip


def describe(model: keras.Model) -> list[str]:
    """Return class and settings of each layer, those inside nested Sequential models too."""
    lines = []
    for layer in model.layers:
        if isinstance(layer, keras.Sequential):
            lines += describe(layer)
            continue
        config = layer.get_config()
        words = [type(layer).__name__]
        if "pool_size" in config:
            words.append(str(tuple(config["pool_size"])))
        if not isinstance(layer, keras.Model):
            words += [f"{key}={setting(config[key])}" for key in SHOWN_SETTINGS if key in config]
        if config.get("strides", (1, 1)) not in ((1, 1), config.get("pool_size")):
            words.append(f"strides={config['strides']}")
        lines.append(" ".join(words))
    return lines


def setting(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    return str(tuple(value)) if isinstance(value, list) else str(value)


@pytest.mark.parametrize("name", NAMES)
def test_layers_are_those_of_the_variant(name: str) -> None:
    assert name in LAYERS, f"add {name!r} to LAYERS in this file: {describe(make(name))}"
    assert describe(make(name)) == LAYERS[name]


@pytest.mark.parametrize("classes", [2, 5])
@pytest.mark.parametrize("name", NAMES)
def test_logits(name: str, classes: int) -> None:
    logits = make(name, num_classes=classes).predict(images(), verbose=0)
    assert logits.shape == (2, classes)
    assert logits.dtype == np.float32
    assert np.isfinite(logits).all()
    assert not np.allclose(logits.sum(axis=1), 1)  # no softmax


@pytest.mark.parametrize("name", NAMES)
def test_the_graph_tells_that_they_return_logits(name: str) -> None:
    assert final_activation(make(name)) == "linear"  # so no noise images are run


@pytest.mark.parametrize("name", NAMES)
def test_compiled_as_in_the_blog_posts(name: str) -> None:
    model = make(name)
    assert isinstance(model.optimizer, keras.optimizers.Adam)
    assert float(model.optimizer.learning_rate) == pytest.approx(0.001)
    assert isinstance(model.loss, keras.losses.SparseCategoricalCrossentropy)
    assert model.loss.get_config()["from_logits"]
    assert "accuracy" in model.evaluate(images(), np.array([0, 1]), verbose=0, return_dict=True)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_reach_every_trainable_weight(name: str) -> None:
    import tensorflow as tf

    model = make(name)
    with tf.GradientTape() as tape:
        loss = model.loss(np.array([0, 1, 1, 1]), model(images(4), training=True))
    gradients = tape.gradient(loss, [weight.value for weight in model.trainable_weights])
    assert gradients
    for weight, gradient in zip(model.trainable_weights, gradients, strict=True):
        assert gradient is not None, weight.path
        assert np.abs(gradient).max() > 0, weight.path


@pytest.mark.parametrize("name", NAMES)
def test_same_seed_same_weights_and_same_training(name: str) -> None:
    outputs = []
    for _ in range(2):
        model = make(name)
        model.run_eagerly = len(inner_layers(model)) > 20  # to trace MobileNetV2 takes 5 s
        model.fit(images(4), np.array([0, 1, 0, 1]), epochs=1, shuffle=False, verbose=0)
        outputs.append(model.predict(images(), verbose=0))
    np.testing.assert_allclose(outputs[0], outputs[1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_other_seed_other_weights(name: str) -> None:
    first, second = (make(name, seed=seed).get_weights() for seed in (1, 2))
    assert not all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_prediction_never_augments(name: str) -> None:
    model = make(name)
    first, second = (model.predict(images(), verbose=0) for _ in range(2))
    assert np.array_equal(first, second)
    np.testing.assert_allclose(first, model(images(), training=False), rtol=1e-4, atol=1e-4)


PREDICT_WITHOUT_CATDOG = """
import sys
sys.modules["catdog"] = None
import keras, numpy as np
images = np.load(sys.argv[1])
for path in sys.argv[2:]:
    model = keras.models.load_model(path)
    model.run_eagerly = True
    np.save(path + ".npy", model.predict(images, verbose=0))
"""


# They have an operation that is no layer, a changed dropout rate, and layers that are not public.
BACKBONES = ("VGG16", "EfficientNetB0", "ConvNeXtTiny")


@pytest.mark.slow
def test_saved_models_open_without_catdog(tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", images())
    expected = {}
    options = [(name, {"name": name}) for name in NAMES]
    options += [(backbone, {"name": "transfer", "backbone": backbone}) for backbone in BACKBONES]
    for name, built in options:
        model = make(**built)
        model.run_eagerly = True  # to trace these networks takes longer than to run them once
        model.save(tmp_path / f"{name}.keras")
        expected[str(tmp_path / f"{name}.keras")] = model.predict(images(), verbose=0)
    command = [sys.executable, "-c", PREDICT_WITHOUT_CATDOG, str(tmp_path / "images.npy")]
    subprocess.run([*command, *expected], check=True, cwd=tmp_path)
    for path, logits in expected.items():
        np.testing.assert_allclose(np.load(path + ".npy"), logits, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_smallest_size(name: str) -> None:
    smallest = model_spec(name).min_image_size
    model = make(name, image_size=(smallest, smallest))
    assert model.predict(images(1, (smallest, smallest)), verbose=0).shape == (1, 2)
    with pytest.raises(ValueError, match=rf"image_size must be at least .* for {name}, not"):
        make(name, image_size=(smallest, smallest - 1))


@pytest.mark.parametrize("name", NAMES)
def test_smallest_size_is_the_smallest(name: str) -> None:
    """One pixel less is an error of Keras, or all layers pad and would take any size."""
    smaller = model_spec(name).min_image_size - 1
    with suppress(ValueError):
        model = model_spec(name).build((smaller, smaller), 2)
        paddings = {getattr(layer, "padding", "same") for layer in inner_layers(model)}
        assert paddings == {"same"}, f"{name} can be built for {smaller} pixels"
