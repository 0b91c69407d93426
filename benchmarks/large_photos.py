"""Compare decoding at a reduced scale with decoding at full scale, on large photos with noise.

    python benchmarks/large_photos.py --out docs/results/large_photos.json

Real photos of the validation images are enlarged to 12 megapixels, get the noise of a sensor, and
are saved as JPEG. Each is decoded at full scale, and at the smallest scale that leaves 4, 2 or 1
times the size of the model; then it is resized as every image is. Each way is compared with the
full scale by McNemar's exact test, on the same photos. The CPU time is that of decoding and
resizing. The models are `compact` with its bundled weights, and MobileNetV2 with a head that is
trained on the training photos. The real images are not downloaded.
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import keras
import numpy as np
from harness import Record, new_record, write_record
from numpy.typing import NDArray
from page_agreement import CLASS_NAMES, MODELS, find_photos, make_model
from PIL import Image

from catdog import predict
from catdog._utils.threads import map_in_threads
from catdog.evaluation.metrics import mcnemar_p_value
from catdog.images.decode import read_rgb
from catdog.images.resize import resize
from catdog.typing import ImageSize

MEGAPIXELS = 12
NOISE = 8.0  # standard deviation of each value, of 255: a photo of a phone in a dark room
QUALITY = 90
FACTORS = (None, 4, 2, 1)  # how much larger than the model's size; `None` is the full scale


def enlarge(photo: Path, folder: Path) -> Path:
    """Write a large copy of a photo with the noise of a sensor; return where it is."""
    path = folder / f"{photo.parent.name}.{photo.name}"
    rng = np.random.default_rng(list(path.name.encode()))
    with Image.open(photo) as image:
        scale = (MEGAPIXELS * 1e6 / (image.width * image.height)) ** 0.5
        size = round(scale * image.width), round(scale * image.height)
        large = image.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    pixels = np.asarray(large, np.float32)
    noise = rng.standard_normal(pixels.shape, np.float32) * np.float32(NOISE)
    noisy = np.clip(np.rint(pixels + noise), 0, 255).astype(np.uint8)
    Image.fromarray(noisy).save(path, quality=QUALITY)
    return path


def decode(path: Path, *, image_size: ImageSize, factor: int | None) -> NDArray[np.uint8]:
    """Decode a photo at a scale that leaves at least `factor` times a size, and resize it."""
    height, width = image_size
    least = None if factor is None else (factor * width, factor * height)
    return resize(read_rgb(path, least=least), image_size)


def classify(model: keras.Model, paths: Sequence[Path], factor: int | None) -> Record:
    """Return which photos a model is right on, and the CPU time of decoding."""
    read = partial(decode, image_size=model.input_shape[1:3], factor=factor)
    begin = time.process_time()
    images = np.stack(list(map_in_threads(read, paths, "Decoding")))
    milliseconds = 1000 * (time.process_time() - begin) / len(paths)
    found = predict(model, images, class_names=CLASS_NAMES, verbose=0)
    right = [
        prediction.label == path.name.partition(".")[0]
        for prediction, path in zip(found, paths, strict=True)
    ]
    return {"factor": factor, "cpu_ms_per_photo": round(milliseconds, 1), "right": right}


def compare(rows: Sequence[Record]) -> None:
    """Add the number of right photos, and the comparison with the full scale, the first row."""
    full = rows[0]["right"]
    for row in rows:
        pairs = list(zip(full, row["right"], strict=True))
        only_full, only_this = pairs.count((True, False)), pairs.count((False, True))
        p = round(mcnemar_p_value(only_full, only_this), 4)
        row["paired"] = {"only_full": only_full, "only_this": only_this, "p": p}
    for row in rows:
        row["n"], row["right"] = len(row["right"]), sum(row["right"])


def measure(name: str, paths: Sequence[Path]) -> list[Record]:
    """Return a row for each scale, for a model of the zoo."""
    model = make_model(name)
    rows = [classify(model, paths, factor) for factor in FACTORS]
    compare(rows)
    for row in rows:
        print(f"  {name:20}", row, flush=True)
    return [{"model": name, **row} for row in rows]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--photos", type=int, default=400)
    parser.add_argument("--out", type=Path, help="write the results here, as JSON")
    options = parser.parse_args(arguments)
    facts = {"megapixels": MEGAPIXELS, "noise": NOISE, "quality": QUALITY}
    record = new_record(photos=options.photos, **facts)
    with tempfile.TemporaryDirectory() as folder:
        photos = find_photos(options.photos)
        write = partial(enlarge, folder=Path(folder))
        paths = list(map_in_threads(write, photos, "Enlarging"))
        rows = [row for name in MODELS for row in measure(name, paths)]
    write_record(record | {"rows": rows}, options.out)


if __name__ == "__main__":
    main()
