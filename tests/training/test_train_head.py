"""Training of the head on extracted features."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from catdog import (
    Datasets,
    build_model,
    feature_cache_size,
    fine_tune,
    load_datasets,
    train,
    train_head,
)
from catdog.inference.litert import MIN_IMAGES_TO_COMPILE
from catdog.models.graph import split_model
from catdog.training import head_loop
from catdog.training.feature_cache import PROGRAM_SUFFIX
from catdog.training.features import FeatureExtractor
from catdog.training.head_loop import WHOLE_MODEL_METHODS
from tests.conftest import REAL_KERAS_HOME
from tests.training.conftest import SIZE, linear


@pytest.fixture
def with_backbone() -> keras.Model:
    return build_model("mobilenet_v2", image_size=(32, 32), weights=None, seed=0)


def test_the_head_trains_and_the_backbone_does_not(
    data: Datasets, with_backbone: keras.Model
) -> None:
    frozen, head = with_backbone.get_layer("mobilenet_v2"), with_backbone.layers[-1]
    before = [weight.numpy().copy() for weight in (*frozen.weights, *head.weights)]
    history = train_head(with_backbone, data, epochs=3, verbose=0)
    after = [weight.numpy() for weight in (*frozen.weights, *head.weights)]
    changed = [not np.array_equal(a, b) for a, b in zip(before, after, strict=True)]
    assert changed == [False] * len(frozen.weights) + [True, True]
    assert isinstance(history, keras.callbacks.History)
    assert set(history.history) == {"accuracy", "loss", "val_accuracy", "val_loss"}
    assert all(len(values) == 3 for values in history.history.values())


def test_the_result_is_that_of_training_the_whole_model(data: Datasets) -> None:
    whole, head = linear(), linear()
    expected = train(whole, data, epochs=3, verbose=0).history
    history = train_head(head, data, epochs=3, verbose=0).history
    for name, values in expected.items():
        assert history[name] == pytest.approx(values, rel=1e-4), name
    for a, b in zip(whole.get_weights(), head.get_weights(), strict=True):
        assert a == pytest.approx(b, abs=1e-5)


def test_training_goes_on_from_there(data: Datasets) -> None:
    model, other = linear(), linear()
    train_head(model, data, epochs=1, verbose=0)
    train(model, data, epochs=1, verbose=0)
    train_head(model, data, epochs=1, verbose=0)
    for _ in range(3):
        train(other, data, epochs=1, verbose=0)
    assert int(model.optimizer.iterations) == int(other.optimizer.iterations) == 9
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        assert a == pytest.approx(b, abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("images", [1, MIN_IMAGES_TO_COMPILE])
def test_predictions_on_images_are_the_heads_on_features(
    data: Datasets, with_backbone: keras.Model, images: int
) -> None:
    train_head(with_backbone, data, epochs=2, verbose=0)
    parts = split_model(with_backbone)
    resized = data.at((32, 32))
    (features,) = FeatureExtractor(parts, resized, images).features("test")
    expected = with_backbone.predict(resized.test, verbose=0)
    assert parts.head.predict(features, verbose=0) == pytest.approx(expected, abs=1e-4)


def test_augmented_copies_are_drawn_for_every_epoch(
    data: Datasets, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders: list[Any] = []

    def record(*_: object, order_of: Callable[[int], Any], **__: object) -> None:
        orders.extend(order_of(epoch) for epoch in (0, 1, 0))

    monkeypatch.setattr("catdog.training.train_head.fit_head", record)
    train_head(linear(augmented=True), data, epochs=2, views=3, verbose=0)
    n = len(data.labels("train"))
    for order in orders:
        assert sorted(order % n) == list(range(n))  # every image once
        assert set(order // n) == {0, 1, 2}
    assert np.array_equal(orders[0], orders[2])
    views = [dict(zip(order % n, order // n, strict=True)) for order in orders[:2]]
    assert views[0] != views[1]


def test_augmented_copies_change_what_is_learned(data: Datasets) -> None:
    plain, several = linear(augmented=True), linear(augmented=True)
    first = train_head(plain, data, epochs=3, verbose=0).history["loss"]
    other = train_head(several, data, epochs=3, views=3, verbose=0).history["loss"]
    assert first != pytest.approx(other, rel=1e-4)


def test_losses_and_metrics_of_the_users_own(data: Datasets) -> None:
    def loss(labels: Any, logits: Any) -> Any:
        return 2 * keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)

    def lowest(labels: Any, logits: Any) -> Any:
        return keras.ops.min(logits)

    def run(how: Callable[..., keras.callbacks.History]) -> Any:
        model = linear()
        model.compile(optimizer="adam", loss=loss, metrics=[lowest])
        return how(model, data, epochs=2, verbose=0).history

    expected = run(train)
    for name, values in run(train_head).items():
        assert values == pytest.approx(expected[name], rel=1e-3), name
    assert set(run(fine_tune)) == set(expected)


def test_views_without_augmentation(data: Datasets) -> None:
    with pytest.raises(ValueError, match=r"views=2 needs augmentation.*make_augmentation"):
        train_head(linear(), data, views=2)


def test_models_without_a_backbone(data: Datasets) -> None:
    with pytest.raises(ValueError, match=r"does not begin with a backbone.*catdog\.train"):
        train_head(build_model("cnn", image_size=SIZE), data)


def test_callbacks_see_the_whole_model(data: Datasets, tmp_path: Path) -> None:
    model = linear()
    callbacks = [
        keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", monitor="val_loss"),
        keras.callbacks.EarlyStopping(monitor="loss", mode="max", patience=0),  # stops at once
    ]
    for _ in range(2):  # a run that was stopped does not stop the next
        history = train_head(model, data, epochs=9, callbacks=callbacks, verbose=0)
        assert history.epoch == [0, 1]
    saved = keras.models.load_model(tmp_path / "best.keras")
    assert saved.predict(data.test, verbose=0) == pytest.approx(
        model.predict(data.test, verbose=0), abs=1e-5
    )
    one = keras.callbacks.TerminateOnNaN()
    train_head(model, data, epochs=1, callbacks=one, verbose=0)


@pytest.mark.parametrize("views", [1, 2])
def test_callbacks_find_the_metrics_in_the_model(data: Datasets, views: int) -> None:
    model = linear(augmented=True)
    stop = keras.callbacks.EarlyStopping(monitor="val_accuracy", patience=9)
    train_head(model, data, epochs=2, views=views, callbacks=[stop], verbose=0)
    assert stop.best is not None


def test_metrics_of_several_figures(data: Datasets) -> None:
    class Logits(keras.Metric):  # type: ignore[misc]
        def __init__(self, *, apart: bool) -> None:
            super().__init__(name="logits")
            self.apart = apart
            self.total = self.add_weight(shape=(2,), initializer="zeros")

        def update_state(self, labels: Any, logits: Any, sample_weight: Any = None) -> None:
            self.total.assign_add(keras.ops.sum(logits, axis=0))

        def result(self) -> Any:
            total = 1 * self.total  # Keras would log the very variable, and what it holds later
            return {"first": total[0], "second": total[1]} if self.apart else total

    for apart in (False, True):

        def run(how: Callable[..., keras.callbacks.History], apart: bool = apart) -> Any:
            model = linear()
            model.compile(optimizer="sgd", loss=model.loss, metrics=[Logits(apart=apart)])
            return how(model, data, epochs=2, verbose=0).history

        expected, history = run(train), run(train_head)
        assert set(history) == set(expected)
        for name, values in expected.items():
            assert np.array(history[name]) == pytest.approx(np.array(values), rel=1e-3), name


@pytest.mark.parametrize("how", [train, train_head])
def test_a_run_that_was_stopped_goes_on(
    data: Datasets, tmp_path: Path, how: Callable[..., keras.callbacks.History]
) -> None:
    class Stop(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            if epoch == 2:
                raise KeyboardInterrupt

    def backup() -> keras.callbacks.Callback:
        return keras.callbacks.BackupAndRestore(tmp_path / "backup")

    with pytest.raises(KeyboardInterrupt):
        how(linear(), data, epochs=4, callbacks=[backup(), Stop()], verbose=0)
    model, whole = linear(), linear()
    rest = how(model, data, epochs=4, callbacks=[backup()], verbose=0)
    assert rest.epoch == [2, 3]
    assert rest.history["loss"][0] < how(whole, data, epochs=4, verbose=0).history["loss"][0]
    assert how(model, data, epochs=1, verbose=0).epoch == [0]


def test_progress_of_the_head_is_that_of_keras(
    data: Datasets, capsys: pytest.CaptureFixture[str]
) -> None:
    train_head(linear(), data, epochs=1, verbose=2)
    assert "val_accuracy: " in capsys.readouterr().out
    train_head(linear(), data, epochs=1, verbose=0)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("argument", ["epochs", "views"])
def test_bad_numbers_for_the_head(data: Datasets, argument: str) -> None:
    with pytest.raises(ValueError, match=f"{argument} must be a whole number of at least 1, not 0"):
        train_head(linear(), data, **{argument: 0})  # type: ignore[arg-type]


def test_a_head_that_is_not_compiled(data: Datasets) -> None:
    with pytest.raises(ValueError, match="model is not compiled"):
        train_head(keras.Sequential([keras.Input((*SIZE, 3)), *linear().layers]), data)


def test_steps_of_keras_have_the_same_result(
    data: Datasets, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled, by_keras = linear(), linear()
    weights = {"cats": 1.0, "dogs": 3.0}
    expected = train_head(compiled, data, epochs=3, class_weight=weights, verbose=0).history
    monkeypatch.setattr(head_loop, "_is_on_one_device", lambda head: False)
    history = train_head(by_keras, data, epochs=3, class_weight=weights, verbose=0).history
    for name, values in expected.items():
        assert history[name] == pytest.approx(values, rel=1e-5), name
    for a, b in zip(compiled.get_weights(), by_keras.get_weights(), strict=True):
        assert a == pytest.approx(b, abs=1e-6)


@pytest.mark.parametrize("method", WHOLE_MODEL_METHODS)
def test_the_head_of_a_model_that_trains_in_its_own_way(data: Datasets, method: str) -> None:
    class Own(keras.Sequential):  # type: ignore[misc]
        pass

    model = Own([keras.Input((*SIZE, 3)), *linear().layers])
    setattr(Own, method, lambda *_: None)
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match=f"a {method} of its own.*catdog.train"):
        train_head(model, data)


def test_the_head_runs_eagerly_if_the_model_does(data: Datasets) -> None:
    compiled, eager = linear(), linear()
    eager.compile(optimizer="adam", loss=eager.loss, metrics=["accuracy"], run_eagerly=True)
    expected = train_head(compiled, data, epochs=2, verbose=0).history
    history = train_head(eager, data, epochs=2, verbose=0).history
    for name, values in expected.items():
        assert history[name] == pytest.approx(values, rel=1e-4), name


def test_weights_are_averaged_at_the_end_as_by_keras(data: Datasets) -> None:
    def trained(how: Callable[..., object]) -> Any:
        model = linear()
        optimizer = keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5)
        model.compile(optimizer=optimizer, loss=model.loss)
        how(model, data, epochs=3, verbose=0)
        return model.get_weights()

    for a, b in zip(trained(train), trained(train_head), strict=True):
        assert a == pytest.approx(b, abs=1e-5)


@pytest.mark.slow
@pytest.mark.real_data
def test_features_of_real_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred photos are computed as a thousand are: by LiteRT, in many batches."""
    with zipfile.ZipFile(REAL_KERAS_HOME / "datasets/cats_and_dogs_filtered.zip") as archive:
        for kind in ("cat", "dog"):
            for number in range(50):
                name = f"cats_and_dogs_filtered/train/{kind}s/{kind}.{number}.jpg"
                archive.extract(name, tmp_path)
    monkeypatch.setattr("catdog.training.features.MIN_IMAGES_TO_COMPILE", 10)
    data = load_datasets(tmp_path / "cats_and_dogs_filtered/train", batch_size=4)
    model, cache = build_model("mobilenet_v2", seed=0), tmp_path / "cache"
    train_head(model, data, epochs=5, cache_dir=cache, verbose=0)
    assert len(list(cache.rglob(f"*{PROGRAM_SUFFIX}"))) == 1
    resized = data.at(model.input_shape[1:3])
    parts = split_model(model)
    images = len(data.labels("train")) + len(data.labels("validation"))
    extractor = FeatureExtractor(parts, resized, images, cache_dir=cache)
    size = feature_cache_size(cache)
    (features,) = extractor.features("validation")
    assert feature_cache_size(cache) == size  # they come from the cache
    expected = model.predict(resized.validation, verbose=0)
    assert parts.head.predict(features, verbose=0) == pytest.approx(expected, abs=1e-4)
