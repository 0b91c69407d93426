import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import keras
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from catdog import build_model, load_datasets, train_head
from catdog._utils.errors import InvalidValueError
from catdog._utils.files import SCRATCH_SUFFIX
from catdog.data.datasets import Datasets
from catdog.training import feature_cache, features
from catdog.training.feature_cache import (
    SUFFIX,
    cache_key,
    cached,
    clear_feature_cache,
    feature_cache_size,
    models_hash,
)
from tests.training.conftest import SIZE


@pytest.fixture
def cache_dir(tmp_path: Path) -> Path:
    return tmp_path / "not there yet" / "features"


def build(*first: keras.Layer, seed: int = 0, stride: int = 2) -> keras.Model:
    layers = keras.layers
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((*SIZE, 3)),
            *first,
            layers.RandomFlip(),
            layers.Rescaling(1 / 255),
            layers.Conv2D(8, 5, strides=stride, activation="relu", trainable=False),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="adam", loss=loss, metrics=["accuracy"])
    return model


def losses(model: keras.Model, data: Datasets, cache_dir: Path, **options: Any) -> list[float]:
    history = train_head(model, data, epochs=2, cache_dir=cache_dir, verbose=0, **options)
    values: list[float] = history.history["loss"]
    return values


def forbid(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> NoReturn:
        raise AssertionError("the backbone ran")

    monkeypatch.setattr(features.FeatureExtractor, "_run", fail)


def test_the_second_run_does_not_run_the_backbone(
    data: Datasets, cache_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = losses(build(), data, cache_dir)
    assert len(list(cache_dir.iterdir())) == 2  # training and validation
    forbid(monkeypatch)
    assert losses(build(), data, cache_dir) == first  # layers of other names, the same weights


def test_augmented_copies_are_cached_too(
    data: Datasets, cache_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = losses(build(), data, cache_dir, views=3)
    other = losses(build(), data, cache_dir, views=2)
    assert first != other
    forbid(monkeypatch)
    assert losses(build(), data, cache_dir, views=3) == first


@pytest.mark.parametrize("change", [{"seed": 1}, {"stride": 3}])
def test_another_backbone_has_other_features(
    data: Datasets, cache_dir: Path, change: dict[str, int]
) -> None:
    losses(build(), data, cache_dir)
    expected = train_head(build(**change), data, epochs=2, verbose=0).history["loss"]
    assert losses(build(**change), data, cache_dir) == pytest.approx(expected)
    assert len(list(cache_dir.iterdir())) == 4


def test_features_of_a_changed_image_are_computed_again(
    data: Datasets, image_folder: Path, cache_dir: Path
) -> None:
    losses(build(), data, cache_dir)
    Image.new("RGB", (8, 8)).save(data.paths("train")[0])
    again = load_datasets(image_folder, image_size=SIZE, batch_size=4)
    expected = train_head(build(), again, epochs=2, verbose=0).history["loss"]
    assert losses(build(), again, cache_dir) == pytest.approx(expected)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[: len(content) // 2],
        lambda content: content[:99] + bytes([content[99] ^ 1]) + content[100:],
        lambda content: b"something else",
    ],
)
def test_damaged_files_are_not_used(data: Datasets, cache_dir: Path, damage: Any) -> None:
    first = losses(build(), data, cache_dir)
    whole = {path: path.read_bytes() for path in cache_dir.iterdir()}
    for path, content in whole.items():
        path.write_bytes(damage(content))
    assert losses(build(), data, cache_dir) == pytest.approx(first)
    assert {path: path.read_bytes() for path in cache_dir.iterdir()} == whole


def is_ok(_: object) -> bool:
    return True


def test_a_flipped_bit_is_found_wherever_it_is(tmp_path: Path) -> None:
    array = np.arange(1000, dtype=np.float32).reshape(1, 10, 100)
    cached(tmp_path, "key", (1, 10), lambda: array, is_ok)
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    for position in (*range(200), *range(200, len(whole), 97), len(whole) - 1):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << position % 8
        file.write_bytes(damaged)
        assert np.array_equal(cached(tmp_path, "key", (1, 10), lambda: array, is_ok), array)
        assert file.read_bytes() == whole  # so it was written again


def test_augmented_copies_are_the_same_without_a_cache(data: Datasets, cache_dir: Path) -> None:
    def twice(**options: Any) -> list[Any]:
        model = build()
        runs = [train_head(model, data, epochs=1, views=3, verbose=0, **options) for _ in "ab"]
        return [run.history["loss"][0] for run in runs]

    without = twice()
    assert twice(cache_dir=cache_dir) == pytest.approx(without)  # empty
    assert twice(cache_dir=cache_dir) == pytest.approx(without)  # full


def test_extraction_leaves_the_random_state_of_augmentation_unchanged(data: Datasets) -> None:
    model = build()
    states = [v for v in model.variables if v.name == "seed_generator_state"]
    before = [state.numpy().copy() for state in states]
    train_head(model, data, epochs=1, views=2, verbose=0)
    assert states
    for state, value in zip(states, before, strict=True):
        assert np.array_equal(state.numpy(), value)


@pytest.mark.slow
def test_models_without_a_seed_share_features(
    data: Datasets, cache_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = build_model("mobilenet_v2", image_size=(32, 32), weights=None).get_weights()

    def run() -> None:
        model = build_model("mobilenet_v2", image_size=(32, 32), weights=None)
        model.set_weights(weights)
        train_head(model, data, epochs=1, views=2, cache_dir=cache_dir, verbose=0)

    run()
    forbid(monkeypatch)
    run()


def test_a_cache_folder_that_is_a_file_is_refused_first(
    data: Datasets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"mine")
    forbid(monkeypatch)
    with pytest.raises(NotADirectoryError, match="cache_dir must be a folder, but"):
        losses(build(), data, tmp_path / "photo.jpg")


def test_a_cache_folder_that_cannot_be_written_to_is_refused_first(
    data: Datasets, cache_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> NoReturn:
        raise PermissionError("read-only")

    losses(build(), data, cache_dir)
    forbid(monkeypatch)
    monkeypatch.setattr(feature_cache, "TemporaryFile", refuse)
    losses(build(), data, cache_dir)  # it can be read
    with pytest.raises(OSError, match="cannot be written to: read-only. Pass another folder"):
        losses(build(seed=1), data, cache_dir)
    (cache_dir / "file").write_bytes(b"mine")
    with pytest.raises(OSError, match="cannot be written to"):
        losses(build(), data, cache_dir / "file" / "features")


class Dim(keras.Layer):  # type: ignore[misc]
    """A layer of the user's own, whose code changes."""

    factor = 1.0

    def call(self, images: Any) -> Any:
        return images * self.factor


@pytest.mark.parametrize("views", [1, 2])
def test_features_that_other_code_computed_are_not_used(
    data: Datasets, cache_dir: Path, monkeypatch: pytest.MonkeyPatch, views: int
) -> None:
    old = losses(build(Dim()), data, cache_dir, views=views)
    monkeypatch.setattr(Dim, "factor", 0.99)
    new = losses(build(Dim()), data, cache_dir, views=views)
    assert new != pytest.approx(old)
    again = train_head(build(Dim()), data, epochs=2, views=views, verbose=0).history["loss"]
    assert new == pytest.approx(again)


def activation(power: int) -> Callable[[Any], Any]:
    def act(values: Any) -> Any:
        return keras.ops.relu(values) ** power

    return act


@pytest.mark.parametrize("make", [keras.layers.Activation, keras.layers.Lambda])
def test_features_of_another_function_of_the_same_name_are_not_used(
    data: Datasets, cache_dir: Path, make: Callable[[Any], keras.Layer]
) -> None:
    old = losses(build(make(activation(1))), data, cache_dir)
    new = losses(build(make(activation(2))), data, cache_dir)
    assert new != pytest.approx(old)
    again = train_head(build(make(activation(2))), data, epochs=2, verbose=0).history["loss"]
    assert new == pytest.approx(again)


class WithObject(keras.Layer):  # type: ignore[misc]
    """Keras cannot make its configuration."""

    def __init__(self, given: object) -> None:
        super().__init__()
        self.given = given

    def call(self, images: Any) -> Any:
        return images


def test_a_layer_without_configuration(data: Datasets, cache_dir: Path) -> None:
    model = build(WithObject(object()))
    with pytest.raises(
        InvalidValueError, match=r"without get_config.* cache_dir and checkpoint_dir need it"
    ):
        losses(model, data, cache_dir)
    train_head(model, data, epochs=1, verbose=0)


def test_augmented_copies_depend_on_the_batch_size(
    data: Datasets, image_folder: Path, cache_dir: Path
) -> None:
    other = load_datasets(image_folder, image_size=SIZE, batch_size=3)
    losses(build(), data, cache_dir, views=2)
    expected = train_head(build(), other, epochs=2, views=2, verbose=0).history["loss"]
    assert losses(build(), other, cache_dir, views=2) == pytest.approx(expected)


def test_features_of_half_precision(data: Datasets, cache_dir: Path) -> None:
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        first, second = (losses(build(), data, cache_dir) for _ in range(2))
    finally:
        keras.config.set_dtype_policy("float32")
    assert first == pytest.approx(second)


def test_features_of_another_shape_are_not_used(data: Datasets, cache_dir: Path) -> None:
    first = losses(build(), data, cache_dir)
    for path in cache_dir.iterdir():
        feature_cache._write(path, np.zeros((1, 3, 8), np.float32))
    assert losses(build(), data, cache_dir) == pytest.approx(first)


def test_a_run_that_is_stopped_leaves_no_files(
    data: Datasets, cache_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = feature_cache._write

    def stop(path: Path, array: NDArray[np.float32]) -> NoReturn:
        write(path, array)
        raise KeyboardInterrupt

    monkeypatch.setattr(feature_cache, "_write", stop)
    with pytest.raises(KeyboardInterrupt):
        losses(build(), data, cache_dir)
    assert list(cache_dir.iterdir()) == []


KEY = """
import sys
sys.path.insert(0, sys.argv[1])
from tests.training.test_feature_cache import build
from catdog.training.feature_cache import cache_key, models_hash
from catdog.models.graph import split_model
for _ in range(int(sys.argv[2])):
    parts = split_model(build())
print(cache_key(models_hash([parts.augmentation, parts.backbone]), ["a", "b"], (24, 24)))
"""


@pytest.mark.slow
def test_the_key_is_the_same_in_every_process() -> None:
    root = str(Path(__file__).parents[2])
    first, second = (
        subprocess.run(
            [sys.executable, "-c", KEY, root, str(builds)],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for builds in (1, 3)  # so that the layers have other names
    )
    assert first == second
    assert len(first.strip()) == 64


def test_the_key_does_not_depend_on_names_that_are_the_same_by_chance() -> None:
    """The input of a model in a model may be named as that of the outer one."""

    def model(outer: str, inner: str) -> keras.Model:
        inside = keras.Input((4,), name=inner)
        block = keras.Model(inside, keras.layers.Dense(3, kernel_initializer="ones")(inside))
        outside = keras.Input((4,), name=outer)
        return keras.Model(outside, block(keras.layers.Activation("relu")(outside)))

    hashes = {models_hash([model(*names)]) for names in (("a", "a"), ("a", "b"), ("b", "a"))}
    assert len(hashes) == 1


def test_what_the_key_depends_on() -> None:
    model = build()
    keys = {
        cache_key(models_hash([model]), contents, size, augmentation=drawn_from)
        for contents in (["a", "b"], ["b", "a"], ["ab"])
        for size in ((24, 24), (24, 25))
        for drawn_from in ([], [0, 1], [0, 2], [1, 1])
    }
    assert len(keys) == 24
    assert SUFFIX.startswith(".")


def test_the_cache_can_be_measured_and_cleared(data: Datasets, cache_dir: Path) -> None:
    assert feature_cache_size(cache_dir) == clear_feature_cache(cache_dir) == 0  # not there yet
    first = losses(build(), data, cache_dir)
    foreign = ["notes.txt", f"mine{SUFFIX}", f"{'a' * 63}{SUFFIX}", "mine.program"]
    for name in foreign:
        (cache_dir / name).write_text("mine")
    partial = cache_dir / f".killed{SCRATCH_SUFFIX}"
    partial.mkdir()
    (partial / f"{'0' * 64}{SUFFIX}").write_bytes(b"half")
    own = [file for file in cache_dir.glob(f"*{SUFFIX}") if file.name not in foreign]
    sizes = [file.stat().st_size for file in own]
    assert feature_cache_size(cache_dir) == sum(sizes) + 4
    assert clear_feature_cache(str(cache_dir)) == sum(sizes) + 4
    assert sorted(file.name for file in cache_dir.iterdir()) == sorted(foreign)
    assert feature_cache_size(cache_dir) == 0
    assert losses(build(), data, cache_dir) == first


def test_what_another_process_clears_meanwhile(
    cache_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feature_cache, "_files", lambda folder: [folder / f"gone{SUFFIX}"])
    assert feature_cache_size(cache_dir) == clear_feature_cache(cache_dir) == 0


@pytest.mark.parametrize("cache_dir", ["", 5, True, b"features", ["features"]])
def test_cache_folders_that_are_no_paths(data: Datasets, cache_dir: Any) -> None:
    for function in (feature_cache_size, clear_feature_cache):
        with pytest.raises(TypeError, match="cache_dir must be a path, such as 'features', not"):
            function(cache_dir)
    with pytest.raises(TypeError, match="cache_dir must be a path, such as 'features', not"):
        losses(build(), data, cache_dir)


@pytest.mark.parametrize("function", [feature_cache_size, clear_feature_cache])
def test_a_cache_that_is_a_file(function: Callable[[Path], int], tmp_path: Path) -> None:
    file = tmp_path / "photo.jpg"
    file.write_bytes(b"mine")
    with pytest.raises(NotADirectoryError, match=r"cache_dir must be a folder, but .*photo\.jpg"):
        function(file)
    assert file.read_bytes() == b"mine"


WRITING = """
import sys
from pathlib import Path

import numpy as np

from catdog.training import feature_cache

write = feature_cache._write

def write_half(path, array):  # and wait to be killed
    write(path, array)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    print("half", flush=True)
    sys.stdin.read()

feature_cache._write = write_half
array = np.zeros((1, 50, 8), np.float32)
feature_cache.cached(Path(sys.argv[1]), sys.argv[2], (1, 50), lambda: array, bool)
"""


def test_a_process_that_is_killed_while_it_writes(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITING, str(tmp_path), "0" * 64]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline() == b"half\n"
    process.kill()
    process.communicate()
    assert len(list(tmp_path.rglob(f"*{SUFFIX}"))) == 1  # the half, under its scratch name
    expected = np.ones((1, 50, 8), np.float32)
    for _ in range(2):
        assert np.array_equal(
            cached(tmp_path, "0" * 64, (1, 50), lambda: expected, is_ok), expected
        )
    assert clear_feature_cache(tmp_path) > expected.nbytes
    assert list(tmp_path.iterdir()) == []
