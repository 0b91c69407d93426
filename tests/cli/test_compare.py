from pathlib import Path

import keras
import pytest

from catdog import Datasets, compare, evaluate, load_model, save_model
from catdog.cli.main import main
from catdog.matching import record_training
from tests.cli.conftest import Capture, strict_json, untrained_model


@pytest.fixture
def other(data: Datasets) -> str:
    """Write a model that always answers `dogs`, trained on the same split as `file`."""
    model = untrained_model()
    model.layers[-1].bias.assign([0, 9])
    record_training(model, data)
    save_model(model, "other.keras")
    return "other.keras"


def test_two_models_on_the_same_images(
    file: str, other: str, data: Datasets, image_folder: Path, capsys: Capture
) -> None:
    results = [evaluate(load_model(name), data, split="train", verbose=0) for name in (file, other)]
    expected = compare(*results)
    typed = ["compare", file, other, str(image_folder), "--split", "train"]
    assert main(typed) == 0
    captured = capsys.readouterr()
    assert captured.out == f"first:  pets.keras\nsecond: other.keras\n{expected}\n"
    assert captured.err == ""
    assert main([*typed, "--json"]) == 0
    assert strict_json(capsys.readouterr().out) == {
        "first": file,
        "second": other,
        "data": str(image_folder),
        "seed": 3,
        "same_split_as_trained": {"first": True, "second": True},
        **expected.to_dict(),
    }


@pytest.mark.filterwarnings("default:.* trained on")
def test_a_model_that_may_have_seen_the_images(
    file: str, image_folder: Path, capsys: Capture
) -> None:
    """The split is that of the first; there is a warning about the second."""
    plain = untrained_model()
    keras.saving.save_model(plain, "plain.keras")
    assert main(["compare", file, "plain.keras", str(image_folder), "--json"]) == 0
    captured = capsys.readouterr()
    result = strict_json(captured.out)
    assert result["same_split_as_trained"] == {"first": True, "second": None}
    assert result["n"] == 4
    assert captured.err.startswith("catdog: warning: plain.keras has no record of the images")
    assert captured.err.count("warning") == 1


def test_errors_name_the_model(file: str, image_folder: Path, capsys: Capture) -> None:
    assert main(["compare", file, "gone.keras", str(image_folder)]) == 2
    assert "SECOND='gone.keras' does not exist" in capsys.readouterr().err
    assert main(["compare", "model2", file, str(image_folder)]) == 2
    assert "FIRST='model2' is neither" in capsys.readouterr().err
    assert main(["compare", file, file, str(image_folder), "--split", "all"]) == 2
    assert "pets.keras was trained on some of these" in capsys.readouterr().err
