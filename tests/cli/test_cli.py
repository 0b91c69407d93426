import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import catdog
from catdog import Datasets, load_datasets, load_model, predict, save_model
from catdog._utils.keras_internals import LOG_LEVEL_VARIABLE
from catdog.cli import output
from catdog.cli.main import main
from catdog.cli.parser import make_parser
from catdog.cli.quiet import quiet_import
from catdog.cli.train import next_command
from catdog.matching import record_training
from tests.conftest import MakeFolder, write_images

SIZE = (24, 24)
COMMANDS = ("predict", "train", "evaluate", "models", "scan")
ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/how-to/command-line.md"

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def in_scratch_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def small(frozen: bool = False) -> keras.Model:
    """A model that is sure of nothing."""
    little = keras.initializers.RandomNormal(stddev=1e-3, seed=0)
    layers = [
        keras.layers.Conv2D(2, 3, trainable=not frozen),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(2, kernel_initializer=little),
    ]
    model = keras.Sequential([keras.Input((*SIZE, 3)), *layers])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


@pytest.fixture
def data(image_folder: Path) -> Datasets:
    return load_datasets(image_folder, seed=3)


@pytest.fixture
def file(data: Datasets) -> str:
    """A model's file that knows its classes and its split, as after a training with seed 3."""
    model = small()
    record_training(model, data)
    save_model(model, "pets.keras")
    return "pets.keras"


def strict_json(text: str) -> Any:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )


# The program


@pytest.mark.parametrize(
    "typed", ["--help", "--version", *(f"{command} --help" for command in COMMANDS)]
)
def test_help_loads_nothing_heavy(typed: str) -> None:
    heavy = ("tensorflow", "keras", "numpy", "matplotlib", "PIL")
    code = (
        "import sys\nfrom catdog.cli.main import main\n"
        "try: main(sys.argv[1:])\n"
        f"finally: print('loaded:', [name for name in {heavy} if name in sys.modules])"
    )
    done = python("-c", code, *typed.split())
    assert done.returncode == 0
    assert "loaded: []" in done.stdout
    assert done.stderr == ""


def test_help_names_commands_and_exit_codes(capsys: Capture) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    shown = capsys.readouterr().out
    assert re.findall(r"^    (\w+)  ", shown, re.MULTILINE) == [*COMMANDS]
    assert re.findall(r"^  (\d+)  ", shown, re.MULTILINE) == ["0", "1", "2", "130"]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_has_an_example(command: str, capsys: Capture) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    assert f"example:\n  catdog {command}" in capsys.readouterr().out


def test_module_is_the_program() -> None:
    done = python("-m", "catdog", "--version")
    assert (done.returncode, done.stdout) == (0, f"catdog {catdog.__version__}\n")
    done = python("-m", "catdog", "scan", "nowhere")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("catdog: error: FOLDER='nowhere' is neither a folder")
    assert "Traceback" not in done.stderr


def test_no_command_shows_the_help(capsys: Capture) -> None:
    assert main([]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("usage: catdog")


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("predcit", "invalid choice: 'predcit'"),
        ("predict", "required: PATH"),
        ("predict a.jpg --unsure 0.5", "unrecognized arguments: --unsure"),
        ("train synthetic", "required: --out"),
        ("train synthetic --out a.keras --image-size big", "'big' is neither a side, 96"),
        ("evaluate synthetic", "required: --model"),
        ("scan ''", "argument FOLDER: is empty: pass a path"),
        ("train synthetic --out ''", "argument --out: is empty"),
        ("train synthetic --out a.keras --save-split ''", "argument --save-split: is empty"),
        ("scan --jsonn synthetic", "unrecognized arguments: --jsonn"),
    ],
)
def test_wrong_use(typed: str, told: str, capsys: Capture) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(shlex.split(typed))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert told in captured.err


def test_a_mistake_of_catdogs_is_not_hidden(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr("catdog.cli.predict.open_model", lambda model: {}[model])
    assert main(["predict", "a.jpg"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("Traceback")
    assert told.endswith("KeyError: 'compact'\n")


# Standard output and standard error


def test_a_reader_that_has_seen_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        for _ in range(2):
            output.out("text")
        monkeypatch.undo()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a full device")
def test_a_full_disk_is_told(
    image_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    with open("/dev/full", "w") as stream:  # noqa: PTH123
        monkeypatch.setattr(sys, "stdout", stream)
        assert main(["scan", str(image_folder)]) == 2
        monkeypatch.undo()
    told = "catdog: error: Cannot write to standard output: No space left on device.\n"
    assert capsys.readouterr().err == told


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a full device")
def test_the_code_tells_if_words_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/full", "w") as stream:  # noqa: PTH123
        monkeypatch.setattr(sys, "stderr", stream)
        assert main(["scan", "nowhere"]) == 2
        monkeypatch.undo()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a full device")
def test_progress_that_cannot_be_shown_stops_nothing(image_folder: Path) -> None:
    options = "--model cnn --image-size 24 --epochs 1 --out m.keras"
    command = [sys.executable, "-m", "catdog", "train", str(image_folder), *options.split()]
    with open("/dev/full", "w") as full:  # noqa: PTH123
        subprocess.run(command, stderr=full, stdout=subprocess.DEVNULL, check=False)
    load_model("m.keras")


def test_output_has_a_buffer() -> None:
    """Python drops what a raw stream does not take at once."""
    code = (
        "import io, sys\nfrom catdog.cli.main import main\nmain([])\n"
        "assert isinstance(sys.stdout.buffer, io.BufferedIOBase)"
    )
    assert python("-u", "-c", code).returncode == 0


@pytest.mark.parametrize("missing", [ImportError("no torch"), ModuleNotFoundError("no torch")])
def test_a_package_that_cannot_be_loaded(
    missing: ImportError, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def fail(_: str) -> None:
        raise missing

    monkeypatch.setattr("catdog.cli.main.import_module", fail)
    assert main(["models"]) == 2
    assert "cannot be loaded: no torch. Keras runs on" in capsys.readouterr().err


def test_a_terminal_that_knows_few_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, encoding="ascii") as shown:
        with os.fdopen(writing, "w", encoding="ascii") as stream:
            monkeypatch.setattr(sys, "stdout", stream)
            output.out("é\udcff")
            monkeypatch.undo()
        assert shown.read() == "\\xe9\\udcff\n"


def test_errors_do_not_move_the_cursor(capsys: Capture) -> None:
    assert main(["scan", "a\x1b[2Jb"]) == 2
    assert "\x1b" not in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX shells close streams so")
def test_closed_streams() -> None:
    command = f"{shlex.quote(sys.executable)} -m catdog scan nowhere <&- >&- 2>&-"
    assert subprocess.run(command, shell=True, check=False).returncode == 2


def test_json_refuses_what_it_does_not_know() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        output.out_json({"loss": float("nan")})


def test_messages_name_options() -> None:
    assert output.in_options("epochs must be more") == "--epochs must be more"
    assert output.in_options("name='cnn' is not known") == "--model='cnn' is not known"
    assert output.in_options("The folder name=1 is gone") == "The folder name=1 is gone"


def test_tensorflows_remarks_are_kept_back(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    remarks = (
        b"WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n"
        b"I0000 00:00:1795210922.909411   17203 port.cc:153] oneDNN custom operations are on.\n"
    )
    for level, shown in ((None, "E0000 broken\n"), ("0", f"{remarks.decode()}E0000 broken\n")):
        monkeypatch.delenv(LOG_LEVEL_VARIABLE, raising=False)
        if level:
            monkeypatch.setenv(LOG_LEVEL_VARIABLE, level)
        with quiet_import():
            os.write(2, remarks + b"E0000 broken\n")
            assert os.environ[LOG_LEVEL_VARIABLE] == (level or "3")
        assert capfd.readouterr().err == shown


# predict


def test_predict_says_what_the_library_says(file: str, image_folder: Path, capsys: Capture) -> None:
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


def test_predict_goes_on_after_what_is_bad(
    file: str, image_folder: Path, tmp_path: Path, capsys: Capture
) -> None:
    (tmp_path / "empty").mkdir()
    (image_folder / "dogs/image.5.png").write_bytes(b"broken")
    paths = ["missing.png", str(image_folder / "dogs"), "empty", "", str(image_folder / "cats")]
    assert main(["predict", *paths, "--model", file]) == 1
    captured = capsys.readouterr()
    shown = [line.split()[-1] for line in captured.out.splitlines()]
    dogs, cats = ([str(image_folder / c / f"image.{i}.png") for i in range(10)] for c in
                  ("dogs", "cats"))  # fmt: skip
    assert shown == [*dogs[:5], *dogs[6:], *cats]
    told = captured.err.splitlines()
    assert [line.startswith("catdog: ") for line in told] == [True] * 4
    for line, name in zip(told, ("missing.png", dogs[5], "empty", "PATH"), strict=True):
        assert name in line


def test_predict_with_errors_alone(file: str, capsys: Capture) -> None:
    assert main(["predict", "a.png", "--model", file]) == 1
    assert capsys.readouterr().out == ""


def test_predict_takes_odd_names(file: str, tmp_path: Path, capsys: Capture) -> None:
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


def test_predict_answers_for_every_image_that_it_finds(
    file: str, tmp_path: Path, capsys: Capture
) -> None:
    """Links to folders, and names that begin with a tilde, are what they are."""
    write_images(tmp_path / "album", 2)
    write_images(tmp_path / "other", 1)
    write_images(tmp_path / "album/~", 1)
    (tmp_path / "album/image.1.png").rename(tmp_path / "album/~nobody.png")
    (tmp_path / "album/best.png").symlink_to("../other")
    for folder, inside in (("album", "album/"), (".", "")):
        os.chdir(tmp_path / ("album" if folder == "." else ""))
        assert main(["predict", folder, "--model", str(tmp_path / file)]) == 0
        captured = capsys.readouterr()
        assert captured.err == ""
        shown = [line.split()[-1] for line in captured.out.splitlines()]
        assert shown == [
            f"{inside}{name}" for name in ("image.0.png", "~/image.0.png", "~nobody.png")
        ]


def test_predict_can_be_unsure(file: str, image_folder: Path, capsys: Capture) -> None:
    path = str(image_folder / "dogs/image.0.png")
    assert main(["predict", path, "--model", file, "--unsure-below", "0.9"]) == 0
    assert capsys.readouterr().out.startswith("unsure")
    typed = ["predict", path, "--model", file, "--unsure-below", "0.9", "--json"]
    assert main(typed) == 0
    (answer,) = strict_json(capsys.readouterr().out)
    assert answer["label"] is None
    assert answer["error"] is None
    assert answer["probability"] == max(answer["probabilities"].values())
    assert main(["predict", path, "--model", file, "--unsure-below", "nan"]) == 2
    assert "catdog: error: --unsure-below must be a probab" in capsys.readouterr().err


def test_predict_by_the_model_that_comes_trained(image_folder: Path, capsys: Capture) -> None:
    assert main(["predict", str(image_folder / "dogs/image.0.png")]) == 0
    assert capsys.readouterr().out.split()[0] in ("cats", "dogs")


def test_predict_needs_a_trained_model(image_folder: Path, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "junk.keras").write_text("junk")
    small().save("plain.keras")
    (tmp_path / "folder.keras").mkdir()
    for model, told in (
        ("model2", "--model='model2' is neither a .keras file nor a model that comes trained: "),
        ("gone.keras", "--model='gone.keras' does not exist. catdog train writes such a file."),
        ("folder.keras", "--model='folder.keras' is a folder."),
        ("junk.keras", "junk.keras is no Keras file"),
        ("plain.keras", "--model='plain.keras' does not know what its classes are called"),
    ):
        assert main(["predict", str(image_folder), "--model", model]) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.startswith(f"catdog: error: {told}")
        assert captured.err.count("\n") == 1


# train


def test_train_then_evaluate(image_folder: Path, capsys: Capture) -> None:
    typed = f"train {image_folder} --model cnn --image-size 24x26 --epochs 2 --seed 3 --out m.keras"
    assert main(shlex.split(typed)) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("2 classes, images of 24 x 26 pixels\n  train          12")
    assert "validation set: " in captured.out
    assert captured.err.count("Epoch ") == 2
    assert load_model("m.keras").input_shape == (None, 24, 26, 3)
    command = captured.out.splitlines()[-1].partition(": ")[2]
    assert command == f"catdog evaluate --model m.keras {image_folder}"
    assert main(shlex.split(command)[1:]) == 0  # with seed 3, and so without a warning
    captured = capsys.readouterr()
    assert captured.out.startswith("test set: ")
    assert "evaluated" not in captured.out
    assert captured.err == ""


def test_train_draws_from_the_seed(image_folder: Path) -> None:
    typed = f"train {image_folder} --model cnn --image-size 24 --epochs 1 --out"
    for seed, name in (("1", "a.keras"), ("1", "b.keras"), ("2", "c.keras")):
        assert main([*shlex.split(typed), name, "--seed", seed]) == 0
    a, b, c = (load_model(f"{name}.keras").get_weights() for name in "abc")
    assert all(np.array_equal(*pair) for pair in zip(a, b, strict=True))
    assert not np.array_equal(a[0], c[0])


def test_train_on_a_kept_split(image_folder: Path, data: Datasets, capsys: Capture) -> None:
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


def test_train_does_not_write_over_what_has_come_there(
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


@pytest.fixture
def build_frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catdog.cli.train.build_model", lambda name, **_: small(frozen=True))


@pytest.mark.usefixtures("build_frozen")
def test_train_runs_a_frozen_part_once(image_folder: Path, capsys: Capture) -> None:
    typed = f"train {image_folder} --out m.keras --epochs 2 --cache-dir features"
    assert main(shlex.split(typed)) == 0
    assert list(Path("features").iterdir())
    assert capsys.readouterr().err.count("Epoch ") == 2


def test_train_leaves_bad_images_out_if_told(image_folder: Path, capsys: Capture) -> None:
    (image_folder / "cats/image.3.png").write_bytes(b"broken")
    typed = f"train {image_folder} --model cnn --image-size 24 --epochs 1 --out m.keras"
    assert main(shlex.split(typed)) == 2
    told = capsys.readouterr().err
    assert "leave them out with --skip-bad. catdog scan lists them" in told
    assert "on_bad_image" not in told


@pytest.mark.filterwarnings("default:.* left out")
def test_train_without_bad_images(image_folder: Path, capsys: Capture) -> None:
    (image_folder / "cats/image.3.png").write_bytes(b"broken")
    typed = f"train {image_folder} --model cnn --image-size 24 --epochs 1 --skip-bad --out m.keras"
    assert main(shlex.split(typed)) == 0
    captured = capsys.readouterr()
    assert captured.err.startswith("catdog: warning: 1 file of 20 in ")
    assert "test_cli.py" not in captured.err
    assert "1 file cannot be used: see catdog scan" in captured.out
    assert "--skip-bad" in captured.out.splitlines()[-1]


@pytest.mark.parametrize(
    ("out", "told"),
    [
        ("model.h5", "must end in .keras. .* Call it 'model.keras', say"),
        ("/", "must end in .keras. Call it 'model.keras', say"),
        ("other.keras", "is a link to .*old.h5, which does not end in .keras"),
        ("nowhere/model.keras", "the folder .*nowhere does not exist. Make it first"),
        ("folder.keras", "is a folder. Choose another name"),
        ("there.keras", "exists. Choose another name, or pass --overwrite"),
        ("link.keras", "exists. Choose another name, or pass --overwrite"),
        (f"{'long' * 65}.keras", "name too long"),
    ],
)
def test_train_checks_first_where_the_model_goes(
    out: str, told: str, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "folder.keras").mkdir()
    (tmp_path / "there.keras").write_text("mine")
    (tmp_path / "link.keras").symlink_to("nothing.keras")
    (tmp_path / "other.keras").symlink_to("old.h5")
    before = set(tmp_path.iterdir())
    monkeypatch.delattr("catdog.cli.train.load_datasets")
    overwrite = ["--overwrite"] if out == "other.keras" else []
    assert main(["train", "synthetic", "--model", "cnn", "--out", out, *overwrite]) == 2
    assert re.search(f"catdog: error: .*{told}", capsys.readouterr().err)
    assert (tmp_path / "there.keras").read_text() == "mine"
    assert set(tmp_path.iterdir()) == before


def test_train_tells_a_folder_that_cannot_be_written(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("catdog.cli.train.TemporaryDirectory", refuse)
    monkeypatch.delattr("catdog.cli.train.load_datasets")
    assert main(["train", "synthetic", "--out", "m.keras"]) == 2
    assert capsys.readouterr().err == (
        "catdog: error: --out='m.keras' cannot be written: Permission denied.\n"
    )


def test_train_tells_what_could_not_be_saved(
    image_folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("catdog.cli.train.save_model", refuse)
    typed = f"train {image_folder} --model cnn --image-size 24 --epochs 1 --out m.keras"
    assert main(shlex.split(typed)) == 2
    told = "catdog: error: --out='m.keras' cannot be written: [Errno 28] No space left on device\n"
    assert capsys.readouterr().err.endswith(told)


def test_train_overwrites_if_told(image_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "m.keras").write_text("old")
    typed = f"train {image_folder} --model cnn --image-size 24 --epochs 1 --overwrite --out m.keras"
    assert main(shlex.split(typed)) == 0
    load_model("m.keras")


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("--model cnnn", "--model='cnnn' is not known. Did you mean 'cnn'?"),
        ("--model cnn --epochs 0", "--epochs must be a whole number of at least 1, not 0."),
        ("--model cnn --seed -1", "--seed must be a whole number from 0"),
        ("--model cnn --image-size 2", "--image-size must be at least (22, 22)"),
        ("--model cnn --backbone VGG16", "--backbone='VGG16' goes with --model transfer alone"),
        ("--cache-dir m", "--cache-dir must be a folder, but m is a file."),
        ("--model cnn --cache-dir features", "--cache-dir would have no effect: cnn has no"),
        ("--model cnn --split-file no.json", "--split-file='no.json' does not exist. catdog train"),
        ("--model cnn --save-split no/a.json", "The folder no does not exist."),
        ("--model cnn --save-split ./m.keras", "--out='m.keras' and --save-split are one file."),
    ],
)
def test_train_refuses(more: str, told: str, image_folder: Path, capsys: Capture) -> None:
    Path("m").touch()
    before = set(Path().iterdir())
    kept = [] if "--save-split" in more else ["--save-split", "s.json"]
    assert main(["train", str(image_folder), "--out", "m.keras", *kept, *more.split()]) == 2
    assert f"catdog: error: {told}" in capsys.readouterr().err
    assert set(Path().iterdir()) == before


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("train {} --out m.keras", "or pass --model compact, whose weights come with catdog."),
        ("scan cats_and_dogs_filtered", "or use the built-in images, by the name synthetic."),
    ],
)
def test_ways_out_without_a_network(
    typed: str,
    told: str,
    image_folder: Path,
    tmp_path: Path,
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "empty"))
    assert main(typed.format(image_folder).split()) == 2
    assert capsys.readouterr().err.endswith(f"{told}\n")


def test_train_keeps_another_split(image_folder: Path, capsys: Capture) -> None:
    Path("split.json").write_text("mine")
    typed = f"train {image_folder} --model cnn --image-size 24 --out m.keras --save-split"
    assert main([*typed.split(), "split.json"]) == 2
    assert "If it holds an earlier split, --split-file gives you" in capsys.readouterr().err
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


def test_next_command_survives_the_shell() -> None:
    typed = ["train", "--out=-m.keras", "--save-split=-s", "pets"]
    command = next_command(make_parser().parse_args(typed))
    evaluate = make_parser().parse_args(shlex.split(command)[1:])
    assert (evaluate.model, evaluate.split_file, evaluate.folder) == ("-m.keras", "-s", "pets")
    typed = ["train", "--out", "it's.keras", "--skip-bad", "--", "-my pets"]
    command = next_command(make_parser().parse_args(typed))
    assert shlex.split(command) == [
        "catdog", "evaluate", "--model", "it's.keras", "--skip-bad", "--", "-my pets"
    ]  # fmt: skip


# evaluate


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
def test_evaluate_doubts_another_split(file: str, image_folder: Path, capsys: Capture) -> None:
    (image_folder / "cats/image.0.png").unlink()
    assert main(["evaluate", str(image_folder), "--model", file, "--json"]) == 0
    captured = capsys.readouterr()
    assert strict_json(captured.out)["same_split_as_trained"] is False
    assert captured.err.startswith(
        "catdog: warning: pets.keras was trained on another division of images than this: "
        "12 + 4 + 4 there, 11 + 4 + 4 here."
    )


@pytest.mark.filterwarnings("default:The split file does not know")
def test_evaluate_on_a_kept_split(
    file: str, data: Datasets, image_folder: Path, capsys: Capture
) -> None:
    data.save_split("split.json")
    typed = ["evaluate", str(image_folder), "--model", file, "--split-file", "split.json"]
    write_images(image_folder / "dogs/new", 1, tint=100)
    assert main(typed) == 0  # the same split for all that
    told = capsys.readouterr().err
    assert "1 image" in told
    assert "In Python, load_datasets(..., new_files=" in told
    data.paths("train")[0].unlink()
    assert main(typed) == 2
    told = capsys.readouterr().err
    assert "make a new split without --split-file" in told
    assert "split_file" not in told


@pytest.mark.filterwarnings("default:.* trained on")
def test_evaluate_doubts_a_model_that_knows_nothing(image_folder: Path, capsys: Capture) -> None:
    small().save("plain.keras")
    assert main(["evaluate", str(image_folder), "--model", "plain.keras", "--json"]) == 0
    captured = capsys.readouterr()
    assert strict_json(captured.out)["same_split_as_trained"] is None
    assert captured.err.startswith("catdog: warning: plain.keras does not know which images")


def test_evaluate_refuses_other_classes(
    file: str, make_folder: MakeFolder, capsys: Capture
) -> None:
    folder = make_folder({"more/ants": 10, "more/bees": 10})
    assert main(["evaluate", str(folder / "more"), "--model", file]) == 2
    assert "knows the classes cats, dogs, but" in capsys.readouterr().err


@pytest.mark.filterwarnings("default:.* trained on")
def test_evaluate_a_model_that_comes_trained(image_folder: Path, capsys: Capture) -> None:
    assert main(["evaluate", str(image_folder), "--model", "cnn", "--json"]) == 0
    captured = capsys.readouterr()
    assert strict_json(captured.out)["n"] == 4
    assert captured.err.startswith("catdog: warning: cnn was trained on most of Kaggle's")


@pytest.mark.real_data
def test_evaluate_knows_which_images_are_new_to_it(capsys: Capture) -> None:
    assert main(["evaluate", "cats_and_dogs_filtered", "--model", "compact", "--json"]) == 0
    captured = capsys.readouterr()
    assert strict_json(captured.out)["accuracy"] > 0.95
    assert captured.err == ""


def test_evaluate_on_all_images(file: str, image_folder: Path, capsys: Capture) -> None:
    assert main(["evaluate", str(image_folder), "--model", file, "--split", "all"]) == 2
    assert "--split all is for images that a model was not tr" in capsys.readouterr().err


@pytest.mark.filterwarnings("default:.* trained on")
def test_evaluate_a_model_that_comes_trained_on_all_images(
    image_folder: Path, capsys: Capture
) -> None:
    (image_folder / "dogs/image.9.png").unlink()
    typed = ["evaluate", str(image_folder), "--model", "compact", "--json", "--split", "all"]
    assert main(typed) == 0
    result = strict_json(capsys.readouterr().out)
    assert (result["split"], result["n"]) == ("test", 19)
    assert result["baseline"] == pytest.approx(10 / 19)
    answers = predict(catdog.build_model("compact"), [image_folder], verbose=0)
    right = [answer.path is not None and answer.label == answer.path.parent.name
             for answer in answers]  # fmt: skip
    assert result["accuracy"] == pytest.approx(np.mean(right))


# models and scan


def test_models(capsys: Capture) -> None:
    assert main(["models"]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split()[:4] == ["name", "pixels", "parameters", "trainable"]
    assert tuple(line.split()[0] for line in lines) == catdog.list_models()
    assert len({len(line) for line in lines if line.endswith("reported")}) == 1
    assert main(["models", "--json"]) == 0
    listed = strict_json(capsys.readouterr().out)
    assert tuple(each["name"] for each in listed) == catdog.list_models()
    trained = ["cnn.three_block", "cnn_preprocessed.three_block", "compact"]
    assert [each["name"] for each in listed if each["as_it_comes"]] == trained
    assert [line.split()[0] for line in lines if len(line) == len(head)] == trained
    linear = next(each for each in listed if each["name"] == "mobilenet_v2.linear")
    assert linear["num_trainable_params"] == 2562
    assert linear["measured"]["n"] == 1000


def test_scan(image_folder: Path, capsys: Capture) -> None:
    assert main(["scan", str(image_folder)]) == 0
    assert capsys.readouterr().out.startswith("images: 20 files, 2 classes\n")
    (image_folder / "cats/image.3.png").write_bytes(b"broken")
    assert main(["scan", str(image_folder)]) == 1
    assert "cannot be used: 1 file" in capsys.readouterr().out
    assert main(["scan", str(image_folder), "--json"]) == 1
    report = strict_json(capsys.readouterr().out)
    assert report["usable"] == {"cats": 9, "dogs": 10}
    assert capsys.readouterr().err == ""
    assert [each["path"] for each in report["findings"] if each["bad"]] == ["cats/image.3.png"]


def test_scan_tells_a_class_without_images(image_folder: Path, capsys: Capture) -> None:
    for path in (image_folder / "cats").iterdir():
        path.unlink()
    assert main(["scan", str(image_folder)]) == 1
    assert "no image that can be used is in: cats\n" in capsys.readouterr().err


def test_scan_tells_a_split_without_images(make_folder: MakeFolder, capsys: Capture) -> None:
    folder = make_folder(
        {f"{split}/{name}": 2 for split in ("train", "validation") for name in "ab"}
    )
    for path in (folder / "train/b").iterdir():
        path.unlink()
    assert main(["scan", str(folder)]) == 1
    assert capsys.readouterr().err.endswith("is in: train/b\n")


def test_scan_needs_no_tensorflow(image_folder: Path) -> None:
    code = (
        "import sys\nfrom catdog.cli.main import main\n"
        f"main(['scan', {str(image_folder)!r}])\nassert 'tensorflow' not in sys.modules"
    )
    assert python("-c", code).returncode == 0


# The page


def test_the_page_shows_the_models_there_are(capsys: Capture) -> None:
    assert main(["models"]) == 0
    assert capsys.readouterr().out == (ROOT / "docs/assets/cli-models.txt").read_text("utf-8")


def test_what_the_page_shows_works() -> None:
    block = re.compile(r"^```(python|bash)\n(.*?)^```", re.MULTILINE | re.DOTALL)
    commands = 0
    for language, code in block.findall(PAGE.read_text("utf-8")):
        if language == "python":
            exec(compile(code, PAGE, "exec"), {})
            continue
        for line in code.splitlines():
            program, *arguments = shlex.split(line)
            assert program == "catdog"
            assert main(arguments) == 0
            commands += 1
    assert commands >= 5
