import shutil
from pathlib import Path

import pytest
from PIL import Image

from catdog.cli.main import main
from tests.cli.conftest import Capture


@pytest.mark.filterwarnings("default:.* passed over")
def test_a_heat_map_for_each_image(file: str, image_folder: Path, capsys: Capture) -> None:
    """Images of one name get a file each, and a later command replaces none."""
    names = ["cats/image.0.png", "dogs/image.0.png"]
    Path("photos/maps").mkdir(parents=True)
    for number, name in enumerate(names):
        Path(f"photos/{number}").mkdir()
        shutil.copy(image_folder / name, f"photos/{number}/image.png")
    Path("photos/bad.png").write_bytes(b"broken")
    typed = ["explain", "photos", "gone.png", "--model", file, "--out", "photos/maps"]
    assert main(typed) == 1
    captured = capsys.readouterr()
    assert captured.out == "wrote photos/maps/image.png\nwrote photos/maps/image-2.png\n"
    assert [line.split()[:1] for line in captured.err.splitlines()] == [["catdog:"]] * 2
    before = {path.name: path.read_bytes() for path in Path("photos/maps").iterdir()}
    assert sorted(before) == ["image-2.png", "image.png"]
    for name in before:
        with Image.open(f"photos/maps/{name}") as opened:
            assert opened.width > opened.height > 100
    assert main([*typed, "--label", "dogs"]) == 1
    captured = capsys.readouterr()
    assert captured.out == "wrote photos/maps/image-3.png\nwrote photos/maps/image-4.png\n"
    assert "2 images in photos/maps were passed over" in captured.err
    after = {path.name: path.read_bytes() for path in Path("photos/maps").iterdir()}
    assert {name: after[name] for name in before} == before
    assert after["image-4.png"] != after["image-3.png"]


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("--label bird", "--label='bird'"),
        ("--out pets.keras", "--out='pets.keras' is a file"),
        ("--model pets.tflite", "--model='pets.tflite' is neither a .keras file"),
    ],
)
def test_errors_name_the_options(
    typed: str, message: str, file: str, image_folder: Path, capsys: Capture
) -> None:
    line = ["explain", str(image_folder), "--model", file, "--out", "maps", *typed.split()]
    assert main(line) == 2
    assert f"catdog: error: {message}" in capsys.readouterr().err
    assert not list(Path("maps").glob("*"))
