"""`checkpoint_dir`: what a run goes on from, and what is refused."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from catdog import Datasets, fine_tune, load_datasets, train, train_head
from catdog.training import resume
from catdog.training.checkpoint_files import Checkpoint, read_checkpoint, write_checkpoint
from catdog.training.plain_state import changed_attributes, plain_attributes, set_attribute
from tests.conftest import MakeFolder
from tests.training.conftest import linear

ALL = pytest.mark.parametrize("how", [train, train_head, fine_tune])
How = Callable[..., keras.callbacks.History]


class Epochs(keras.callbacks.Callback):  # type: ignore[misc]  # keras ships no hints
    """Counts the epochs that are run, and interrupts one."""

    def __init__(self, interrupted: int | None = None) -> None:
        super().__init__()
        self.interrupted = interrupted
        self.run: Any = set()  # not part of a checkpoint

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if epoch == self.interrupted:
            raise KeyboardInterrupt
        self.run.add(epoch)


def assert_same_history(found: keras.callbacks.History, expected: keras.callbacks.History) -> None:
    assert found.epoch == expected.epoch
    assert found.kept_epoch == expected.kept_epoch
    assert found.history.keys() == expected.history.keys()
    for name, values in expected.history.items():
        assert found.history[name] == pytest.approx(values, rel=1e-5), name


def assert_same(model: keras.Model, other: keras.Model) -> None:
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


@ALL
@pytest.mark.filterwarnings("ignore:The run of fine_tune")  # which compiles the model again
def test_goes_on_where_it_was_interrupted(data: Datasets, how: How, tmp_path: Path) -> None:
    """The same model goes on, as in a notebook, and a new one, as after a kill."""
    expected, whole = linear(), Epochs()
    history = how(expected, data, epochs=4, patience=3, callbacks=[whole], verbose=0)
    arguments: dict[str, Any] = {"epochs": 4, "patience": 3, "checkpoint_dir": tmp_path / "new"}
    first, model = Epochs(2), linear()
    with pytest.raises(KeyboardInterrupt):
        how(model, data, **arguments, callbacks=[first], verbose=0)
    for again in (model, linear()):
        rest = Epochs()
        found = how(again, data, **arguments, callbacks=[rest], verbose=0)
        assert rest.run == ({2, 3} if again is model else set())  # a finished run is not repeated
        assert_same_history(found, history)
        assert_same(again, expected)
        again.fit(np.zeros((2, 24, 24, 3)), np.zeros(2), callbacks=[each := Epochs()], verbose=0)
        assert each.run == {0}  # Keras would begin at a later epoch


def test_a_finished_run_can_be_made_longer(data: Datasets, tmp_path: Path) -> None:
    expected, model, rest = linear(), linear(), Epochs()
    history = train_head(expected, data, epochs=3, verbose=0)
    train_head(linear(), data, epochs=1, checkpoint_dir=tmp_path, verbose=0, callbacks=[Epochs()])
    found = train_head(model, data, epochs=3, checkpoint_dir=tmp_path, verbose=0, callbacks=[rest])
    assert rest.run == {1, 2}
    assert_same_history(found, history)
    assert_same(model, expected)


@ALL
def test_other_weights_at_the_start_are_named(data: Datasets, how: How, tmp_path: Path) -> None:
    arguments: dict[str, Any] = {"epochs": 2, "checkpoint_dir": tmp_path, "verbose": 0}
    how(linear(), data, **arguments)
    how(linear(), data, **arguments)
    other = linear()
    other.layers[-1].bias.assign([3.0, -3.0])
    with pytest.warns(UserWarning, match=f"run of {how.__name__} in .* began with other weights"):
        how(other, data, **arguments)


def test_a_run_stopped_by_a_callback_goes_on(data: Datasets, tmp_path: Path) -> None:
    """Such as at the time limit of a cluster; only `patience` finishes a run early."""

    class TimeLimit(keras.callbacks.Callback):  # type: ignore[misc]
        def __init__(self, epochs: int) -> None:
            super().__init__()
            self.last = epochs

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.model.stop_training = epoch + 1 >= self.last

    arguments: dict[str, Any] = {"epochs": 4, "checkpoint_dir": tmp_path, "verbose": 0}
    assert train_head(linear(), data, **arguments, callbacks=[TimeLimit(2)]).epoch == [0, 1]
    assert train_head(linear(), data, **arguments, callbacks=[TimeLimit(9)]).epoch == [0, 1, 2, 3]


def test_a_run_without_progress_stays_stopped(
    data: Datasets, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Worse(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            logs["val_loss"] = epoch

    for _ in range(2):
        history = train_head(
            linear(), data, epochs=9, patience=2, checkpoint_dir=tmp_path, callbacks=[Worse()]
        )
        assert history.epoch == [0, 1, 2]
        assert history.kept_epoch == 1
    assert "Goes on after epoch" in capsys.readouterr().out


def test_the_learning_rate_of_a_callback_is_part_of_the_run(data: Datasets, tmp_path: Path) -> None:
    """Also if the same model is passed again, whose optimizer has that learning rate."""
    model = linear()
    for interrupted in (2, None):
        plateau = keras.callbacks.ReduceLROnPlateau("val_loss", patience=1, min_delta=9.0)
        arguments: dict[str, Any] = {"epochs": 4, "checkpoint_dir": tmp_path, "verbose": 0}
        try:
            found = train_head(model, data, **arguments, callbacks=[plateau, Epochs(interrupted)])
        except KeyboardInterrupt:
            assert float(model.optimizer.learning_rate) == pytest.approx(1e-4)
    plateau = keras.callbacks.ReduceLROnPlateau("val_loss", patience=1, min_delta=9.0)
    expected = train_head(linear(), data, epochs=4, callbacks=[plateau], verbose=0)
    assert_same_history(found, expected)


def test_another_run_is_refused_and_named(
    data: Datasets, make_folder: MakeFolder, tmp_path: Path
) -> None:
    model = linear()
    train_head(model, data, epochs=2, checkpoint_dir=tmp_path, verbose=0)
    other_rate, other_loss, other_layers, other_backbone = linear(), linear(), linear(), linear()
    other_rate.optimizer.learning_rate = 0.5
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum")
    other_loss.compile(optimizer=keras.optimizers.Adam(1e-3), loss=loss, metrics=["accuracy"])
    other_layers.layers[-2].name = "renamed"  # names do not matter
    dropout = [*linear().layers[:-1], keras.layers.Dropout(0.1), linear().layers[-1]]
    other_layers = keras.Sequential([keras.Input((24, 24, 3)), *dropout])
    other_layers.compile(optimizer=model.optimizer, loss=model.loss, metrics=["accuracy"])
    other_backbone.layers[1].kernel.assign(other_backbone.layers[1].kernel * 2)
    others: list[tuple[keras.Model, dict[str, Any], str]] = [
        (other_rate, {}, r"differs: learning rate \(was 0.001.*, is 0.5\)\. Pass another folder"),
        (other_loss, {}, "differs: loss"),
        (other_layers, {}, "differs: layers"),
        (other_backbone, {}, "differs: weights of the backbone"),
        (linear(), {"patience": 3}, r"differs: patience \(was None, is 3\)\."),
        (linear(), {"class_weight": "balanced"}, r"differs: class_weight \(was None, is "),
        (linear(), {"callbacks": Epochs()}, r"differs: callbacks \(was \(\), is \('Epochs',\)\)"),
        (linear(), {"epochs": 1}, r"differs: epochs \(2 are done, 1 are asked for\)"),
    ]
    for other, arguments, what in others:
        weights = other.get_weights()
        with pytest.raises(ValueError, match=f"checkpoint of another run of train_head.*{what}"):
            train_head(
                other, data, **{"epochs": 2, **arguments}, checkpoint_dir=tmp_path, verbose=0
            )
        assert all(map(np.array_equal, weights, other.get_weights()))


@pytest.mark.parametrize("change", ["seed", "batch_size", "image"])
def test_other_data_is_refused(data: Datasets, tmp_path: Path, change: str) -> None:
    folder = data.paths("train")[0].parents[1]
    train_head(linear(), data, epochs=1, checkpoint_dir=tmp_path / "run", verbose=0)
    arguments: dict[str, Any] = {"image_size": (24, 24), "batch_size": 4, "seed": 0}
    if change == "image":
        data.paths("train")[0].unlink()
        match = "images"
    else:
        arguments[change] += 1
        match = change.replace("_", " ")
    other = load_datasets(folder, **arguments)
    with pytest.raises(ValueError, match=f"differs: .*{match}"):
        train_head(linear(), other, epochs=1, checkpoint_dir=tmp_path / "run", verbose=0)


def test_each_function_has_files_of_its_own(data: Datasets, tmp_path: Path) -> None:
    model = linear()
    train_head(model, data, epochs=1, checkpoint_dir=tmp_path, verbose=0)
    history = fine_tune(model, data, epochs=1, checkpoint_dir=tmp_path, verbose=0)
    assert history.epoch == [0]
    names = sorted(path.name for path in tmp_path.glob("*.checkpoint"))
    assert names == ["fine_tune-000001.checkpoint", "train_head-000001.checkpoint"]


@ALL
def test_one_run_at_a_time(data: Datasets, how: How, tmp_path: Path) -> None:
    """Two runs in one folder would delete each other's files."""

    class Second(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            with pytest.raises(ValueError, match=r"checkpoint_dir=.* is used by another run"):
                how(linear(), data, epochs=1, checkpoint_dir=tmp_path, verbose=0)

    arguments: dict[str, Any] = {"epochs": 1, "checkpoint_dir": tmp_path, "verbose": 0}
    assert how(linear(), data, **arguments, callbacks=[Second()]).epoch == [0]
    assert len(list(tmp_path.glob("*.checkpoint"))) == 1


def test_a_full_disk(data: Datasets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run is not lost; the next call goes on from the last checkpoint that was written."""

    def write(folder: Path, name: str, checkpoint: Checkpoint) -> None:
        if checkpoint.epoch == 2:
            raise OSError(28, "No space left on device")
        write_checkpoint(folder, name, checkpoint)

    monkeypatch.setattr(resume, "write_checkpoint", write)
    with pytest.warns(UserWarning, match="epoch 2 cannot be written: .*No space left"):
        history = train(linear(), data, epochs=3, checkpoint_dir=tmp_path, verbose=0)
    assert history.epoch == [0, 1, 2]
    names = sorted(path.name for path in tmp_path.glob("*.checkpoint"))
    assert names == ["train-000001.checkpoint", "train-000003.checkpoint"]


def test_a_file_system_without_locks(
    data: Datasets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(path: Path) -> Any:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(resume, "try_lock", no_locks)
    train(linear(), data, epochs=1, checkpoint_dir=tmp_path, verbose=0)
    assert (tmp_path / "train-000001.checkpoint").is_file()


def test_a_damaged_file_is_ignored_with_a_warning(data: Datasets, tmp_path: Path) -> None:
    expected = train_head(linear(), data, epochs=3, verbose=0)
    train_head(linear(), data, epochs=3, checkpoint_dir=tmp_path, verbose=0)
    last = tmp_path / "train_head-000003.checkpoint"
    content = last.read_bytes()
    for damaged in (content[:-1], b"", content[:99] + b"?" + content[100:]):
        last.write_bytes(damaged)
        with pytest.warns(UserWarning, match=r"checkpoint .*000003.checkpoint is damaged, and is"):
            found = train_head(linear(), data, epochs=3, checkpoint_dir=tmp_path, verbose=0)
        assert_same_history(found, expected)
        assert last.read_bytes() != damaged


def test_two_files_are_kept(tmp_path: Path) -> None:
    (tmp_path / "run-notes.checkpoint").touch()  # of the user
    (tmp_path / "run-000009.checkpoint").touch()  # damaged, from before
    for epoch in (1, 2, 3):
        write_checkpoint(tmp_path, "run", Checkpoint(epoch, {"a": [epoch]}, [np.eye(epoch)]))
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["run-000002.checkpoint", "run-000003.checkpoint", "run-notes.checkpoint"]
    found = read_checkpoint(tmp_path, "run")
    assert found
    assert (found.epoch, found.state) == (3, {"a": [3]})
    assert np.array_equal(found.arrays[0], np.eye(3))
    assert read_checkpoint(tmp_path, "other") is None


def test_what_killed_processes_left_is_deleted(tmp_path: Path) -> None:
    scratch = tmp_path / ".abc.catdog-partial"
    scratch.mkdir()
    (scratch / "run-000001.checkpoint").write_bytes(b"half")
    assert read_checkpoint(tmp_path, "run") is None
    assert list(tmp_path.iterdir()) == []


@ALL
def test_wrong_folders(data: Datasets, how: How, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError, match="checkpoint_dir must be a folder, but"):
        how(linear(), data, checkpoint_dir=tmp_path / "file")
    with pytest.raises(TypeError, match="checkpoint_dir must be a path"):
        how(linear(), data, checkpoint_dir=3)
    assert inspect.signature(how).parameters["checkpoint_dir"].default is None


def test_the_state_of_a_callback_is_what_a_file_can_hold_and_has_changed() -> None:
    class Owner:
        def __init__(self) -> None:
            self.same, self.count, self.function = "as it was", 0, len
            self.best: Any = None
            self.rows: list[Any] = []
            self.names: Any = None
            self.waves: Any = None

    owner = Owner()
    before = plain_attributes(owner)
    owner.count, owner.best = 3, np.float32(0.5)
    owner.names, owner.waves = np.array([b"cats"]), np.array([1j])  # no file can hold these
    owner.rows.append((np.arange(3), {"a": [1, None, "x", True]}))
    changed = changed_attributes(owner, before)
    assert set(changed) == {"count", "best", "rows"}
    other = Owner()
    for name, value in changed.items():
        set_attribute(other, name, value)
    assert (other.count, other.best, other.same) == (3, 0.5, "as it was")
    ((array, mapping),) = other.rows
    assert np.array_equal(array, np.arange(3))
    assert mapping == {"a": [1, None, "x", True]}
