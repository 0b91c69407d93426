"""The images that the shipped networks learn from, none of which is judged on later.

They are read from the archives in Keras' cache: `cats_and_dogs_large.zip` (19,000 images of 128 x
128 pixels) and `cats_and_dogs_filtered.zip`, whose `validation/` folder is what a network is
judged on at the very end.
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
JUDGED_ON = "cats_and_dogs_filtered/validation"
THUMBNAIL_SIDE = 16
COPY_CORRELATION = 0.97  # of two thumbnails; see `thumbnails`
HELD_OUT = 1000  # images
PACKAGES = ("catdog", "tensorflow", "keras", "numpy", "pillow")
HELD_OUT_BELOW = 1000  # ids whose originals lie in cats_and_dogs_filtered/train, too

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
        """Return some of the images."""
        return Images(
            self.names[positions],
            self.labels[positions],
            self.pixels[positions],
            self.hashes[positions],
        )


def read_archive(archive: Path, *, below: str) -> Images:
    """Read the images of an archive whose path begins with `below`, by name.

    Raises:
        FileNotFoundError: If there is no such archive.
        ValueError: If it holds no such images, or one of them cannot be read.
    """
    with zipfile.ZipFile(archive) as files:
        names = [name for name in files.namelist() if name.startswith(below)]
        contents = {Path(name).stem: files.read(name) for name in names if name.endswith(".jpg")}
    if not contents:
        raise ValueError(f"{archive} holds no images below {below}.")
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
    """Return what two versions of one image share: `(n, 256)`, of mean 0 and length 1.

    Grey images of 16 x 16 pixels. The dot product of two is their correlation.
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
    """Return, for each image, how alike the most alike of the others is, and which that is.

    A mirrored copy counts as alike.
    """
    mine = thumbnails(pixels)
    theirs = thumbnails(np.concatenate([others, others[:, :, ::-1]]))
    best = [_best(part, theirs) for part in _parts(mine)]
    likeness, position = (np.concatenate(each) for each in zip(*best, strict=True))
    return likeness, position % len(others)


def _parts(rows: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    for begin in range(0, len(rows), 1000):
        yield rows[begin : begin + 1000]


def _best(
    mine: NDArray[np.float32], theirs: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    likeness = mine @ theirs.T
    return likeness.max(axis=1), likeness.argmax(axis=1)


def without_copies(images: Images, judged: Images) -> tuple[Images, list[str]]:
    """Leave out every image that is, or looks like, one of those judged on later.

    Returns:
        The images that remain, and for each that was left out its name, that of its copy, and how
        alike they are.
    """
    likeness, position = closest(images.pixels, judged.pixels)
    copies = (likeness > COPY_CORRELATION) | np.isin(images.hashes, judged.hashes)
    told = [
        f"{images.names[i]} = {judged.names[position[i]]} ({likeness[i]:.4f})"
        for i in np.flatnonzero(copies)
    ]
    return images.take(~copies), told


def hold_out(images: Images, count: int, *, seed: int) -> tuple[Images, Images]:
    """Divide images into those trained on and those that choices are made by, half of each class.

    The latter are drawn from the ids whose originals are in cats_and_dogs_filtered/train, so that
    the network can be judged on them as users will have them: large, and sampled by catdog.
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
    """Return the images to learn from, and those to choose by: as they lie there and original."""
    large = read_archive(cached_path(f"datasets/{LARGE}"), below="cats_and_dogs_large/")
    filtered = cached_path(f"datasets/{FILTERED}")
    last = read_archive(filtered, below=f"{JUDGED_ON}/")
    large, copies = without_copies(large, last)
    logging.info("left out as copies of images judged on at the end: %s", copies or "none")
    learned, held_out = hold_out(large, HELD_OUT, seed=seed)
    originals = read_archive(filtered, below="cats_and_dogs_filtered/train/")
    originals = originals.take(np.isin(originals.names, held_out.names))
    logging.info("%d images to learn from, %d held out", len(learned), len(held_out))
    return learned, {"held_out": held_out, "held_out_originals": originals}


def write_run(
    work: Path,
    name: str,
    settings: dict[str, Any],
    learned: Images,
    held_out: dict[str, Images],
    cpu_seconds: float,
) -> None:
    """Write down how a network was trained: `NAME.run.json` in the folder of the run."""
    facts = {
        "model": name,
        "settings": settings,
        "images": len(learned),
        "held_out": {each: len(images) for each, images in held_out.items()},
        "cpu_seconds": round(cpu_seconds),
        "versions": {package: version(package) for package in PACKAGES},
    }
    (work / f"{name}.run.json").write_text(json.dumps(facts, indent=1) + "\n")
