import shlex
from pathlib import Path

import pytest
from PIL import Image

from catdog import load_datasets, save_corrections
from catdog.cli.main import main
from tests.cli.conftest import Capture, python, strict_json
from tests.conftest import MakeFolder
from tests.data.test_near_duplicates import frame, write


def test_scan_reports_unusable_files(image_folder: Path, capsys: Capture) -> None:
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


def test_scan_reports_a_class_without_images(image_folder: Path, capsys: Capture) -> None:
    for path in (image_folder / "cats").iterdir():
        path.unlink()
    assert main(["scan", str(image_folder)]) == 1
    assert "no usable image is in: cats\n" in capsys.readouterr().err


def test_scan_reports_a_split_without_images(make_folder: MakeFolder, capsys: Capture) -> None:
    folder = make_folder(
        {f"{split}/{name}": 2 for split in ("train", "validation") for name in "ab"}
    )
    for path in (folder / "train/b").iterdir():
        path.unlink()
    assert main(["scan", str(folder)]) == 1
    assert capsys.readouterr().err.endswith("is in: train/b\n")


def test_scan_takes_labels_and_corrections(image_folder: Path, capsys: Capture) -> None:
    labels = [f"{kind}/image.{n}.png,{kind}" for kind in ("cats", "dogs") for n in range(9)]
    Path("labels.csv").write_text("\n".join(["file,label", *labels]))
    data = load_datasets(image_folder)
    save_corrections(data, {"cats/image.3.png": "dogs", "dogs/image.0.png": None}, "c.json")
    typed = ["scan", str(image_folder), "--labels", "labels.csv", "--corrections", "c.json"]
    assert main([*typed, "--json"]) == 0
    report = strict_json(capsys.readouterr().out)
    assert report["usable"] == {"cats": 8, "dogs": 9}
    reasons = {row["reason"] for row in report["findings"]}
    assert {"corrected", "left_out", "unlisted"} <= reasons
    assert main([*typed[:-1], "no.json"]) == 2
    assert "error: --corrections='no.json' does not exist" in capsys.readouterr().err
    assert main([*typed[:3], "no.csv"]) == 2
    assert "error: --labels='no.csv' does not exist" in capsys.readouterr().err


def test_scan_needs_no_tensorflow(image_folder: Path) -> None:
    code = (
        "import sys\nfrom catdog.cli.main import main\n"
        f"main(['scan', {str(image_folder)!r}, '--quality', '--shortcuts'])\n"
        "assert 'tensorflow.python' not in sys.modules"
    )
    assert python("-c", code).returncode == 0


def test_scan_ranks_the_images_by_quality(image_folder: Path, capsys: Capture) -> None:
    assert main(["scan", str(image_folder)]) == 0
    without = capsys.readouterr().out
    assert main(["scan", str(image_folder), "--quality"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"{without}quality of 20 images, compared within the class\n")
    assert main(["scan", str(image_folder), "--quality", "--json"]) == 0
    quality = strict_json(capsys.readouterr().out)["quality"]
    assert len(quality["images"]) == 20
    assert quality["images"][0]["path"] == "cats/image.0.png"


def test_scan_finds_shortcuts(image_folder: Path, capsys: Capture) -> None:
    for path in (image_folder / "dogs").iterdir():
        with Image.open(path) as image:
            larger = image.resize((90, 80))
        larger.save(path)
    (image_folder / "cats/broken.png").write_bytes(b"broken")
    assert main(["scan", str(image_folder), "--shortcuts"]) == 1
    captured = capsys.readouterr()
    assert captured.out.startswith("images: 21 files, 2 classes\n")
    assert "\n16 images (train, validation), classes predicted from one cue" in captured.out
    assert "\nThe image size alone predicts the class: 100.0% (" in captured.out
    assert captured.err == ""
    assert main(["scan", str(image_folder), "--shortcuts", "--json"]) == 1
    report = strict_json(capsys.readouterr().out)
    assert "quality" not in report
    assert "image_size" in {cue["cue"] for cue in report["shortcuts"]["cues"] if cue["flagged"]}


def test_shortcuts_take_groups_and_split_files(image_folder: Path, capsys: Capture) -> None:
    groups = ["--group-by", r"image\.(\d)"]
    assert main(["scan", str(image_folder), "--shortcuts", "--json", *groups]) == 0
    report = strict_json(capsys.readouterr().out)["shortcuts"]
    assert (report["n"], report["n_units"]) == (16, 8)  # a group has an image of each class
    assert main(["scan", str(image_folder), *groups]) == 2
    assert "--group-by would have no effect: there is no --shortcuts" in capsys.readouterr().err
    typed = ["scan", str(image_folder), "--test-fraction", "0.3", "--near-duplicates", "ignore"]
    assert main(typed) == 2
    assert "--near-duplicates and --test-fraction would have no" in capsys.readouterr().err
    assert main(["scan", str(image_folder), "--shortcuts", "--split-file", "none.json"]) == 2
    assert "--split-file" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--quality", "--shortcuts"])
def test_a_class_without_images_is_no_crash(
    image_folder: Path, capsys: Capture, option: str
) -> None:
    for path in (image_folder / "cats").iterdir():
        path.unlink()
    assert main(["scan", str(image_folder), option]) == (2 if option == "--shortcuts" else 1)
    captured = capsys.readouterr()
    assert captured.out.startswith("images: 10 files, 2 classes\n")
    assert "cats" in captured.err


@pytest.mark.parametrize(
    "form", ["{film}/{number}.png", "clip{film}_{number}.png", "{film}{number}0.png"]
)
@pytest.mark.filterwarnings("ignore:The folders inside")
def test_groups_that_scan_prints_can_be_pasted(form: str, capsys: Capture) -> None:
    images = {
        f"{'ab'[film % 2]}/{form.format(film=film, number=number)}": frame(film, number)
        for film in range(16)
        for number in range(5)
    }
    folder = write(Path("it is new"), images)
    assert main(["scan", str(folder)]) == 0
    hint = capsys.readouterr().out.splitlines()[-1]
    option, value, *_ = shlex.split(hint[hint.index("--group-by") :].replace(";", " "))
    assert option == "--group-by"
    if form.startswith("{film}{"):
        assert "below the class folder, and pass --group-by folder; or name" in hint
        return
    assert "keeps each burst in one set: 16 groups." in hint
    assert "\n" not in value
    data = load_datasets(folder, group_by=value)  # no warning
    assert data.groups("test")
    groups = {*(data.groups("train") or ())}
    assert len(groups) == 10
