"""Fine-tuning."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from catdog import (
    Datasets,
    fine_tune,
    train_head,
)
from tests.training.conftest import SIZE, linear


def test_batch_normalisation_of_the_head_is_frozen_too(data: Datasets) -> None:
    own = keras.layers.BatchNormalization()
    model = keras.Sequential([keras.Input((*SIZE, 3)), *linear().layers[:-1], own])
    model.add(keras.layers.Dense(2))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="adam", loss=loss)
    statistics = own.get_weights()
    fine_tune(model, data, epochs=1, verbose=0)
    assert not own.trainable
    assert all(map(np.array_equal, own.get_weights(), statistics))


@pytest.fixture
def with_base() -> keras.Model:
    """A compiled model with a small frozen backbone that has batch normalisation."""
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
        assert history.kept_epoch == 1
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


@pytest.mark.parametrize(
    "wrong", [{"verbose": "x"}, {"callbacks": [3]}, {"checkpoint_dir": "file"}]
)
def test_wrong_arguments_leave_the_model_as_it_was(
    data: Datasets,
    with_base: keras.Model,
    wrong: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    optimizer, trainable = with_base.optimizer, len(with_base.trainable_variables)
    with pytest.raises((OSError, TypeError, ValueError), match="(verbose|callbacks|_dir) must be"):
        fine_tune(with_base, data, **wrong)
    assert with_base.optimizer is optimizer
    assert len(with_base.trainable_variables) == trainable


class Losses(keras.callbacks.Callback):  # type: ignore[misc]  # keras ships no hints
    """Sets the validation loss of each epoch, and interrupts the run after the last one."""

    def __init__(self, *losses: float) -> None:
        super().__init__()
        self.losses = losses

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if epoch == len(self.losses):
            raise KeyboardInterrupt

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs["val_loss"] = self.losses[epoch]


@pytest.mark.parametrize("patience", [None, 5])
def test_a_model_does_not_become_worse(
    data: Datasets,
    with_base: keras.Model,
    patience: int | None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = with_base.get_weights()
    history = fine_tune(with_base, data, epochs=2, patience=patience, callbacks=[Losses(8, 9)])
    assert history.kept_epoch == 0
    assert all(map(np.array_equal, before, with_base.get_weights()))
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("The model has the weights from before: after 2 epochs, the validation")


@pytest.mark.filterwarnings("ignore:The run of fine_tune in .* began with other weights")
@pytest.mark.parametrize("patience", [None, 5])
def test_a_run_that_goes_on_still_has_the_weights_from_before(
    data: Datasets, with_base: keras.Model, patience: int | None, tmp_path: Path
) -> None:
    before = with_base.get_weights()
    arguments: dict[str, Any] = {"epochs": 2, "patience": patience, "verbose": 0}
    arguments["checkpoint_dir"] = tmp_path
    with pytest.raises(KeyboardInterrupt):
        fine_tune(with_base, data, callbacks=[Losses(8)], **arguments)
    with_base.layers[-1].set_weights([10 * each + 1 for each in with_base.layers[-1].get_weights()])
    history = fine_tune(with_base, data, callbacks=[Losses(8, 9)], **arguments)
    assert history.kept_epoch == 0
    assert all(map(np.array_equal, before, with_base.get_weights()))


def test_the_learning_rate_rises_and_falls(data: Datasets, with_base: keras.Model) -> None:
    rates: list[float] = []

    class Rates(keras.callbacks.Callback):  # type: ignore[misc]
        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            rates.append(float(self.model.optimizer.learning_rate))

    callbacks = [Rates()]
    fine_tune(with_base, data, epochs=10, patience=None, learning_rate=0.01, callbacks=callbacks,
              verbose=0)  # fmt: skip
    assert len(rates) == 30
    assert rates[:3] == pytest.approx([0.01 / 3, 0.02 / 3, 0.01])
    assert rates[2:] == sorted(rates[2:], reverse=True)
    assert 0 < rates[-1] < 0.0002
    rates.clear()
    plateau = keras.callbacks.ReduceLROnPlateau()
    fine_tune(with_base, data, epochs=1, learning_rate=0.01, callbacks=[plateau, Rates()],
              verbose=0)  # fmt: skip
    assert rates == pytest.approx([0.01] * 3)


def test_an_interruption_does_not_leave_a_low_learning_rate(
    data: Datasets, with_base: keras.Model
) -> None:
    class Interrupt(keras.callbacks.Callback):  # type: ignore[misc]
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fine_tune(with_base, data, epochs=10, learning_rate=0.01, callbacks=[Interrupt()],
                  verbose=0)  # fmt: skip
    assert float(with_base.optimizer.learning_rate) == pytest.approx(0.01)


def test_a_test_step_without_a_loss(data: Datasets) -> None:
    class Own(keras.Model):  # type: ignore[misc]
        def test_step(self, batch: Any) -> dict[str, Any]:
            images, _ = batch
            return {"mean": keras.ops.mean(self(images, training=False))}

    base = linear()
    model = Own(base.inputs, base.outputs)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="adam", loss=loss)
    history = fine_tune(model, data, epochs=1, patience=None, verbose=0)
    assert "val_mean" in history.history


@pytest.fixture
def staged() -> keras.Model:
    """A compiled model whose frozen backbone has stages of 12, 6 and 3 pixels."""
    layers = keras.layers
    keras.utils.set_random_seed(0)
    image = keras.Input((24, 24, 3))
    stages = image
    for stage in "abc":
        short = layers.Conv2D(4, 1, strides=2, name=f"{stage}_short")(stages)
        long = layers.Conv2D(4, 3, strides=2, padding="same", name=f"{stage}_long")(stages)
        long = layers.BatchNormalization(name=f"{stage}_norm")(long)
        stages = layers.Add(name=f"{stage}_add")([short, long])
    base = keras.Model(image, layers.Conv2D(4, 1, name="top")(stages), name="base")
    base.trainable = False
    head = [layers.GlobalAveragePooling2D(), layers.Dense(2, name="logits")]
    model = keras.Sequential([keras.Input((24, 24, 3)), layers.Rescaling(1 / 255), base, *head])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="sgd", loss=loss, metrics=["accuracy"])
    return model


LAST = {"c_short", "c_long", "top", "logits"}


@pytest.mark.parametrize(
    ("unfreeze", "trained"),
    [
        ("all", {f"{stage}_{path}" for stage in "ab" for path in ("short", "long")} | LAST),
        ("last_block", LAST),
        ("top", {"top", "logits"}),
        ("logits", {"logits"}),
    ],
)
def test_the_layers_to_unfreeze(
    data: Datasets, staged: keras.Model, unfreeze: str, trained: set[str]
) -> None:
    layers = [*staged.get_layer("base").layers, staged.layers[-1]]
    before = [layer.get_weights() for layer in layers]
    fine_tune(staged, data, epochs=1, patience=None, unfreeze=unfreeze, verbose=0)
    changed = {
        layer.name
        for layer, weights in zip(layers, before, strict=True)
        if not all(map(np.array_equal, layer.get_weights(), weights))
    }
    assert changed == trained


@pytest.mark.parametrize("unfreeze", ["tops", 3, None, ""])
def test_unknown_layers(data: Datasets, staged: keras.Model, unfreeze: Any) -> None:
    match = "unfreeze must be .*last_block.* or the name of a layer, not .*'logits'"
    with pytest.raises(ValueError, match=match):
        fine_tune(staged, data, unfreeze=unfreeze)
    assert not staged.get_layer("base").trainable  # nothing was changed


def test_a_last_block_that_cannot_be_found(data: Datasets) -> None:
    layers = [keras.Input((*SIZE, 3)), keras.layers.Flatten(), keras.layers.Dense(2)]
    model = keras.Sequential(layers)
    model.compile(optimizer="sgd", loss=linear().loss)
    with pytest.raises(ValueError, match="unfreeze='last_block' needs a model whose layers have"):
        fine_tune(model, data, unfreeze="last_block")
