"""Which models are split into a frozen backbone and a head."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from catdog import (
    BatchFeatureExtractor,
    Datasets,
    check_leaks,
    extract_features,
    find_label_issues,
    find_near_duplicates,
)
from tests.training.conftest import SIZE, linear

layers = keras.layers
USERS: dict[str, Callable[[keras.Model, Datasets], Any]] = {
    "extract_features": extract_features,
    "BatchFeatureExtractor": lambda model, _: BatchFeatureExtractor(model),
    "find_near_duplicates": find_near_duplicates,
    "find_label_issues": find_label_issues,
    "check_leaks": check_leaks,
}


class ScalesInCall(keras.Model):  # type: ignore[misc]
    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        return super().call(inputs / 127.5 - 1, training=training)


@pytest.mark.parametrize("name", USERS)
def test_the_call_of_a_model_is_not_left_out(name: str, data: Datasets) -> None:
    plain = linear()
    model = ScalesInCall(plain.inputs, plain.outputs)
    with pytest.raises(ValueError, match=rf"call of its own \(ScalesInCall\), which {name} would"):
        USERS[name](model, data)


def test_the_call_of_a_nested_backbone_is_used(data: Datasets) -> None:
    images = keras.Input((*SIZE, 3))
    backbone = ScalesInCall(images, layers.Conv2D(4, 5, strides=2)(images))
    backbone.trainable = False
    model = keras.Sequential(
        [keras.Input((*SIZE, 3)), backbone, layers.GlobalAveragePooling2D(), layers.Dense(2)]
    )
    shown = next(iter(data.test))[0]
    found = extract_features(model, data).values[-len(data.paths("test")) :][: len(shown)]
    expected = np.asarray(backbone(shown)).mean(axis=(1, 2))
    assert found == pytest.approx(expected, abs=1e-5)
