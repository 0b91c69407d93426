from collections.abc import Callable
from typing import Any

import keras
import pytest

from catdog import Datasets, build_model, train
from catdog.models import mixing
from catdog.models.mixing import mixes_images

SIZE = (24, 24)
layers, ops = keras.layers, keras.ops


class Active(keras.layers.Layer):  # type: ignore[misc]  # keras ships no hints
    """Acts as in training, whenever it is called."""

    def __init__(self, inner: keras.Layer) -> None:
        super().__init__()
        self.inner = inner

    def call(self, inputs: Any) -> Any:
        return self.inner(inputs, training=True)


def model_with(operation: Callable[[Any], Any]) -> keras.Model:
    keras.utils.set_random_seed(0)
    images = keras.Input((*SIZE, 3))
    features = layers.Conv2D(4, 3, strides=2)(layers.Rescaling(1 / 255)(images))
    features = operation(layers.GlobalAveragePooling2D()(features))
    model = keras.Model(images, layers.Dense(2)(features))
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


MIXING: list[Callable[[Any], Any]] = [
    lambda x: x - ops.mean(x, axis=0, keepdims=True),
    lambda x: ops.softmax(x, axis=0),
    layers.Lambda(lambda x: x[::-1]),
    Active(layers.BatchNormalization()),
    keras.Sequential([keras.Input((4,)), Active(layers.BatchNormalization())]),
]
ALONE: list[Callable[[Any], Any]] = [
    lambda x: x - ops.mean(x, axis=1, keepdims=True),
    lambda x: x[:, ::-1] / 2,
    layers.Lambda(lambda x: x * 2),
    layers.BatchNormalization(),
    Active(layers.Dropout(0.5, seed=0)),  # random, but of no other image
]


@pytest.mark.parametrize("operation", MIXING)
def test_answers_that_depend_on_the_batch(operation: Any, small_data: Datasets) -> None:
    model = model_with(operation)
    assert mixes_images(model, SIZE)
    with pytest.warns(UserWarning, match="depends on the other images in its batch"):
        train(model, small_data, epochs=1, verbose=0)


@pytest.mark.parametrize("operation", ALONE)
def test_answers_of_each_image_alone(operation: Any) -> None:
    assert not mixes_images(model_with(operation), SIZE)


def test_models_of_keras_layers_are_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mixing, "outputs_of", None)
    for name in ("cnn", "compact", "mobilenet_v2"):
        model = build_model(name, image_size=(32, 32), weights=None)
        assert not mixes_images(model, (32, 32)), name
