from pathlib import Path

import pytest

from catdog.cli.main import main
from tests.cli.conftest import Capture


def test_report(file: str, image_folder: Path, capsys: Capture) -> None:
    typed = ["report", file, str(image_folder), "--out", "pets.html", "--title", "My <pets>"]
    assert main(typed) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    first, second = captured.out.splitlines()
    assert first == "wrote pets.html, which contains images of the folder"
    assert second.startswith("test set: ")
    assert "of 4 test images right (95 % confidence interval" in second
    page = Path("pets.html").read_text("utf-8")
    assert "<title>My &lt;pets&gt;</title>" in page
    assert '"seed":3' in page  # the split of the training
    assert '"trained_on_these_data":true' in page


def test_a_report_is_replaced_only_if_asked_for(
    file: str, image_folder: Path, capsys: Capture
) -> None:
    Path("pets.html").write_text("mine")
    typed = ["report", file, str(image_folder), "--out", "pets.html"]
    assert main(typed) == 2
    assert "--out='pets.html' exists. Choose another name, or pass --overwrite." in (
        capsys.readouterr().err
    )
    assert Path("pets.html").read_text() == "mine"
    assert main([*typed, "--overwrite"]) == 0
    assert Path("pets.html").read_text("utf-8").startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("report pets.keras . --out pets.keras", "--out='pets.keras' must end in .html"),
        ("report pets.keras . --out no/pets.html", "--out='no/pets.html' needs the folder"),
        ("report pets . --out pets.html", "MODEL='pets' is neither a .keras file nor"),
        ("report pets.keras no --out pets.html", "FOLDER='no' is neither a folder"),
        ("train . --out a.keras --report pets.txt", "--report='pets.txt' must end in .html"),
    ],
)
def test_errors_name_what_was_typed(typed: str, message: str, capsys: Capture) -> None:
    assert main(typed.split()) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err


def test_train_writes_a_report_with_curves(image_folder: Path, capsys: Capture) -> None:
    typed = ["train", str(image_folder), "--model", "cnn", "--image-size", "32", "--epochs", "2"]
    assert main([*typed, "--out", "a.keras", "--report", "a.html"]) == 0
    assert "wrote a.html, which contains images of the folder" in capsys.readouterr().out
    page = Path("a.html").read_text("utf-8")
    assert '"n_epochs":2' in page
    assert "Learning curves of the accuracy" in page
