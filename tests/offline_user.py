"""What somebody does right after `pip install`, without a network and with an empty cache.

    python tests/offline_user.py [FOLDER]

`FOLDER` is `cats_and_dogs_filtered`, if it is at hand: the command line and `evaluate` must then
tell as many of its 1000 images as the card of the weights says. Else it is only seen that the
command line answers. `.ci/run` starts this with the wheel alone.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

NO_NETWORK = """
import socket

def refuse(*_):
    raise OSError("there is no network")

socket.socket.connect = socket.getaddrinfo = refuse
"""


def answers_of(folder: Path, scratch: Path) -> list[tuple[str, str]]:
    """Return what each image is called, by the folder it is in, and by `catdog predict`."""
    (scratch / "sitecustomize.py").write_text(NO_NETWORK)
    environment = {**os.environ, "KERAS_HOME": str(scratch), "PYTHONPATH": str(scratch)}
    command = [str(Path(sys.executable).with_name("catdog")), "predict", str(folder), "--json"]
    told = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True).stdout
    return [(Path(answer["path"]).parent.name, answer["label"]) for answer in json.loads(told)]


def draw(folder: Path) -> Path:
    """Fill a folder with two images of noise."""
    import numpy as np
    from PIL import Image

    for number, name in enumerate(("cats", "dogs")):
        (folder / name).mkdir(parents=True)
        noise = np.random.default_rng(number).integers(0, 256, (200, 300, 3), np.uint8)
        Image.fromarray(noise).save(folder / name / "noise.jpg")
    return folder


def evaluate_both(folder: Path) -> int:
    """Return how many images of the validation and test sets `evaluate` finds right."""
    from catdog import build_model, evaluate, load_datasets

    data = load_datasets(folder)
    model = build_model("compact")
    judged = [evaluate(model, data, split=split, verbose=0) for split in ("validation", "test")]
    return sum(int((each.predictions == each.labels).sum()) for each in judged)


def main() -> None:
    """Run the script."""
    with tempfile.TemporaryDirectory() as scratch:
        given = Path(sys.argv[1]) if len(sys.argv) > 1 else None
        images = given / "validation" if given else draw(Path(scratch, "drawn"))
        answers = answers_of(images, Path(scratch))
        right = sum(truth == label for truth, label in answers)
        print(f"{right} of {len(answers)} images right")
        if given:
            from catdog import model_spec

            shipped = model_spec("compact").shipped
            assert shipped is not None
            assert abs(right / len(answers) - shipped.measured.accuracy) <= 0.002  # by rounding
            judged = evaluate_both(given)
            print(f"{judged} of {len(answers)} by evaluate")
            assert abs(judged - right) <= 2
        else:
            assert len(answers) == 2
            assert all(label in ("cats", "dogs") for _, label in answers)


if __name__ == "__main__":
    main()
