import os
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from catdog import export_model, load_model, predict, save_model
from catdog.cli.main import main
from catdog.images import notes
from catdog.images.inputs import ImageSource
from catdog.inference.readers import ReadImage
from catdog.models.metadata import ModelMetadata, attach_metadata
from catdog.typing import ImageSize
from tests.cli.conftest import SIZE, Capture, python, strict_json, untrained_model
from tests.conftest import write_images

KERAS_FILE, LITERT_FILE = "pets.keras", "pets.tflite"


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write one model to a file of each kind; return their folder."""
    folder = tmp_path_factory.mktemp("saved")
    keras.utils.set_random_seed(0)
    model = untrained_model()
    attach_metadata(model, ModelMetadata(("cats", "dogs"), SIZE, temperature=0.5))
    save_model(model, folder / KERAS_FILE)
    export_model(model, folder / LITERT_FILE)
    return folder


@pytest.fixture(params=[KERAS_FILE, LITERT_FILE])
def file(request: pytest.FixtureRequest, saved: Path) -> str:
    """Return the name of a file of the model, by which all tests must pass alike."""
    for name in (KERAS_FILE, LITERT_FILE):
        shutil.copy(saved / name, name)
    return str(request.param)


def test_predict_equals_the_function(file: str, image_folder: Path, capsys: Capture) -> None:
    paths = [str(image_folder / "dogs"), str(image_folder / "cats/image.0.png")]
    assert main(["predict", *paths, "--model", file]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    expected = predict(load_model(KERAS_FILE), paths)
    assert captured.out.splitlines() == [str(each) for each in expected]
    assert len(expected) == 11


def test_predict_in_json(file: str, image_folder: Path, capsys: Capture) -> None:
    path = str(image_folder / "dogs/image.0.png")
    assert main(["predict", path, "missing.png", "--model", file, "--json"]) == 1
    captured = capsys.readouterr()
    good, bad = strict_json(captured.out)
    (expected,) = predict(load_model(KERAS_FILE), path)
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
            f"catdog: warning: 1 file in {folder} was passed over: hidden, or no image:\n"
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
    (tmp_path / "folder.tflite").mkdir()
    (tmp_path / "junk.tflite").write_text("junk")
    for model, message in (
        ("model2", "--model='model2' is neither a .keras or .tflite file nor a pretrained model: "),
        ("gone.keras", "--model='gone.keras' does not exist. catdog train writes such a file."),
        ("folder.keras", "--model='folder.keras' is a folder."),
        ("junk.keras", "junk.keras is not a Keras file"),
        ("plain.keras", "--model='plain.keras' has no class names"),
        ("gone.tflite", "--model='gone.tflite' does not exist. catdog export writes"),
        ("folder.tflite", "--model='folder.tflite' is a folder."),
        ("junk.tflite", "junk.tflite is damaged, or not a file that export_model wrote"),
    ):
        assert main(["predict", str(image_folder), "--model", model]) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.startswith(f"catdog: error: {message}")
        assert captured.err.count("\n") == 1


def test_what_is_loading_is_shown_at_once(
    saved: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """Standard error is not held back while Keras is loaded and a file is opened."""
    write_images(Path("photos"), 1)
    stderr, shown = os.fstat(2), []

    def load(path: str) -> keras.Model:
        shown.append(os.path.samestat(os.fstat(2), stderr))
        return load_model(path)

    monkeypatch.setattr("catdog.cli.open.load_model", load)
    assert main(["predict", "photos", "--model", str(saved / KERAS_FILE)]) == 0
    assert shown == [True]


RUN_WITHOUT_KERAS = """
import sys
from catdog.cli.main import main
code = main({arguments!r})
heavy = {{"tensorflow", "keras", "matplotlib", "rich", "absl"}} & sys.modules.keys()
assert not heavy, heavy
sys.exit(code)
"""


@pytest.mark.parametrize("model", [LITERT_FILE, "compact"])
def test_exported_models_answer_without_tensorflow(saved: Path, model: str) -> None:
    write_images(Path("photos"), 5)
    named = ["--model", str(saved / model)] if model == LITERT_FILE else []
    for more in ([], ["--json"]):
        arguments = ["predict", "photos", *named, *more]
        done = python("-c", RUN_WITHOUT_KERAS.format(arguments=arguments))
        assert (done.returncode, done.stderr) == (0, "")
    assert len(strict_json(done.stdout)) == 5


RUN_AND_WAIT = """
import sys, time
from pathlib import Path
from catdog.cli.main import main
from catdog.inference import readers

def read(source, *rest, read=readers.read_pixels):
    if source.content.name == "last.png":
        for _ in range(600):
            if Path("go").exists():
                break
            time.sleep(0.05)
        else:
            raise ValueError("nothing was written before the last image was read")
    return read(source, *rest)

readers.read_pixels = read
sys.exit(main(["predict", "photos", "--model", sys.argv[1]]))
"""


def test_answers_are_written_as_they_come(saved: Path) -> None:
    """The last image is read after the first line has arrived at the other end of the pipe."""
    write_images(Path("photos"), 100)
    Path("photos/image.99.png").rename("photos/last.png")
    command = [sys.executable, "-c", RUN_AND_WAIT, str(saved / LITERT_FILE)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().endswith("photos/image.0.png\n")
        Path("go").touch()
        assert process.stdout.read().count("\n") == 99
    assert process.returncode == 0


def test_nothing_is_read_that_nobody_reads(
    file: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in `catdog predict photos | head -1`: thousands of images may be left."""
    write_images(Path("photos"), 500)
    read, lines = [], []

    def count(source: ImageSource, size: ImageSize) -> ReadImage:
        read.append(source)
        return ReadImage(np.zeros((*size, 3), np.uint8), [])

    def write(line: str) -> bool:
        lines.append(line)
        return False

    monkeypatch.setattr("catdog.inference.readers._read", count)
    monkeypatch.setattr("catdog.cli.predict.out", write)
    assert main(["predict", "photos", "--model", file]) == 0
    assert len(lines) == 1
    assert len(read) < 100


@pytest.mark.parametrize("option", ["--json", "--csv", "--sort-into"])
def test_predict_goes_on_after_a_broken_link(
    file: str, tmp_path: Path, capsys: Capture, option: str
) -> None:
    write_images(tmp_path / "album", 4)
    (tmp_path / "album/image.1a.png").symlink_to("nothing.png")
    more = {"--json": [], "--csv": ["out.csv"], "--sort-into": ["sorted"]}[option]
    assert main(["predict", "album", "--model", file, option, *more]) == 1
    printed = capsys.readouterr()
    assert "image.1a.png does not exist" in printed.out + printed.err
    if option == "--json":
        names = [Path(each["path"]).name for each in strict_json(printed.out)]
        assert names == [f"image.{number}.png" for number in ("0", "1", "1a", "2", "3")]
    elif option == "--csv":
        assert len(Path("out.csv").read_text().splitlines()) == 1 + 5
    else:
        assert len(list(Path("sorted").rglob("*.png"))) == 4
