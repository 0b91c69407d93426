import csv
from pathlib import Path

import numpy as np
import pytest

import catdog
from catdog import Datasets, predict
from catdog.cli.main import main
from tests.cli.conftest import Capture, strict_json, untrained_model
from tests.conftest import MakeFolder, write_images


def test_evaluate_in_json(file: str, image_folder: Path, capsys: Capture) -> None:
    typed = ["evaluate", str(image_folder), "--model", file, "--json", "--split", "validation"]
    assert main(typed) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    result = strict_json(captured.out)
    assert result["model"] == file
    assert result["seed"] == 3
    assert result["same_split_as_trained"] is True
    assert (result["split"], result["n"]) == ("validation", 4)
    assert result["interval"][0] <= result["accuracy"] <= result["interval"][1]


@pytest.mark.filterwarnings("default:.* trained on")
def test_evaluate_warns_about_another_split(file: str, image_folder: Path, capsys: Capture) -> None:
    (image_folder / "cats/image.0.png").unlink()
    assert main(["evaluate", str(image_folder), "--model", file, "--json"]) == 0
    captured = capsys.readouterr()
    assert strict_json(captured.out)["same_split_as_trained"] is False
    assert captured.err.startswith(
        "catdog: warning: pets.keras was trained on another split of images than this: "
        "12 + 4 + 4 there, 11 + 4 + 4 here."
    )


@pytest.mark.filterwarnings("default:.* split file")
def test_evaluate_with_a_split_file(
    file: str, data: Datasets, image_folder: Path, capsys: Capture
) -> None:
    data.save_split("split.json")
    typed = ["evaluate", str(image_folder), "--model", file, "--split-file", "split.json"]
    write_images(image_folder / "dogs/new", 1, tint=100)
    assert main(typed) == 0  # still the same split
    message = capsys.readouterr().err
    assert "1 image" in message
    assert "Pass --new-files train to add new ones to the training set." in message
    data.paths("train")[0].unlink()
    assert main(typed) == 2
    message = capsys.readouterr().err
    assert "make a new split without --split-file" in message
    assert "split_file" not in message


@pytest.mark.filterwarnings("default:.* trained on")
def test_evaluate_warns_about_a_model_without_metadata(image_folder: Path, capsys: Capture) -> None:
    untrained_model().save("plain.keras")
    assert main(["evaluate", str(image_folder), "--model", "plain.keras", "--json"]) == 0
    captured = capsys.readouterr()
    assert strict_json(captured.out)["same_split_as_trained"] is None
    assert captured.err.startswith("catdog: warning: plain.keras has no record of the images")


def test_evaluate_refuses_other_classes(
    file: str, make_folder: MakeFolder, capsys: Capture
) -> None:
    folder = make_folder({"more/ants": 10, "more/bees": 10})
    assert main(["evaluate", str(folder / "more"), "--model", file]) == 2
    assert "the classes cats, dogs, but" in capsys.readouterr().err


@pytest.mark.filterwarnings("default:.* trained on")
def test_evaluate_warns_about_a_pretrained_model(image_folder: Path, capsys: Capture) -> None:
    assert main(["evaluate", str(image_folder), "--model", "cnn", "--json"]) == 0
    captured = capsys.readouterr()
    assert strict_json(captured.out)["n"] == 4
    assert captured.err.startswith("catdog: warning: cnn was trained on most of Kaggle's")


@pytest.mark.real_data
def test_evaluate_does_not_warn_about_the_held_out_images(capsys: Capture) -> None:
    assert main(["evaluate", "cats_and_dogs_filtered", "--model", "compact", "--json"]) == 0
    captured = capsys.readouterr()
    assert strict_json(captured.out)["accuracy"] > 0.95
    assert captured.err == ""


def test_evaluate_on_all_images(file: str, image_folder: Path, capsys: Capture) -> None:
    assert main(["evaluate", str(image_folder), "--model", file, "--split", "all"]) == 2
    assert "--split='all' is for images that a model was not tr" in capsys.readouterr().err


@pytest.mark.filterwarnings("default:.* trained on")
def test_evaluate_a_pretrained_model_on_all_images(image_folder: Path, capsys: Capture) -> None:
    (image_folder / "dogs/image.9.png").unlink()
    typed = ["evaluate", str(image_folder), "--model", "compact", "--json", "--split", "all"]
    assert main(typed) == 0
    result = strict_json(capsys.readouterr().out)
    assert (result["split"], result["n"]) == ("test", 19)
    assert result["baseline"] == pytest.approx(10 / 19)
    predictions = predict(catdog.build_model("compact"), [image_folder], verbose=0)
    correct = [each.path is not None and each.label == each.path.parent.name
             for each in predictions]  # fmt: skip
    assert result["accuracy"] == pytest.approx(np.mean(correct))


def test_a_model_of_other_classes(make_folder: MakeFolder, file: str, capsys: Capture) -> None:
    three = make_folder({"three/a": 5, "three/b": 5, "three/c": 5}) / "three"
    assert main(["evaluate", str(three), "--model", file]) == 2
    assert capsys.readouterr().err.endswith("Train a model on these images: catdog train.\n")
    assert (
        main(["evaluate", str(make_folder({"two/x": 5, "two/y": 5}) / "two"), "--model", file]) == 2
    )
    message = capsys.readouterr().err
    assert message.startswith("catdog: error: --model was trained on the classes cats, dogs")
    assert message.endswith("or train a model on them with catdog train.\n")


def test_evaluate_lists_every_image(
    file: str, image_folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows of the file are those of the JSON with another class than their label."""
    typed = ["evaluate", image_folder.name, "--model", str(Path(file).absolute()), "--json"]
    monkeypatch.chdir(image_folder.parent)
    assert main([*typed, "--split", "train", "--wrong", "wrong.csv"]) == 0
    result = strict_json(capsys.readouterr().out)
    images = result["images"]
    assert len(images) == result["n"] == 12
    losses = [image["loss"] for image in images]
    assert losses == sorted(losses, reverse=True)
    assert np.mean(losses) == pytest.approx(result["loss"])
    for image in images:
        assert Path(image["path"]).is_file()  # as typed, from here
        assert Path(image["path"]).parent == Path(image_folder.name, image["label"])
    with Path("wrong.csv").open(newline="", encoding="utf-8") as opened:
        rows = list(csv.DictReader(opened))
    wrong = [image for image in images if image["label"] != image["predicted"]]
    assert 0 < len(wrong) == round(12 * (1 - result["accuracy"]))
    assert rows == [{key: str(value) for key, value in image.items()} for image in wrong]


def test_no_file_is_replaced_unasked(
    file: str, image_folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("wrong.csv").write_text("mine")
    typed = ["evaluate", str(image_folder), "--model", file, "--wrong"]
    with monkeypatch.context() as patch:
        patch.delattr("catdog.cli.evaluate.open_model")  # not needed for the answer
        assert main([*typed, "wrong.csv"]) == 2
        assert "--wrong='wrong.csv' exists. Choose another name" in capsys.readouterr().err
        assert main([*typed, "no/wrong.csv"]) == 2
        assert "--wrong='no/wrong.csv' needs the folder" in capsys.readouterr().err
        assert main([*typed, str(image_folder)]) == 2
        assert "is a folder" in capsys.readouterr().err
    assert Path("wrong.csv").read_text() == "mine"
    assert main([*typed, "wrong.csv", "--overwrite"]) == 0
    assert Path("wrong.csv").read_text().startswith("path,label,predicted,probability,loss\n")
