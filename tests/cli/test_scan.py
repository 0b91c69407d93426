from pathlib import Path

from catdog import load_datasets, save_corrections
from catdog.cli.main import main
from tests.cli.conftest import Capture, python, strict_json
from tests.conftest import MakeFolder


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
        f"main(['scan', {str(image_folder)!r}])\nassert 'tensorflow.python' not in sys.modules"
    )
    assert python("-c", code).returncode == 0
