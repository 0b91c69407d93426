"""The example scripts run on tiny input, and write the files that they announce."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import keras
import pytest

from tests.conftest import write_images

EXAMPLES = Path(__file__).parents[1] / "examples"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_example_is_tested() -> None:
    by_ray = {"ray_features"}  # in test_ray.py
    here = {"quickstart", "reproduce_posts"}
    assert {path.stem for path in EXAMPLES.glob("*.py")} == here | by_ray


@pytest.mark.slow
@pytest.mark.parametrize("classes", ["cats dogs", "cats dogs rabbits"])
def test_quickstart(tmp_path: Path, capsys: pytest.CaptureFixture[str], classes: str) -> None:
    folder, out = tmp_path / "images", tmp_path / "out"
    for name in classes.split():
        write_images(folder / name, 6)
    load("quickstart").main(
        ["--data", str(folder), "--epochs", "1", "--image-size", "24", "--out", str(out)]
    )
    printed = capsys.readouterr().out
    assert printed.index("baseline accuracy on the test set") < printed.index("test set: ")
    figures = {"augmentation.png", "examples.png", "result.png"}
    assert {path.name for path in out.iterdir()} == figures | {"model.keras"}
    assert keras.models.load_model(out / "model.keras").output_shape == (None, len(classes.split()))


@pytest.mark.slow
def test_reproduce_posts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, out = tmp_path / "images", tmp_path / "posts.json"
    for name in ("cats", "dogs"):
        write_images(folder / name, 6)
    script = load("reproduce_posts")
    options = ["--data", str(folder), "--epochs", "1", "--out", str(out)]
    monkeypatch.setattr(sys, "argv", ["reproduce_posts.py", "model1.two_block"])
    script.main(["model1.two_block", *options])
    script.main(["cnn", *options])
    script.main(["cnn", "--seed", "1", *options])
    rows = json.loads(out.read_text())["rows"]
    assert [(row["model"], row["seed"]) for row in rows] == [
        ("cnn.three_block", 0),
        ("cnn.three_block", 1),
        ("cnn.two_block", 0),
    ]
    assert rows[0]["command"] == "python reproduce_posts.py model1.two_block"
    assert rows[0]["versions"]["keras"] == keras.__version__
    assert rows[0]["validation"]["n"] == rows[0]["test"]["n"] == 2
    assert len(rows[0]["history"]["val_accuracy"]) == 1
    table = capsys.readouterr().out.rpartition("Accuracy on the validation images")[2]
    assert "cnn.two_block" in table
    assert "54% to 57%, n=808" in table
    assert "n=2" in table


def test_reproduce_posts_checks_the_names_before_it_trains(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"name='model5' is not known"):
        load("reproduce_posts").main(["cnn", "model5", "--out", str(tmp_path / "x.json")])
    assert list(tmp_path.iterdir()) == []


def test_reproduce_posts_refuses_models_of_no_blog_post(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = load("reproduce_posts")
    assert len(script.posts()) == 8
    with pytest.raises(SystemExit):
        script.main(["mobilenet_v2.linear", "--out", str(tmp_path / "x.json")])
    assert "no blog post reports mobilenet_v2.linear. Their models: cnn.three_block, " in (
        capsys.readouterr().err
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content", ["text", "[1]", '{"rows": [], "notes": "mine"}', '{"rows": [{"model": "x"}]}']
)
def test_reproduce_posts_does_not_overwrite_other_files(tmp_path: Path, content: str) -> None:
    out = tmp_path / "precious.json"
    out.write_text(content)
    with pytest.raises(SystemExit, match="contains something else than figures of this script"):
        load("reproduce_posts").main(["cnn", "--out", str(out)])
    assert out.read_text() == content
