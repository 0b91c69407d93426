import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from catdog import build_model, list_models, load_datasets
from catdog._utils.keras_internals import CONFIG_MEMBER
from catdog.matching import record_training
from catdog.models.metadata import CATDOG_MEMBER, ModelMetadata, attach_metadata, get_metadata
from catdog.models.saving import TEXT_MEMBERS, load_model, save_model
from tests.networks import build_light_model

SIZE = (36, 32)
METADATA = ModelMetadata(("cats", "dogs"), SIZE, temperature=1.5)
IMAGES = np.random.default_rng(0).uniform(0, 255, (4, *SIZE, 3)).astype(np.float32)
LABELS = np.array([0, 1, 0, 1])
layers = keras.layers


def small(*more: keras.Layer) -> keras.Model:
    """A compiled model that was not trained: its optimizer has no state yet."""
    pooled = [keras.Input((*SIZE, 3)), *more, layers.GlobalAveragePooling2D()]
    model = keras.Sequential([*pooled, layers.Dense(2)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def logits(model: keras.Model) -> NDArray[Any]:
    return np.asarray(model.predict_on_batch(IMAGES))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file of a small model with metadata."""
    model = small()
    attach_metadata(model, METADATA)
    save_model(model, tmp_path / "model.keras")
    return tmp_path / "model.keras"


@pytest.mark.slow
@pytest.mark.parametrize("name", list_models())
def test_every_model_resumes_where_it_was(name: str, tmp_path: Path, image_folder: Path) -> None:
    model = build_light_model(name, image_size=SIZE, weights=None, seed=0)
    record_training(model, load_datasets(image_folder))
    model.train_on_batch(IMAGES, LABELS)
    save_model(model, tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras")
    assert get_metadata(loaded) == get_metadata(model) is not None
    np.testing.assert_allclose(logits(loaded), logits(model), rtol=0, atol=1e-6)
    assert len(loaded.trainable_weights) == len(model.trainable_weights)
    assert len(model.optimizer.variables) > 2
    for mine, other in zip(model.optimizer.variables, loaded.optimizer.variables, strict=True):
        assert np.array_equal(mine.numpy(), other.numpy())


def test_training_goes_on_the_same_way(tmp_path: Path) -> None:
    model = small(layers.Conv2D(4, 3), layers.BatchNormalization())
    model.train_on_batch(IMAGES, LABELS)
    save_model(model, tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras")
    before = logits(model)
    for each in (model, loaded):
        each.train_on_batch(IMAGES, LABELS)
    assert not np.allclose(logits(model), before)
    np.testing.assert_allclose(logits(loaded), logits(model), rtol=1e-5)


def test_keras_alone_opens_the_file(path: Path) -> None:
    model = load_model(path)
    model.train_on_batch(IMAGES, LABELS)
    save_model(model, path)
    assert np.array_equal(logits(keras.models.load_model(path)), logits(load_model(path)))
    with zipfile.ZipFile(path) as archive:
        assert b"catdog" not in archive.read(CONFIG_MEMBER)


def test_a_model_without_metadata(tmp_path: Path) -> None:
    model = small()
    save_model(model, tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras")
    assert get_metadata(loaded) is None
    assert np.array_equal(logits(loaded), logits(model))


def test_a_file_that_keras_wrote(tmp_path: Path) -> None:
    model = small()
    model.save(tmp_path / "model.keras")
    assert np.array_equal(logits(load_model(tmp_path / "model.keras")), logits(model))


def test_a_model_that_was_not_compiled(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((*SIZE, 3)), layers.Flatten(), layers.Dense(2)])
    save_model(model, tmp_path / "model.keras")
    assert not load_model(tmp_path / "model.keras").compiled


def test_lost_optimizer_state_is_a_warning(tmp_path: Path) -> None:
    model = build_model("cnn", image_size=SIZE)
    model.train_on_batch(IMAGES, LABELS)
    model.layers[0].trainable = False  # without compiling again: the state no longer fits
    save_model(model, tmp_path / "model.keras")
    with pytest.warns(UserWarning, match="Skipping variable loading for optimizer"):
        load_model(tmp_path / "model.keras")


def test_an_older_file_is_replaced(path: Path) -> None:
    before = logits(load_model(path))
    model = small(layers.Rescaling(1 / 255))
    save_model(model, str(path))
    assert not np.array_equal(logits(load_model(path)), before)
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_a_link_is_kept(path: Path) -> None:
    link = path.with_name("link.keras")
    link.symlink_to(path)
    model = small(layers.Rescaling(1 / 255))
    save_model(model, link)
    assert link.is_symlink()
    assert np.array_equal(logits(load_model(path)), logits(model))


@pytest.mark.parametrize("error", [OSError("No space left"), KeyboardInterrupt()])
def test_the_old_file_stays_if_the_new_one_fails(
    error: BaseException, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = path.read_bytes()

    def fail(metadata: ModelMetadata) -> str:
        raise error

    monkeypatch.setattr("catdog.models.checkpoints.metadata_to_json", fail)
    model = small()
    attach_metadata(model, METADATA)
    with pytest.raises(type(error)):
        save_model(model, path)
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_home_is_found(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(path.parent))
    save_model(load_model("~/model.keras"), "~/copy.keras")
    assert path.with_name("copy.keras").is_file()


LAMBDA = "model has a Lambda layer, whose Python code .* Use Keras' own layers"


@pytest.mark.filterwarnings("ignore:.*`Lambda` layer:UserWarning")
def test_python_code_is_not_saved(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(ValueError, match=LAMBDA):
        save_model(small(layers.Lambda(lambda x: x / 255)), path)
    assert path.read_bytes() == before


@pytest.mark.filterwarnings("ignore:.*`Lambda` layer:UserWarning")
def test_python_code_is_not_run(tmp_path: Path) -> None:
    small(layers.Lambda(lambda x: x / 255)).save(tmp_path / "model.keras")
    with pytest.raises(ValueError, match=r"Python code would have to be run. If you trust .* safe"):
        load_model(tmp_path / "model.keras")


@keras.saving.register_keras_serializable()  # type: ignore[untyped-decorator]
def halve(images: Any) -> Any:
    return images / 2


def test_a_named_function_is_no_code(tmp_path: Path) -> None:
    model = small(layers.Lambda(halve))
    save_model(model, tmp_path / "model.keras")
    assert np.array_equal(logits(load_model(tmp_path / "model.keras")), logits(model))


def test_a_custom_layer_that_is_not_registered(tmp_path: Path) -> None:
    class Own(keras.layers.Layer):  # type: ignore[misc]  # keras ships no hints
        pass

    save_model(small(Own()), tmp_path / "model.keras")
    with pytest.raises(
        ValueError, match=r"cannot open .*decorate them with @keras\.saving\.regist"
    ):
        load_model(tmp_path / "model.keras")


@pytest.mark.parametrize("name", ["model", "model.h5", "model.zip", "model.keras.part"])
def test_wrong_suffix(name: str, tmp_path: Path) -> None:
    for call in (load_model, lambda path: save_model(small(), path)):
        with pytest.raises(ValueError, match=r"must end in \.keras\. .*call it 'model"):
            call(tmp_path / name)


def test_old_files_are_for_keras() -> None:
    with pytest.raises(ValueError, match=r"keras.models.load_model opens old \.h5 files"):
        load_model("model.h5")


@pytest.mark.parametrize("path", ["", None, 3, b"model.keras"])
def test_values_that_are_no_path(path: Any) -> None:
    for call in (load_model, lambda path: save_model(small(), path)):
        with pytest.raises(TypeError, match="path must be a path, such as"):
            call(path)


def test_values_that_are_no_model(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="model must be a Keras model, not str"):
        save_model("model", tmp_path / "model.keras")
    with pytest.raises(ValueError, match="model is not built"):
        save_model(keras.Sequential([layers.Dense(2)]), tmp_path / "model.keras")


def test_a_link_to_a_file_of_another_name(tmp_path: Path) -> None:
    store = tmp_path / "0a1b2c"
    store.write_text("kept")
    (tmp_path / "model.keras").symlink_to(store)
    with pytest.raises(ValueError, match=r"is a link to .*0a1b2c, which does not end in \.keras"):
        save_model(small(), tmp_path / "model.keras")
    assert store.read_text() == "kept"


def test_a_pipe_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "model.keras")
    with pytest.raises(ValueError, match="is a device or a pipe. Choose another name"):
        save_model(small(), tmp_path / "model.keras")
    assert (tmp_path / "model.keras").is_fifo()


def test_missing_file_or_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="does not exist. save_model writes such a file"):
        load_model(tmp_path / "model.keras")
    with pytest.raises(FileNotFoundError, match="does not exist. Make it first"):
        save_model(small(), tmp_path / "no" / "model.keras")


def test_a_folder_in_place_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "model.keras").mkdir()
    with pytest.raises(IsADirectoryError, match="is a folder"):
        load_model(tmp_path / "model.keras")
    with pytest.raises(IsADirectoryError, match="is a folder. Choose another name"):
        save_model(small(), tmp_path / "model.keras")


@pytest.mark.parametrize("content", [b"", b"something else", b"PK\3\4", bytes(5000)])
def test_no_keras_file(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.keras").write_bytes(content)
    with pytest.raises(ValueError, match="is not a Keras file, or a part of it is missing.*again"):
        load_model(tmp_path / "model.keras")


def test_a_file_whose_beginning_is_missing(path: Path) -> None:
    path.write_bytes(path.read_bytes()[10:])
    with pytest.raises(ValueError, match="is not a Keras file, or a part of it is missing.*again"):
        load_model(path)


def test_another_archive(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
        archive.writestr("images/cat.jpg", b"")
    with pytest.raises(ValueError, match="an archive, but not one of Keras'"):
        load_model(tmp_path / "model.keras")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_file_that_was_cut_off(share: float, path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match="a part of it is missing"):
        load_model(path)


def test_any_byte_may_be_damaged(path: Path) -> None:
    content = path.read_bytes()
    expected = logits(load_model(path))
    refused = 0
    for position in np.linspace(0, len(content) - 1, 60, dtype=int):
        damaged = bytearray(content)
        damaged[position] ^= 0xFF
        path.write_bytes(damaged)
        try:
            model = load_model(path)
        except ValueError:
            refused += 1
        else:  # a byte that is not read, such as one of a date
            assert np.array_equal(logits(model), expected)
    assert refused > 50


def rewrite(path: Path, member: str, change: Callable[[Any], Any]) -> Path:
    """Change a member of a model's file."""
    other = path.with_name("other.keras")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(other, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == member:
                content = json.dumps(change(json.loads(content))).encode()
            new.writestr(name, content)
    return other


def test_a_file_of_a_later_catdog(path: Path) -> None:
    later = rewrite(path, CATDOG_MEMBER, lambda metadata: {**metadata, "version": 2})
    with pytest.raises(ValueError, match=r"of version 2, but .*update catdog.*keras\.models\.load"):
        load_model(later)


def test_damaged_metadata(path: Path) -> None:
    broken = rewrite(path, CATDOG_MEMBER, lambda metadata: {**metadata, "temperature": -1})
    with pytest.raises(ValueError, match="The metadata in .* is damaged .*Without that, keras"):
        load_model(broken)


def test_metadata_of_other_classes(path: Path) -> None:
    wrong = rewrite(
        path, CATDOG_MEMBER, lambda metadata: {**metadata, "class_names": ["a", "b", "c"]}
    )
    with pytest.raises(ValueError, match="names 3 classes, but model returns"):
        load_model(wrong)


def test_a_file_of_a_later_keras(path: Path) -> None:
    later = rewrite(path, CONFIG_MEMBER, lambda config: {**config, "class_name": "Tomorrow"})
    later = rewrite(
        Path(shutil.copy(later, path)),
        "metadata.json",
        lambda data: {**data, "keras_version": "9.0"},
    )
    with pytest.raises(ValueError, match=r"Keras 9.0 wrote it; if that is newer, update Keras"):
        load_model(later)


@pytest.mark.parametrize("metadata", [b"[]", b"{}", b"nothing of Keras'"])
def test_an_archive_with_members_of_the_same_names(metadata: bytes, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "other.keras", "w") as archive:
        archive.writestr(CONFIG_MEMBER, "{}")
        archive.writestr("metadata.json", metadata)
    with pytest.raises(ValueError, match="does not say which Keras wrote it"):
        load_model(tmp_path / "other.keras")


@pytest.mark.parametrize("huge", TEXT_MEMBERS)
def test_huge_texts_do_not_fill_the_memory(huge: str, path: Path) -> None:
    with zipfile.ZipFile(path.with_name("bomb.keras"), "w", zipfile.ZIP_DEFLATED) as archive:
        for name in TEXT_MEMBERS:
            archive.writestr(name, "{}" + " " * (2**24 if name == huge else 0))
    with pytest.raises(ValueError, match=f"its part {huge} has 16,777,218 bytes, more than"):
        load_model(path.with_name("bomb.keras"))
