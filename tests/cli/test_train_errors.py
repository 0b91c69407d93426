import re
import shlex
from pathlib import Path
from typing import Any

import pytest

import catdog
from catdog import load_model
from catdog.cli.main import main
from tests.cli.conftest import Capture


def test_train_keeps_a_file_that_appears_during_the_training(
    image_folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def train(*options: Any, **more: Any) -> None:
        Path("m.keras").write_text("precious")
        Path("m-2.keras").write_text("precious")
        catdog.train(*options, **more)

    monkeypatch.setattr("catdog.cli.train.train", train)
    typed = f"train {image_folder} --model cnn --image-size 24 --epochs 1 --out ./m.keras"
    assert main(shlex.split(typed)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "wrote m-3.keras" in lines
    assert "--model m-3.keras" in lines[-1]
    assert Path("m.keras").read_text() == Path("m-2.keras").read_text() == "precious"
    load_model("m-3.keras")


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("model.h5", "must end in .keras. .* For example, call it 'model.keras'"),
        ("/", "must end in .keras. For example, call it 'model.keras'"),
        ("other.keras", "is a link to .*old.h5, which does not end in .keras"),
        (
            "nowhere/model.keras",
            "--out=.*needs the folder .*nowhere, which does not exist. Make",
        ),
        ("folder.keras", "is a folder. Choose another name"),
        ("there.keras", "exists. Choose another name, or pass --overwrite"),
        ("link.keras", "exists. Choose another name, or pass --overwrite"),
        (f"{'long' * 65}.keras", "is too long for the file system"),
    ],
)
def test_train_checks_the_target_before_training(
    out: str, message: str, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "folder.keras").mkdir()
    (tmp_path / "there.keras").write_text("mine")
    (tmp_path / "link.keras").symlink_to("nothing.keras")
    (tmp_path / "other.keras").symlink_to("old.h5")
    before = set(tmp_path.iterdir())
    monkeypatch.delattr("catdog.cli.train.load_data")
    overwrite = ["--overwrite"] if out == "other.keras" else []
    assert main(["train", "synthetic", "--model", "cnn", "--out", out, *overwrite]) == 2
    assert re.search(f"catdog: error: .*{message}", capsys.readouterr().err)
    assert (tmp_path / "there.keras").read_text() == "mine"
    assert set(tmp_path.iterdir()) == before


def test_train_reports_a_folder_that_cannot_be_written(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("catdog.cli.target.TemporaryDirectory", refuse)
    monkeypatch.delattr("catdog.cli.train.load_data")
    assert main(["train", "synthetic", "--out", "m.keras"]) == 2
    assert capsys.readouterr().err == (
        "catdog: error: --out='m.keras' cannot be written: Permission denied.\n"
    )


def test_train_reports_a_model_that_cannot_be_saved(
    image_folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("catdog.cli.train.save_model", refuse)
    typed = f"train {image_folder} --model cnn --image-size 24 --epochs 1 --out m.keras"
    assert main(shlex.split(typed)) == 2
    message = (
        "catdog: error: --out='m.keras' cannot be written: [Errno 28] No space left on device.\n"
    )
    assert capsys.readouterr().err.endswith(message)


def test_train_overwrites_on_request(image_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "m.keras").write_text("old")
    typed = f"train {image_folder} --model cnn --image-size 24 --epochs 1 --overwrite --out m.keras"
    assert main(shlex.split(typed)) == 0
    load_model("m.keras")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("--model cnnn", "--model='cnnn' is not known. Did you mean 'cnn'?"),
        ("--model cnn --patience -1", "--patience must be a whole number of at least 0, not -1."),
        ("--model cnn --epochs 0", "--epochs must be a whole number of at least 1, not 0."),
        ("--model cnn --seed -1", "--seed must be a whole number from 0"),
        ("--model cnn --image-size 2", "--image-size must be at least (22, 22)"),
        ("--model cnn --backbone VGG16", "--backbone='VGG16' is for the model "),
        ("--cache-dir m", "--cache-dir must be a folder, but m is a file."),
        (
            "--model cnn --split-file no.json",
            "--split-file='no.json' does not exist. catdog train --save-split",
        ),
        (
            "--model cnn --save-split no/a.json",
            "--save-split='no/a.json' needs the folder no",
        ),
        ("--model cnn --save-split ./m.keras", "--out='m.keras' and --save-split are one file."),
    ],
)
def test_train_refuses(more: str, message: str, image_folder: Path, capsys: Capture) -> None:
    Path("m").touch()
    before = set(Path().iterdir())
    kept = [] if "--save-split" in more else ["--save-split", "s.json"]
    assert main(["train", str(image_folder), "--out", "m.keras", *kept, *more.split()]) == 2
    assert f"catdog: error: {message}" in capsys.readouterr().err
    assert set(Path().iterdir()) == before


def test_train_keeps_another_split_file(image_folder: Path, capsys: Capture) -> None:
    Path("split.json").write_text("mine")
    typed = f"train {image_folder} --model cnn --image-size 24 --out m.keras --save-split"
    assert main([*typed.split(), "split.json"]) == 2
    assert "If the file holds an earlier split, --split-file loads it." in capsys.readouterr().err
    assert Path("split.json").read_text() == "mine"


def test_train_is_interrupted(
    image_folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("catdog.cli.train.train", interrupt)
    typed = f"train {image_folder} --model cnn --image-size 24 --out m.keras"
    assert main(shlex.split(typed)) == 130
    assert capsys.readouterr().err == "catdog: interrupted\n"
    assert not Path("m.keras").exists()
