import csv
from pathlib import Path

import pytest

from catdog import Datasets, find_label_issues, load_model, save_model
from catdog.cli.main import main
from tests.cli.conftest import Capture, strict_json, untrained_model


@pytest.fixture
def frozen(data: Datasets) -> str:
    """Write a model with a frozen backbone."""
    model = untrained_model(has_backbone=True)
    save_model(model, "frozen.keras")
    return "frozen.keras"


def test_lines_rows_and_json(
    frozen: str,
    data: Datasets,
    image_folder: Path,
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expected = find_label_issues(load_model(frozen), data, folds=3, seed=3, verbose=0)
    model = str(Path(frozen).absolute())
    monkeypatch.chdir(image_folder.parent)
    typed = ["labels", image_folder.name, "--model", model, "--folds", "3", "--seed", "3"]
    assert main([*typed, "--csv", "found.csv"]) == 0
    captured = capsys.readouterr()
    assert captured.out == f"{expected}\nwrote found.csv\n"
    assert captured.err == ""
    with Path("found.csv").open(newline="", encoding="utf-8") as opened:
        rows = list(csv.DictReader(opened))
    assert main([*typed, "--json"]) == 0
    entries = strict_json(capsys.readouterr().out)
    assert rows == [{key: str(value) for key, value in entry.items()} for entry in entries]
    assert [Path(entry["path"]).resolve() for entry in entries] == [
        issue.path.resolve() for issue in expected.images
    ]
    assert len(entries) == 16
    assert main([*typed, "--csv", "found.csv"]) == 2
    assert "--csv='found.csv' exists." in capsys.readouterr().err
    assert main([*typed, "--splits", "test", "validation", "train", "--json"]) == 0
    assert len(strict_json(capsys.readouterr().out)) == 20


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("--folds 1", "--folds must be"),
        ("--folds 9", "--folds=9 needs 9 images of each class"),
        ("--model gone.keras", "--model='gone.keras' does not exist"),
        ("--model nothing", "--model='nothing'"),
        (
            "--model pets.keras",
            "find_label_issues needs a model that begins with a frozen backbone",
        ),
    ],
)
def test_errors_name_the_options(
    typed: str, message: str, frozen: str, file: str, image_folder: Path, capsys: Capture
) -> None:
    assert main(["labels", str(image_folder), "--model", frozen, *typed.split()]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"catdog: error: {message}")
    assert "build_model" not in error
