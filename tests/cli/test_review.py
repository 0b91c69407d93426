import json
import shlex
import signal
from pathlib import Path

import pytest

from catdog import Datasets, load_datasets, save_model
from catdog.cli import review
from catdog.cli.main import main
from catdog.cli.parser import make_parser
from catdog.cli.review import next_command
from catdog.matching import record_training
from catdog.reporting.review.server import ReviewServer
from tests.cli.conftest import Capture, untrained_model
from tests.conftest import MakeFolder
from tests.reporting.conftest import running


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[ReviewServer]:
    """Collect the servers of the command, which ends at once."""
    servers: list[ReviewServer] = []

    def serve(server: ReviewServer, message: str, *, open_browser: bool) -> None:
        with server:
            print(message)  # noqa: T201
            servers.append(server)

    monkeypatch.setattr(review, "_serve", serve)
    return servers


def test_until_it_is_interrupted(image_folder: Path) -> None:
    with running(image_folder, Path("c.json")) as command:
        printed = command.end(signal.SIGINT)
        assert command.process.returncode == 0
    assert printed.splitlines()[-1] == "c.json: 0 decisions"
    assert not Path("c.json").exists()


def test_with_the_backbone_of_a_model(
    image_folder: Path, data: Datasets, served: list[ReviewServer], capsys: Capture
) -> None:
    """Every set is checked; the next command trains with the decisions, and compares."""
    model = untrained_model(has_backbone=True)
    record_training(model, data)
    save_model(model, "pets.keras")
    assert main(["review", str(image_folder), "--model", "pets.keras"]) == 0
    printed = capsys.readouterr().out.splitlines()
    (server,) = served
    assert printed[1] == f"  {server.address}"
    labels = [item for item in server.subjects.items if item.section == "labels"]
    assert labels
    assert printed[-1] == "corrections.json: 0 decisions"
    image = server.subjects.images[0]
    server.file.decide(image.sha256 or "", None, name=image.name, before=None)
    assert main(["review", str(image_folder), "--model", "pets.keras"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == (
        "Train with them: catdog train --corrections corrections.json --compare pets.keras "
        f"--out corrected.keras {image_folder}"
    )


def test_the_next_command(image_folder: Path, served: list[ReviewServer], capsys: Capture) -> None:
    (image_folder / "cats/image.3.png").write_bytes(b"broken")
    assert main(["review", str(image_folder)]) == 0
    sha256 = next(image.sha256 for image in served[0].subjects.images if image.sha256)
    entries = [{"sha256": sha256, "leave_out": True}]
    raw = {"format": "catdog corrections", "version": 1, "corrections": entries}
    Path("corrections.json").write_text(json.dumps(raw))
    assert main(["review", str(image_folder)]) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "corrections.json: 1 decision",
        "Train with them: catdog train --corrections corrections.json --skip-bad "
        f"--out corrected.keras {image_folder}",
    ]


def test_the_next_command_survives_the_shell(image_folder: Path, data: Datasets) -> None:
    typed = ["review", "--out=-c.json", "--labels", "it's.csv", "--", "-my pets"]
    command = next_command(make_parser().parse_args(typed), data.report, None)
    train = make_parser().parse_args(shlex.split(command)[1:])
    assert (train.corrections, train.labels, train.folder) == ("-c.json", "it's.csv", "-my pets")


def test_in_the_split_of_a_file(
    image_folder: Path, data: Datasets, served: list[ReviewServer], capsys: Capture
) -> None:
    """The page names the sets of the split file, and the next command has the same split."""
    save_model(untrained_model(has_backbone=True), "pets.keras")
    split = load_datasets(image_folder, seed=5, test_fraction=0.4)
    split.save_split("split.json")
    options = ["--model", "pets.keras", "--split-file", "split.json"]
    assert main(["review", str(image_folder), *options]) == 0
    (server,) = served
    in_test = {path.relative_to(image_folder).as_posix() for path in split.paths("test")}
    shown = {image.name: image.split for image in server.subjects.images}
    assert {name for name, found in shown.items() if found == "test"} == in_test & shown.keys()
    image = server.subjects.images[0]
    server.file.decide(image.sha256 or "", None, name=image.name, before=None)
    assert main(["review", str(image_folder), *options]) == 0
    assert "--split-file split.json" in capsys.readouterr().out.splitlines()[-1]


def test_nothing_is_doubtful(make_folder: MakeFolder, capsys: Capture) -> None:
    folder = make_folder(cats=1, dogs=1)
    for path in folder.glob("*/*.png"):
        path.unlink()
        path.with_suffix(".txt").write_text("no image")
    assert main(["review", str(folder)]) == 0
    assert capsys.readouterr().out == "Nothing is doubtful.\n"


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--model", "x.keras"], "--model='x.keras' does not exist"),
        (["--model", "none"], "--model='none'"),
        (["--out", "none/c.json"], "--out='none/c.json'"),
        (["--out", "other.json"], "other.json' is not a file of corrections"),
        (["--port", "70000"], "--port=70000 cannot be used"),
        (["--group-by", "folder"], "--group-by would have no effect: there is no --model"),
        (["--split-file", "s.json"], "--split-file would have no effect: there is no --model"),
    ],
)
def test_wrong_options(
    image_folder: Path, capsys: Capture, options: list[str], problem: str
) -> None:
    Path("other.json").write_text("{}")
    assert main(["review", str(image_folder), "--no-browser", *options]) == 2
    assert problem in capsys.readouterr().err
