"""Use catdog right after `pip install`, without a network and with an empty cache.

    python tests/offline_user.py [FOLDER]

`FOLDER` is `cats_and_dogs_filtered`, if it is available. The command line and `evaluate` must then
classify as many of its 1000 images correctly as the metadata of the weights say. Without it, this
checks only that the command line returns labels. `.ci/run` starts this with the wheel alone.
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


def classify(folder: Path, scratch: Path) -> list[tuple[str, str]]:
    """Return the true label of each image, by its folder, and the one from `catdog predict`."""
    (scratch / "sitecustomize.py").write_text(NO_NETWORK)
    environment = {**os.environ, "KERAS_HOME": str(scratch), "PYTHONPATH": str(scratch)}
    command = [str(Path(sys.executable).with_name("catdog")), "predict", str(folder), "--json"]
    output = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True).stdout
    return [(Path(each["path"]).parent.name, each["label"]) for each in json.loads(output)]


def draw_images(folder: Path) -> Path:
    """Write an image of noise for each of two classes."""
    import numpy as np
    from PIL import Image

    for number, name in enumerate(("cats", "dogs")):
        (folder / name).mkdir(parents=True)
        noise = np.random.default_rng(number).integers(0, 256, (200, 300, 3), np.uint8)
        Image.fromarray(noise).save(folder / name / "noise.jpg")
    return folder


def evaluate_both(folder: Path) -> int:
    """Return how many validation and test images `evaluate` counts as correct."""
    from catdog import build_model, evaluate, load_datasets

    data = load_datasets(folder)
    model = build_model("compact")
    results = [evaluate(model, data, split=split, verbose=0) for split in ("validation", "test")]
    return sum(int((each.predictions == each.labels).sum()) for each in results)


def main() -> None:
    """Run the script."""
    with tempfile.TemporaryDirectory() as scratch:
        given = Path(sys.argv[1]) if len(sys.argv) > 1 else None
        images = given / "validation" if given else draw_images(Path(scratch, "drawn"))
        labels = classify(images, Path(scratch))
        correct = sum(truth == label for truth, label in labels)
        print(f"{correct} of {len(labels)} images correct")
        if given:
            from catdog import model_spec

            pretrained = model_spec("compact").pretrained
            assert pretrained is not None
            assert abs(correct / len(labels) - pretrained.measured.accuracy) <= 0.002  # by rounding
            evaluated = evaluate_both(given)
            print(f"{evaluated} of {len(labels)} by evaluate")
            assert abs(evaluated - correct) <= 2
        else:
            assert len(labels) == 2
            assert all(label in ("cats", "dogs") for _, label in labels)


if __name__ == "__main__":
    main()
