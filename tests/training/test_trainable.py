"""Models without weights that Keras can train."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import pytest
import tensorflow as tf

from catdog import Datasets, fine_tune, train, train_head
from tests.training.conftest import SIZE, linear

layers = keras.layers
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
Train = Callable[..., keras.callbacks.History]


class Means(tf.Module):  # type: ignore[misc]  # TensorFlow ships no hints
    """Logits from the mean colours."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = tf.Variable(tf.zeros((3, 2)))

    @tf.function(input_signature=[tf.TensorSpec((None, *SIZE, 3))])  # type: ignore[untyped-decorator]
    def serve(self, images: Any) -> Any:
        return tf.reduce_mean(images, (1, 2)) @ self.weight / 255


@pytest.fixture(scope="module")
def saved_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved") / "model"
    tf.saved_model.save(Means(), folder)
    return folder


def of_saved_model(path: Path, *last: Any, optimizer: Any = "adam", **options: Any) -> keras.Model:
    outputs = images = keras.Input((*SIZE, 3))
    for layer in [layers.TFSMLayer(path, call_endpoint="serve", name="saved", **options), *last]:
        outputs = layer(outputs)
    model = keras.Model(images, outputs)
    model.compile(optimizer=optimizer, loss=LOSS)
    return model


@pytest.mark.parametrize("last", [[], [layers.Dense(2)]])
@pytest.mark.parametrize(
    "optimizer", ["adam", "rmsprop", keras.optimizers.SGD(momentum=0.9), keras.optimizers.AdamW()]
)
def test_weights_of_a_saved_model(
    data: Datasets, saved_model: Path, last: list[Any], optimizer: Any
) -> None:
    model = of_saved_model(saved_model, *last, optimizer=optimizer)
    message = r"weights of a SavedModel \(TFSMLayer 'saved'\), which \w+ cannot train.*trainable = "
    with pytest.raises(ValueError, match=message):
        train(model, data, epochs=1, verbose=0)
    with pytest.raises(ValueError, match="which Adam cannot train"):
        fine_tune(model, data, epochs=1, verbose=0)


def test_a_frozen_saved_model(data: Datasets, saved_model: Path) -> None:
    model = of_saved_model(saved_model, layers.Dense(2), trainable=False)
    assert train(model, data, epochs=1, verbose=0).history["loss"]
    with pytest.raises(ValueError, match="which Adam cannot train"):
        fine_tune(model, data, epochs=1, verbose=0)
    assert len(model.trainable_weights) == 2


def test_plain_sgd_trains_a_saved_model(data: Datasets, saved_model: Path) -> None:
    model = of_saved_model(saved_model, optimizer="sgd")
    train(model, data, epochs=1, verbose=0)
    assert abs(model.trainable_weights[0].numpy()).max() > 0


def test_a_frozen_model(data: Datasets) -> None:
    model = linear()
    model.trainable = False
    for how in (train, train_head):
        with pytest.raises(ValueError, match="has no weights that train. Set trainable = True"):
            how(model, data, epochs=1, verbose=0)
    assert fine_tune(model, data, epochs=1, verbose=0).history["loss"]


@pytest.mark.parametrize("how", [train, train_head, fine_tune])
def test_a_model_without_weights(data: Datasets, how: Train) -> None:
    model = keras.Sequential(
        [
            keras.Input((*SIZE, 3)),
            layers.GlobalAveragePooling2D(),
            layers.Lambda(lambda x: x[:, 1:]),
        ]
    )
    model.compile(loss=LOSS)
    with pytest.raises(ValueError, match="has no weights that train"):
        how(model, data, epochs=1, verbose=0)
