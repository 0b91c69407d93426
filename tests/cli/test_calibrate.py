from pathlib import Path

import pytest

from catdog import Datasets, calibrate, load_model
from catdog.cli.main import main
from catdog.models.metadata import get_temperature
from tests.cli.conftest import Capture, strict_json


@pytest.mark.filterwarnings("default:.* more often right")  # it guesses
def test_the_temperature_is_saved(
    file: str, data: Datasets, image_folder: Path, capsys: Capture
) -> None:
    before = Path(file).read_bytes()
    expected = calibrate(load_model(file), data, verbose=0)
    assert main(["calibrate", file, str(image_folder), "--out", "calibrated.keras"]) == 0
    captured = capsys.readouterr()
    assert captured.out == f"{expected}\nwrote calibrated.keras\n"
    assert get_temperature(load_model("calibrated.keras")) == expected.temperature != 1
    assert Path(file).read_bytes() == before
    assert main(["calibrate", file, str(image_folder), "--overwrite", "--json"]) == 0
    assert strict_json(capsys.readouterr().out) == {
        "model": file,
        "data": str(image_folder),
        **expected.to_dict(),
    }
    assert get_temperature(load_model(file)) == expected.temperature


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("pets.keras", "MODEL='pets.keras' exists. Pass --overwrite to replace it, or --out cal"),
        ("pets.keras --out pets.keras", "--out='pets.keras' exists. Choose another name, or"),
        ("pets.keras --out pets.h5", "--out='pets.h5' must end in .keras"),
        ("compact", "MODEL='compact' is part of catdog, so the calibrated model needs a file. Pa"),
        ("compact --overwrite", "MODEL='compact' is part of catdog"),
    ],
)
def test_no_file_is_replaced_unasked(
    typed: str, message: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer comes before anything is loaded."""
    monkeypatch.delattr("catdog.cli.calibrate.open_model")
    Path("pets.keras").write_text("mine")
    assert main(["calibrate", *typed.split(), "synthetic"]) == 2
    assert message in capsys.readouterr().err
    assert Path("pets.keras").read_text() == "mine"


@pytest.mark.filterwarnings("default:.* trained on")
def test_a_pretrained_model(image_folder: Path, capsys: Capture) -> None:
    assert main(["calibrate", "cnn", str(image_folder), "--out", "own.keras"]) == 0
    captured = capsys.readouterr()
    assert captured.out.endswith("wrote own.keras\n")
    assert captured.err.startswith("catdog: warning: cnn was trained on most of Kaggle's")
