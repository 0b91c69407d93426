"""Models whose class, or which themselves, define what Keras' `predict` returns."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from catdog import evaluate, export_model, gradcam, load_datasets, predict
from catdog.data.datasets import Datasets
from catdog.inference import predict as predict_module
from catdog.models.own_inference import own_inference

SIZE = (16, 16)
SHIFT = np.array([0.0, 3.0], np.float32)
ops = keras.ops


class OwnStep(keras.Model):  # type: ignore[misc]  # keras ships no hints
    def predict_step(self, data: Any) -> Any:
        images = data[0] if isinstance(data, tuple) else data
        return self(images, training=False) + SHIFT


class OwnPredict(keras.Model):  # type: ignore[misc]
    def predict(self, *given: Any, **options: Any) -> Any:
        return super().predict(*given, **options) + SHIFT


class OwnBatch(keras.Model):  # type: ignore[misc]
    """Keras' `predict` does not call it."""

    def predict_on_batch(self, images: Any) -> Any:
        return super().predict_on_batch(images) + SHIFT


class OwnFunction(keras.Model):  # type: ignore[misc]
    def make_predict_function(self, force: bool = False) -> Any:
        super().make_predict_function(force=True)
        run = self.__dict__["predict_function"]
        self.predict_function = lambda batches: run(batches) + SHIFT
        return self.predict_function


def plain(kind: type = keras.Model) -> keras.Model:
    keras.utils.set_random_seed(0)
    images = keras.Input((*SIZE, 3))
    features = keras.layers.Conv2D(2, 3)(keras.layers.Rescaling(1 / 255)(images))
    features = keras.layers.GlobalAveragePooling2D()(features)
    return kind(images, keras.layers.Dense(2)(features))


def with_a_step_set_on_it() -> keras.Model:
    model = plain()
    model.predict_step = lambda data: (
        model(data[0] if isinstance(data, tuple) else data, training=False) + SHIFT
    )
    return model


OWN: list[Callable[[], keras.Model]] = [
    lambda: plain(OwnStep),
    lambda: plain(OwnPredict),
    lambda: plain(OwnBatch),
    lambda: plain(OwnFunction),
    with_a_step_set_on_it,
]


@pytest.fixture
def data(image_folder: Path) -> Datasets:
    return load_datasets(image_folder, image_size=SIZE)


@pytest.mark.parametrize("make", OWN)
def test_evaluate_and_predict_answer_as_keras_predict(
    make: Callable[[], keras.Model], data: Datasets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predict_module, "MIN_IMAGES_TO_COMPILE", 2)  # one image is not compiled
    model, names = make(), data.class_names
    evaluation = evaluate(model, data, split="train", verbose=0)
    paths = data.paths("train")
    together = predict(model, paths, class_names=names, verbose=0)
    alone = predict(model, paths[0], class_names=names, verbose=0)
    expected = evaluation.probabilities
    assert np.array([each.probabilities for each in together]) == pytest.approx(expected, abs=1e-5)
    assert alone[0].probabilities == pytest.approx(expected[0], abs=1e-5)
    images = np.stack([np.asarray(batch[0])[0] for batch in data.validation])
    logits = model.predict(images, verbose=0)
    probabilities = np.asarray(ops.softmax(logits))
    found = predict(model, images, class_names=names, verbose=0)
    assert np.array([each.probabilities for each in found]) == pytest.approx(
        probabilities, abs=1e-5
    )


@pytest.mark.parametrize("make", OWN)
def test_what_uses_the_layers_alone_refuses(
    make: Callable[[], keras.Model], data: Datasets, tmp_path: Path
) -> None:
    model, path = make(), tmp_path / "model.tflite"
    message = f"model has a .* of its own .{type(model).__name__}., which an exported file would"
    with pytest.raises(ValueError, match=message):
        export_model(model, path, class_names=data.class_names)
    assert not path.exists()
    with pytest.raises(ValueError, match="which Grad-CAM would not use"):
        gradcam(model, data.paths("train")[0])
    gradcam(keras.Model(model.inputs, model.outputs), data.paths("train")[0])  # as the hint says


class OwnCall(keras.Model):  # type: ignore[misc]
    def call(self, *given: Any, **options: Any) -> Any:
        return super().call(*given, **options) + SHIFT


def test_a_heat_map_of_a_model_with_a_call_of_its_own(data: Datasets) -> None:
    with pytest.raises(ValueError, match="has a call of its own"):
        gradcam(plain(OwnCall), data.paths("train")[0])


class Probabilities(keras.Model):  # type: ignore[misc]
    def predict(self, *given: Any, **options: Any) -> Any:
        return np.asarray(ops.softmax(super().predict(*given, **options)))


class ClassNumbers(keras.Model):  # type: ignore[misc]
    def predict(self, *given: Any, **options: Any) -> Any:
        return super().predict(*given, **options).argmax(axis=1)


def test_methods_that_do_not_return_logits(data: Datasets) -> None:
    images = data.paths("train")
    with pytest.raises(ValueError, match="returns probabilities"):
        predict(plain(Probabilities), images, class_names=data.class_names, verbose=0)
    with pytest.raises(ValueError, match="returns probabilities"):
        evaluate(plain(Probabilities), data, verbose=0)
    message = r"predicts values of shape \(\d+,\) for \d+ images, but its logits are 2 for each"
    with pytest.raises(ValueError, match=message):
        evaluate(plain(ClassNumbers), data, verbose=0)
    with pytest.raises(ValueError, match=message):
        predict(plain(ClassNumbers), images, class_names=data.class_names, verbose=0)


def test_models_of_keras_have_none() -> None:
    model = plain()
    assert own_inference(model) == []
    model.predict_on_batch(np.zeros((1, *SIZE, 3)))  # makes the predict_function
    assert own_inference(model) == []
    assert own_inference(plain(OwnCall)) == []  # all of predict calls it
