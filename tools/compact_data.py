"""Read the training images of the bundled networks, without those of the final evaluation.

They are read from the archives in Keras' cache: `cats_and_dogs_large.zip` (19,000 images of 128 x
128 pixels) and `cats_and_dogs_filtered.zip`, whose `validation/` folder is used for the final
evaluation.
"""

import hashlib
import json
import logging
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from catdog._utils.keras_cache import cached_path
from catdog.images.decode import decode_image

SIDE = 128
LARGE, FILTERED = "cats_and_dogs_large.zip", "cats_and_dogs_filtered.zip"
EVALUATED_ON = "cats_and_dogs_filtered/validation"
THUMBNAIL_SIDE = 16
DUPLICATE_CORRELATION = 0.97  # of two thumbnails; see `thumbnails`
HELD_OUT = 1000  # images
PACKAGES = ("catdog", "tensorflow", "keras", "numpy", "pillow")
HELD_OUT_BELOW = 1000  # ids whose originals are also in cats_and_dogs_filtered/train

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Images:
    """Decoded images.

    Attributes:
        names: `cat.0` and so on, `(n,)`.
        labels: 0 for cats, 1 for dogs, `(n,)`.
        pixels: `uint8`, `(n, 128, 128, 3)`, RGB in `[0, 255]`.
        hashes: SHA-256 of each file, `(n,)`.
    """

    names: NDArray[np.str_]
    labels: NDArray[np.int32]
    pixels: Pixels
    hashes: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.names)

    def take(self, positions: NDArray[np.intp] | NDArray[np.bool_]) -> "Images":
        """Return the images at some positions."""
        return Images(
            self.names[positions],
            self.labels[positions],
            self.pixels[positions],
            self.hashes[positions],
        )


def read_archive(archive: Path, *, below: str) -> Images:
    """Read the images of an archive whose path begins with `below`, sorted by name.

    Raises:
        FileNotFoundError: If the archive does not exist.
        ValueError: If it contains no such images, or one of them cannot be read.
    """
    with zipfile.ZipFile(archive) as files:
        names = [name for name in files.namelist() if name.startswith(below)]
        contents = {Path(name).stem: files.read(name) for name in names if name.endswith(".jpg")}
    if not contents:
        raise ValueError(f"{archive} contains no images below {below}.")
    order = sorted(contents, key=lambda name: (name.partition(".")[0], _number(name)))
    return Images(
        names=np.array(order),
        labels=np.array([name.startswith("dog") for name in order], np.int32),
        pixels=np.stack([decode_image(contents[name], (SIDE, SIDE), name=name) for name in order]),
        hashes=np.array([hashlib.sha256(contents[name]).hexdigest() for name in order]),
    )


def _number(name: str) -> int:
    return int(name.partition(".")[2])


def thumbnails(pixels: Pixels) -> NDArray[np.float32]:
    """Return thumbnails that are similar for versions of one image: `(n, 256)`, mean 0, length 1.

    They are greyscale, 16 x 16 pixels. The dot product of two is their correlation.
    """

    def shrink(image: Pixels) -> Pixels:
        grey = Image.fromarray(image).convert("L")
        side = (THUMBNAIL_SIDE, THUMBNAIL_SIDE)
        return np.asarray(grey.resize(side, Image.Resampling.BOX))

    flat = np.stack([shrink(image).ravel() for image in pixels]).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
    return flat


def closest(pixels: Pixels, others: Pixels) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Return, for each image, the highest correlation with one of the others, and its position.

    Mirror images of the others are compared as well.
    """
    own = thumbnails(pixels)
    candidates = thumbnails(np.concatenate([others, others[:, :, ::-1]]))
    best = [_best(part, candidates) for part in _parts(own)]
    correlation, position = (np.concatenate(each) for each in zip(*best, strict=True))
    return correlation, position % len(others)


def _parts(rows: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    for begin in range(0, len(rows), 1000):
        yield rows[begin : begin + 1000]


def _best(
    own: NDArray[np.float32], candidates: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    correlation = own @ candidates.T
    return correlation.max(axis=1), correlation.argmax(axis=1)


def without_duplicates(images: Images, evaluated: Images) -> tuple[Images, list[str]]:
    """Remove every image that is, or looks like, an image of the final evaluation.

    Returns:
        The images that remain, and for each removed one its name, that of its duplicate, and their
        correlation.
    """
    correlation, position = closest(images.pixels, evaluated.pixels)
    duplicates = (correlation > DUPLICATE_CORRELATION) | np.isin(images.hashes, evaluated.hashes)
    removed = [
        f"{images.names[i]} = {evaluated.names[position[i]]} ({correlation[i]:.4f})"
        for i in np.flatnonzero(duplicates)
    ]
    return images.take(~duplicates), removed


def hold_out(images: Images, count: int, *, seed: int) -> tuple[Images, Images]:
    """Split images into training images and held-out images for choices, half of each class.

    The latter are drawn from the ids whose originals are in cats_and_dogs_filtered/train, so that
    the network can be evaluated on images as users have them: large, and resized by catdog.
    """
    rng = np.random.default_rng([seed, 1])
    known = np.array([_number(str(name)) < HELD_OUT_BELOW for name in images.names])
    chosen = [
        rng.choice(np.flatnonzero(known & (images.labels == label)), count // 2, replace=False)
        for label in (0, 1)
    ]
    held = np.isin(np.arange(len(images)), np.concatenate(chosen))
    return images.take(~held), images.take(held)


def read_images(seed: int) -> tuple[Images, dict[str, Images]]:
    """Return the training images, and the held-out images in small and in original size."""
    large = read_archive(cached_path(f"datasets/{LARGE}"), below="cats_and_dogs_large/")
    filtered = cached_path(f"datasets/{FILTERED}")
    last = read_archive(filtered, below=f"{EVALUATED_ON}/")
    large, duplicates = without_duplicates(large, last)
    logging.info("duplicates of images of the final evaluation: %s", duplicates or "none")
    training, held_out = hold_out(large, HELD_OUT, seed=seed)
    originals = read_archive(filtered, below="cats_and_dogs_filtered/train/")
    originals = originals.take(np.isin(originals.names, held_out.names))
    logging.info("%d training images, %d held out", len(training), len(held_out))
    return training, {"held_out": held_out, "held_out_originals": originals}


def write_run(
    work: Path,
    name: str,
    settings: dict[str, Any],
    training: Images,
    held_out: dict[str, Images],
    cpu_seconds: float,
) -> None:
    """Write how a network was trained to `NAME.run.json` in the folder of the run."""
    facts = {
        "model": name,
        "settings": settings,
        "images": len(training),
        "held_out": {each: len(images) for each, images in held_out.items()},
        "cpu_seconds": round(cpu_seconds),
        "versions": {package: version(package) for package in PACKAGES},
    }
    (work / f"{name}.run.json").write_text(json.dumps(facts, indent=1) + "\n")
