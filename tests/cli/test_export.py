from pathlib import Path

import pytest

from catdog.cli.main import main
from tests.cli.conftest import Capture, strict_json


@pytest.mark.parametrize("name", ["pets.tflite", "pets.html"])
def test_a_file_by_its_suffix(name: str, file: str, image_folder: Path, capsys: Capture) -> None:
    assert main(["export", file, "--out", name]) == 0
    assert capsys.readouterr().out == f"wrote {name}\n"
    written = Path(name).read_bytes()
    assert main(["export", file, "--out", name]) == 2
    assert f"--out='{name}' exists. Choose another name" in capsys.readouterr().err
    assert Path(name).read_bytes() == written
    if name.endswith(".tflite"):
        assert main(["predict", str(image_folder), "--model", name, "--json"]) == 0
        assert len(strict_json(capsys.readouterr().out)) == 20


def test_options_reach_the_function(
    file: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed: list[object] = []
    monkeypatch.setattr(
        "catdog.cli.export.export_model", lambda model, path, **more: passed.append((path, more))
    )
    Path("pets.html").touch()
    typed = ["--out", "pets.html", "--overwrite", "--format", "html", "--unsure-below", "0.8"]
    assert main(["export", file, *typed]) == 0
    assert passed == [("pets.html", {"format": "html", "unsure_below": 0.8})]
    assert main(["export", file, "--out", "folder"]) == 0
    assert passed[1] == ("folder", {"format": None, "unsure_below": None})


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("{} --out pets.xyz", "--out='pets.xyz' has a suffix of no export format"),
        ("{} --out no/pets.tflite", "--out='no/pets.tflite' needs the folder"),
        ("{} --out pets.tflite --unsure-below 0.5", "--unsure-below=0.5 is for web pages"),
        ("{} --out pets.tflite --format html", "--out='pets.tflite' does not match"),
        ("gone.keras --out pets.tflite", "MODEL='gone.keras' does not exist"),
        ("model2 --out pets.tflite", "MODEL='model2' is neither a .keras file"),
    ],
)
def test_errors_name_what_was_typed(typed: str, message: str, file: str, capsys: Capture) -> None:
    assert main(["export", *typed.format(file).split()]) == 2
    assert message in capsys.readouterr().err
    assert not list(Path().glob("pets.[!k]*"))
