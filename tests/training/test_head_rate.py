"""The learning rate of the head in fine-tuning."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from catdog import Datasets, build_model, fine_tune
from catdog.training.head_rate import head_weights
from tests.training.conftest import SIZE

layers = keras.layers
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def model_of(*parts: keras.Layer, compiled: bool = False) -> keras.Model:
    model = keras.Sequential([keras.Input((*SIZE, 3)), *parts])
    if compiled:
        model.compile(optimizer="sgd", loss=LOSS)
    return model


def weights_of(*parts: keras.Layer) -> list[int]:
    return sorted(id(weight) for part in parts for weight in part.weights)


def head_of(model: keras.Model) -> list[int]:
    return sorted(map(id, head_weights(model)))


def test_the_head_is_behind_the_images() -> None:
    hidden, last = layers.Dense(4), layers.Dense(2)
    backbone = model_of(layers.Conv2D(3, 3), layers.GlobalAveragePooling2D())
    assert head_of(model_of(backbone, hidden, layers.Dropout(0.1), last)) == weights_of(
        hidden, last
    )


def test_the_head_is_behind_sequences() -> None:
    last = layers.Dense(2)
    patches = [layers.Conv2D(3, 8, strides=8), layers.Reshape((9, 3)), layers.LayerNormalization()]
    assert head_of(model_of(*patches, layers.Flatten(), last)) == weights_of(last)


def test_the_head_may_be_a_model() -> None:
    inner = [layers.Dense(4), layers.Dense(2)]
    model = model_of(layers.Conv2D(3, 3), layers.Flatten(), keras.Sequential(inner))
    assert head_of(model) == weights_of(*inner)


def test_the_squeeze_of_a_block_is_no_head() -> None:
    image = keras.Input((*SIZE, 3))
    blocks = layers.Conv2D(3, 3)(image)
    squeeze = layers.Dense(3, activation="sigmoid")(layers.GlobalAveragePooling2D()(blocks))
    blocks = layers.Multiply()([blocks, layers.Reshape((1, 1, 3))(squeeze)])
    last = layers.Dense(2)
    pooled = layers.GlobalAveragePooling2D()(layers.Conv2D(3, 3)(blocks))
    assert head_of(keras.Model(image, last(pooled))) == weights_of(last)


class Own(keras.Model):  # type: ignore[misc]  # keras ships no hints
    """A model whose outputs are known only where it is called."""

    def __init__(self) -> None:
        super().__init__()
        self.features, self.last = layers.Conv2D(3, 3), layers.Dense(2)

    def call(self, images: Any) -> Any:
        return self.last(keras.ops.mean(self.features(images), axis=(1, 2)))


def test_models_without_a_known_backbone_have_no_head() -> None:
    own = Own()
    own(np.zeros((1, *SIZE, 3), np.float32))
    only_vectors = model_of(layers.Flatten(), layers.Dense(4), layers.Dense(2))
    assert head_of(own) == head_of(only_vectors) == []


@pytest.mark.parametrize("name", ["compact", "mobilenet_v2"])
def test_the_head_of_the_zoo(name: str) -> None:
    model = build_model(name, weights=None, image_size=(96, 96))
    trained = [layer for layer in model.layers if isinstance(layer, layers.Dense)]
    assert head_of(model) == weights_of(*trained)


def steps_of(weights: Sequence[Any], before: Sequence[Any]) -> list[float]:
    """Return the largest change of each weight."""
    pairs = zip(weights, before, strict=True)
    return [float(np.abs(keras.ops.convert_to_numpy(now) - then).max()) for now, then in pairs]


def test_the_head_takes_steps_ten_times_as_large(data: Datasets, tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    model = model_of(
        layers.Rescaling(1 / 255), layers.Conv2D(3, 3), layers.Flatten(), layers.Dense(2),
        compiled=True,
    )  # fmt: skip
    steps: list[list[float]] = []

    class FirstStep(keras.callbacks.Callback):  # type: ignore[misc]
        def on_train_begin(self, logs: Any = None) -> None:
            self.before = self.model.get_weights()

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if batch == 0:  # the first step of Adam is the learning rate
                steps.append(steps_of(self.model.trainable_weights, self.before))

    constant = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate)
    path = tmp_path / "best.keras"
    saved = keras.callbacks.ModelCheckpoint(path)
    callbacks = [constant, FirstStep(), saved]
    fine_tune(model, data, epochs=1, learning_rate=1e-3, callbacks=callbacks, verbose=0)
    assert steps.pop() == pytest.approx([1e-3, 1e-3, 1e-2, 1e-2], rel=0.01)
    assert type(keras.models.load_model(path).optimizer) is keras.optimizers.Adam
    model.compile(keras.optimizers.Adam(1e-3), LOSS)
    model.fit(np.ones((4, *SIZE, 3)), np.array([0, 1, 1, 1]), callbacks=[FirstStep()], verbose=0)
    assert steps.pop()[2:] == pytest.approx([1e-3, 1e-3], rel=0.01)


def test_the_step_that_keras_compiled_is_forgotten(data: Datasets) -> None:
    model = model_of(layers.Conv2D(3, 3), layers.Flatten(), layers.Dense(2), compiled=True)
    fine_tune(model, data, epochs=1, verbose=0)
    before = model.get_weights()
    model.optimizer.learning_rate = 1e-3
    model.fit(np.ones((4, *SIZE, 3)), np.array([0, 1, 1, 1]), verbose=0)
    assert max(steps_of(model.trainable_weights, before)) < 2e-3
