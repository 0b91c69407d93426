"""Any function may be called again and again on one model: nothing piles up on it."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from tensorflow.python.framework.func_graph import FuncGraph

from catdog import (
    Datasets,
    calibrate,
    evaluate,
    export_model,
    find_label_issues,
    fine_tune,
    gradcam,
    predict,
    save_model,
    train,
    train_head,
)
from catdog._utils.keras_internals import all_layers
from catdog.training import head_loop
from tests.training.conftest import SIZE

layers = keras.layers


def compiled(model: keras.Model) -> keras.Model:
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="adam", loss=loss, metrics=["accuracy"])
    return model


def backbone() -> tuple[Any, Any]:
    """Return input and features of a graph with a shared layer, a sum and operations."""
    images = keras.Input((*SIZE, 3))
    convolution = layers.Conv2D(3, 3, padding="same", activation="relu")
    twice = convolution(convolution(images / 255))
    sums = layers.Add()([twice, layers.Conv2D(3, 1)(twice)])
    return images, layers.GlobalAveragePooling2D()(
        layers.BatchNormalization()(keras.ops.relu(sums))
    )


def flat() -> keras.Model:
    images, features = backbone()
    frozen = keras.Model(images, features)
    frozen.trainable = False
    return compiled(keras.Model(images, layers.Dense(2)(layers.Dropout(0.1)(features))))


def nested() -> keras.Model:
    frozen = keras.Model(*backbone())
    frozen.trainable = False
    flip = keras.Sequential([layers.RandomFlip(seed=1)])
    return compiled(keras.Sequential([keras.Input((*SIZE, 3)), flip, frozen, layers.Dense(2)]))


MODELS = pytest.mark.parametrize("build", [flat, nested])
CALLS: dict[str, Callable[[keras.Model, Datasets, Path], object]] = {
    "predict": lambda model, data, _: predict(model, data.paths("test"), verbose=0),
    "evaluate": lambda model, data, _: evaluate(model, data, verbose=0),
    "calibrate": lambda model, data, _: calibrate(model, data, verbose=0),
    "gradcam": lambda model, data, _: gradcam(model, data.paths("test")[0]),
    "train": lambda model, data, _: train(model, data, epochs=1, verbose=0),
    "train_head": lambda model, data, _: train_head(model, data, epochs=1, verbose=0),
    "long train_head": lambda model, data, _: train_head(model, data, epochs=10, verbose=0),
    "fine_tune": lambda model, data, _: fine_tune(model, data, epochs=1, verbose=0),
    "find_label_issues": lambda model, data, _: find_label_issues(model, data, folds=2, verbose=0),
    "save_model": lambda model, _, folder: save_model(model, folder / "model.keras"),
    "export_model": lambda model, _, folder: export_model(model, folder / "model.tflite"),
}
ALL_CALLS = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
pytestmark = pytest.mark.filterwarnings("ignore::catdog._utils.errors.UsageWarning")


def count_nodes(model: keras.Model) -> int:
    """Return how many calls Keras has recorded on a model, its layers and its operations."""
    operations = {*all_layers(model)}
    for layer in all_layers(model):
        operations |= {*getattr(layer, "operations", ())}
    return sum(len(each._inbound_nodes) + len(each._outbound_nodes) for each in operations)


@contextmanager
def what_is_alive_set_aside() -> Iterator[None]:
    """Let the garbage collector ignore the objects of other tests: it takes seconds for them."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def count_alive(*kinds: type) -> list[int]:
    """Return how many objects of each kind are alive and not set aside."""
    gc.collect()
    objects = gc.get_objects()
    return [sum(isinstance(each, kind) for each in objects) for kind in kinds]


@MODELS
@ALL_CALLS
def test_no_call_is_recorded_on_the_layers_of_the_user(
    small_data: Datasets,
    tmp_path: Path,
    build: Callable[[], keras.Model],
    call: Callable[..., object],
) -> None:
    model = build()
    train(model, small_data, epochs=1, verbose=0)
    before, configuration = count_nodes(model), model.get_config()
    for _ in range(2):
        call(model, small_data, tmp_path)
    assert count_nodes(model) == before
    if call is not CALLS["fine_tune"]:
        assert model.get_config() == configuration


# Each compile and fit of Keras 3.15 alone keeps 14 graphs alive, and fine_tune compiles the model.
@pytest.mark.slow
@MODELS
@pytest.mark.parametrize(
    "call", [pytest.param(CALLS[name], id=name) for name in CALLS if name != "fine_tune"]
)
def test_no_graph_stays_alive(
    small_data: Datasets,
    tmp_path: Path,
    build: Callable[[], keras.Model],
    call: Callable[..., object],
) -> None:
    model = build()
    train(model, small_data, epochs=1, verbose=0)
    alive = []
    with what_is_alive_set_aside():
        for _ in range(2):
            call(model, small_data, tmp_path)
            call(model, small_data, tmp_path)
            alive.append(count_alive(FuncGraph, keras.Layer))
    assert alive[0] == alive[1]


@MODELS
def test_a_few_images_trace_no_graph(
    small_data: Datasets, monkeypatch: pytest.MonkeyPatch, build: Callable[[], keras.Model]
) -> None:
    """Tracing a backbone of many layers takes ten times as long as running it on two batches."""
    model = build()

    def fail(*_: Any, **__: Any) -> None:
        raise AssertionError("traces a graph")

    fail.__module__ = keras.__name__  # else it is taken for a method of the model's own
    monkeypatch.setattr(keras.Model, "make_predict_function", fail)
    monkeypatch.setattr(head_loop._Pass, "traced", fail)
    assert train_head(model, small_data, epochs=2, verbose=0).epoch == [0, 1]


@MODELS
def test_parts_follow_the_model_when_it_changes(
    small_data: Datasets, build: Callable[[], keras.Model]
) -> None:
    """Nothing is kept from an earlier call: new weights, frozen layers and attributes count."""
    model = build()
    train_head(model, small_data, epochs=1, verbose=0)
    heat = gradcam(model, small_data.paths("test")[0], label=0)
    last = model.layers[-1]
    last.set_weights([-weight for weight in last.get_weights()])
    assert not np.array_equal(gradcam(model, small_data.paths("test")[0], label=0), heat)
    last.trainable = False
    model.compile(loss=model.loss)
    with pytest.raises(ValueError, match="has no weights that train"):
        train_head(model, small_data, epochs=1, verbose=0)
