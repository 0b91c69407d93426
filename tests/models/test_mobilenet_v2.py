from typing import NoReturn

import keras
import numpy as np
import pytest

from catdog import build_model
from catdog._types import ImageSize
from catdog.models import mobilenet_v2

SIZE = (32, 32)


def test_batch_normalisation_is_frozen_whatever_is_passed() -> None:
    model = build_model("mobilenet_v2", image_size=SIZE, weights=None)
    base = model.get_layer(mobilenet_v2.BASE_NAME)
    norms = [layer for layer in base.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert len(norms) == 52
    assert not any(layer.trainable for layer in norms)
    before = [weight.copy() for weight in base.get_weights()]
    pixels = np.random.default_rng(0).uniform(-1, 1, (4, *SIZE, 3))
    trained, served = base(pixels, training=True), base(pixels, training=False)
    assert np.array_equal(trained, served)
    assert all(np.array_equal(a, b) for a, b in zip(before, base.get_weights(), strict=True))


def test_missing_weights_say_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*arguments: object, **options: object) -> NoReturn:
        raise Exception("URL fetch failure")

    monkeypatch.setattr(keras.utils, "get_file", offline)
    with pytest.raises(OSError, match=r"Cannot download .*160_no_top\.h5.*by hand.*weights=None"):
        build_model("mobilenet_v2")


@pytest.mark.real_data
def test_imagenet_weights_are_those_of_keras() -> None:
    model = build_model("mobilenet_v2")
    base = model.get_layer(mobilenet_v2.BASE_NAME)
    expected = keras.applications.MobileNetV2(include_top=False, input_shape=(160, 160, 3))
    for one, other in zip(base.get_weights(), expected.get_weights(), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.real_data
@pytest.mark.parametrize("size", [(64, 64), (160, 128)])
def test_sizes_without_weights_of_their_own_take_those_of_224(size: ImageSize) -> None:
    first, second = (
        build_model("mobilenet_v2", image_size=size).get_layer(mobilenet_v2.BASE_NAME)
        for size in (size, (224, 224))
    )
    for one, other in zip(first.get_weights(), second.get_weights(), strict=True):
        assert np.array_equal(one, other)
