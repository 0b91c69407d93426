import shlex
from pathlib import Path

import pytest

from catdog import Datasets, load_datasets, save_corrections, save_model
from catdog.cli import train as cli_train
from catdog.cli.main import main
from catdog.matching import record_training
from tests.cli.conftest import Capture, untrained_model

TYPED = "--model cnn --image-size 24 --epochs 1 --out new.keras --compare pets.keras"


@pytest.fixture(autouse=True)
def no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is compared need not be trained."""
    monkeypatch.setattr(cli_train, "build_model", lambda *_, **__: untrained_model())
    monkeypatch.setattr(cli_train, "_train", lambda model, data, *_: record_training(model, data))


def train(folder: Path, more: str = "") -> int:
    return main(["train", str(folder), *shlex.split(f"{TYPED} {more}")])


@pytest.mark.usefixtures("file")
def test_corrections_and_the_comparison_on_the_same_test_set(
    image_folder: Path, data: Datasets, capsys: Capture
) -> None:
    """The split is that of the earlier model, whose seed is not the default."""
    relabelled, *_, left_out = data.paths("test")
    in_training = data.paths("train")[:2]
    decisions = {relabelled: "dogs", left_out: None, in_training[0]: None, in_training[1]: "dogs"}
    save_corrections(data, decisions, "c.json")
    assert train(image_folder, "--corrections c.json") == 0
    captured = capsys.readouterr()
    printed = captured.out.splitlines()
    start = printed.index("test set: first pets.keras, second new.keras")
    assert printed[start + 1].endswith((").", "."))
    assert "on 3 images" in printed[start + 1]
    assert printed[-1] == "  1 test image counted with the corrected label for both"
    assert "evaluated" not in captured.err


@pytest.mark.usefixtures("file")
def test_a_second_review_after_the_first(
    image_folder: Path, data: Datasets, capsys: Capture
) -> None:
    """The earlier model was trained without the images that the first review left out."""
    first, second, third = data.paths("train")[:3]
    save_corrections(data, {first: None, second: "dogs"}, "c.json")
    assert train(image_folder, "--corrections c.json") == 0
    save_corrections(data, {third: None}, "c.json")
    more = "--corrections c.json --compare new.keras --out newer.keras"
    assert train(image_folder, more) == 0
    assert "first new.keras, second newer.keras" in capsys.readouterr().out


@pytest.mark.usefixtures("file")
def test_without_corrections_and_with_a_split_file(
    image_folder: Path, data: Datasets, capsys: Capture
) -> None:
    assert train(image_folder) == 0
    assert "on 4 images" in capsys.readouterr().out
    data.save_split("split.json")
    assert train(image_folder, "--split-file split.json --seed 7 --overwrite") == 0
    assert "counted with the corrected label" not in capsys.readouterr().out


def test_another_test_set_is_refused_before_the_training(
    image_folder: Path, data: Datasets, capsys: Capture, file: str
) -> None:
    assert train(image_folder, "--seed 4") == 2
    message = capsys.readouterr().err
    assert "--compare='pets.keras' was trained on another split" in message
    assert "--split-file" in message
    model = untrained_model()
    save_model(model, "pets.keras")
    assert train(image_folder) == 2
    assert "has no record of the images that it was trained on" in capsys.readouterr().err
    (image_folder / "cats").rename(image_folder / "birds")
    record_training(model, load_datasets(image_folder))
    (image_folder / "birds").rename(image_folder / "cats")
    save_model(model, "pets.keras")
    assert train(image_folder) == 2
    assert "is for other classes: 'birds', 'dogs'" in capsys.readouterr().err
    assert main(["train", str(image_folder), "--out", "x.keras", "--compare", "none.keras"]) == 2
    assert "--compare='none.keras' does not exist" in capsys.readouterr().err
    assert not Path("new.keras").exists()
    assert not Path("x.keras").exists()


@pytest.mark.usefixtures("file")
@pytest.mark.filterwarnings("default:.* left out", "default:The split file does not")
def test_corrections_that_change_the_split(
    image_folder: Path, data: Datasets, capsys: Capture
) -> None:
    """An image in two classes takes part in the split as soon as its label is settled."""
    same = (image_folder / "cats/image.0.png").read_bytes()
    (image_folder / "dogs/same.png").write_bytes(same)
    with pytest.warns(match="left out"):
        before = load_datasets(image_folder, seed=3, on_bad_image="skip")
    model = untrained_model()
    record_training(model, before)
    save_model(model, "pets.keras")
    before.save_split("split.json")
    save_corrections(before, {image_folder / "dogs/same.png": "dogs"}, "c.json")
    changed = load_datasets(image_folder, seed=3, corrections="c.json")
    assert set(changed.paths("test")) != set(before.paths("test"))
    assert train(image_folder, "--corrections c.json") == 2
    assert "train the earlier model with --save-split" in capsys.readouterr().err
    assert train(image_folder, "--corrections c.json --split-file split.json") == 0
    assert "first pets.keras, second new.keras" in capsys.readouterr().out
