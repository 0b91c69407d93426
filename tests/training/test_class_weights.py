"""Class weights of `train` and `train_head`."""

from typing import Any

import keras
import numpy as np
import pytest

from catdog import (
    Datasets,
    build_model,
    load_datasets,
    train,
    train_head,
)
from tests.conftest import MakeFolder
from tests.training.conftest import SIZE


@pytest.fixture
def uneven(make_folder: MakeFolder) -> Datasets:
    return load_datasets(make_folder(ants=30, bees=10, cats=5), image_size=SIZE, batch_size=4)


def fitted_weights(monkeypatch: pytest.MonkeyPatch, data: Datasets, class_weight: Any) -> Any:
    """Return the class weights that `train` passes to Keras."""
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


def test_class_weights_by_a_name_that_looks_the_same(
    monkeypatch: pytest.MonkeyPatch, make_folder: MakeFolder
) -> None:
    data = load_datasets(make_folder({"bar": 5, "cafe\u0301": 5}), image_size=SIZE)
    for name in ("caf\xe9", "cafe\u0301"):
        assert fitted_weights(monkeypatch, data, {"bar": 1, name: 2}) == {0: 1.0, 1: 2.0}


def test_a_class_of_weight_zero_is_not_learned(uneven: Datasets) -> None:
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
        ("equal", "must be \"balanced\" or a weight for each class \\('ants', .*not 'equal'"),
        ({"ants": 1, "bees": 1}, "a weight for each class"),
        ({0: 1, 1: 1, 2: 1}, "a weight for each class"),
        ([1, 1, 1], "a weight for each class"),
        (np.ones(3), "a weight for each class"),
        ({"ants": 0, "bees": 0, "cats": 0}, "leaves no images to train on"),
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
