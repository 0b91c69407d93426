"""Drawn cat and dog faces: a small built-in data set that needs no download.

Faces are defined in *face units*: the centre of the head is the origin, the head reaches about one
unit to each side, x points to the right and y down. A pen rotates and scales them onto a larger
canvas, which is reduced at the end to smooth the edges.

The classes overlap on purpose. Most traits (build, ears, eyes, whiskers, markings) are drawn from
ranges or probabilities that cats and dogs share in part. The colours of coat and background do not
depend on the class.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import get_args

import numpy as np

from catdog._utils.progress import progress
from catdog.data.synthetic.face import draw_face
from catdog.data.synthetic.look import Kind
from catdog.typing import SPLITS

__all__ = ["COUNTS", "JPEG_QUALITY", "VERSION", "draw_face", "write_images"]

VERSION = "v1"  # part of the cache folder's name; increased when the drawings change
COUNTS: Mapping[str, int] = {"train": 500, "validation": 200, "test": 200}
KINDS: tuple[Kind, ...] = get_args(Kind)
JPEG_QUALITY = 90


def write_images(folder: Path, *, counts: Mapping[str, int] = COUNTS, seed: int = 0) -> None:
    """Draw the data set and write it as JPEG files.

    Writes `folder/<split>/cats/cat.<i>.jpg` and `folder/<split>/dogs/dog.<i>.jpg`, RGB,
    160 x 160 pixels. An image depends only on the seed, its split, its class and its number. So
    smaller counts give the first images of a larger set.

    Args:
        folder: The folder to write to; created if it does not exist.
        counts: Images per class in each split ("train", "validation", "test").
        seed: Seed of the whole set, 0 or more.
    """
    with progress("Drawing images", len(KINDS) * sum(counts.values())) as advance:
        for split, count in counts.items():
            for class_no, kind in enumerate(KINDS):
                place = folder / split / f"{kind}s"
                place.mkdir(parents=True, exist_ok=True)
                for i in range(count):
                    rng = np.random.default_rng([seed, SPLITS.index(split), class_no, i])
                    draw_face(kind, rng).save(place / f"{kind}.{i}.jpg", quality=JPEG_QUALITY)
                    advance(1)
