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
from catdog.training.features import FeatureExtractor
from tests.conftest import MakeFolder

SIZE = (24, 24)


@pytest.fixture
def data(image_folder: Path) -> Datasets:
    return load_datasets(image_folder, image_size=SIZE, batch_size=4)


def test_learns_and_reports_every_epoch(data: Datasets) -> None:
    model = build_model("cnn_preprocessed", image_size=SIZE, seed=0)
    before = model.get_weights()
    history = train(model, data, epochs=3, verbose=0)
    assert isinstance(history, keras.callbacks.History)
    assert set(history.history) == {"accuracy", "loss", "val_accuracy", "val_loss"}
    assert all(len(values) == 3 for values in history.history.values())
    assert not all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_sees_training_images_and_never_the_test_set(data: Datasets) -> None:
    seen = {"train": 0, "validation": 0}

    class Count(keras.callbacks.Callback):  # type: ignore[misc]  # keras ships no hints
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            seen["train"] += 1

        def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
            seen["validation"] += 1

    for path in data.paths("test"):
        path.unlink()
    train(build_model("cnn", image_size=SIZE), data, epochs=2, verbose=0, callbacks=[Count()])
    assert seen == {"train": 2 * 3, "validation": 2 * 1}


def test_images_are_served_at_the_models_size(data: Datasets) -> None:
    train(build_model("cnn", image_size=(40, 32)), data, epochs=1, verbose=0)


def test_progress_is_that_of_keras(data: Datasets, capsys: pytest.CaptureFixture[str]) -> None:
    train(build_model("cnn", image_size=SIZE), data, epochs=1, verbose=2)
    assert "val_accuracy: " in capsys.readouterr().out


@pytest.mark.parametrize("epochs", [0, -1, 1.5, "20"])
def test_bad_epochs(data: Datasets, epochs: Any) -> None:
    with pytest.raises(ValueError, match="epochs must be a whole number of at least 1, not"):
        train(build_model("cnn", image_size=SIZE), data, epochs=epochs)


def test_number_of_classes(data: Datasets) -> None:
    with pytest.raises(ValueError, match="Build it with num_classes=2"):
        train(build_model("cnn", image_size=SIZE, num_classes=5), data)


def test_model_that_is_not_compiled(data: Datasets) -> None:
    layers = [keras.Input((*SIZE, 3)), keras.layers.Flatten(), keras.layers.Dense(2)]
    with pytest.raises(ValueError, match="model is not compiled. Call model.compile"):
        train(keras.Sequential(layers), data)


def test_each_call_sees_the_same_order(data: Datasets) -> None:
    losses = []
    for _ in range(2):
        model = build_model("cnn", image_size=SIZE, seed=0)
        losses.append(train(model, data, epochs=2, verbose=0).history["loss"])
        next(iter(data.train))  # a look at the data has no say either
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_callbacks_are_optional(data: Datasets) -> None:
    for callbacks in (None, [keras.callbacks.TerminateOnNaN()]):
        train(build_model("cnn", image_size=SIZE), data, epochs=1, verbose=0, callbacks=callbacks)


@pytest.fixture
def uneven(make_folder: MakeFolder) -> Datasets:
    return load_datasets(make_folder(ants=30, bees=10, cats=5), image_size=SIZE, batch_size=4)


def fitted_weights(monkeypatch: pytest.MonkeyPatch, data: Datasets, class_weight: Any) -> Any:
    """Return what reaches Keras."""
    model = build_model("cnn", image_size=SIZE, num_classes=len(data.class_names))
    caught: dict[str, Any] = {}
    monkeypatch.setattr(model, "fit", lambda *_, **options: caught.update(options))
    train(model, data, class_weight=class_weight)
    return caught["class_weight"]


def test_balanced_class_weights(monkeypatch: pytest.MonkeyPatch, uneven: Datasets) -> None:
    from sklearn.utils.class_weight import compute_class_weight

    labels = uneven.labels("train")
    expected = compute_class_weight("balanced", classes=np.unique(labels), y=labels)
    weights = fitted_weights(monkeypatch, uneven, "balanced")
    assert weights == pytest.approx(dict(enumerate(expected)))
    assert np.mean([weights[label] for label in labels]) == pytest.approx(1)


def test_class_weights_by_name(monkeypatch: pytest.MonkeyPatch, uneven: Datasets) -> None:
    given = {"cats": 3, "ants": 0.5, "bees": 1}
    assert fitted_weights(monkeypatch, uneven, given) == {0: 0.5, 1: 1.0, 2: 3.0}
    assert fitted_weights(monkeypatch, uneven, None) is None


def test_a_class_that_counts_nothing_is_not_learned(uneven: Datasets) -> None:
    def logits(weights: dict[str, float]) -> Any:
        keras.utils.set_random_seed(0)
        layers = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3)]
        model = keras.Sequential(
            [keras.Input((*SIZE, 3)), keras.layers.Rescaling(1 / 255), *layers]
        )
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer=keras.optimizers.SGD(1.0), loss=loss)
        train(model, uneven, epochs=10, class_weight=weights, verbose=0)
        return model.predict(uneven.test, verbose=0).mean(axis=0)

    only_cats = logits({"ants": 0, "bees": 0, "cats": 1})
    assert only_cats.argmax() == 2
    assert logits({"ants": 1, "bees": 0, "cats": 0}).argmax() == 0


@pytest.mark.parametrize(
    ("class_weight", "message"),
    [
        ("equal", "must be \"balanced\" or a weight for each class, such as .*not 'equal'"),
        ({"ants": 1, "bees": 1}, "a weight for each class"),
        ({0: 1, 1: 1, 2: 1}, "a weight for each class"),
        ([1, 1, 1], "a weight for each class"),
        (np.ones(3), "a weight for each class"),
        ({"ants": 0, "bees": 0, "cats": 0}, "leaves nothing to train on"),
        ({"ants": 10**400, "bees": 1, "cats": 1}, r"class_weight\['ants'\] must be"),
        (
            {"ants": -1, "bees": 1, "cats": 1},
            r"class_weight\['ants'\] must be a number from 0 to 1e.06, not -1",
        ),
        ({"ants": "1", "bees": 1, "cats": 1}, r"class_weight\['ants'\] must be"),
        ({"ants": float("nan"), "bees": 1, "cats": 1}, r"class_weight\['ants'\] must be"),
    ],
)
def test_bad_class_weights(uneven: Datasets, class_weight: Any, message: str) -> None:
    model = build_model("cnn", image_size=SIZE, num_classes=3)
    with pytest.raises(ValueError, match=message):
        train(model, uneven, class_weight=class_weight)


@pytest.fixture
def frozen_model() -> keras.Model:
    return build_model("mobilenet_v2", image_size=(32, 32), weights=None, seed=0)


def test_the_head_trains_and_the_frozen_part_does_not(
    data: Datasets, frozen_model: keras.Model
) -> None:
    frozen, head = frozen_model.get_layer("mobilenet_v2"), frozen_model.layers[-1]
    before = [weight.numpy().copy() for weight in (*frozen.weights, *head.weights)]
    history = train_head(frozen_model, data, epochs=3, verbose=0)
    after = [weight.numpy() for weight in (*frozen.weights, *head.weights)]
    changed = [not np.array_equal(a, b) for a, b in zip(before, after, strict=True)]
    assert changed == [False] * len(frozen.weights) + [True, True]
    assert isinstance(history, keras.callbacks.History)
    assert set(history.history) == {"accuracy", "loss", "val_accuracy", "val_loss"}
    assert all(len(values) == 3 for values in history.history.values())


def linear(*, augmented: bool = False) -> keras.Model:
    """A frozen random convolution and a linear head: nothing in it acts at random."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((*SIZE, 3)),
            *([layers.RandomFlip("horizontal_and_vertical", seed=0)] if augmented else []),
            layers.Rescaling(1 / 255),
            layers.Conv2D(8, 5, strides=2, activation="relu", trainable=False),
            layers.Flatten(),
            layers.Dense(2),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(1e-3), loss=loss, metrics=["accuracy"])
    return model


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


@pytest.mark.parametrize("images", [1, MIN_IMAGES_TO_COMPILE])
def test_predictions_on_images_are_the_heads_on_features(
    data: Datasets, frozen_model: keras.Model, images: int
) -> None:
    train_head(frozen_model, data, epochs=2, verbose=0)
    parts = split_model(frozen_model)
    resized = data.at((32, 32))
    (features,) = FeatureExtractor(parts, resized, images).features("test")
    expected = frozen_model.predict(resized.test, verbose=0)
    assert parts.head.predict(features, verbose=0) == pytest.approx(expected, abs=1e-4)


def test_views_are_drawn_anew_for_every_epoch(
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


def test_views_change_what_is_learned(data: Datasets) -> None:
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


def test_batch_normalisation_of_a_new_head_goes_on_training(data: Datasets) -> None:
    own = keras.layers.BatchNormalization()
    model = keras.Sequential([keras.Input((*SIZE, 3)), *linear().layers[:-1], own])
    model.add(keras.layers.Dense(2))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="adam", loss=loss)
    fine_tune(model, data, epochs=1, verbose=0)
    assert own.trainable


def test_views_without_augmentation(data: Datasets) -> None:
    with pytest.raises(ValueError, match=r"views=2 needs augmentation.*make_augmentation"):
        train_head(linear(), data, views=2)


def test_models_that_have_no_frozen_part(data: Datasets) -> None:
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


def test_the_head_has_class_weights_too(uneven: Datasets) -> None:
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((*SIZE, 3)),
            layers.Conv2D(4, 3, trainable=False),
            layers.GlobalAveragePooling2D(),
            layers.Rescaling(1 / 255),
            layers.Dense(3),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.SGD(1.0), loss=loss)
    train_head(model, uneven, epochs=10, class_weight={"ants": 0, "bees": 0, "cats": 1}, verbose=0)
    assert model.predict(uneven.test, verbose=0).mean(axis=0).argmax() == 2


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


@pytest.fixture
def with_base() -> keras.Model:
    """A small frozen network with batch normalisation inside a model, as MobileNetV2 is."""
    layers = keras.layers
    keras.utils.set_random_seed(0)
    base = keras.Sequential(
        [keras.Input((*SIZE, 3)), layers.Conv2D(4, 3), layers.BatchNormalization()], name="base"
    )
    base.trainable = False
    head = [layers.GlobalAveragePooling2D(), layers.Dense(2)]
    model = keras.Sequential([keras.Input((*SIZE, 3)), layers.Rescaling(1 / 255), base, *head])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="sgd", loss=loss, metrics=["accuracy"])
    return model


def test_fine_tuning_trains_all_but_batch_normalisation(
    data: Datasets, with_base: keras.Model
) -> None:
    train_head(with_base, data, epochs=1, verbose=0)
    before = [weight.numpy().copy() for weight in with_base.weights]
    loss = with_base.loss
    for _ in range(2):  # it may be continued
        history = fine_tune(with_base, data, epochs=1, learning_rate=1e-3, verbose=0)
        assert set(history.history) == {"accuracy", "loss", "val_accuracy", "val_loss"}
    after = [weight.numpy() for weight in with_base.weights]
    changed = [not np.array_equal(a, b) for a, b in zip(before, after, strict=True)]
    own = with_base.get_layer("base").layers[-1].weights
    kept = [any(weight is each for each in own) for weight in with_base.weights]
    assert changed == [not each for each in kept]
    assert sum(kept) == 4
    assert float(with_base.optimizer.learning_rate) == pytest.approx(1e-3)
    assert with_base.loss is loss


def test_fine_tuning_finds_batch_normalisation_within_layers_of_ones_own(data: Datasets) -> None:
    class Block(keras.Layer):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.convolution = keras.layers.Conv2D(4, 3)
            self.normalisation = keras.layers.BatchNormalization()

        def call(self, images: Any, training: bool | None = None) -> Any:
            return self.normalisation(self.convolution(images), training=training)

    block = Block()
    head = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2)]
    model = keras.Sequential([keras.Input((*SIZE, 3)), block, *head])
    block.trainable = False
    model.compile(optimizer="sgd", loss=linear().loss)
    statistics = [weight.numpy().copy() for weight in block.normalisation.weights]
    fine_tune(model, data, epochs=1, verbose=0)
    assert block.convolution.trainable
    for weight, before in zip(block.normalisation.weights, statistics, strict=True):
        assert np.array_equal(weight.numpy(), before)


def test_fine_tuning_takes_small_steps(data: Datasets, with_base: keras.Model) -> None:
    before = with_base.layers[-1].kernel.numpy().copy()
    fine_tune(with_base, data, epochs=1, verbose=0)
    after = with_base.layers[-1].kernel.numpy()
    assert after == pytest.approx(before, abs=4e-5)  # three steps of at most about 1e-5
    assert not np.array_equal(after, before)


@pytest.mark.parametrize("rate", [0, -1e-5, 1, float("nan"), "small", True, None])
def test_bad_learning_rates(data: Datasets, with_base: keras.Model, rate: Any) -> None:
    with pytest.raises(ValueError, match=r"learning_rate must be .* such as 1e-5, not"):
        fine_tune(with_base, data, learning_rate=rate)
    assert not with_base.get_layer("base").trainable  # nothing was changed


def test_what_fine_tuning_refuses_leaves_the_model_as_it_was(
    data: Datasets, with_base: keras.Model
) -> None:
    optimizer = with_base.optimizer
    with pytest.raises(ValueError, match="epochs must be"):
        fine_tune(with_base, data, epochs=0)
    with pytest.raises(ValueError, match="class_weight must be"):
        fine_tune(with_base, data, class_weight={"cats": 1})
    assert not with_base.get_layer("base").trainable
    assert with_base.optimizer is optimizer


def test_the_head_needs_tensorflow(data: Datasets, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(RuntimeError, match=r"backend is 'jax'.*KERAS_BACKEND=tensorflow"):
        train_head(linear(), data)


@pytest.mark.parametrize(
    "method", ["call", "train_step", "test_step", "compute_loss", "compute_metrics"]
)
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
def test_real_images_give_the_same_by_features(tmp_path: Path) -> None:
    data, model = load_datasets(), build_model("mobilenet_v2", seed=0)
    train_head(model, data, epochs=5, cache_dir=tmp_path, verbose=0)
    resized = data.at(model.input_shape[1:3])
    parts = split_model(model)
    images = len(data.labels("train")) + len(data.labels("validation"))
    frozen = FeatureExtractor(parts, resized, images, cache_dir=tmp_path)
    kept = feature_cache_size(tmp_path)
    (features,) = frozen.features("validation")
    assert feature_cache_size(tmp_path) == kept  # they come from the cache
    expected = model.predict(resized.validation, verbose=0)
    assert parts.head.predict(features, verbose=0) == pytest.approx(expected, abs=1e-4)
