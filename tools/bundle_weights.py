"""Bundle trained weights with the package, with a record of their training and accuracy.

    KERAS_HOME=... python tools/bundle_weights.py compact --work FOLDER

`FOLDER` is the folder of a run of `tools/train_compact.py` or `tools/train_cnns.py`. The weights
are rounded to float16. The temperature is fitted to the images held out in training. Then the
network, as users get it, is evaluated on the 1000 images of the validation folder of
cats_and_dogs_filtered. Do this once, after all choices; `--out` sets another folder for a second
training of the same network, to compare the two. Then run `tools/bundle_litert.py`.
"""

import argparse
import hashlib
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from compact_data import EVALUATED_ON, FILTERED, SIDE, Images, read_archive, read_images

from catdog import build_model
from catdog._utils.keras_cache import cached_path
from catdog.evaluation.calibration import fit_temperature
from catdog.evaluation.metrics import expected_calibration_error, reliability, wilson_interval
from catdog.inference.forward import checked_logits
from catdog.models.bundled import FOLDER
from catdog.models.logits import log_softmax
from catdog.typing import Floats

CLASSES = ("cats", "dogs")
COMMANDS = {
    "compact": "train_compact.py",
    "cnn.three_block": "train_cnns.py cnn.three_block",
    "cnn_preprocessed.three_block": "train_cnns.py cnn_preprocessed.three_block",
}


def rounded(model: keras.Model) -> dict[str, Any]:
    """Round the weights of a model to float16, in place, and return them by number.

    Raises:
        ValueError: If a weight is too large for float16.
    """
    with np.errstate(over="ignore"):  # infinite values are refused below
        halves = [weight.astype(np.float16) for weight in model.get_weights()]
    if not all(np.isfinite(half).all() for half in halves):
        raise ValueError("A weight is beyond what float16 holds, 65,504 at most.")
    model.set_weights([half.astype(np.float32) for half in halves])
    return {str(number): half for number, half in enumerate(halves)}


def logits_of(model: keras.Model, images: Images) -> Floats:
    """Return the logits of images, `(n, 2)`."""
    outputs = model.predict(images.pixels.astype(np.float32), batch_size=100, verbose=0)
    return checked_logits(model, outputs, images.pixels.shape[1:3])


def baseline_accuracy(images: Images) -> float:
    """Return the share of the most common class."""
    return float(np.bincount(images.labels).max() / len(images.labels))


def evaluate_logits(logits: Floats, images: Images, temperature: float) -> dict[str, Any]:
    """Return the accuracy, its 95 % confidence interval, and the expected calibration error."""
    correct = logits.argmax(axis=1) == images.labels
    confidences = np.exp(log_softmax(logits / temperature)).max(axis=1)
    return {
        "accuracy": float(correct.mean()),
        "interval": wilson_interval(int(correct.sum()), len(correct)),
        "right": int(correct.sum()),
        "n": len(correct),
        "calibration_error": expected_calibration_error(reliability(confidences, correct)),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the script."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("name", choices=list(COMMANDS))
    parser.add_argument("--work", type=Path, required=True, help="the folder of the run")
    parser.add_argument(
        "--out", type=Path, default=FOLDER, help="where to write the files (default: the package)"
    )
    options = parser.parse_args(arguments)
    name, out = options.name, options.out
    run = json.loads((options.work / f"{name}.run.json").read_text())
    model = build_model(name, image_size=(SIDE, SIDE), weights=options.work / f"{name}.weights.h5")
    np.savez(out / f"{name}.npz", **rounded(model))

    held_out = read_images(run["settings"]["seed"])[1]["held_out_originals"]
    held_out_logits = logits_of(model, held_out)
    temperature = fit_temperature(held_out_logits, held_out.labels)
    last = read_archive(cached_path(f"datasets/{FILTERED}"), below=f"{EVALUATED_ON}/")
    record = {
        "model": name,
        "sha256": hashlib.sha256((out / f"{name}.npz").read_bytes()).hexdigest(),
        "class_names": CLASSES,
        "image_size": [SIDE, SIDE],
        "temperature": temperature,
        "evaluated": {
            "data": EVALUATED_ON,
            "baseline": baseline_accuracy(last),
            **evaluate_logits(logits_of(model, last), last, temperature),
        },
        "held_out": evaluate_logits(held_out_logits, held_out, temperature),
        "command": f"python tools/{COMMANDS[name]} --work FOLDER",
        "evaluated_by": f"python tools/bundle_weights.py {name} --work FOLDER",
        "trained": {each: run[each] for each in ("settings", "images", "cpu_seconds")},
        "versions": run["versions"],
    }
    (out / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n")
    logging.info("%s", json.dumps(record, indent=1))


if __name__ == "__main__":
    main()
