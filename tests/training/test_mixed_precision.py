"""Layers compute in bfloat16 only while a model trains, and only those that may."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from catdog import Datasets, build_model, evaluate, fine_tune, train
from catdog._utils.keras_internals import all_layers
from catdog.training import mixed_precision
from catdog.training.mixed_precision import check_mixed_precision, gains_by_bfloat16

SIZE = (24, 24)


def gpu(*capability: int) -> dict[str, Any]:
    return {"device_name": "a GPU", "compute_capability": capability}


@pytest.mark.parametrize(
    ("gpus", "gains"),
    [
        ([], False),
        ([gpu(7, 5)], False),
        ([gpu(8, 0)], True),
        ([gpu(9, 0), gpu(10, 0)], True),
        ([gpu(9, 0), gpu(7, 0)], False),
        ([{"device_name": "of another maker"}], False),
    ],
)
def test_auto_depends_on_the_gpus(
    gpus: list[dict[str, Any]], gains: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert gains_by_bfloat16(gpus) == gains
    monkeypatch.setattr(mixed_precision, "gpu_details", lambda: gpus)
    assert check_mixed_precision("auto") == gains
    assert check_mixed_precision(True)
    assert not check_mixed_precision(False)


@pytest.mark.parametrize("value", ["float16", None, 1.0, []])
def test_other_values_are_refused(value: Any, small_data: Datasets) -> None:
    for function in (train, fine_tune):
        with pytest.raises(ValueError, match='mixed_precision must be "auto", True or False, not'):
            function(build_model("cnn", image_size=SIZE), small_data, mixed_precision=value)


class Dtypes(keras.callbacks.Callback):  # type: ignore[misc]  # keras ships no hints
    """Notes in which type each layer computes, and that of the logits."""

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.found = dtypes(self.model)
        images = keras.ops.zeros((1, *SIZE, 3))
        self.logits = keras.backend.standardize_dtype(self.model(images).dtype)


def dtypes(model: keras.Model) -> dict[str, str]:
    layers = [each for each in all_layers(model) if not isinstance(each, keras.Model)]
    return {layer.name.rstrip("_0123456789"): layer.compute_dtype for layer in layers}


def test_inner_layers_compute_in_bfloat16_until_the_end(small_data: Datasets) -> None:
    losses = {}
    for is_mixed in (True, False):
        model, noted = build_model("cnn_preprocessed", image_size=SIZE, seed=0), Dtypes()
        config = model.to_json()
        history = train(
            model, small_data, epochs=1, mixed_precision=is_mixed, callbacks=[noted], verbose=0
        )
        assert model.to_json() == config
        assert {*dtypes(model).values()} == {"float32"}
        assert {weight.dtype for weight in model.weights} == {"float32"}
        result = evaluate(model, small_data, split="validation", verbose=0)
        again = keras.models.clone_model(model)  # it has never computed in bfloat16
        again.set_weights(model.get_weights())
        expected = evaluate(again, small_data, split="validation", verbose=0).probabilities
        assert np.array_equal(result.probabilities, expected)
        assert noted.logits == "float32"
        kinds = {name for name, dtype in noted.found.items() if dtype == "bfloat16"}
        assert kinds == ({"conv2d", "max_pooling2d", "dropout", "flatten"} if is_mixed else set())
        losses[is_mixed] = history.history["loss"]
    assert losses[True] != losses[False]
    assert np.allclose(losses[True], losses[False], rtol=0.1)


def test_layers_of_the_user_keep_their_type(small_data: Datasets) -> None:
    class Custom(keras.layers.Layer):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return x

    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((*SIZE, 3), name="input"),
            layers.Rescaling(1 / 255, name="scaling"),
            layers.Conv2D(2, 3, name="conv"),
            Custom(name="custom"),
            layers.ReLU(name="half", dtype="float16"),
            layers.GlobalAveragePooling2D(name="pool"),
            layers.Dense(2, name="dense"),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(loss=loss)
    noted = Dtypes()
    train(model, small_data, epochs=1, mixed_precision=True, callbacks=[noted], verbose=0)
    assert noted.found == {
        "input": "float32",
        "scaling": "float32",
        "conv": "bfloat16",
        "custom": "float32",
        "half": "float16",
        "pool": "bfloat16",
        "dense": "float32",
    }
    assert dtypes(model)["half"] == "float16"


def test_fine_tuning_that_fails_leaves_float32(small_data: Datasets) -> None:
    class Failure(Dtypes):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            raise RuntimeError("of the user")

    model, failure = build_model("cnn", image_size=SIZE, seed=0), Failure()
    with pytest.raises(RuntimeError, match="of the user"):
        fine_tune(model, small_data, epochs=1, mixed_precision=True, callbacks=[failure], verbose=0)
    assert "bfloat16" in failure.found.values()
    assert {*dtypes(model).values()} == {"float32"}


def test_a_run_goes_on_in_the_same_precision(small_data: Datasets, tmp_path: Path) -> None:
    def run(epochs: int, *, mixed: bool, folder: str) -> list[Any]:
        model = build_model("cnn", image_size=SIZE, seed=0)
        options: dict[str, Any] = {"mixed_precision": mixed, "checkpoint_dir": tmp_path / folder}
        train(model, small_data, epochs=epochs, verbose=0, **options)
        return list(model.get_weights())

    run(1, mixed=True, folder="a")
    with pytest.raises(ValueError, match="What differs: layers"):
        run(2, mixed=False, folder="a")
    resumed, expected = run(2, mixed=True, folder="a"), run(2, mixed=True, folder="b")
    for found, weight in zip(resumed, expected, strict=True):
        assert np.allclose(found, weight, atol=1e-6)
