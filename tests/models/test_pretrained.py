"""The weights that come with the package, and the script that puts them there."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from catdog import build_model, evaluate, list_models, load_datasets, model_spec
from catdog.models import compact, pretrained
from catdog.models.bundled import EXPORTS, FOLDER
from catdog.models.metadata import get_metadata
from tests.conftest import Golden

PRETRAINED = [name for name in list_models() if model_spec(name).read_pretrained]


def wave() -> NDArray[np.float32]:
    """An image of smooth colours."""
    row, column = np.indices((128, 128)) / 128
    channels = [np.sin(7 * row + 3 * k * column + k) for k in (1, 2, 3)]
    return (127.5 + 127.5 * np.stack(channels, axis=-1)).astype(np.float32)[np.newaxis]


def ready(name: str, **options: Any) -> keras.Model:
    return build_model(name, weights="cats_vs_dogs", **options)


@pytest.mark.parametrize("name", PRETRAINED)
def test_a_model_is_ready_and_has_its_class_names(name: str) -> None:
    model = ready(name)
    weights = model_spec(name).pretrained
    assert weights is not None
    metadata = get_metadata(model)
    assert metadata is not None
    assert metadata.class_names == ("cats", "dogs")
    assert metadata.model_name == name
    assert metadata.image_size == weights.image_size == model.input_shape[1:3]
    assert metadata.temperature == weights.temperature


@pytest.mark.parametrize("name", PRETRAINED)
def test_logits_are_those_of_the_evaluated_weights(name: str, golden: Golden) -> None:
    """The logits of cats and dogs for `wave()` move with every weight."""
    found = [round(float(logit), 4) for logit in ready(name).predict(wave(), verbose=0)[0]]
    assert found == pytest.approx(golden(f"logits of {name}", found), abs=2e-3)


@pytest.mark.parametrize("name", PRETRAINED)
def test_files_are_small_and_rounded_to_half_precision(name: str) -> None:
    assert (FOLDER / f"{name}.npz").stat().st_size < 5e6
    for weight in ready(name).get_weights():
        assert weight.dtype == np.float32
        assert np.array_equal(weight, weight.astype(np.float16).astype(np.float32))


@pytest.mark.parametrize("name", PRETRAINED)
def test_every_file_has_a_model_and_a_record(name: str) -> None:
    suffixes = {path.suffix for path in FOLDER.iterdir() if path.stem == name}
    exported = {".tflite"} if name in EXPORTS else set()
    assert suffixes == {".npz", ".json", *exported}
    assert {path.stem for path in FOLDER.iterdir()} == set(PRETRAINED)
    record = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    assert record["evaluated"]["n"] == 1000
    assert record["evaluated"]["right"] / 1000 == record["evaluated"]["accuracy"]


def test_compact_is_ready_by_default() -> None:
    for one, other in zip(
        build_model("compact").get_weights(), ready("compact").get_weights(), strict=True
    ):
        assert np.array_equal(one, other)
    assert get_metadata(build_model("compact", weights=None)) is None


def test_other_classes_get_a_new_last_layer() -> None:
    model = ready("compact", num_classes=3, seed=0)
    assert model.output_shape == (None, 3)
    assert get_metadata(model) is None
    new = build_model("compact", num_classes=3, weights=None, seed=0).get_weights()[-2:]
    expected = [*ready("compact").get_weights()[:-2], *new]
    assert all(map(np.array_equal, model.get_weights(), expected))


def test_a_network_without_dense_input_takes_any_size() -> None:
    metadata = get_metadata(ready("compact", image_size=(96, 64)))
    assert metadata is not None
    assert metadata.image_size == (96, 64)


def test_models_without_bundled_weights() -> None:
    with pytest.raises(ValueError, match=r"come with 'cnn.*'compact'.* not with 'cnn.two_block'"):
        ready("cnn.two_block")


def test_a_flattening_network_takes_one_size() -> None:
    with pytest.raises(ValueError, match=r"for images of \(128, 128\), not of \(96, 96\)"):
        ready("cnn", image_size=(96, 96))


@pytest.mark.parametrize("damage", ["flip", "cut", "remove"])
def test_a_damaged_file_is_never_used(
    damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = bytearray((FOLDER / "compact.npz").read_bytes())
    content[len(content) // 2] ^= 1
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path)
    if damage != "remove":
        (tmp_path / "compact.npz").write_bytes(content if damage == "flip" else content[:1000])
    with pytest.raises(OSError, match="Install catdog again"):
        build_model("compact")


@pytest.mark.parametrize("content", [None, b"", b'{"sha256": 1}', b"temperature"])
def test_a_damaged_record_is_an_error(
    content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if content == b"temperature":
        content = (FOLDER / "compact.json").read_bytes().replace(b": 0.79", b": 979")
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path)
    if content is not None:
        (tmp_path / "compact.json").write_bytes(content)
    with pytest.raises(OSError, match=r"compact\.json.*Install catdog again"):
        pretrained.pretrained_weights("compact")


@pytest.mark.real_data
@pytest.mark.parametrize("name", PRETRAINED)
def test_the_record_has_the_accuracy(name: str) -> None:
    """The validation and test images of the data set are the 1000 of the record."""
    weights = model_spec(name).pretrained
    assert weights is not None
    model = ready(name)
    data = load_datasets("cats_and_dogs_filtered").at(weights.image_size)
    evaluated = [evaluate(model, data, split=split, verbose=0) for split in ("validation", "test")]
    right = sum(round(each.accuracy * each.n) for each in evaluated)
    assert sum(each.n for each in evaluated) == 1000 == weights.measured.n
    assert right / 1000 == pytest.approx(weights.measured.accuracy, abs=0.002)  # by rounding


def test_the_script_rounds_the_weights_that_it_bundles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the weights of a training to the model of `build_model`, on drawn images."""
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "tools")
    import bundle_weights
    from compact_data import Images

    labels = np.arange(20, dtype=np.int32) % 2
    pixels = np.random.default_rng(0).integers(0, 256, (20, 128, 128, 3), np.uint8)
    images = Images(np.array([f"{n}" for n in labels]), labels, pixels, labels.astype(str))
    monkeypatch.setattr(
        bundle_weights, "read_images", lambda _: (None, {"held_out_originals": images})
    )
    monkeypatch.setattr(bundle_weights, "read_archive", lambda *_, **__: images)
    compact.build((128, 128), 2).save_weights(tmp_path / "compact.weights.h5")
    run = {"settings": {"seed": 3}, "images": 7, "cpu_seconds": 1, "versions": {"keras": "3"}}
    (tmp_path / "compact.run.json").write_text(json.dumps(run))
    bundle_weights.main(["compact", "--work", str(tmp_path), "--out", str(tmp_path)])

    monkeypatch.setattr(pretrained, "FOLDER", tmp_path)
    weights = pretrained.pretrained_weights("compact")
    model = compact.build((128, 128), 2)
    pretrained.load_pretrained(model, weights)
    given = model.predict(pixels.astype(np.float32), verbose=0)
    trained = compact.build((128, 128), 2)
    trained.load_weights(tmp_path / "compact.weights.h5")
    expected = trained.predict(pixels.astype(np.float32), verbose=0)
    assert given == pytest.approx(expected, abs=1e-3)
    assert weights.measured.accuracy == pytest.approx((given.argmax(axis=1) == labels).mean())
    assert (weights.measured.n, weights.measured.seed) == (20, 3)
    assert weights.measured.command == "python tools/train_compact.py --work FOLDER"
    wrong = dataclasses.replace(weights, sha256="0" * 64)
    with pytest.raises(OSError, match="checksum is wrong"):
        pretrained.load_pretrained(model, wrong)


def test_a_weight_too_large_for_half_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "tools")
    from bundle_weights import rounded

    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.set_weights([np.array([[70_000.0]]), np.zeros(1)])
    with pytest.raises(ValueError, match="beyond what float16 holds"):
        rounded(model)
