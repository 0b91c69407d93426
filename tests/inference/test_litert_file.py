"""Exported LiteRT files are opened without Keras: the same answers as `predict`."""

import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from catdog import build_model, export_model, load_datasets, predict
from catdog.inference import litert_file
from catdog.inference.classify import Scorer
from catdog.inference.litert_file import (
    LABELS_MEMBER,
    open_bundled,
    open_exported,
    write_litert_file,
)
from catdog.models.bundled import EXPORTS, FOLDER
from catdog.models.metadata import ModelMetadata, attach_metadata
from catdog.typing import Floats
from tests.inference.conftest import SIZE, by_brightness

Images = NDArray[np.float32]
NAMES = ("žlutý kůň", "new\nline", "latin\udce9")


def draw(count: int, size: tuple[int, int] = SIZE) -> Images:
    """Draw images of coarse patterns, as `export_model` checks its files with."""
    cells = np.random.default_rng(0).integers(0, 256, (count, 6, 6, 3)).astype(np.float32)
    rows, columns = (np.arange(side) * 6 // side for side in size)
    return cells[:, rows][:, :, columns]


def probabilities(model: keras.Model, images: Images) -> NDArray[np.float64]:
    return np.stack([each.probabilities for each in predict(model, images, verbose=0)])


@pytest.fixture(scope="module")
def model() -> keras.Model:
    model = by_brightness(classes=3)
    attach_metadata(model, ModelMetadata(NAMES, temperature=2.0))
    return model


@pytest.fixture(scope="module")
def content(model: keras.Model, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("exported") / "model.tflite"
    export_model(model, path)
    return path.read_bytes()


@pytest.fixture
def path(content: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "model.tflite"
    path.write_bytes(content)
    return path


def program_of(content: bytes, folder: Path) -> bytes:
    (folder / "whole").write_bytes(content)
    with zipfile.ZipFile(folder / "whole") as archive:
        return content[: archive.infolist()[0].header_offset]


def score(scorer: Scorer, images: NDArray[np.float32]) -> Floats:
    return scorer.probabilities(scorer.compute.run(images))


def check(scorer: Scorer, model: keras.Model, names: Sequence[str]) -> None:
    assert scorer.class_names == tuple(names)
    assert scorer.image_size == SIZE
    expected = probabilities(model, draw(5))
    assert expected.max() < 0.9  # probabilities of 0 and 1 would hide mistakes
    for count in (5, 1):
        found = score(scorer, draw(5)[:count])
        assert found.dtype == np.float64
        assert found == pytest.approx(expected[:count], abs=1e-6)
        assert found.sum(axis=1) == pytest.approx(1, abs=1e-15)


def test_answers_are_those_of_predict(path: Path, model: keras.Model) -> None:
    check(open_exported(path), model, NAMES)


def test_names_that_were_passed(tmp_path: Path, model: keras.Model) -> None:
    """They are those of a model that has no metadata, too."""
    plain = keras.models.clone_model(model)
    plain.set_weights(model.get_weights())
    export_model(plain, tmp_path / "plain.tflite", class_names=["a", "b", "c"])
    scorer = open_exported(tmp_path / "plain.tflite")
    assert scorer.class_names == ("a", "b", "c")
    expected = predict(plain, draw(1), class_names=["a", "b", "c"])[0].probabilities
    assert score(scorer, draw(1))[0] == pytest.approx(expected, abs=1e-6)


def test_files_of_earlier_versions_have_labels_alone(
    content: bytes, path: Path, model: keras.Model, tmp_path: Path
) -> None:
    path.write_bytes(program_of(content, tmp_path))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(LABELS_MEMBER, "cats\ndogs\nžlutý kůň\n")
    check(open_exported(path), model, ["cats", "dogs", "žlutý kůň"])


def test_other_programs_run_the_file(path: Path, model: keras.Model) -> None:
    run = Interpreter(str(path)).get_signature_runner()
    found = run(images=draw(5))["probabilities"]
    assert found == pytest.approx(probabilities(model, draw(5)), abs=1e-6)
    assert zipfile.ZipFile(path).read(LABELS_MEMBER).decode().splitlines() == [
        "žlutý kůň",
        r"new\nline",
        r"latin\udce9",
    ]


@pytest.mark.parametrize("share", range(6))
def test_a_flipped_bit_is_found(content: bytes, path: Path, share: int) -> None:
    damaged = bytearray(content)
    damaged[len(program_of(content, path.parent)) * share // 6 + 5] ^= 16
    path.write_bytes(damaged)
    with pytest.raises(ValueError, match=r"is damaged, or not a file that .*\. Copy it again"):
        open_exported(path)


DAMAGES: list[Callable[[bytes], bytes]] = [
    lambda content: b"",
    lambda content: b"junk",
    lambda content: content[: len(content) // 2],
    lambda content: content[:-10],
    lambda content: content[1000:],
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file(content: bytes, path: Path, damage: Callable[[bytes], bytes]) -> None:
    path.write_bytes(damage(content))
    with pytest.raises(ValueError, match="is damaged, or not a file that export_model wrote"):
        open_exported(path)


def test_weights_that_changed(content: bytes, path: Path) -> None:
    """LiteRT would run them."""
    weight = np.float32(3 / 2).tobytes()  # of the bias, divided by the temperature
    assert content.count(weight) == 1
    path.write_bytes(content.replace(weight, np.float32(4).tobytes()))
    Interpreter(str(path)).allocate_tensors()
    with pytest.raises(ValueError, match="checksum is wrong"):
        open_exported(path)


def test_files_that_other_programs_wrote(content: bytes, path: Path, tmp_path: Path) -> None:
    program = program_of(content, tmp_path)
    metadata = ModelMetadata(("a", "b", "c"), SIZE)
    write_litert_file(path, program, metadata)
    open_exported(path)
    write_litert_file(path, program, replace(metadata, class_names=("a", "b")))
    with pytest.raises(ValueError, match="has not 2 classes"):
        open_exported(path)
    write_litert_file(path, program.replace(b"probabilities", b"probabilitieX"), metadata)
    with pytest.raises(ValueError, match="does not compute probabilities from images"):
        open_exported(path)
    path.write_bytes(program)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("other", "text")
    with pytest.raises(ValueError, match="not a file that export_model wrote"):
        open_exported(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(LABELS_MEMBER, bytes(2**25))
    with pytest.raises(ValueError, match="more than 16,777,216 bytes"):
        open_exported(path)


def test_paths_without_a_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"does not exist. catdog export writes"):
        open_exported(tmp_path / "none.tflite")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        open_exported(tmp_path)


@pytest.mark.parametrize("name", EXPORTS)
def test_bundled_exports_answer_as_the_bundled_weights(name: str) -> None:
    """The file is made from the weights: `python tools/bundle_litert.py`."""
    model = build_model(name, weights="cats_vs_dogs")
    scorer = open_bundled(name)
    assert scorer.image_size == model.input_shape[1:3]
    images = draw(40, scorer.image_size)
    expected = probabilities(model, images)
    assert np.ptp(expected[:, 0]) > 0.1
    assert score(scorer, images) == pytest.approx(expected, abs=1e-5)


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.parametrize("name", EXPORTS)
def test_bundled_exports_answer_as_the_bundled_weights_on_photos(name: str) -> None:
    model = build_model(name, weights="cats_vs_dogs")
    scorer = open_bundled(name)
    data = load_datasets("cats_and_dogs_filtered").at(scorer.image_size)
    for images, _ in data.test:
        expected = probabilities(model, images.numpy())
        assert score(scorer, images.numpy()) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("damage", ["flip", "cut", "remove"])
def test_a_damaged_bundled_export(
    damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = bytearray((FOLDER / "compact.tflite").read_bytes())
    content[len(content) // 2] ^= 1
    monkeypatch.setattr(litert_file, "FOLDER", tmp_path)
    if damage != "remove":
        (tmp_path / "compact.tflite").write_bytes(content if damage == "flip" else content[:1000])
    with pytest.raises(OSError, match=r"a part of catdog: .*\. Install catdog again") as caught:
        open_bundled("compact")
    assert "export_model writes" not in str(caught.value)


def test_the_script_writes_the_bundled_exports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "tools")
    import bundle_litert

    bundle_litert.main(["--out", str(tmp_path)])
    assert [file.stem for file in tmp_path.iterdir()] == list(EXPORTS)
    for file in tmp_path.iterdir():
        committed = score(open_exported(FOLDER / file.name), draw(8, (128, 128)))
        assert score(open_exported(file), draw(8, (128, 128))) == pytest.approx(committed, abs=1e-5)
