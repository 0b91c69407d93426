import shlex
from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from catdog import Datasets, load_datasets, load_model, save_corrections, train
from catdog.cli.data import load_data
from catdog.cli.main import main
from catdog.cli.parser import make_parser
from catdog.cli.train import next_command
from catdog.models.metadata import get_metadata
from catdog.typing import SPLITS
from tests.cli.conftest import Capture, untrained_model
from tests.conftest import MakeFolder, write_images


def test_train_then_evaluate(image_folder: Path, capsys: Capture) -> None:
    typed = f"train {image_folder} --model cnn --image-size 24x26 --epochs 2 --seed 3 --out m.keras"
    assert main(shlex.split(typed)) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("2 classes, images of 24 x 26 pixels\n  train          12")
    assert "validation set: " in captured.out
    assert captured.err.count("  val_loss ") == 2
    assert load_model("m.keras").input_shape == (None, 24, 26, 3)
    command = captured.out.splitlines()[-1].partition(": ")[2]
    assert command == f"catdog evaluate --model m.keras {image_folder}"
    assert main(shlex.split(command)[1:]) == 0  # with seed 3, and so without a warning
    captured = capsys.readouterr()
    assert captured.out.startswith("test set: ")
    assert "evaluated" not in captured.out
    assert captured.err == ""


@pytest.mark.parametrize(("patience", "kept"), [([], 5), (["--patience", "0"], None)])
def test_train_keeps_the_best_epoch(
    image_folder: Path, patience: list[str], kept: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed = []

    def record(*_: Any, patience: int | None, **__: Any) -> None:
        passed.append(patience)

    monkeypatch.setattr("catdog.cli.train.train", record)
    typed = f"train {image_folder} --model cnn --image-size 24 --out m.keras"
    assert main([*shlex.split(typed), *patience]) == 0
    assert passed == [kept]


@pytest.mark.parametrize("epochs", [0, 2])
def test_an_interrupted_training_is_saved_if_a_step_was_taken(
    image_folder: Path, epochs: int, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def interrupt(model: Any, data: Datasets, **_: Any) -> None:
        if epochs:
            train(model, data, epochs=epochs, verbose=0)
        raise KeyboardInterrupt

    monkeypatch.setattr("catdog.cli.train.train", interrupt)
    typed = f"train {image_folder} --model cnn --image-size 24 --out m.keras"
    assert main(shlex.split(typed)) == 130
    assert Path("m.keras").exists() == (epochs > 0)
    assert ("wrote m.keras" in capsys.readouterr().out) == (epochs > 0)


def test_train_is_reproducible_by_the_seed(image_folder: Path) -> None:
    typed = f"train {image_folder} --model cnn --image-size 24 --epochs 1 --out"
    for seed, name in (("1", "a.keras"), ("1", "b.keras"), ("2", "c.keras")):
        assert main([*shlex.split(typed), name, "--seed", seed]) == 0
    a, b, c = (load_model(f"{name}.keras").get_weights() for name in "abc")
    assert all(np.array_equal(*pair) for pair in zip(a, b, strict=True))
    assert not np.array_equal(a[0], c[0])


def test_train_with_a_split_file(image_folder: Path, data: Datasets, capsys: Capture) -> None:
    data.save_split("split.json")
    typed = f"train {image_folder} --model cnn --image-size 24 --epochs 1"
    assert main([*shlex.split(typed), "--split-file", "split.json", "--out", "a.keras"]) == 0
    command = capsys.readouterr().out.splitlines()[-1].partition(": ")[2]
    assert "--split-file split.json" in command
    assert main(shlex.split(command)[1:]) == 0
    assert capsys.readouterr().err == ""
    assert main([*shlex.split(typed), "--seed", "3", "--save-split", "again.json",
                 "--out", "b.keras"]) == 0  # fmt: skip
    assert Path("again.json").read_bytes() == Path("split.json").read_bytes()


@pytest.mark.filterwarnings("default:.* was trained on another split")
def test_train_with_labels_and_corrections(image_folder: Path, capsys: Capture) -> None:
    """The names of the classes are those of the table; the evaluation is on the same split."""
    rows = [
        f"{kind}/image.{n},my {kind}" for kind in ("cats", "dogs") for n in range(10)
    ]  # fmt: skip
    Path("labels.csv").write_text("\n".join(["id,class", *rows]))
    data = load_datasets(image_folder, labels="labels.csv")
    wrong, unclear = data.paths("train")[:2]
    save_corrections(data, {wrong: "my dogs", unclear: None}, "c.json")
    typed = f"train {image_folder} --model cnn --image-size 24 --epochs 1 --out m.keras"
    options = ["--labels", "labels.csv", "--corrections", "c.json"]
    assert main([*shlex.split(typed), *options]) == 0
    captured = capsys.readouterr()
    assert "train          11  (my cats 4, my dogs 7)" in captured.out
    assert "corrections: 1 file corrected, 1 file left out" in captured.out
    command = captured.out.splitlines()[-1].partition(": ")[2]
    assert " ".join(options) in command
    assert main(shlex.split(command)[1:]) == 0
    assert capsys.readouterr().err == ""
    metadata = get_metadata(load_model("m.keras"))
    assert metadata
    assert metadata.corrections == {"corrected": 1, "left_out": 1}
    without = shlex.split(command.replace("--corrections c.json ", ""))[1:]
    assert main(without) == 0
    assert "--labels, --corrections" in capsys.readouterr().err


@pytest.fixture
def build_with_backbone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "catdog.cli.train.build_model", lambda name, **_: untrained_model(has_backbone=True)
    )


@pytest.mark.usefixtures("build_with_backbone")
def test_train_extracts_the_features_of_a_backbone_once(
    image_folder: Path, capsys: Capture
) -> None:
    typed = f"train {image_folder} --out m.keras --epochs 2 --cache-dir features"
    assert main(shlex.split(typed)) == 0
    assert list(Path("features").iterdir())
    assert capsys.readouterr().err.count("  val_loss ") == 2


def test_train_and_evaluate_cache_the_decoded_images(
    image_folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = f"{image_folder} --cache-dir cache"
    train = f"train --model cnn --image-size 24 --epochs 1 {options}"
    assert main(shlex.split(f"{train} --out m.keras")) == 0
    assert "decoded images are cached in " in capsys.readouterr().out
    assert main(shlex.split(f"evaluate --model m.keras {options}")) == 0

    def fail(*_: object, **__: object) -> None:
        raise ValueError("decoded again")

    monkeypatch.setattr("catdog.data.pipeline.decode_image", fail)
    assert main(shlex.split(f"{train} --out again.keras")) == 0
    assert main(shlex.split(f"evaluate --model again.keras {options}")) == 0
    assert main(shlex.split(f"evaluate --model again.keras {image_folder}")) == 2
    assert "decoded again" in capsys.readouterr().err


def test_train_refuses_bad_images(image_folder: Path, capsys: Capture) -> None:
    (image_folder / "cats/image.3.png").write_bytes(b"broken")
    typed = f"train {image_folder} --model cnn --image-size 24 --epochs 1 --out m.keras"
    assert main(shlex.split(typed)) == 2
    message = capsys.readouterr().err
    assert "leave them out with --skip-bad. catdog scan lists them" in message
    assert "on_bad_image" not in message


@pytest.mark.filterwarnings("default:.* left out")
def test_train_skips_bad_images_on_request(image_folder: Path, capsys: Capture) -> None:
    (image_folder / "cats/image.3.png").write_bytes(b"broken")
    typed = f"train {image_folder} --model cnn --image-size 24 --epochs 1 --skip-bad --out m.keras"
    assert main(shlex.split(typed)) == 0
    captured = capsys.readouterr()
    assert captured.err.startswith("catdog: warning: 1 file of 20 in ")
    assert ".py" not in captured.err
    assert "1 file cannot be used: see catdog scan" in captured.out
    assert "--skip-bad" in captured.out.splitlines()[-1]


def test_next_command_survives_the_shell() -> None:
    typed = ["train", "--out=-m.keras", "--save-split=-s", "pets"]
    options = make_parser().parse_args(typed)
    command = next_command(options, options.out)
    evaluate = make_parser().parse_args(shlex.split(command)[1:])
    assert (evaluate.model, evaluate.split_file, evaluate.folder) == ("-m.keras", "-s", "pets")
    typed = ["train", "--out", "it's.keras", "--skip-bad", "--", "-my pets"]
    options = make_parser().parse_args(typed)
    command = next_command(options, options.out)
    assert shlex.split(command) == [
        "catdog", "evaluate", "--model", "it's.keras", "--skip-bad", "--", "-my pets"
    ]  # fmt: skip


def test_groups(make_folder: MakeFolder, capsys: Capture) -> None:
    folder = make_folder({f"{name}/clip{clip}{name}": 3 for name in "ab" for clip in range(6)})
    train = ["train", str(folder), "--model", "cnn", "--image-size", "24", "--epochs", "1"]
    assert main([*train, "--out", "m.keras", "--group-by", r"(clip\d\w)"]) == 0
    command = shlex.split(capsys.readouterr().out.splitlines()[-1].partition("images: ")[2])
    assert command[command.index("--group-by") + 1] == r"(clip\d\w)"
    assert main(command[1:]) == 0
    assert "another split" not in capsys.readouterr().err
    assert main([*train, "--out", "n.keras", "--group-by", "(x)"]) == 2
    assert "--group-by gives no group to 36 images" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore:The folders inside")
def test_fractions_and_new_files(image_folder: Path, data: Datasets, capsys: Capture) -> None:
    """They say how the images are split, and the next command repeats them."""

    def options_of(typed: str) -> Namespace:
        return make_parser().parse_args(shlex.split(typed))

    def sizes(options: Namespace) -> list[int]:
        loaded = load_data(options, seed=3, skip_bad=False)
        return [len(loaded.paths(split)) for split in SPLITS]

    data.save_split("split.json")
    fractions = "--validation-fraction 0.3 --test-fraction 0.4"
    options = options_of(f"train {image_folder} {fractions} --out m.keras")
    assert sizes(options) == [6, 6, 8]
    command = next_command(options, "m.keras")
    assert fractions in command
    assert sizes(options_of(command.removeprefix("catdog "))) == [6, 6, 8]
    write_images(image_folder / "dogs/new", 2, tint=100)
    new_files = "--split-file split.json --new-files train"
    options = options_of(f"train {image_folder} {new_files} --out m.keras")
    assert sizes(options) == [14, 4, 4]
    assert new_files in next_command(options, "m.keras")
    options = options_of(f"train {image_folder} {new_files} --save-split s.json --out m.keras")
    assert next_command(options, "m.keras").endswith(f"--split-file s.json {image_folder}")
    typed = f"train {image_folder} --split-file split.json {fractions} --model cnn --out m.keras"
    assert main(shlex.split(typed)) == 2
    assert capsys.readouterr().err.startswith(
        "catdog: error: --test-fraction and --validation-fraction would have no effect: "
    )


@pytest.mark.parametrize(
    ("typed", "passed"),
    [
        ("", None),
        ("--class-weight balanced", "balanced"),
        ("--class-weight cats=2 --class-weight dogs=0.5", {"cats": 2.0, "dogs": 0.5}),
    ],
)
@pytest.mark.parametrize("has_backbone", [False, True])
def test_how_the_model_is_trained(
    typed: str,
    passed: object,
    has_backbone: bool,
    image_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The options reach the function that trains, and the data that it is given."""
    found: dict[str, object] = {}

    def record(_: object, data: Datasets, **arguments: object) -> None:
        found.update(arguments, batch_size=data.batch_size, cache_mib=data.cache_mib)

    for name in ("train", "train_head"):
        monkeypatch.setattr(f"catdog.cli.train.{name}", record)
    monkeypatch.setattr(
        "catdog.cli.train.build_model", lambda name, **_: untrained_model(has_backbone)
    )
    more = "--views 3" if has_backbone else ""
    line = f"train {image_folder} --batch-size 7 --cache-mib 5 {more} {typed} --out m.keras"
    assert main(shlex.split(line)) == 0
    expected = {
        "epochs": 20,
        "patience": 5,
        "checkpoint_dir": None,
        "batch_size": 7,
        "cache_mib": 5,
        "class_weight": passed,
    }
    assert found == expected | ({"views": 3, "cache_dir": None} if has_backbone else {})


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("--class-weight balanced --class-weight cats=1", "must be `balanced`, or one weight"),
        ("--class-weight cats=1 --class-weight cats=2", "must be `balanced`, or one weight"),
        ("--class-weight cats=1", "--class-weight must be "),
        ("--views 2", "--views would have no effect: cnn has no backbone"),
        ("--batch-size 0", "--batch-size must be"),
    ],
)
def test_options_that_do_not_fit(
    typed: str, message: str, image_folder: Path, capsys: Capture
) -> None:
    line = f"train {image_folder} --model cnn --image-size 24 {typed} --out m.keras"
    assert main(shlex.split(line)) == 2
    assert message in capsys.readouterr().err
    assert not Path("m.keras").exists()
