import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from catdog import load_model, predict
from catdog.cli.main import main
from catdog.images import notes
from tests.cli.conftest import Capture, strict_json, untrained_model
from tests.conftest import write_images


def test_predict_equals_the_function(file: str, image_folder: Path, capsys: Capture) -> None:
    paths = [str(image_folder / "dogs"), str(image_folder / "cats/image.0.png")]
    assert main(["predict", *paths, "--model", file]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    expected = predict(load_model(file), paths)
    assert captured.out.splitlines() == [str(each) for each in expected]
    assert len(expected) == 11


def test_predict_in_json(file: str, image_folder: Path, capsys: Capture) -> None:
    path = str(image_folder / "dogs/image.0.png")
    assert main(["predict", path, "missing.png", "--model", file, "--json"]) == 1
    captured = capsys.readouterr()
    good, bad = strict_json(captured.out)
    (expected,) = predict(load_model(file), path)
    assert good == {
        "path": path,
        "label": expected.label,
        "probability": pytest.approx(expected.probability),
        "probabilities": pytest.approx(
            dict(zip(("cats", "dogs"), expected.probabilities, strict=True))
        ),
        "error": None,
    }
    assert bad == {
        "path": "missing.png",
        "label": None,
        "probability": None,
        "probabilities": None,
        "error": "The image missing.png does not exist.",
    }
    assert captured.err == "catdog: The image missing.png does not exist.\n"


def test_predict_photos_of_phones(
    file: str, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = tmp_path / "photo.heic"
    shutil.copy(Path(__file__).parents[1] / "images/samples/grid.heic", photo)
    assert main(["predict", str(photo), "--model", file]) == 0
    assert str(photo) in capsys.readouterr().out
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    assert main(["predict", str(photo), "--model", file]) == 1
    assert 'pip install ".[heif]"' in capsys.readouterr().err


def test_predict_continues_after_bad_images(
    file: str, image_folder: Path, tmp_path: Path, capsys: Capture
) -> None:
    (tmp_path / "empty").mkdir()
    (image_folder / "dogs/image.5.png").write_bytes(b"broken")
    paths = ["missing.png", str(image_folder / "dogs"), "empty", "", str(image_folder / "cats")]
    assert main(["predict", *paths, "--model", file]) == 1
    captured = capsys.readouterr()
    printed = [line.split()[-1] for line in captured.out.splitlines()]
    dogs, cats = ([str(image_folder / c / f"image.{i}.png") for i in range(10)] for c in
                  ("dogs", "cats"))  # fmt: skip
    assert printed == [*dogs[:5], *dogs[6:], *cats]
    message = captured.err.splitlines()
    assert [line.startswith("catdog: ") for line in message] == [True] * 4
    for line, name in zip(message, ("missing.png", dogs[5], "empty", "PATH"), strict=True):
        assert name in line


def test_predict_with_errors_alone(file: str, capsys: Capture) -> None:
    assert main(["predict", "a.png", "--model", file]) == 1
    assert capsys.readouterr().out == ""


def test_predict_accepts_unusual_file_names(file: str, tmp_path: Path, capsys: Capture) -> None:
    write_images(tmp_path / "some", 4)
    names = ["-v.png", "~nobody.png", "new\nline.png", os.fsdecode(b"latin\xe9.png")]
    for i, name in enumerate(names):
        try:
            (tmp_path / f"some/image.{i}.png").rename(name)
        except OSError:
            pytest.skip("the file system takes no such names")
    assert main(["predict", "--model", file, "--", *names]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[-1].rpartition("/")[2] for line in lines] == [
        "-v.png",
        "~nobody.png",
        r"new\nline.png",
        r"latin\udce9.png",
    ]
    assert main(["predict", "--model", file, "--json", "--", *names]) == 0
    written = capsys.readouterr().out
    assert written.isascii()
    assert [Path(each["path"]).name for each in strict_json(written)] == names


@pytest.mark.filterwarnings("default:.* passed over")
def test_predict_classifies_every_image_it_finds(
    file: str, tmp_path: Path, capsys: Capture
) -> None:
    """Links to folders are not followed; a leading tilde is part of a name."""
    write_images(tmp_path / "album", 2)
    write_images(tmp_path / "other", 1)
    write_images(tmp_path / "album/~", 1)
    (tmp_path / "album/image.1.png").rename(tmp_path / "album/~nobody.png")
    (tmp_path / "album/best.png").symlink_to("../other")
    for folder, inside in (("album", "album/"), (".", "")):
        os.chdir(tmp_path / ("album" if folder == "." else ""))
        assert main(["predict", folder, "--model", str(tmp_path / file)]) == 0
        captured = capsys.readouterr()
        assert captured.err == (
            f"catdog: warning: 1 file in {folder} were passed over, because they are not images:\n"
            "  best.png (a link to a folder)\n"
        )
        printed = [line.split()[-1] for line in captured.out.splitlines()]
        assert printed == [
            f"{inside}{name}" for name in ("image.0.png", "~/image.0.png", "~nobody.png")
        ]


def test_predict_abstains_below_a_threshold(file: str, image_folder: Path, capsys: Capture) -> None:
    path = str(image_folder / "dogs/image.0.png")
    assert main(["predict", path, "--model", file, "--unsure-below", "0.9"]) == 0
    assert capsys.readouterr().out.startswith("unsure")
    typed = ["predict", path, "--model", file, "--unsure-below", "0.9", "--json"]
    assert main(typed) == 0
    (result,) = strict_json(capsys.readouterr().out)
    assert result["label"] is None
    assert result["error"] is None
    assert result["probability"] == max(result["probabilities"].values())
    assert main(["predict", path, "--model", file, "--unsure-below", "nan"]) == 2
    assert "catdog: error: --unsure-below must be a probab" in capsys.readouterr().err


@pytest.mark.filterwarnings("default:1 image ")
def test_predict_names_images_that_come_out_wrong(
    file: str, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dark images of 12 bits, and images of so many pixels that Pillow warns or refuses."""
    monkeypatch.setattr(notes, "LARGE_PIXELS", 5000)
    dark = np.linspace(0, 4095, 64).reshape(8, 8).astype(np.uint16)
    Image.fromarray(dark).save(tmp_path / "x_ray.png")
    Image.new("RGB", (100, 60)).save(tmp_path / "photo.png")
    Image.new("1", (20_000, 10_000)).save(tmp_path / "poster.png")
    names = ["x_ray.png", "photo.png", "poster.png"]
    assert main(["predict", *names, "--model", file]) == 1
    captured = capsys.readouterr()
    assert [line.split()[-1] for line in captured.out.splitlines()] == names[:2]
    errors = captured.err
    assert "catdog: warning: 1 image dark or flat, because" in errors
    assert "\n  x_ray.png: no value above 4095 of 65535\n" in errors
    assert "\n  photo.png: 100 x 60 pixels\nSave smaller copies" in errors
    assert "catdog: Cannot read the image poster.png: it has more than 178 million pix" in errors
    assert "DecompressionBomb" not in errors


def test_predict_with_the_default_model(image_folder: Path, capsys: Capture) -> None:
    assert main(["predict", str(image_folder / "dogs/image.0.png")]) == 0
    assert capsys.readouterr().out.split()[0] in ("cats", "dogs")


def test_predict_needs_a_trained_model(image_folder: Path, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "junk.keras").write_text("junk")
    untrained_model().save("plain.keras")
    (tmp_path / "folder.keras").mkdir()
    for model, message in (
        ("model2", "--model='model2' is neither a .keras file nor a pretrained model: "),
        ("gone.keras", "--model='gone.keras' does not exist. catdog train writes such a file."),
        ("folder.keras", "--model='folder.keras' is a folder."),
        ("junk.keras", "junk.keras is not a Keras file"),
        ("plain.keras", "--model='plain.keras' has no class names"),
    ):
        assert main(["predict", str(image_folder), "--model", model]) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.startswith(f"catdog: error: {message}")
        assert captured.err.count("\n") == 1
