from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from catdog import Datasets, build_model, load_datasets, train
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


def test_sees_training_pictures_and_never_the_test_set(data: Datasets) -> None:
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


def test_pictures_are_served_at_the_models_size(data: Datasets) -> None:
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


def test_one_callback_is_taken_too(data: Datasets) -> None:
    stop = keras.callbacks.TerminateOnNaN()
    for callbacks in (None, [stop]):
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
        (
            {"ants": -1, "bees": 1, "cats": 1},
            r"class_weight\['ants'\] must be a number of at least 0",
        ),
        ({"ants": "1", "bees": 1, "cats": 1}, r"class_weight\['ants'\] must be"),
        ({"ants": float("nan"), "bees": 1, "cats": 1}, r"class_weight\['ants'\] must be"),
    ],
)
def test_bad_class_weights(uneven: Datasets, class_weight: Any, message: str) -> None:
    model = build_model("cnn", image_size=SIZE, num_classes=3)
    with pytest.raises(ValueError, match=message):
        train(model, uneven, class_weight=class_weight)
