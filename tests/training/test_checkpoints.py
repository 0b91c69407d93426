"""Files that callbacks save during training have the metadata of the model."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import pytest

from catdog import Datasets, fine_tune, load_model, predict, save_model, train, train_head
from catdog.models.metadata import get_metadata
from tests.training.conftest import linear

ALL = pytest.mark.parametrize("how", [train, train_head, fine_tune])


@ALL
def test_checkpoints_open_with_their_class_names(
    data: Datasets, tmp_path: Path, how: Callable[..., keras.callbacks.History]
) -> None:
    best, every = tmp_path / "best.keras", tmp_path / "every.keras"
    callbacks = [
        keras.callbacks.ModelCheckpoint(best, monitor="val_loss", save_best_only=True),
        keras.callbacks.ModelCheckpoint(str(every), save_freq=2),
        keras.callbacks.ModelCheckpoint(tmp_path / "some.weights.h5", save_weights_only=True),
    ]
    model = linear()
    how(model, data, epochs=2, callbacks=callbacks, verbose=0)
    for path in (best, every):
        loaded = load_model(path)
        assert get_metadata(loaded) == get_metadata(model)
        assert predict(loaded, data.paths("test"), verbose=0)[0].class_names == data.class_names
        how(loaded, data, epochs=1, verbose=0)  # training goes on from it
    assert keras.models.load_model(best).count_params() == model.count_params()


class Save(keras.callbacks.Callback):  # type: ignore[misc]  # keras ships no hints
    """Saves in each way in which users do."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.model.save(self.folder / "own.keras")
        save_model(self.model, self.folder / "catdog.keras")


@ALL
def test_callbacks_of_users_save_it_too(
    data: Datasets, tmp_path: Path, how: Callable[..., keras.callbacks.History]
) -> None:
    how(linear(), data, epochs=2, callbacks=[Save(tmp_path)], verbose=0)
    for name in ("own", "catdog"):
        metadata = get_metadata(load_model(tmp_path / f"{name}.keras"))
        assert metadata
        assert metadata.class_names == data.class_names


@ALL
def test_a_model_saves_as_before_after_training(
    data: Datasets, tmp_path: Path, how: Callable[..., keras.callbacks.History]
) -> None:
    class Interrupt(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            raise KeyboardInterrupt

    model = linear()
    with pytest.raises(KeyboardInterrupt):
        how(model, data, epochs=1, callbacks=[Interrupt()], verbose=0)
    assert "save" not in vars(model)
    model.save(tmp_path / "model.keras")
    assert get_metadata(load_model(tmp_path / "model.keras")) is None


@pytest.mark.parametrize("how", [train, train_head])
def test_a_run_that_goes_on_from_a_backup_has_class_names(
    data: Datasets, tmp_path: Path, how: Callable[..., keras.callbacks.History]
) -> None:
    class Stop(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            if epoch == 1:
                raise KeyboardInterrupt

    backup = tmp_path / "backup"
    callbacks = [keras.callbacks.BackupAndRestore(backup), Stop()]
    with pytest.raises(KeyboardInterrupt):
        how(linear(), data, epochs=2, callbacks=callbacks, verbose=0)
    model = linear()
    how(model, data, epochs=2, callbacks=[keras.callbacks.BackupAndRestore(backup)], verbose=0)
    metadata = get_metadata(model)
    assert metadata
    assert metadata.class_names == data.class_names


def test_other_formats_of_keras_are_saved_as_keras_does(data: Datasets, tmp_path: Path) -> None:
    class SaveOthers(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.model.save(tmp_path / "folder", zipped=False)
            self.model.save_weights(tmp_path / "model.weights.h5")

    train(linear(), data, epochs=1, callbacks=[SaveOthers()], verbose=0)
    assert (tmp_path / "folder").is_dir()
    assert (tmp_path / "model.weights.h5").is_file()
